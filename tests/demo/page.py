# SPDX-License-Identifier: Apache-2.0
"""The gallery page: two pictures a card, what anybody gets and what the module serves."""

import html
import http
import pathlib
import string

TEMPLATE = string.Template(pathlib.Path(__file__).with_name("page.html").read_text())

CARD = """\
<article class="card">
  <h3>{name} <small>{kind}</small></h3>
  <div class="pair">
    <figure>
      {straight}
      <figcaption>{says}</figcaption>
    </figure>
    <figure class="ours">
      <img src="{src}" alt="{name}" class="module">
      <figcaption><output>{status}</output></figcaption>
    </figure>
  </div>
  <code>{path}</code>
</article>
"""


def phrase(status):
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def is_public(row):
    """Anybody gets this picture, and no other in its place."""
    return row["straight"].is_image and row["straight"].body == row["through"].body


def count(rows):
    """How many come through the module, and how many anybody gets."""
    return sum(row["through"].is_image for row in rows), sum(map(is_public, rows))


def straight_picture(row):
    """The picture or the refusal, and what it means."""
    reply = row["straight"]
    if row["copy"] is None:
        return f'<b class="refused">{reply.status}</b>', phrase(reply.status)
    picture = f'<img src="{html.escape(row["copy"])}" alt="what anybody gets">'
    says = "public: the same picture" if is_public(row) else "<em>200, and not this picture</em>"
    return picture, says


def card(row):
    straight, says = straight_picture(row)
    through = row["through"]
    said = " · ".join(filter(None, [str(through.status), through.cache_status]))
    plain = {key: html.escape(str(row[key])) for key in ("name", "kind", "src")}
    path = html.escape(row["path"]).replace("/", "/<wbr>").replace("?", "<wbr>?")
    return CARD.format(straight=straight, says=says, status=html.escape(said), path=path, **plain)


def section(site, rows):
    good, public = count(rows)
    return (f"<section>\n<h2>{html.escape(site.title)}</h2>\n"
            f"<p>{good} of {len(rows)} pictures come through the module; "
            f"{public} of them anybody gets from Jira.</p>\n"
            f'<div class="cards">\n{"".join(map(card, rows))}</div>\n</section>\n')


def render(shown):
    sections = "".join(section(site, rows) for site, rows in shown)
    return TEMPLATE.substitute(sections=sections)

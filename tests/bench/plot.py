# SPDX-License-Identifier: Apache-2.0
"""Horizontal bars as SVG, without a library."""

from xml.sax.saxutils import escape

import stats

WIDTH, LABEL, BAR, ROW, HEAD, GAP = 760, 250, 400, 20, 30, 18
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 13px }
  .bar { fill: #8c959f } .ours { fill: #0969da }
  @media (prefers-color-scheme: dark) {
    text { fill: #c9d1d9 } .bar { fill: #6e7681 } .ours { fill: #58a6ff }
  }
"""


def _panel(top, title, rows):
    yield f'<text class="title" x="0" y="{top + 18}">{escape(title)}</text>'
    most = max((value for _, value, _ in rows if value is not None), default=0) or 1
    for index, (label, value, is_ours) in enumerate(rows):
        y = top + HEAD + index * ROW
        yield f'<text x="{LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
        width = 0
        if value is not None:
            width = max(1.0, value / most * BAR)
            kind = "bar ours" if is_ours else "bar"
            yield (f'<rect class="{kind}" x="{LABEL}" y="{y + 2}" width="{width:.1f}" '
                   f'height="{ROW - 5}" rx="2"/>')
        yield f'<text x="{LABEL + width + 6:.1f}" y="{y + 13}">{escape(stats.text(value))}</text>'


def draw(panels):
    """panels: (title, [(label, value or None, is it ours)])."""
    parts, top = [], 6
    for title, rows in panels:
        parts += _panel(top, title, rows)
        top += HEAD + len(rows) * ROW + GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" '
            f'width="{WIDTH}" height="{top}" role="img">\n<style>{STYLE}</style>\n'
            + "\n".join(parts) + "\n</svg>\n")

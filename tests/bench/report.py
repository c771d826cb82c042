# SPDX-License-Identifier: Apache-2.0
"""The figures as Markdown tables, and what of them is drawn."""

import datetime

import plot
import stats

NOISY = 0.1  # of the processors used by others: what is measured then is not to be relied on
BEGIN, END = "<!-- begin of the figures -->", "<!-- end of the figures -->"

# measure: (title, what is done, [(figure, heading, factor, is small good, compared)])
TABLES = {
    "warm": (
        "Warm hits",
        "1,000 avatars, 64 connections, wrk with one thread. *Fetched* is what went upstream "
        "meanwhile, that is, what was not held although it had been asked for before.",
        [("rate", "requests/s", 1, False), ("cpu_us", "CPU µs/request", 1, True),
         ("p99_ms", "p99 ms", 1, None), ("memory_mib", "memory MiB (PSS)", 1, None),
         ("upstream", "fetched", 1, None), ("failures", "failures", 1, None)],
    ),
    "cold": (
        "Cold misses",
        "2,000 avatars that nobody has asked for, 64 clients, the upstream answers after 50 ms. "
        "*Connections* are those that the upstream accepted meanwhile; kept ones are not counted.",
        [("seconds", "seconds", 1, True), ("cpu_s", "CPU s", 1, True),
         ("connections", "connections", 1, None), ("upstream", "upstream requests", 1, None),
         ("failures", "failures", 1, None)],
    ),
    "cold-rush": (
        "Cold stampede",
        "200 clients ask for the same new avatar at once; the upstream answers after 200 ms.",
        [("upstream", "upstream requests", 1, None), ("p50_ms", "median client ms", 1, True),
         ("max_ms", "slowest client ms", 1, None), ("failures", "failures", 1, None)],
    ),
    "stale-rush": (
        "Stale stampede",
        "200 clients ask for the same avatar that has just expired; the upstream needs 200 ms.",
        [("upstream", "upstream requests", 1, None), ("p50_ms", "median client ms", 1, None),
         ("max_ms", "slowest client ms", 1, True), ("failures", "failures", 1, None)],
    ),
    "stall-400": ("Stalled upstream, 400 cold clients hang", "", None),
    "stall-2000": ("Stalled upstream, 2,000 cold clients hang", "", None),
    "503": ("The site answers 503", "", None),
    "reset": ("The site resets connections", "", None),
    "429": ("The site answers 429 with `Retry-After`", "", None),
}
STALL = (
    "The upstream does not answer any more. Clients that want cold avatars wait, and come back a "
    "second after an answer. *Warm* is the throughput of warm hits meanwhile, as a share of what it "
    "was just before. *Closed* counts kept connections that the server closed under wrk. *Page*: "
    "requests for an unrelated page answered within a second. *Stale*: expired images served "
    "within a second.",
    [("ratio", "warm", 1, False), ("failures", "warm failures", 1, None),
     ("closed", "closed", 1, None), ("page", "page %", 100, None), ("stale", "stale %", 100, None),
     ("upstream", "upstream requests", 1, None), ("recovery_s", "recovery s", 1, None)],
)
TROUBLE = (
    "200 requests a second, a third each for warm, stale and cold avatars. *Recovery*: until a cold "
    "avatar comes through after the site is back (and after `Retry-After` has passed).",
    [("upstream", "upstream requests", 1, None), ("asked", "of", 1, None),
     ("warm", "warm served %", 100, None), ("stale", "stale served %", 100, None),
     ("recovery_s", "recovery s", 1, None)],
)
PANELS = (
    ("warm", "cpu_us", "Warm hit: CPU µs per request (less is better)"),
    ("warm", "rate", "Warm hits: requests per second (more is better)"),
    ("cold", "seconds", "2,000 cold avatars at 50 ms: seconds (less is better)"),
    ("cold-rush", "upstream", "Cold stampede of 200: upstream requests (less is better)"),
    ("cold-rush", "p50_ms", "Cold stampede of 200 at 200 ms: median client, ms (less is better)"),
    ("stall-400", "ratio", "400 clients hang on a stalled site: warm throughput kept (more is better)"),
    ("503", "upstream", "Site answers 503: upstream requests (less is better)"),
)

NOISE = (
    "**Other programs shared the processors in this run.** Counts and shares (upstream requests, "
    "stale, failures) hold; times, CPU and throughput only as far as the control agrees."
)


def _parts(measure):
    title, what, figures = TABLES[measure]
    if figures is None:
        what, figures = STALL if measure.startswith("stall") else TROUBLE
    return title, what, figures


def names(facts):
    found = {key: name for key, name, *_ in facts["contenders"]}
    found["direct"] = "a client that asks the upstream itself"
    return found


def _row(name, figures, results, reference):
    cells = []
    for figure, _, factor, small_is_good in figures:
        values = [None if v is None else v * factor for v in results.get(figure, [])]
        cells.append(stats.cell(values))
        if small_is_good is not None:
            ratio = stats.ratio(results.get(figure, []), reference.get(figure, []))
            cells.append("–" if ratio is None else f"{ratio:.2f}")
    return f"| {name} | " + " | ".join(cells) + " |"


def table(measure, facts, results):
    title, what, figures = _parts(measure)
    heads = []
    for _, heading, _, small_is_good in figures:
        heads += [heading] if small_is_good is None else [heading, "ratio"]
    reference = results[measure].get("ours", {})
    lines = [f"### {title}", "", what, "", "| | " + " | ".join(heads) + " |",
             "|---|" + "---:|" * len(heads)]
    for key, name in names(facts).items():
        if key in results[measure]:
            lines.append(_row(name, figures, results[measure][key], reference))
    return "\n".join(lines)


def head(facts, results):
    rate = results.get("capacity", {}).get("upstream", {}).get("rate", [None])
    return "\n".join([
        f"Measured on {datetime.date.today().isoformat()}: {facts['machine']}, "
        f"{facts['rounds']} round(s), {facts['seconds'] / 60:.0f} minutes"
        f"{', the quick run' if facts['quick'] else ''}. A cell is the median, and in parentheses "
        "the smallest and the largest round. A ratio compares with mod_jira_avatar, round by round. "
        f"The upstream alone serves {stats.cell(rate)} requests/s, more than any measure asks of it.",
        *(["", NOISE] if facts["others"] > NOISY else []),
        "", "| who | how |", "|---|---|",
        *(f"| {name} | {note} |" for _, name, note in facts["contenders"]),
    ])


def markdown(facts, results):
    parts = [head(facts, results)]
    parts += [table(measure, facts, results) for measure in TABLES if measure in results]
    return "\n\n".join(parts) + "\n"


def panels(facts, results):
    for measure, figure, title in PANELS:
        rows = []
        for key, name in names(facts).items():
            values = results.get(measure, {}).get(key, {}).get(figure, [])
            values = [value for value in values if value is not None]
            if values and key != "again":
                rows.append((name, stats.median(values), key == "ours"))
        if rows:
            yield title, rows


def write_page(page, facts, results):
    """Puts the figures between the marks of the page, and the plot beside it."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{markdown(facts, results)}\n{END}{after}")
    page.with_suffix(".svg").write_text(
        "<!-- SPDX-License-Identifier: Apache-2.0 -->\n" + plot.draw(list(panels(facts, results))))

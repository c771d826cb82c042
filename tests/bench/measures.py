# SPDX-License-Identifier: Apache-2.0
"""What is done to each contender. A measure returns {name of a figure: value}."""

import collections
import itertools
import os
import re
import threading
import time

import processes
import stats
import upstream as up

PATH = "rest/api/3/universal_avatar/view/type/issuetype/avatar/"
WARM_FIRST, WARM_COUNT, STALE_FIRST, STALE_COUNT = 10000, 1000, 20000, 100

Answer = collections.namedtuple("Answer", "line sent_s latency_ms status right")

_new = itertools.count(100000)


def warm_path(number):
    return f"/avatars/{PATH}{WARM_FIRST + number % WARM_COUNT}"


def stale_path(number):
    return f"/short/{PATH}{STALE_FIRST + number % STALE_COUNT}"


def cold_path(place="avatars"):
    return f"/{place}/{PATH}{next(_new)}"


class Tools:
    """The clients. An idle connection that the server closes just when wrk sends is counted apart:
    a browser asks again, unseen."""

    def __init__(self, build, quick):
        self.build = build
        self.quick = quick
        self.lua = build / "warm.lua"
        self.lua.write_text(f"""
local n = 0
request = function()
  n = (n * 5 + 3) % {WARM_COUNT}
  if math.random(50) == 1 then n = math.random({WARM_COUNT}) - 1 end
  return wrk.format("GET", "/avatars/{PATH}" .. ({WARM_FIRST} + n))
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("FIGURES %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(99), e.status + e.timeout + e.connect, e.read + e.write))
end
""")

    def herd_start(self, port, requests, clients, seconds=30, pause_ms=0, connected=False):
        """requests are paths, or pairs of milliseconds and path."""
        lines = (f"0 {r}" if isinstance(r, str) else f"{r[0]:.3f} {r[1]}" for r in requests)
        return processes.spawn(
            [self.build / "herd", "-p", port, "-c", clients, "-t", seconds, "-P", pause_ms,
             *(["-w"] if connected else [])], "\n".join(lines) + "\n")

    @staticmethod
    def herd_answers(process, seconds=60):
        answers = []
        for line in processes.collect(process, seconds).splitlines():
            number, sent, latency, status, right = map(int, line.split())
            answers.append(Answer(number, sent / 1e6, latency / 1000, status, right == 1))
        return answers

    def herd(self, port, requests, clients, seconds=30, **options):
        return self.herd_answers(self.herd_start(port, requests, clients, seconds, **options),
                                 seconds + 15)

    def wrk_start(self, port, seconds):
        return processes.spawn(["wrk", "-t1", "-c64", f"-d{seconds}s", "--timeout", "2s",
                                "-H", "Host: localhost",                                "-s", self.lua, f"http://127.0.0.1:{port}/"])

    @staticmethod
    def wrk_figures(process):
        output = processes.collect(process, 60)
        found = re.search(r"FIGURES (\d+) (\d+) (\d+) (\d+) (\d+)", output)
        if not found:
            raise RuntimeError(f"wrk: {output}")
        requests, micros, p99, failures, closed = map(int, found.groups())
        return {"requests": requests, "rate": requests / (micros / 1e6), "p99_ms": p99 / 1000,
                "failures": failures, "closed": closed}

    def direct(self, url, paths, parallel, ca=None):
        """A client that asks the upstream itself over one HTTP/2 connection: seconds, latencies."""
        (self.build / "paths").write_text("".join(f"{url}{path}\n" for path in paths))
        log = self.build / "direct.log"
        log.unlink(missing_ok=True)
        output = processes.run(
            ["h2load", "-n", len(paths), "-c", 1, "-m", parallel, "-t", 1,
             "-i", self.build / "paths", f"--log-file={log}",
             "-H", f"Authorization: {up.AUTHORIZATION}"])
        found = re.search(r"finished in ([\d.]+)(ms|s|us)", output)
        if not found or f"{len(paths)} succeeded" not in output:
            raise RuntimeError(f"h2load: {output}")
        seconds = float(found.group(1)) * {"s": 1, "ms": 1e-3, "us": 1e-6}[found.group(2)]
        latencies = [int(line.split("\t")[2]) / 1000 for line in log.read_text().splitlines()]
        return seconds, latencies


def good(answers):
    return [a for a in answers if a.status == 200 and a.right]


def upstream_delta(upstream, before):
    after = upstream.quiet()
    return {name: after[name] - before[name] for name in after}


# ---- before the rounds ------------------------------------------------------------------------


def fill(tools, upstream, contender):
    """Warm what is to be warm; everybody gets it twice, the last time a while later."""
    upstream.set(mode="ok", delay=0)
    paths = [warm_path(n) for n in range(WARM_COUNT)] + [stale_path(n) for n in range(STALE_COUNT)]
    for _ in range(2):
        answers = tools.herd(contender.port, paths, 16)
    return {"filled": stats.share(len(good(answers)), len(paths))}


# ---- the measures -----------------------------------------------------------------------------


def warm(tools, upstream, contender):
    seconds = 2 if tools.quick else 5
    upstream.set(mode="ok", delay=0)
    before, cpu = upstream.counts(), contender.cpu()
    figures = tools.wrk_figures(tools.wrk_start(contender.port, seconds))
    spent = contender.cpu() - cpu
    return {"rate": figures["rate"], "p99_ms": figures["p99_ms"],
            "cpu_us": spent / figures["requests"] * 1e6, "memory_mib": contender.memory(),
            "failures": figures["failures"], "closed": figures["closed"],
            "upstream": upstream_delta(upstream, before)["requests"]}


def cold(tools, upstream, contender):
    """2,000 avatars that nobody has asked for, at 50 ms, by 64 clients."""
    count = 2000
    upstream.set(mode="ok", delay=0.05)
    before, cpu = upstream.counts(), contender.cpu()
    answers = tools.herd(contender.port, [cold_path() for _ in range(count)], 64, connected=True)
    spent = contender.cpu() - cpu
    counts = upstream_delta(upstream, before)
    return {"seconds": max(a.sent_s + a.latency_ms / 1000 for a in answers), "cpu_s": spent,
            "connections": counts["connections"], "resumed": counts["resumed"],
            "upstream": counts["requests"], "failures": count - len(good(answers))}


def cold_direct(tools, upstream):
    upstream.set(mode="ok", delay=0.05)
    seconds, _ = tools.direct(upstream.url, [cold_path("x")[2:] for _ in range(2000)], 64)
    return {"seconds": seconds, "connections": 1, "upstream": 2000}


def herd_direct(tools, upstream):
    upstream.set(mode="ok", delay=0.2)
    _, latencies = tools.direct(upstream.url, [cold_path("x")[2:]], 1)
    return {"p50_ms": stats.median(latencies), "max_ms": max(latencies), "upstream": 1}


def _rush(tools, upstream, contender, path):
    upstream.set(mode="ok", delay=0.2)
    before = upstream.counts()
    answers = tools.herd(contender.port, [path] * 200, 200, 15, connected=True)
    right = good(answers)
    latencies = [a.latency_ms for a in right]
    return {"upstream": upstream_delta(upstream, before)["requests"],
            "p50_ms": stats.median(latencies) if latencies else None,
            "max_ms": max(latencies) if latencies else None, "failures": 200 - len(right)}


def cold_rush(tools, upstream, contender):
    """200 clients want the same new avatar at 200 ms."""
    return _rush(tools, upstream, contender, cold_path(contender.herd_place))


def stale_rush(tools, upstream, contender):
    """200 clients want the same avatar that has just expired."""
    upstream.set(mode="ok", delay=0)
    path = cold_path("short")
    tools.herd(contender.port, [path] * 8, 8, 15)
    time.sleep(1.4)
    return _rush(tools, upstream, contender, path)


class Visitor(threading.Thread):
    """Asks for the unrelated page ten times a second while something else goes on."""

    def __init__(self, tools, contender, seconds):
        super().__init__(daemon=True)
        self.process = tools.herd_start(
            contender.port, [(n * 100.0, "/static.html") for n in range(int(seconds * 10))], 10,
            seconds + 0.5)
        self.answers = []

    def run(self):
        self.answers = Tools.herd_answers(self.process)

    def share_within(self, limit_ms):
        return stats.share(sum(a.status == 200 and a.latency_ms <= limit_ms for a in self.answers),
                           len(self.answers))


def stall(tools, upstream, contender, clients):
    """The upstream stalls, `clients` ask for cold avatars and come back a second after an answer;
    meanwhile warm ones are wanted as before, stale ones, and a page."""
    seconds = 1 if tools.quick else 4
    upstream.set(mode="ok", delay=0)
    tools.herd(contender.port, [stale_path(n) for n in range(STALE_COUNT)], 16)
    undisturbed = tools.wrk_figures(tools.wrk_start(contender.port, seconds))
    upstream.set(mode="stall")
    before = upstream.counts()
    waiting = tools.herd_start(contender.port, [cold_path() for _ in range(clients * 10)], clients,
                               seconds + 4, pause_ms=1000, connected=True)
    try:
        time.sleep(1 + clients / 4000)
        visitor = Visitor(tools, contender, seconds)
        visitor.start()
        stale = tools.herd_start(contender.port, [(n * 10.0, stale_path(n)) for n in range(100)], 100,
                                 seconds)
        figures = tools.wrk_figures(tools.wrk_start(contender.port, seconds))
        stale_answers = tools.herd_answers(stale)
        visitor.join(30)
    finally:
        processes.end(waiting)
        counts = upstream.counts()
        upstream.set(mode="ok", delay=0)
    recovery = _until_back(tools, upstream, contender, time.monotonic(), 30)
    time.sleep(0.5)
    return {"ratio": stats.share(figures["rate"], undisturbed["rate"]), "rate": figures["rate"],
            "undisturbed": undisturbed["rate"],
            "failures": figures["failures"], "closed": figures["closed"],
            "page": visitor.share_within(1000),
            "stale": stats.share(len([a for a in good(stale_answers) if a.latency_ms < 1000]), 100),
            "upstream": counts["requests"] - before["requests"], "recovery_s": recovery}


def _until_back(tools, upstream, contender, earliest, limit):
    """Seconds from `earliest` until a cold avatar comes through again."""
    while time.monotonic() < earliest + limit:
        if good(tools.herd(contender.port, [cold_path()], 1, 3)):
            return max(0.0, time.monotonic() - earliest)
        time.sleep(0.1)
    return None


def trouble(tools, upstream, contender, mode):
    """The site answers 503, or 429 with Retry-After, or resets, while a mix of warm, stale and cold
    avatars is asked for; then it is back."""
    seconds, retry_after = (2, 3) if tools.quick else (10, 30)
    count = 200 * seconds
    upstream.set(mode="ok", delay=0)
    tools.herd(contender.port, [stale_path(n) for n in range(STALE_COUNT)], 16)
    time.sleep(1.5)
    kinds = (warm_path, stale_path, lambda n: cold_path())
    requests = [(n * 1000 * seconds / count, kinds[n % 3](n)) for n in range(count)]
    upstream.set(mode=mode, retry_after=retry_after)
    began, before = time.monotonic(), upstream.counts()
    answers = tools.herd(contender.port, requests, 64, seconds + 5)
    counts = upstream_delta(upstream, before)
    upstream.set(mode="ok")
    back_at = time.monotonic()
    if mode == "429":
        back_at = max(back_at, began + retry_after)
    served = collections.Counter(a.line % 3 for a in good(answers))
    asked = collections.Counter(n % 3 for n in range(count))
    recovery = _until_back(tools, upstream, contender, back_at, 60)
    return {"upstream": counts["requests"], "asked": asked[1] + asked[2],
            "warm": stats.share(served[0], asked[0]), "stale": stats.share(served[1], asked[1]),
            "recovery_s": recovery}


def capacity(tools, upstream):
    """What the upstream could serve alone, without delay."""
    upstream.set(mode="ok", delay=0)
    seconds, _ = tools.direct(upstream.url, [cold_path("x")[2:] for _ in range(20000)], 64)
    return {"rate": 20000 / seconds}

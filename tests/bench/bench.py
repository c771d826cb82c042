# SPDX-License-Identifier: Apache-2.0
"""mod_jira_avatar beside what people use today: `make bench`, `make bench QUICK=1`.

    bench.py [--quick] [--rounds N] [--only KEY,...] [--measures NAME,...] [--page FILE]

Everything runs on the loopback interface, in turns, and is ended when this ends, also by Ctrl-C.
The figures go to the standard output as Markdown, and with --page into that file between its two
marks, with a plot beside it. All of them, round by round, are in bench.json."""

import argparse
import contextlib
import functools
import json
import os
import pathlib
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time

import contenders
import measures
import processes
import report
from upstream import Upstream

HERE = pathlib.Path(__file__).resolve().parent

# name: (function, share of the rounds, in the quick run too)
MEASURES = {
    "warm": (measures.warm, 1, True),
    "cold": (measures.cold, 1, True),
    "cold-rush": (measures.cold_rush, 1, True),
    "stale-rush": (measures.stale_rush, 1, True),
    "stall-400": (functools.partial(measures.stall, clients=400), 0.6, True),
    "stall-2000": (functools.partial(measures.stall, clients=2000), 0.6, False),
    "503": (functools.partial(measures.trouble, mode="503"), 0.4, True),
    "reset": (functools.partial(measures.trouble, mode="reset"), 0.4, False),
    "429": (functools.partial(measures.trouble, mode="429"), 0.2, True),
}
DIRECT = {"cold": measures.cold_direct, "cold-rush": measures.herd_direct}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--measures")
    parser.add_argument("--page", type=pathlib.Path)
    return parser.parse_args()


def say(text, end="\n"):
    print(text, end=end, file=sys.stderr, flush=True)


def compile_tools(build):
    cc = os.environ.get("CC", "cc").split()
    subprocess.run([*cc, "-O2", "-D_GNU_SOURCE", "-o", build / "herd", HERE / "herd.c"], check=True)
    shutil.copy(HERE / "mod_constant.c", build)
    apxs = os.environ.get("APXS", "apxs")
    done = subprocess.run([apxs, "-c", "mod_constant.c"], cwd=build, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {apxs} failed:\n{done.stdout}")
    shutil.copy(build / ".libs" / "mod_constant.so", build)
    libexec = subprocess.run([apxs, "-q", "LIBEXECDIR"], capture_output=True, text=True, check=True)
    os.environ["LIBEXECDIR"] = libexec.stdout.strip()


def brief(figures):
    def one(name, value):
        return f"{name} {'–' if value is None else format(value, '.4g')}"

    return ", ".join(one(name, value) for name, value in figures.items())


class Bench:
    def __init__(self, args):
        self.args = args
        self.rounds = args.rounds or (1 if args.quick else 5)
        self.build = processes.make_dir("tools")
        self.results = {}
        self.began = time.monotonic()
        self.others = processes.machine_busy()
        if self.others > report.NOISY:
            say(f"bench: others use {self.others:.0%} of the processors; wait for a calmer machine")

    def note(self, measure, key, figures):
        for name, value in figures.items():
            self.results.setdefault(measure, {}).setdefault(key, {}).setdefault(name, []).append(
                value)

    def rounds_of(self, name):
        return max(1, round(self.rounds * MEASURES[name][1]))

    def attempt(self, label, measure, key, function, *rest):
        elapsed = time.monotonic() - self.began
        say(f"[{elapsed:5.0f} s] {label:12} {measure:11} {key:9} ", end="")
        try:
            figures = function(self.tools, self.upstream, *rest)
        except RuntimeError as error:
            say(f"FAILED: {str(error)[-300:]}")
            return
        self.note(measure, key, figures)
        say(brief(figures))

    def start(self):
        compile_tools(self.build)
        self.tools = measures.Tools(self.build, self.args.quick)
        self.upstream = Upstream()
        self.upstream.start()
        only = self.args.only.split(",") if self.args.only else None
        self.all = [kind(self.upstream, self.build) for kind in contenders.ALL
                    if only is None or kind.key in only]
        for contender in self.all:
            contender.start()

    def play(self):
        self.attempt("alone", "capacity", "upstream", measures.capacity)
        for contender in self.all:
            if "cold" in contender.only or not contender.only:
                self.attempt("fill", "fill", contender.key, measures.fill, contender)
        quick = [name for name in MEASURES if MEASURES[name][2] or not self.args.quick]
        wanted = self.args.measures.split(",") if self.args.measures else quick
        for number in range(self.rounds):
            for name in wanted:
                if number < self.rounds_of(name):
                    self.turn(f"round {number + 1}/{self.rounds_of(name)}", name, number)

    def turn(self, label, name, number):
        function = MEASURES[name][0]
        if name in DIRECT:
            self.attempt(label, name, "direct", DIRECT[name])
        # Who comes first in one round comes last in the next.
        order = self.all if number % 2 == 0 else list(reversed(self.all))
        for contender in order:
            if not contender.only or name in contender.only:
                self.attempt(label, name, contender.key, function, contender)

    def machine(self):
        with contextlib.suppress(OSError, StopIteration):
            cpu = next(line for line in open("/proc/cpuinfo") if line.startswith("model name"))
            return f"{os.cpu_count()} x {cpu.partition(':')[2].strip()}"
        return f"{os.cpu_count()} x {platform.machine()}"

    def finish(self):
        facts = {"machine": self.machine(), "rounds": self.rounds, "quick": self.args.quick,
                 "others": self.others,
                 "seconds": time.monotonic() - self.began,
                 "contenders": [[c.key, c.name, c.note] for c in self.all]}
        pathlib.Path("bench.json").write_text(
            json.dumps({"facts": facts, "results": self.results}, indent=1) + "\n")
        print(report.markdown(facts, self.results))
        if self.args.page:
            report.write_page(self.args.page, facts, self.results)

    def clean(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        processes.end_all()
        for directory in [self.build, *(c.root for c in getattr(self, "all", [])),
                          *([self.upstream.root] if hasattr(self, "upstream") else [])]:
            if os.environ.get("BENCH_KEEP"):
                say(f"kept {directory}")
            else:
                shutil.rmtree(directory, ignore_errors=True)


def give_up(number, frame):
    raise KeyboardInterrupt


def main():
    args = arguments()
    missing = contenders.missing_programs()
    if missing:
        raise SystemExit(f"bench: not here: {', '.join(missing)}; ./bootstrap bench installs them")
    signal.signal(signal.SIGTERM, give_up)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(20000, hard), hard))
    bench = Bench(args)
    try:
        bench.start()
        bench.play()
        bench.finish()
    except KeyboardInterrupt:
        say("\nbench: interrupted, ending what it started")
        return 130
    finally:
        bench.clean()
    return 0


if __name__ == "__main__":
    sys.exit(main())

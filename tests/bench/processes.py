# SPDX-License-Identifier: Apache-2.0
"""Processes that the bench starts: what they cost, and how each of them is ended by its pid."""

import contextlib
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
WITH_US = ("setpriv", "--pdeathsig", "TERM")  # a bench that is killed takes httpd and nginx along
_running = []


def run_user():
    """Who the servers' children run as: an unprivileged user when we are root, else ourselves."""
    if os.getuid() != 0:
        return None
    for name in ("www-data", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise SystemExit("bench: no unprivileged user found")


def make_dir(name):
    path = pathlib.Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
    path.chmod(0o755)
    return path


def give(path, mode=0o700):
    """A directory that the servers' children may write."""
    path.mkdir(parents=True, exist_ok=True)
    if run_user():
        os.chown(path, run_user().pw_uid, run_user().pw_gid)
    path.chmod(mode)
    return path


_ports = set()


def free_port():
    while True:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        if port not in _ports:
            _ports.add(port)
            return port


def start(command, cwd):
    """Starts a server in a session of its own; its output goes to cwd/output.log."""
    with open(cwd / "output.log", "ab") as log:
        process = subprocess.Popen(
            [*WITH_US, *(str(word) for word in command)], cwd=cwd, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(cwd)},
        )
    _running.append(process)
    return process


def wait_port(port, process, cwd, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    said = "".join(path.read_text(errors="replace")[-2000:] for path in cwd.glob("*.log"))
    raise RuntimeError(f"{process.args[3]} does not listen on {port}:\n{said}")


def run(command, text=None, seconds=60, cwd=None):
    """A client that ends by itself; returns what it printed."""
    process = spawn(command, text, cwd)
    return collect(process, seconds)


def spawn(command, text=None, cwd=None):
    process = subprocess.Popen(
        [*WITH_US, *(str(word) for word in command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, cwd=cwd, text=True, start_new_session=True,
    )
    process.request_text = text
    _running.append(process)
    if text is not None:
        process.stdin.write(text)
        process.stdin.close()
        process.stdin = None
    return process


def collect(process, seconds=60):
    try:
        output, _ = process.communicate(timeout=seconds)
    finally:
        end(process)
    if process.returncode != 0:
        raise RuntimeError(f"{process.args}: status {process.returncode}: {output[-2000:]}")
    return output


def end(process, seconds=5):
    """Ends one process that we started: asked first, then with the session it leads."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(seconds)
    if process in _running:
        _running.remove(process)


def end_all():
    for process in list(reversed(_running)):
        with contextlib.suppress(Exception):
            end(process)


# ---- what they cost ---------------------------------------------------------------------------


def _stat(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()


def family(roots):
    """The pids of roots and all that descend from them."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry)] = int(_stat(entry)[1])
    found = set(roots)
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def machine_busy(seconds=1.0):
    """How much of all processors is in use, 0 to 1."""
    def read():
        fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        ticks = [int(field) for field in fields]
        return sum(ticks), ticks[3] + ticks[4]

    total, idle = read()
    time.sleep(seconds)
    total_now, idle_now = read()
    return 1 - (idle_now - idle) / max(1, total_now - total)


def cpu_seconds(roots):
    """User and system time of a family, its dead children included."""
    ticks = 0
    for pid in family(roots):
        with contextlib.suppress(OSError):
            ticks += sum(int(field) for field in _stat(pid)[11:15])
    return ticks / TICK


def memory_mib(roots):
    """Proportional set size: shared pages count once."""
    kib = 0
    for pid in family(roots):
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kib += int(line.split()[1])
    return kib / 1024

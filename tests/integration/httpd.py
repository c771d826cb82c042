# SPDX-License-Identifier: Apache-2.0
"""A real httpd in a directory of its own: started, reloaded, stopped and read by a test."""

import contextlib
import ctypes
import functools
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import client

TOP = pathlib.Path(__file__).resolve().parents[2]
MPMS = ("event", "worker", "prefork")

STOCK = (
    "authz_core authz_host authz_user authn_core authn_file auth_basic alias mime env setenvif "
    "filter headers rewrite status socache_shmcb"
).split()

# One child, so that what is counted per child is counted in one place; spare slots let an old
# generation finish beside the new one. In prefork some children, and none born in mid-test: one
# that is told to stop while it starts may crash in its own exit().
MPM_CONF = {
    "event": "StartServers 1\nServerLimit 4\nThreadsPerChild 48\nMaxRequestWorkers 48\n"
    "MinSpareThreads 1\nMaxSpareThreads 48",
    "worker": "StartServers 1\nServerLimit 4\nThreadsPerChild 48\nMaxRequestWorkers 48\n"
    "MinSpareThreads 1\nMaxSpareThreads 48",
    "prefork": "StartServers 6\nMinSpareServers 1\nMaxSpareServers 24\nServerLimit 32\n"
    "MaxRequestWorkers 24",
}

LOUD = re.compile(
    r"\[[\w-]*:(?:emerg|alert|crit|error|warn)\]"
    r"|AH00045|AH00046|AH00051|AH00052|[Ss]egmentation fault"
    r"|AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|double free|corrupted"
)

# httpd's own complaint about a client that spoke nonsense, never about us.
CLIENT_NONSENSE = r"AH00127|AH00128|AH00135|AH10244|AH10410|AH02\d{3}: Invalid|AH00126|AH10508"


@functools.lru_cache(maxsize=None)
def program():
    """The httpd binary: APACHE, else what apxs knows."""
    if os.environ.get("APACHE"):
        return os.environ["APACHE"]
    for name in ("apache2", "httpd"):
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
        if found:
            return found
    raise RuntimeError("no httpd found: set APACHE to its binary")


@functools.lru_cache(maxsize=None)
def modules_dir():
    if os.environ.get("APACHE_MODULES"):
        return pathlib.Path(os.environ["APACHE_MODULES"])
    apxs = os.environ.get("APXS") or shutil.which("apxs") or shutil.which("apxs2")
    out = subprocess.run([apxs, "-q", "LIBEXECDIR"], capture_output=True, text=True, check=True)
    return pathlib.Path(out.stdout.strip())


@functools.lru_cache(maxsize=None)
def static_modules():
    out = subprocess.run([program(), "-l"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"(?:mod_)?(\w+)\.c", out))


@functools.lru_cache(maxsize=None)
def module():
    """The module under test: MODULE, else the build tree; None if it is not built."""
    if os.environ.get("MODULE"):
        return pathlib.Path(os.environ["MODULE"]).resolve()
    build = pathlib.Path(os.environ.get("BUILDDIR", TOP))
    for place in (".libs", "mod_jira_avatar/.libs"):
        for root in (build, pathlib.Path.cwd(), TOP):
            if (root / place / "mod_jira_avatar.so").exists():
                return root / place / "mod_jira_avatar.so"
    return None


@functools.lru_cache(maxsize=None)
def run_user():
    """Who the children run as: an unprivileged user when we are root, else ourselves."""
    if os.getuid() != 0:
        return None
    for name in ("www-data", "apache", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("no unprivileged user found")


def make_tree(prefix="jira-avatar-"):
    """A new directory that httpd's children may enter."""
    root = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
    root.chmod(0o755)
    return root


def give(path, mode):
    """Hands a file or directory to the children: group of the run user, as admins do."""
    if run_user():
        os.chown(path, 0 if not path.is_dir() else run_user().pw_uid, run_user().pw_gid)
    path.chmod(mode)
    return path


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def go_with_parent():
    """In the new process: a test run that is killed leaves no server behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Httpd:
    """One server. Write its configuration with conf(), then start()."""

    def __init__(self, mpm="event", with_module=True, modules=(), stock=STOCK, env=None):
        self.root = make_tree()
        self.mpm = mpm
        self.with_module = with_module
        self.modules = [*stock, *modules]
        self.env = env or {}
        self.port = free_port()
        self.mpm_conf = MPM_CONF[mpm]
        self.text = ""
        self.server_text = ""
        self.process = None
        self.allowed = []
        self.always = []
        self.judged = {}
        for name in ("docs", "run", "cache"):
            (self.root / name).mkdir(mode=0o755)
        give(self.root / "cache", 0o700)

    # ---- files ------------------------------------------------------------------------------

    def file(self, name, content, mode=0o640):
        """Writes a file under the server root that the children may read; returns its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(client.as_bytes(content))
        return give(path, mode)

    def secret(self, content="token", name="secret", mode=0o640):
        return f"file:{self.file(name, content, mode)}"

    # ---- configuration ----------------------------------------------------------------------

    def conf(self, text, *, server=None):
        """The part of the configuration that the test is about. {root} and {port} are filled in.
        It stands in the main server unless the test opens virtual hosts itself."""
        self.text = text
        if server is not None:
            self.server_text = server
        self.write()
        return self

    def load_lines(self):
        for name in [f"mpm_{self.mpm}", *self.modules]:
            if name not in static_modules():
                yield f"LoadModule {name}_module {modules_dir()}/mod_{name}.so"
        if self.with_module:
            yield f"LoadModule jira_avatar_module {module()}"

    def write(self):
        user = run_user()
        fill = {"root": str(self.root), "port": str(self.port)}
        mine = re.sub(r"\{(root|port)\}", lambda m: fill[m.group(1)], self.text)
        lines = [
            f'ServerRoot "{self.root}"',
            f'DefaultRuntimeDir "{self.root}/run"',
            f'PidFile "{self.root}/run/httpd.pid"',
            "ServerName localhost",
            f"Listen 127.0.0.1:{self.port}",
            *self.load_lines(),
            self.mpm_conf,
            *([f"User #{user.pw_uid}", f"Group #{user.pw_gid}"] if user else []),
            f'ErrorLog "{self.root}/error.log"',
            "LogLevel info",
            'LogFormat "%h %t \\"%r\\" %>s %B" plain',
            f'CustomLog "{self.root}/access.log" plain',
            f'DocumentRoot "{self.root}/docs"',
            f'<Directory "{self.root}">\n    Require all granted\n</Directory>',
            "TypesConfig /dev/null" if "mime" in self.modules else "",
            "KeepAliveTimeout 5",
            "GracefulShutdownTimeout 20",
            self.server_text,
        ]
        (self.root / "head.conf").write_text("\n".join(lines) + "\n")
        (self.root / "test.conf").write_text(mine.strip("\n") + "\n")
        (self.root / "httpd.conf").write_text("Include head.conf\nInclude test.conf\n")

    def command(self, *args):
        return [program(), "-d", str(self.root), "-f", str(self.root / "httpd.conf"), *args]

    def environment(self):
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "HOME": "/"}
        for name, value in os.environ.items():
            if name.endswith("SAN_OPTIONS"):
                env[name] = value
        if os.environ.get("HTTPD_PRELOAD"):
            env["LD_PRELOAD"] = os.environ["HTTPD_PRELOAD"]
        env.update(self.env)
        return env

    def configtest(self, *args):
        """`httpd -t`: exit status, and everything it said."""
        run = subprocess.run(
            self.command("-t", *args),
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return run.returncode, run.stdout

    def line_of(self, needle):
        """file:line of the first configuration line with `needle`, as httpd names it."""
        lines = (self.root / "test.conf").read_text().splitlines()
        number = next(i for i, line in enumerate(lines, 1) if needle in line)
        return f"on line {number} of {self.root}/test.conf"

    # ---- life -------------------------------------------------------------------------------

    def start(self, timeout=20):
        for attempt in range(3):
            with open(self.root / "stderr.log", "ab") as stderr:
                self.process = subprocess.Popen(
                    self.command("-DFOREGROUND"),
                    env=self.environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=stderr,
                    stderr=stderr,
                    cwd=self.root,
                    start_new_session=True,
                    preexec_fn=go_with_parent,
                )
            if self.wait_ready(timeout):
                return self
            if "AH00072" not in self.said() or attempt == 2:
                break
            self.port = free_port()
            (self.root / "stderr.log").unlink()
            self.write()
        raise RuntimeError(f"httpd did not start:\n{self.said()}\n{self.log()}")

    def wait_ready(self, timeout):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                return False
            with contextlib.suppress(OSError):
                client.connect(self.port, 1).close()
                if "resuming normal operations" in self.log():
                    return True
            time.sleep(0.02)
        return False

    def kill(self, number):
        os.kill(self.process.pid, number)

    def generations(self):
        return self.log().count("resuming normal operations")

    def graceful(self, timeout=20):
        """Reloads and waits until the new generation has begun."""
        before = self.generations()
        self.kill(signal.SIGUSR1)
        end = time.monotonic() + timeout
        while self.generations() == before:
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError(f"no new generation:\n{self.log()[-3000:]}")
            time.sleep(0.02)

    def stop(self, timeout=12, number=signal.SIGTERM):
        """Stops the server; returns the seconds it took. It must go without SIGKILL."""
        if self.process is None or self.process.poll() is not None:
            return 0.0
        # mod_mpm_event (seen in 2.4.71) may crash on a stop while a worker closes its connection.
        time.sleep(0.02)
        began = time.monotonic()
        self.kill(number)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)
            raise AssertionError(f"httpd did not stop in {timeout} s:\n{self.log()[-3000:]}")
        return time.monotonic() - began

    def children(self):
        """The pids of the children."""
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        if path.exists():
            return [int(pid) for pid in path.read_text().split()]
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self.process.pid:
                    found.append(int(stat.parent.name))
        return found

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)

    # ---- logs -------------------------------------------------------------------------------

    def read(self, name):
        path = self.root / name
        return path.read_text(errors="replace") if path.exists() else ""

    def log(self):
        return self.read("error.log")

    def said(self):
        """What httpd wrote to the terminal."""
        return self.read("stderr.log")

    def allow(self, *patterns):
        """Declares log lines at warn or above (regular expressions) that a test expects."""
        self.allowed += patterns
        return self

    def unexpected(self):
        """Lines since the last call that no test should see: loud and not declared."""
        quiet = [re.compile(pattern) for pattern in self.allowed]
        found = []
        for name in ("stderr.log", "error.log"):
            lines = self.read(name).splitlines()
            for line in lines[self.judged.get(name, 0) :]:
                if LOUD.search(line) and not any(p.search(line) for p in quiet):
                    found.append(line)
            self.judged[name] = len(lines)
        self.allowed = list(self.always)
        return found

    def wait_log(self, pattern, timeout=5):
        """Waits for a log line; returns it."""
        end = time.monotonic() + timeout
        while True:
            for line in self.log().splitlines():
                if re.search(pattern, line):
                    return line
            if time.monotonic() > end:
                raise AssertionError(f"no log line {pattern!r} in:\n{self.log()[-3000:]}")
            time.sleep(0.02)

    # ---- requests ---------------------------------------------------------------------------

    def request(self, target, method="GET", **parts):
        return client.request(self.port, target, method, **parts)

    def get(self, target, **parts):
        return self.request(target, **parts)

    def head(self, target, **parts):
        return self.request(target, "HEAD", **parts)

    def raw(self, data, timeout=10):
        return client.exchange(self.port, data, timeout)

    def together(self, targets, **parts):
        """Requests that start at the same moment; their replies in order."""
        targets = list(targets)
        replies = [None] * len(targets)
        gate = threading.Barrier(len(targets))

        def run(index):
            gate.wait(10)
            try:
                replies[index] = self.request(targets[index], **parts)
            except Exception as error:  # the test looks at it
                replies[index] = error

        threads = [threading.Thread(target=run, args=(i,)) for i in range(len(targets))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return replies

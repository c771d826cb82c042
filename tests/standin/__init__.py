# SPDX-License-Identifier: Apache-2.0
"""A stand-in of Jira (Cloud site, gateway, Data Center) for tests and the demo.

It needs Debian's python3-hypercorn, python3-jwt, python3-starlette, python3-trustme and
python3-pil. Run it by hand with `PYTHONPATH=tests /usr/bin/python3 -m standin --dir DIR`; DIR/standin.json appears when
it is ready and names every port, URL and file. From a test:

    from standin import Standin
    from standin.pictures import picture, default_picture

    jira = Standin(tmp_path)
    jira.start()
    jira.url("cloud")                    # https://localhost:PORT, no slash at the end
    jira.ca_file                         # trust this
    jira.mode("429", face="cloud", match=r"/avatar/10500", times=2, retry_after=7)
    jira.log("cloud")                    # what arrived: method, target, headers in order, ...
    jira.counters()["cloud"]["requests"]
    jira.reset()                         # modes, log, counters, CAPTCHA and accounts as at start
    jira.stop()

Faces, each on a free port of 127.0.0.1:

    cloud      Cloud site, TLS, HTTP/1.1 and HTTP/2 by ALPN
    auth       auth.atlassian.com and Connect's token service: POST /oauth/token, /oauth2/token
    gateway    api.atlassian.com: /ex/jira/{cloud_id}/..., TLS, both versions
    dc         Data Center under /jira, TLS, HTTP/1.1 as Tomcat has it by default
    dcroot     Data Center without a context path, plain HTTP
    mtls       the Cloud site again, for those who show the client certificate only
    elsewhere  another host, TLS: whatever arrives here should not have
    expired, wrongname, selfsigned   the Cloud site behind certificates to refuse
    raw        byte strings that no HTTP library would send, TLS (see raw.py)
    proxy, proxyauth                 HTTP CONNECT proxies, the second for proxy:proxy-pass
    control    JSON over plain HTTP, what this class talks to

Who is known where (see ACCOUNTS in world.py; `accounts()` replaces the list while it runs):

    cloud           basic bot@example.com:good-token, other@example.com:other-token,
                    weak@example.com:weak-token (may browse nothing)
    gateway         basic bot@example.com:scoped-token; bearer good-access,
                    narrow-access (scope missing), expired-access
    dc and dcroot   basic fred:good-password; bearer good-pat. Three wrong passwords in a row and
                    fred is asked for a CAPTCHA, with the right password too, until reset().

Modes (`modes()` lists them, modes.py and raw.py hold them) combine, the newest outermost: `delay`
over `503`, `header` over the normal picture. `gate` holds requests until unmode() and then lets
them have their answer, which is how to see who joins whose fetch; `hang` never answers.

Ids tell what happens, so that tests need no fixtures: system avatars (10300-10322 issue types,
10324 and 10400-10425 projects, more in jira.py) are for everybody; any other id below 70000 is a
custom avatar and needs an account; 70000-79999 nobody may see; 80000-89999 belongs to another
project; 0 and 90000 up do not exist. 20001 is a GIF, 20002 JPEG, 20003 and 20004 WebP, 20005 a
moving GIF, 20007 a PNG just under 1 MiB, 20008 one above 2 MiB. Projects follow the same ranges.
Users: `nosuch` does not exist, `external` has a picture elsewhere, `hidden` may not be seen.
Whatever is not an avatar (search, issues, attachments) answers a known account with
TOP-SECRET-ISSUE, so a leak shows.
"""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

__all__ = ["Standin"]

_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Standin:
    """A stand-in in a process of its own, and its control face."""

    def __init__(self, directory, *options, python="/usr/bin/python3"):
        self.directory = pathlib.Path(directory)
        self._command = [python, "-m", "standin", "--dir", str(self.directory),
                         "--with-parent", *map(str, options)]
        self._process = None
        self.info = {}

    def __enter__(self):
        return self.start()

    def __exit__(self, *unused):
        self.stop()

    def start(self, timeout=20):
        self.directory.mkdir(parents=True, exist_ok=True)
        ready = self.directory / "standin.json"
        ready.unlink(missing_ok=True)
        here = str(pathlib.Path(__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
        with open(self.directory / "standin.log", "ab") as log:
            self._process = subprocess.Popen(
                self._command, env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                said = (self.directory / "standin.log").read_text(errors="replace")
                raise RuntimeError("the stand-in did not start:\n" + said[-2000:])
            time.sleep(0.02)
        self.info = json.loads(ready.read_text())
        return self

    def stop(self):
        """Ends the process, by its id, whatever hangs in it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def pid(self):
        return self.info["pid"]

    @property
    def ca_file(self):
        return self.info["files"]["ca"]

    @property
    def files(self):
        """ca, client_cert, client_key."""
        return self.info["files"]

    @property
    def cloud_id(self):
        return self.info["cloud_id"]

    def port(self, face):
        return self.info["ports"][face]

    def url(self, face, host=None):
        """Base URL of a face, context path or /ex/jira/{cloudId} not included for the gateway."""
        base = self.info["urls"][face]
        return base if host is None else base.replace("//localhost:", f"//{host}:")

    def log(self, face=None):
        """Every request received, oldest first."""
        query = "" if face is None else "?" + urllib.parse.urlencode({"face": face})
        return self._call("GET", "/log" + query)

    def clear(self):
        """Forgets the log and the counters, keeps the modes."""
        self._call("DELETE", "/log")

    def mode(self, name, /, face="cloud", match=None, times=None, **args):
        """Adds a rule; the newest one that matches comes first. Returns its number."""
        rule = {"face": face, "match": match, "mode": name, "args": args, "times": times}
        return self._call("POST", "/mode", rule)["id"]

    def unmode(self, number=None):
        """Takes back one rule, or all; requests held by it go on."""
        self._call("DELETE", "/mode" if number is None else f"/mode?id={number}")

    def accounts(self, accounts):
        """Replaces the known accounts; rows as in world.ACCOUNTS."""
        self._call("PUT", "/accounts", accounts)

    def tokens(self, **settings):
        """The token services: sets what is given (see tokens.py), returns what they counted."""
        if settings:
            return self._call("PUT", "/tokens", settings)
        return self._call("GET", "/tokens")

    def reset(self):
        self._call("POST", "/reset")

    def counters(self):
        return self._call("GET", "/counters")

    def modes(self):
        return self._call("GET", "/modes")

    def _call(self, method, path, body=None):
        request = urllib.request.Request(
            self.info["urls"]["control"] + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with _NO_PROXY.open(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from None



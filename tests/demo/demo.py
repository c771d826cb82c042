# SPDX-License-Identifier: Apache-2.0
"""Shows the module at work: what Jira hands to anybody, beside what the module serves.

    MODULE=.../mod_jira_avatar.so demo.py                     a stand-in of Jira, three sites of it
    MODULE=.../mod_jira_avatar.so demo.py https://SITE USER   a real one; the token comes from
                                                              JIRA_TOKEN or standard input,
                                                              SSL_CERT_FILE names a CA of your own

Everything runs unprivileged, on the loopback interface, out of one private directory that is
removed at the end."""

import base64
import contextlib
import getpass
import itertools
import json
import os
import pathlib
import pwd
import shutil
import signal
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.request

import page  # whatever is read from here is read before the demo becomes nobody special

HERE = pathlib.Path(__file__).resolve().parent
GATEWAY = "https://api.atlassian.com"
PER_KIND = 4  # pictures of one kind on the page


# ---- progress -----------------------------------------------------------------------------------


class Steps:
    """[3/6] name ... ok 2 s, going on where the caller stopped."""

    def __init__(self, before, total):
        self.number, self.total = before, total

    @contextlib.contextmanager
    def __call__(self, name):
        self.number += 1
        print(f"[{self.number}/{self.total}] {name} ... ", end="", flush=True)
        began = time.monotonic()
        try:
            yield
        except BaseException:
            print("FAILED" if sys.exc_info()[0] is not KeyboardInterrupt else "", flush=True)
            raise
        print(f"ok {time.monotonic() - began:.0f} s", flush=True)


# ---- a private place ----------------------------------------------------------------------------


def unprivileged():
    for name in ("www-data", "apache", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise SystemExit("no unprivileged user here to run as")


def settle(tree):
    """Brings all that is needed to the private directory, and becomes nobody special."""
    ours = shutil.ignore_patterns("__pycache__", "test_*")
    for part in ("standin", "integration"):
        shutil.copytree(HERE.parent / part, tree / "tests" / part, ignore=ours)
    shutil.copy(os.environ["MODULE"], tree / "mod_jira_avatar.so")
    os.environ["MODULE"] = str(tree / "mod_jira_avatar.so")
    if os.environ.get("SSL_CERT_FILE"):
        shutil.copyfile(os.environ["SSL_CERT_FILE"], tree / "ca.pem")
        os.environ["SSL_CERT_FILE"] = str(tree / "ca.pem")
    if os.getuid() == 0:
        user = unprivileged()
        for path in [tree, *tree.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid)
        os.setgroups([])
        os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
        os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
        os.environ["HOME"] = str(tree)
    os.chdir(tree)
    tempfile.tempdir = str(tree)
    sys.path[:0] = [str(tree / "tests"), str(tree / "tests" / "integration")]


# ---- Jira, asked directly -----------------------------------------------------------------------


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.type = (headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        self.cache_status = headers.get("Cache-Status") or ""

    @property
    def is_image(self):
        return self.status == 200 and self.type.startswith("image/")


class NotFollowed(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *unused):
        return None


class Site:
    """One Jira: where it is, who asks, and where the module shows it."""

    def __init__(self, title, location, base, credential, token, *, kind, asked=None, ca=None,
                 lines=(), extra=()):
        self.title, self.location = title, location
        self.base = base  # what JiraAvatarSite says
        self.asked = asked or base  # where its REST interface is, gateway prefix included
        self.credential, self.token, self.kind = credential, token, kind
        self.ca, self.lines, self.extra = ca, lines, extra

    def authorization(self):
        kind, _, user = self.credential.partition(" user=")
        if kind == "bearer":
            return f"Bearer {self.token}"
        return "Basic " + base64.b64encode(f"{user}:{self.token}".encode()).decode()

    def fetch(self, url, anonymous=True):
        request = urllib.request.Request(url, headers={"User-Agent": "mod_jira_avatar demo"})
        if not anonymous:
            request.add_header("Authorization", self.authorization())
        opener = urllib.request.build_opener(
            NotFollowed,
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca)))
        try:
            with opener.open(request, timeout=15) as answer:
                return Reply(answer.status, answer.headers, answer.read(4 << 20))
        except urllib.error.HTTPError as error:
            return Reply(error.code, error.headers, error.read(1 << 16))
        except urllib.error.URLError as error:
            raise OSError(f"{url}: {error.reason}") from None

    def ask(self, path):
        reply = self.fetch(f"{self.asked}/rest/api/{path}", anonymous=False)
        if reply.status != 200:
            raise ConnectionError(f"{self.asked} answers {reply.status} to {path}")
        return json.loads(reply.body)

    def directives(self, server):
        secret = server.secret(self.token, self.location.strip("/") + "/token", 0o600)
        yield f"JiraAvatarSite {self.base} {self.kind}"
        yield f"JiraAvatarCredential {self.credential} secret={secret}"
        if self.ca:
            yield f"JiraAvatarCAFile {self.ca}"
        yield from self.lines

    def conf(self, server):
        inner = "".join(f"    {line}\n" for line in self.directives(server))
        return f'<Location "{self.location}">\n    SetHandler jira-avatar\n{inner}</Location>\n'


# ---- which pictures -----------------------------------------------------------------------------


def picture_of(thing):
    return thing.get("iconUrl") or (thing.get("avatarUrls") or {}).get("48x48") or ""


def listed(site):
    """(kind, name, URL) of what Jira's REST interface hands out."""
    search = "3/project/search?maxResults=" if site.kind == "cloud" else "2/project?maxResults="
    for kind, path in (("Project", f"{search}{PER_KIND}"), ("Issue type", "2/issuetype"),
                       ("Priority", "2/priority"), ("Status", "2/status"), ("User", "2/myself")):
        things = site.ask(path)
        if isinstance(things, dict):
            things = things.get("values", [things])
        for thing in things[:PER_KIND]:
            yield kind, thing.get("name") or thing.get("displayName") or "", picture_of(thing)
    for kind, name, path in site.extra:
        yield kind, name, f"{site.asked}/{path}"


def origin(url):
    return "/".join(url.split("/")[:3])


def pictures(site):
    """(kind, name, URL at Jira, path behind the Location): the origin is all that is replaced."""
    seen = set()
    for kind, name, url in listed(site):
        for start in (site.base, origin(site.asked)):
            path = url.removeprefix(start + "/")
            if path not in (url, "") and path not in seen:
                seen.add(path)
                yield kind, name, url, path
                break


# ---- the sites ----------------------------------------------------------------------------------


def stand_in_sites(jira):
    view = "rest/api/3/universal_avatar/view/type"
    ca = jira.ca_file
    extra = [
        ("Project", "kept from strangers", f"{view}/project/avatar/31001?size=xxlarge"),
        ("Project", "the default", f"{view}/project"),
        ("Request type", "as drawn by Jira", f"{view}/SD_REQTYPE/avatar/10510?size=xlarge"),
        ("Request type", "uploaded", f"{view}/SD_REQTYPE/avatar/31002?size=xlarge"),
        ("Priority", "uploaded", f"{view}/priority/avatar/31003"),
    ]
    return [
        Site("Jira Cloud, API token", "/cloud/", jira.url("cloud"),
             "basic user=bot@example.com", "good-token", kind="cloud", ca=ca, extra=extra + [
                 ("Issue type", "old address",
                  "secure/viewavatar?size=xxlarge&avatarId=31004&avatarType=issuetype"),
                 ("User", "old address", "secure/useravatar?size=xxlarge&avatarId=31005")]),
        Site("Jira Cloud through the gateway, scoped token", "/gateway/", jira.url("cloud"),
             "basic user=bot@example.com", "scoped-token", kind="cloud", ca=ca,
             asked=f"{jira.url('gateway')}/ex/jira/{jira.cloud_id}", extra=extra[:2],
             lines=["JiraAvatarRoute gateway", f"JiraAvatarGatewayURL {jira.url('gateway')}"]),
        Site("Jira Data Center, personal access token", "/datacenter/", jira.url("dc"),
             "bearer", "good-pat", kind="datacenter", ca=ca, extra=[
                 ("User", "by name", "secure/useravatar?ownerId=fred&size=xxlarge"),
                 ("Project", "kept from strangers",
                  "secure/projectavatar?pid=31006&avatarId=31007&size=xxlarge"),
                 ("Issue type", "uploaded",
                  "secure/viewavatar?size=xxlarge&avatarId=31008&avatarType=issuetype")]),
    ]


def real_site(base, user, token):
    """A site as one names it; a Cloud token with scopes is known by the gateway only."""
    base = base.rstrip("/")
    kind = "cloud" if origin(base).endswith(".atlassian.net") else "datacenter"
    site = Site(base, "/avatars/", base, f"basic user={user}", token, kind=kind,
                ca=os.environ.get("SSL_CERT_FILE"))
    try:
        site.ask("2/myself")
    except ConnectionError:
        if kind != "cloud":
            raise
        cloud_id = json.loads(site.fetch(f"{base}/_edge/tenant_info").body)["cloudId"]
        site.asked = f"{GATEWAY}/ex/jira/{cloud_id}"
        site.lines = ["JiraAvatarRoute gateway"]
        site.ask("2/myself")
    return site


def read_token():
    token = os.environ.pop("JIRA_TOKEN", "")
    if not token and sys.stdin.isatty():
        token = getpass.getpass("API token or password: ")
    token = token or sys.stdin.readline()
    if not token.strip():
        raise SystemExit("no token: set JIRA_TOKEN or write it to standard input")
    return token.strip()


# ---- httpd and its page -------------------------------------------------------------------------


TYPES = {"image/png": ".png", "image/svg+xml": ".svg", "image/gif": ".gif", "image/jpeg": ".jpg",
         "image/webp": ".webp"}


def page_conf():
    lines = "".join(f"AddType {mime} {ending}\n" for mime, ending in TYPES.items())
    return f"{lines}AddType text/html;charset=utf-8 .html\nDirectoryIndex index.html\n"


def straight(site, url, server, number):
    """What anybody gets from Jira: a picture that is kept for the page, or a refusal."""
    reply = site.fetch(url)
    if reply.is_image and reply.type in TYPES:
        name = f"straight/{number}{TYPES[reply.type]}"
        server.file(f"docs/{name}", reply.body, 0o644)
        return reply, name
    return reply, None


def gallery(sites, server):
    """Rows of the page; each picture is asked for once straight and once through the module."""
    numbers = itertools.count(1)
    shown = []
    for site in sites:
        rows = []
        for kind, name, url, path in pictures(site):
            reply, copy = straight(site, url, server, next(numbers))
            answer = server.get(site.location + path)
            through = Reply(answer.status, answer.headers, answer.body)
            rows.append({"kind": kind, "name": name, "path": path, "straight": reply,
                         "copy": copy, "through": through, "src": site.location + path})
        shown.append((site, sorted(rows, key=page.is_public)))
    return shown


def run(arguments, steps, stack):
    token = read_token() if arguments else None
    tree = pathlib.Path(tempfile.mkdtemp(prefix="jira-avatar-demo-"))
    stack.callback(shutil.rmtree, tree, ignore_errors=True)
    settle(tree)
    from httpd import Httpd
    from standin import Standin

    with steps("ask " + arguments[0] if arguments else "start a stand-in of Jira"):
        if arguments:
            sites = [real_site(*arguments, token)]
        else:
            jira = Standin(tree / "jira", python=sys.executable)
            stack.callback(jira.stop)
            jira.start()
            sites = stand_in_sites(jira)
    with steps("write the configuration and check it"):
        server = Httpd(modules=["dir"])
        server.conf(page_conf() + "".join(site.conf(server) for site in sites))
        status, said = server.configtest()
        if status:
            raise RuntimeError(said)
    with steps(f"start httpd as {pwd.getpwuid(os.getuid()).pw_name}"):
        stack.callback(server.stop)
        server.start()
    with steps("ask for every picture twice: straight, and through the module"):
        rows = gallery(sites, server)
        server.file("docs/index.html", page.render(rows), 0o644)
    for site, shown in rows:
        good, public = page.count(shown)
        print(f"    {site.title}: {good} of {len(shown)} pictures; {public} without the module")
    print(f"\nThe gallery: http://127.0.0.1:{server.port}/\n"
          f"Configuration and logs: {server.root}\nCtrl-C ends it all.", flush=True)
    server.process.wait()
    raise RuntimeError("httpd went away:\n" + server.log()[-2000:])


def main():
    if len(sys.argv) not in (1, 3):
        raise SystemExit("usage: demo [https://SITE USER]")
    # SIGINT, too: who starts us in the background may have it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    before = int(os.environ.pop("STEPS_BEFORE", "0"))
    with contextlib.ExitStack() as stack:
        try:
            run(sys.argv[1:], Steps(before, before + 4), stack)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            print("\nstopping", flush=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise SystemExit(f"    {error}") from None


if __name__ == "__main__":
    main()

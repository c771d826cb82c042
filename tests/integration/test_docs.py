# SPDX-License-Identifier: Apache-2.0
"""Every configuration that the documentation shows is legal, and every recipe brings pictures.

A block that is not complete stands under a comment `<!-- not complete: the reason -->`."""

import dataclasses
import os
import pathlib
import re
import time

import pytest
from httpd import module, modules_dir
from jira import avatars
from standin.pictures import picture
from test_answers import until

TOP = pathlib.Path(__file__).resolve().parents[2]
PAGES = [TOP / "README.md", TOP / "SECURITY.md", *sorted((TOP / "docs").glob("*.md"))]
FILES = sorted((TOP / "conf.d").rglob("*.conf")) + [TOP / "conf.d/jira_avatar.load"]


@dataclasses.dataclass
class Snippet:
    page: str
    title: str
    line: int
    text: str
    incomplete: str = ""

    def __str__(self):
        return f"{self.page}:{self.line}"


def snippets_of(path):
    """The blocks marked as apache in a page, each with the heading that it stands under."""
    title, before, block = "", "", None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if block is not None and line == "```":
            yield block
            block = None
        elif block is not None:
            block.text += line + "\n"
        elif line == "```apache":
            reason = re.fullmatch(r"<!-- not complete: (.+) -->", before)
            block = Snippet(path.name, title, number, "", reason[1] if reason else "")
        elif line.startswith("#"):
            title = line.lstrip("# ")
        before = line if line.strip() else before


SNIPPETS = [snippet for page in PAGES for snippet in snippets_of(page)]
COMPLETE = [snippet for snippet in SNIPPETS if not snippet.incomplete]

# ---- words -------------------------------------------------------------------------------------


def anchors(path):
    """The names that GitHub gives to the headings of a page."""
    for heading in re.findall(r"(?m)^#+ (.+)$", path.read_text()):
        yield re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page):
    for place, anchor in re.findall(r"\]\(([^)#:\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), place
        assert not anchor or anchor in anchors(target), f"{place}#{anchor}"


def test_the_tests_that_security_names_exist():
    text = (TOP / "SECURITY.md").read_text()
    tests = "\n".join(path.read_text() for path in (TOP / "tests/integration").glob("test_*.py"))
    for name in set(re.findall(r"`(test_\w+)`", text)):
        assert f"def {name}(" in tests, name
    for name in set(re.findall(r"`([\w/]+\.(?:py|c))`", text)):
        places = (TOP, TOP / "tests/integration", TOP / "tests/fuzz")
        assert any((place / name).exists() for place in places), name


# ---- a machine on which they make sense --------------------------------------------------------

NEEDS = {
    r"^\s*Cache[A-Z]": ["cache", "cache_disk"],
    r"^\s*DeflateA": ["deflate"],
    r"^\s*ProxyPass": ["proxy", "proxy_http"],
    r"^\s*RemoteIP": ["remoteip"],
    r"^\s*OIDC": ["auth_openidc"],
}
SECRETS = {
    "pat": "good-pat",
    "scoped-token": "scoped-token",
    "client-secret": "service-secret",
    "oidc": "a-passphrase-of-32-characters!!!",
}
PATH = re.compile(r"(?<![\w/.*-])/(?:etc|usr|var|srv|run)/[\w./-]+")


def modules_for(text):
    """What the snippet needs beside the harness's own; a test of what is not installed skips."""
    wanted = [name for pattern, names in NEEDS.items() if re.search(pattern, text, re.M)
              for name in names]
    for name in wanted:
        if not (modules_dir() / f"mod_{name}.so").exists():
            pytest.skip(f"mod_{name} is not installed")
    return wanted


def content_of(path, jira):
    """A file as the documentation means it, by its name, and its mode."""
    name = pathlib.Path(path).name
    certificates = {"client.pem": "client_cert", "client.key": "client_key"}
    if name.endswith((".pem", ".key")):
        which = jira.files[certificates.get(name, "ca")]
        return pathlib.Path(which).read_bytes(), 0o600 if name.endswith(".key") else 0o644
    if name.endswith((".png", ".svg")):
        return picture("fallback", "all", form=name[-3:]), 0o644
    if "/bin/" in path:
        return "#!/bin/sh\necho good-token\n", 0o755
    return SECRETS.get(name, "good-token"), 0o640


def furnish(server, jira, text):
    """The snippet with files of ours where it names files of the reader's machine."""

    def place(match):
        path = match[0]
        if re.search(r"^\s*(CacheRoot|JiraAvatarStateDir) +" + re.escape(path), text, re.M):
            return str(server.root / "cache")
        content, mode = content_of(path, jira)
        return str(server.file(path.strip("/"), content, mode))

    (server.root / "logs").mkdir()
    for pattern, ours in (
        (r"^\s*#.*\n", ""),
        (r"^LoadModule jira_avatar_module \S+", f"LoadModule jira_avatar_module {module()}"),
        (r"^<VirtualHost \*:\d+>", "<VirtualHost *:{port}>"),
    ):
        text = re.sub(pattern, ours, text, flags=re.M)
    return PATH.sub(place, text)


def activate(text):
    """A configuration file with all that it has commented out; a sentence begins with a space."""
    return re.sub(r"(?m)^(\s*)#(?=[A-Z]\w+ )", r"\1", text)


def check(configured, jira, text, **settings):
    """`httpd -t` likes it; where it takes a site for granted, there is one."""
    site = "" if "JiraAvatarSite " in text else "JiraAvatarSite https://example.atlassian.net\n"
    if "LoadModule jira_avatar" in text:
        settings["with_module"], site = False, ""
    server = configured(
        lambda server: site + furnish(server, jira, text), modules=modules_for(text), **settings
    )
    status, said = server.configtest()
    assert status == 0, said


@pytest.mark.parametrize("snippet", COMPLETE, ids=str)
def test_a_snippet_is_legal(configured, jira, snippet):
    check(configured, jira, snippet.text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("change", [str, activate], ids=["as-it-is", "all-lines-active"])
def test_a_configuration_file_is_legal(configured, jira, path, change):
    check(configured, jira, change(path.read_text()))


def test_snippets_were_found():
    pages = {snippet.page for snippet in COMPLETE}
    assert {"README.md", "directives.md", "howto.md"} <= pages
    assert all(len(snippet.incomplete) > 10 for snippet in SNIPPETS if snippet.incomplete)


# ---- with the stand-in in Jira's place ---------------------------------------------------------


@pytest.fixture
def live(serve, jira):
    """live(text, ...): a server with this configuration, whose Jiras are the stand-in."""
    sites = {
        "https://example.atlassian.net": f"{jira.url('cloud')} cloud",
        "https://jira.example.com/jira": f"{jira.url('dc')} datacenter",
        "https://support.atlassian.net": f"{jira.url('cloud')} cloud",
    }

    def start(text, *more, modules=(), **settings):
        for site, ours in sites.items():
            text = re.sub(rf"(?m)(JiraAvatarSite +){re.escape(site)}$", rf"\g<1>{ours}", text)

        def conf(server):
            trust = f"JiraAvatarCAFile {jira.ca(server)}\n"
            gateway = f"JiraAvatarGatewayURL {jira.url('gateway')}\n"
            gateway += f"JiraAvatarTokenURL {jira.url('auth')}/oauth/token\n"
            return trust + gateway + furnish(server, jira, text) + "".join(more)

        return serve(conf, modules=[*modules_for(text), *modules], **settings)

    return start


def recipe(title, page="howto.md"):
    texts = [s.text for s in COMPLETE if s.page == page and s.title == title]
    assert texts, f"{page} has no complete snippet under {title!r}"
    return "\n".join(texts)


@pytest.mark.mpm
def test_the_smallest_configuration_of_the_readme(live):
    readme = (TOP / "README.md").read_text()
    server = live(next(s.text for s in COMPLETE if s.page == "README.md"))
    addresses = re.findall(r"`(/avatars/(?:rest|project|issuetype|priority)/\S+)`", readme)
    assert len(addresses) >= 4
    for address in addresses:
        reply = server.get(address)
        assert (reply.status, reply["Content-Type"][:6]) == (200, "image/"), address


PNG = b"\x89PNG"
WARNED = r"\[jira_avatar:(warn|error)\]"


def test_an_outside_consumer(live, jira):
    server = live(recipe("A HubSpot page, or any other outside consumer")).allow("AH01630")
    for path in ("/avatars/project/10000", "/avatars/project/10001?size=128"):
        reply = server.get(path)
        assert (reply.status, reply.body[:4]) == (200, PNG)
        assert "public" in reply.cache_control()
    asked = len(jira.seen())
    for path in ("project/10002", "secure/projectavatar?pid=10000", "issuetype/10001",
                 "project/10000/", "./project/10002", "project//10002"):
        assert server.get(f"/avatars/{path}").status == 403, path
    assert len(jira.seen()) == asked


def test_a_credential_of_systemd(live, jira):
    """systemd gives directory and file to root alone; at a reload they are read again."""
    server = live(recipe("The secret as a credential of systemd"))
    token = next(server.root.glob("run/credentials/apache2.service/jira-token"))
    for path, mode in ((token, 0o400), (token.parent, 0o500)):
        os.chown(path, os.getuid(), os.getgid())
        path.chmod(mode)
    server.graceful()
    assert server.get("/avatars/project/10000").status == 200
    if os.getuid() == 0:  # a file is looked at once a second, when Jira is asked
        until(lambda: server.get(f"/avatars/project/{jira.new_id()}").status == 200
              and "JAV0302" in server.log())
    assert server.configtest()[0] == 0
    token.parent.chmod(0o700)


def test_mail_and_chat(live, jira):
    server = live(recipe("Mail and chat")).allow(WARNED)
    assert server.get("/mail-avatars/project/10000?size=64").body[:4] == PNG
    missing = server.get("/mail-avatars/project/90001?size=64")
    assert (missing.status, missing.body) == (200, picture("fallback", "all"))
    assert "detail=not-found" in missing["Cache-Status"]
    jira.mode("500")
    failed = server.get(f"/mail-avatars/project/{jira.new_id()}")
    assert (failed.status, failed.body) == (200, picture("fallback", "all"))
    assert "no-store" in failed.cache_control()


def dashboards():
    title = "Backstage, or a dashboard behind a Content-Security-Policy"
    return [s.text for s in COMPLETE if s.page == "howto.md" and s.title == title]


def test_a_dashboard_of_the_same_origin(live):
    server = live(dashboards()[0]).allow(r"\[proxy")
    assert server.get("/avatars/project/10000", host="backstage.example.com").status == 200
    assert server.get("/", host="backstage.example.com").status == 503


def test_a_dashboard_elsewhere(live):
    reply = live(dashboards()[1]).get("/avatars/project/10000")
    assert reply.status == 200
    assert reply.all("Cross-Origin-Resource-Policy") == ["cross-origin"]
    assert "sandbox" in reply["Content-Security-Policy"]


def test_a_policy_for_everything_replaces_ours(live):
    line = "Header always set Content-Security-Policy \"img-src 'self'\"\n"
    reply = live(dashboards()[1], line).get("/avatars/project/10000")
    assert reply.all("Content-Security-Policy") == ["img-src 'self'"]


def test_a_data_center(live, jira):
    server = live(recipe("Jira Data Center with a personal access token"))
    for path in ("jira/secure/projectavatar?pid=10000", "secure/projectavatar?pid=10000"):
        assert server.get(f"/avatars/{path}").status == 200
    assert len(jira.seen()) == 1
    for path in ("user/fred", "secure/useravatar?ownerId=fred"):
        assert server.get(f"/avatars/{path}").status == 200


def test_a_service_account(live, jira):
    text = recipe("A service account of Jira Cloud, with OAuth")
    server = live(text.replace("client-id=AbCdEfGh", "client-id=service"))
    for number in (jira.new_id(), jira.new_id()):
        assert server.get(f"/avatars/project/{number}").status == 200
    assert [seen.face for seen in jira.seen("gateway")] == ["gateway"] * 2
    assert len(jira.seen("auth")) == 1


def test_several_sites(live, jira):
    server = live(recipe("Several Jira sites")).allow(WARNED)
    number = jira.new_id()
    view = f"secure/viewavatar?avatarType=project&avatarId={number}"
    for place in ("cloud", "house"):
        assert server.get(f"/avatars/{place}/{view}").body == picture("project", number)
    assert [seen.face for seen in jira.seen()] == ["cloud", "dc"]
    jira.mode("503", face="cloud")
    for place, status in (("cloud", 503), ("house", 200)):
        assert server.get(f"/avatars/{place}/project/{jira.new_id()}").status == status


def test_several_virtual_hosts(live, jira):
    server = live(recipe("Several virtual hosts"))
    places = (("www", "avatars", 1), ("wiki", "jira-icons", 1), ("support", "avatars", 2))
    for host, place, asked in places:
        target = f"/{place}/secure/viewavatar?avatarType=project&avatarId=20000"
        assert server.get(target, host=f"{host}.example.com").body == picture("project", 20000)
        assert len(jira.seen()) == asked
    assert [seen.face for seen in jira.seen()] == ["cloud", "dc"]


def test_behind_a_load_balancer(live, jira):
    text = recipe("Behind a load balancer").replace("10.0.0.10", "127.0.0.1")
    server = live(text).allow("AH01630")
    for visitor, status in (("192.168.1.1", 200), ("203.0.113.9", 403), ("192.168.1.2", 200)):
        reply = server.get("/avatars/project/10000", headers={"X-Forwarded-For": visitor})
        assert reply.status == status
    for number in range(2):
        name = {"X-Forwarded-For": "192.168.1.1", "X-Forwarded-Proto": "https"}
        other = server.get("/avatars/project/10000", host=f"h{number}.example", headers=name)
        assert (other.status, "hit" in other["Cache-Status"]) == (200, True)
    assert len(jira.seen()) == 1


def test_for_those_who_have_logged_in(live, jira):
    server = live(recipe("For those who have logged in: mod_auth_openidc")).allow("auth_openidc")
    assert server.get("/avatars/project/10000").status == 401
    assert jira.seen() == []


def test_with_mod_cache(live, jira):
    server = live(recipe("With mod_cache"), "CacheHeader on\n")
    assert server.get("/avatars/project/10000").status == 200
    assert server.get("/avatars/project/10000?junk=1").status == 200
    jira.mode("503")
    server.graceful()
    kept = server.get("/avatars/project/10000")
    assert (kept.status, kept["X-Cache"][:3]) == (200, "HIT")


def test_with_mod_cache_what_is_restricted_is_not_stored(live):
    server = live(
        recipe("With mod_cache").replace("</Location>", "Require ip 127.0.0.1\n</Location>"),
        "CacheHeader on\n",
    )
    for _ in range(2):
        reply = server.get("/avatars/project/10000")
        assert (reply.status, reply["X-Cache"][:4]) == (200, "MISS")
    assert not [path for path in (server.root / "cache").rglob("*") if path.is_file()]


def test_without_mod_cache(live, jira):
    server = live(recipe("Without mod_cache"))
    first = server.get("/avatars/project/10000")
    assert first.cache_control()["max-age"] == 12 * 3600
    assert first.cache_control()["stale-if-error"] == 30 * 86400
    assert "hit" in server.get("/avatars/project/10000")["Cache-Status"]


# ---- what the pages say of answers and logs ----------------------------------------------------


def shape(value):
    return re.sub(r"\d+", "N", value)


def test_how_an_answer_came_about(serve, jira):
    """Each row of the table in troubleshooting.md is an answer that there is."""
    text = (TOP / "docs/troubleshooting.md").read_text()
    rows = text.partition("| `Cache-Status: jira-avatar; …` |")[2].partition("\n## ")[0]
    told = {shape(row) for row in re.findall(r"(?m)^\| `(.+?)` \|", rows)}
    server = serve(avatars(jira, "JiraAvatarMaxAge 1s", path="/avatars/")).allow(WARNED)
    seen = set()

    def ask(tail, times=1):
        for _ in range(times):
            status = server.get(f"/avatars/{tail}")["Cache-Status"]
            seen.add(shape(status.removeprefix("jira-avatar; ")))

    ask("project/10000", 2)
    ask("project/90001", 2)
    ask("nonsense")
    time.sleep(2.1)
    ask("project/10000")
    jira.mode("delay", match="20000", ms=500)
    view = "/avatars/secure/viewavatar?avatarType=project&avatarId=20000"
    seen |= {shape(r["Cache-Status"].removeprefix("jira-avatar; "))
             for r in server.together([view] * 3)}
    jira.mode("500", match="20001")
    ask("secure/viewavatar?avatarType=project&avatarId=20001", 6)
    time.sleep(2.1)  # the site was left alone
    jira.mode("503", match="20002")
    ask("secure/viewavatar?avatarType=project&avatarId=20002", 1)
    ask("project/10001")
    assert told <= seen, told - seen


def test_the_variables_of_a_log(live):
    text = recipe("The access log", page="status.md")
    server = live(recipe("Without mod_cache") + text)
    for path in ("/avatars/project/10000", "/avatars/project/10000", "/nothing"):
        server.get(path)
    end = time.monotonic() + 5  # a line is written after its answer
    while len(lines := server.read("logs/avatars.log").splitlines()) < 3:
        assert time.monotonic() < end, lines
        time.sleep(0.02)
    # Each was a connection of its own, and whose line comes first is up to the threads.
    assert any(re.search(r" miss project \d+ 200$", line) for line in lines), lines
    assert any(re.search(r" hit project - -$", line) for line in lines), lines


def test_a_handler_that_came_another_way(serve):
    server = serve('RewriteEngine on\nRewriteRule "^/x/" "-" [H=jira-avatar]\n')
    reply = server.allow("JAV0402").get("/x/project/10000")
    assert (reply.status, reply["Cache-Status"]) == (502, "jira-avatar; detail=internal")

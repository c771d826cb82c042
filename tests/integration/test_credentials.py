# SPDX-License-Identifier: Apache-2.0
"""How a credential is kept, sent and kept secret; what else goes upstream: nothing."""

import base64
import os
import re
import time

import pytest
from jira import CREDENTIALS, avatars, join

from httpd import give

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error|crit)\]"


@pytest.mark.mpm
@pytest.mark.parametrize("face", ["cloud", "gateway", "dc", "dcroot"])
def test_the_credential_is_sent(serve, jira, face):
    server = serve(avatars(jira, face=face))
    assert server.get(f"{PATH}{jira.new_id()}").status == 200
    seen = [s for s in jira.seen() if "avatar" in s.path]
    assert [s.headers.get("authorization") for s in seen] == [jira.authorization(face)]


def test_none_sends_nothing(serve, jira):
    server = serve(avatars(jira, credential="none"))
    assert server.get(PATH + "10406").status == 200
    (seen,) = jira.seen()
    assert "authorization" not in seen.headers


def test_none_is_the_default(serve, jira):
    def conf(server):
        lines = avatars(jira)(server).splitlines()
        return "\n".join(line for line in lines if "JiraAvatarCredential" not in line)

    server = serve(conf)
    assert server.get(PATH + "10406").status == 200
    assert all("authorization" not in seen.headers for seen in jira.seen(questions=True))


def test_the_cloud_id_is_asked_without_credential(serve, jira):
    server = serve(avatars(jira, face="gateway"))
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200
    asked = [s for s in jira.seen(questions=True) if "tenant_info" in s.target]
    assert len(asked) == 1
    assert "authorization" not in asked[0].headers


def test_a_configured_cloud_id_is_not_asked(serve, jira):
    server = serve(avatars(jira, f"JiraAvatarCloudId {jira.cloud_id}", face="gateway"))
    assert server.get(PATH + jira.new_id()).status == 200
    assert [s.face for s in jira.seen(questions=True)] == ["gateway"]


# ---- sources ----------------------------------------------------------------------------------

SCRIPT = "#!/bin/sh\n[ \"$1\" = jira ] && printf '%s\\nsecond line\\n' good-token\n"


def sources(server):
    server.file("print-token", SCRIPT, 0o755)
    return {
        "file": server.secret("good-token"),
        "file with line end": server.secret("good-token\n", "lf"),
        "file with CR LF": server.secret("good-token\r\n", "crlf"),
        "env": "env:JIRA_TOKEN",
        "exec": f"exec:{server.root}/print-token jira",
    }


@pytest.mark.parametrize(
    "source", ["file", "file with line end", "file with CR LF", "env", "exec"]
)
def test_a_secret_comes_from_its_source(serve, jira, source):
    def conf(server):
        credential = f'basic user=bot@example.com "secret={sources(server)[source]}"'
        return avatars(jira, credential=credential)(server)

    server = serve(conf, env={"JIRA_TOKEN": "good-token"})
    assert server.get(PATH + jira.new_id()).status == 200
    (seen,) = jira.seen()
    assert seen.headers["authorization"] == jira.authorization("cloud")


def replace(path, content):
    """As a careful administrator does it."""
    fresh = path.with_suffix(".new")
    fresh.write_text(content)
    give(fresh, 0o640)
    os.rename(fresh, path)


def overwrite(path, content):
    path.write_text(content)


@pytest.mark.mpm
@pytest.mark.parametrize("change", [replace, overwrite])
def test_a_changed_file_is_read_without_a_reload(serve, jira, change):
    server = serve(avatars(jira))
    assert server.get(PATH + jira.new_id()).status == 200
    jira.accounts(account("renewed-token"))
    change(server.root / "secret-cloud", "renewed-token")
    time.sleep(1.3)
    assert server.get(PATH + jira.new_id()).status == 200
    sent = base64.b64decode(jira.seen()[-1].headers["authorization"].removeprefix("Basic "))
    assert sent == b"bot@example.com:renewed-token"


def account(secret):
    who = "557058:aaaaaaaa-0000-4000-8000-000000000001"
    row = {"where": "site", "scheme": "basic", "user": "bot@example.com", "id": who}
    return [{**row, "secret": secret, "verdict": "ok"}]


def test_a_refused_credential_is_tried_again_when_its_file_changes(serve, jira):
    server = serve(avatars(jira, credential=None)).allow(COMPLAINS)
    overwrite(server.root / "secret-cloud", "wrong-token")
    time.sleep(1.3)
    assert server.get(PATH + jira.new_id()).status == 502
    overwrite(server.root / "secret-cloud", "good-token")
    time.sleep(1.3)
    assert server.get(PATH + jira.new_id()).status == 200


def test_each_wrong_secret_is_said_once(serve, jira):
    server = serve(avatars(jira, face="dc")).allow(COMPLAINS)
    for word in ("wrong-pat", "wrong-too"):
        overwrite(server.root / "secret-dc", word)
        time.sleep(1.3)
        for _ in range(3):
            assert server.get(PATH + jira.new_id()).status == 502
    assert server.log().count("JAV1035") == 2


@pytest.mark.parametrize("content, mode", [("", 0o640), ("broken", 0o644), (None, None)])
def test_a_file_that_became_unusable_leaves_the_old_value(serve, jira, content, mode):
    server = serve(avatars(jira)).allow(COMPLAINS)
    assert server.get(PATH + jira.new_id()).status == 200
    path = server.root / "secret-cloud"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
        give(path, mode)
    time.sleep(1.3)
    assert server.get(PATH + jira.new_id()).status == 200
    assert len(re.findall("JAV0303", server.log())) == 1
    assert "secret-cloud was changed and " in server.log()


def test_a_file_for_root_alone_is_read_at_start_and_said_once(serve, jira):
    if os.getuid() != 0:
        pytest.skip("needs root")

    def conf(server):
        text = avatars(jira)(server)
        os.chown(server.root / "secret-cloud", 0, 0)
        (server.root / "secret-cloud").chmod(0o600)
        return text

    server = serve(conf, allow=[COMPLAINS])
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200
        time.sleep(1.1)
    about = [line for line in server.log().splitlines() if "secret-cloud" in line]
    assert len(about) <= 1


# ---- nothing of the visitor's -----------------------------------------------------------------

VISITOR = [
    ("Cookie", "JSESSIONID=0123456789; atlassian.xsrf.token=x"),
    ("Authorization", "Basic dmlzaXRvcjpwYXNzd29yZA=="),
    ("Proxy-Authorization", "Basic dmlzaXRvcjpwYXNzd29yZA=="),
    ("Referer", "https://wiki.example.com/secret-page"),
    ("User-Agent", "Visitor/1.0"),
    ("Accept", "text/html"),
    ("Accept-Encoding", "gzip, br"),
    ("Accept-Language", "tlh"),
    ("Range", "bytes=0-9"),
    ("If-None-Match", '"visitor"'),
    ("If-Modified-Since", "Fri, 01 Jan 2038 00:00:00 GMT"),
    ("Cache-Control", "no-cache, no-store, max-age=0"),
    ("Pragma", "no-cache"),
    ("Origin", "https://evil.example"),
    ("Forwarded", "for=10.0.0.1;host=evil.example"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Proto", "http"),
    ("X-Original-URL", "/rest/api/2/search"),
    ("X-Rewrite-URL", "/rest/api/2/search"),
    ("X-Atlassian-Jira-Url", "https://evil.example"),
    ("X-Atlassian-Token", "no-check"),
    ("X-ExperimentalApi", "opt-in"),
    ("Via", "1.1 proxy"),
    ("Connection", "close, Authorization, User-Agent, Host"),
    ("TE", "trailers"),
    ("Expect-CT", "x"),
    ("Content-Type", "application/json"),
    ("Transfer-Encoding-X", "chunked"),
    ("os_authType", "basic"),
]


@pytest.mark.mpm
@pytest.mark.parametrize("face", ["cloud", "dcroot"])
def test_a_request_upstream_carries_what_we_choose_and_no_more(serve, jira, face):
    server = serve(avatars(jira, face=face))
    plain = server.get(PATH + jira.new_id())
    visitor = server.get(PATH + jira.new_id(), headers=VISITOR)
    assert plain.status == 200 and visitor.status in (200, 206)
    first, second = jira.seen()
    assert first.headers == second.headers
    assert set(first.names) == {"host", "user-agent", "accept", "authorization"}
    assert len(first.names) == 4
    assert first.headers["accept"] == "image/*"
    assert "jira" in first.headers["user-agent"].lower()
    assert "Visitor" not in first.headers["user-agent"]


def test_the_visitor_is_answered_the_same(serve, jira):
    server = serve(avatars(jira))
    path = PATH + jira.new_id()
    plain = server.get(path)
    for name, value in VISITOR:
        if name in ("Range", "If-None-Match", "If-Modified-Since", "Authorization"):
            continue
        reply = server.get(path, headers=[(name, value)])
        assert (reply.status, reply.body, reply["ETag"]) == (200, plain.body, plain["ETag"]), name
    assert len(jira.seen()) == 1


# ---- kept secret ------------------------------------------------------------------------------

LOUDEST = "LogLevel trace8\nCacheRoot {root}/cache\nCacheEnable disk /avatars/\n"
SHOWN = """
<Location "/server-info">
    SetHandler server-info
</Location>
<Location "/server-status">
    SetHandler server-status
</Location>
<Location "/jira-status">
    SetHandler jira-avatar-status
</Location>
"""


@pytest.mark.parametrize("face", ["cloud", "dc"])
def test_a_secret_is_nowhere_to_be_seen(serve, jira, face):
    secret = CREDENTIALS[face][1]
    proxy = "proxy:proxy-pass"

    def conf(server):
        lines = [
            f"JiraAvatarProxy {jira.url('proxyauth')} {server.secret(proxy, 'proxy-secret')}",
            "JiraAvatarTimeout connect=2s total=3s wait=3s",
        ]
        return LOUDEST + SHOWN + avatars(jira, *lines, face=face)(server)

    server = serve(conf, modules=["info", "cache", "cache_disk"]).allow(COMPLAINS)
    hidden = [secret, proxy.partition(":")[2]]
    for text in (jira.authorization(face).partition(" ")[2], proxy):
        hidden += [text, base64.b64encode(text.encode()).decode().rstrip("=")]
    answers = [server.get(PATH + i) for i in (jira.new_id(), "70001", "90001", "x")]
    jira.accounts([])
    answers.append(server.get(PATH + jira.new_id()))
    assert answers[0].status == 200 and answers[-1].status >= 400
    places = {str(i): f"{answer!r}\n{answer.text}" for i, answer in enumerate(answers)}
    for page in ("/server-info", "/server-info?config", "/server-status", "/server-status?auto",
                 "/jira-status", "/jira-status?json", "/jira-status?metrics"):
        places[page] = server.get(page).text
    for switch in ("DUMP_CONFIG", "DUMP_JIRA_AVATAR", "DUMP_VHOSTS", "DUMP_MODULES"):
        places[switch] = server.configtest("-D", switch)[1]
    server.stop()
    for path in server.root.rglob("*"):
        if path.is_file() and "secret" not in path.name:
            places[str(path)] = path.read_bytes().decode("latin-1")
    found = [(place, word) for place, text in places.items() for word in hidden if word in text]
    assert found == []


def test_a_child_cannot_be_asked_for_another_locations_secret(serve, jira):
    other = "basic user=other@example.com secret="
    server = serve(
        join(
            avatars(jira, path="/one/"),
            lambda s: avatars(jira, path="/two/", credential=other + s.secret("other-token"))(s),
        )
    )
    for path in ("/one/", "/two/", "/one/", "/two/"):
        server.get(f"{path}secure/viewavatar?avatarType=project&avatarId={jira.new_id()}")
    users = [base64.b64decode(s.headers["authorization"][6:]).split(b"@")[0] for s in jira.seen()]
    assert users == [b"bot", b"other", b"bot", b"other"]


@pytest.mark.skipif(os.getuid() != 0, reason="the children are not of another user")
def test_a_secret_for_root_alone_is_said_once_per_reload(serve, jira):
    children = "StartServers 4\nServerLimit 4\nThreadsPerChild 2\nMaxRequestWorkers 8\n" \
        "MinSpareThreads 8\nMaxSpareThreads 8"

    def conf(server):
        secret = server.file("root-only", "good-token", 0o600)
        os.chown(secret, 0, 0)
        credential = f"basic user=bot@example.com secret=file:{secret}"
        return avatars(jira, "JiraAvatarMaxWaiting 8", credential=credential)(server)

    server = serve(conf, server=children)
    for said in (1, 2):
        time.sleep(1.3)                     # as often as a secret is looked at
        for _ in range(4):
            replies = server.together([PATH + jira.new_id() for _ in range(8)])
            assert {reply.status for reply in replies} == {200}
        assert len(re.findall("JAV0302", server.log())) == said
        server.graceful()

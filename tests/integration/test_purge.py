# SPDX-License-Identifier: Apache-2.0
"""Forgetting avatars: who may, what is forgotten, and that it is forgotten everywhere."""

import hashlib
import hmac
import threading
import time
import urllib.parse

import pytest
from httpd import module
from jira import avatars, join

TOKEN = "purge-me-if-you-can"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PICTURE = "/avatars/secure/viewavatar?avatarType=project&avatarId=20000"


def handler(line="JiraAvatarPurgeToken {token}", path="/purge"):
    def text(server):
        token = server.secret(TOKEN, "purge-token")
        return (f'<Location "{path}">\n    SetHandler jira-avatar-status\n'
                f'    Require method POST\n    {line.format(token=token)}\n</Location>\n')

    return text


def purge(server, query, headers=BEARER, body=None, path="/purge"):
    return server.request(f"{path}?{query}", "POST", headers=headers, body=body)


def fetched(jira):
    """How often Jira was asked for a picture since the last time."""
    count = len(jira.seen())
    jira.clear()
    return count


# ---- who may ----------------------------------------------------------------------------------


def test_only_who_has_the_token(serve, jira):
    server = serve(join(avatars(jira), handler()))
    server.get(PICTURE)
    jira.clear()
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "},
                    {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"},
                    {"Authorization": TOKEN}, {"X-Hub-Signature": "sha256="},
                    {"X-Hub-Signature": "sha256=" + "0" * 64}):
        reply = purge(server, "all", headers)
        assert reply.status == 403 and TOKEN not in reply.text
    server.wait_log("JAV0702")
    server.get(PICTURE)
    assert fetched(jira) == 0
    assert purge(server, "all").status == 200
    server.wait_log("JAV0703")
    server.get(PICTURE)
    assert fetched(jira) == 1
    assert TOKEN not in server.log()


def test_never_by_get(serve, jira):
    both = handler(path="/both")
    server = serve(join(avatars(jira),
                        lambda s: both(s).replace("Require method POST", "Require local")))
    server.get(PICTURE)
    jira.clear()
    for method in ("GET", "HEAD"):
        server.request("/both?all", method, headers=BEARER)
    server.get(PICTURE)
    assert fetched(jira) == 0


def test_without_a_token_it_is_refused_with_the_reason(serve, jira):
    server = serve(join(avatars(jira), handler("JiraAvatarPurgeToken none")))
    reply = purge(server, "all")
    assert reply.status == 403 and "JiraAvatarPurgeToken" in reply.text


def test_a_new_token_counts_at_once(serve, jira):
    server = serve(join(avatars(jira), handler()))
    assert purge(server, "all").status == 200
    server.secret("another-token", "purge-token")
    time.sleep(1.1)
    assert purge(server, "all").status == 403
    assert purge(server, "all", {"Authorization": "Bearer another-token"}).status == 200


def test_a_signed_webhook(serve, jira):
    server = serve(join(avatars(jira), handler()))
    body = b'{"webhookEvent":"project_updated","project":{"id":10000}}'
    sign = lambda b, key=TOKEN: {  # noqa: E731
        "X-Hub-Signature": "sha256=" + hmac.new(key.encode(), b, hashlib.sha256).hexdigest()}
    assert purge(server, "project=10000", sign(body), body).status == 200
    assert purge(server, "project=10000", sign(b""), None).status == 200
    assert purge(server, "project=10000", sign(body), body + b" ").status == 403
    assert purge(server, "project=10000", sign(body, "wrong"), body).status == 403
    assert purge(server, "all", BEARER, b"x" * 2_000_000).status == 413


# ---- what is forgotten ------------------------------------------------------------------------


@pytest.mark.parametrize("query", [
    "", "site=", "avatar=", "avatar=nonsense", "avatar=project/../x", "project=", "al",
    "all&project=1", "all&all", "project=%00", "site=https://other.example.com&all",
    "site=nonsense&all", "avatar=secure/viewavatar", "avatar=%25zz",
])
def test_what_is_not_understood_is_400(serve, jira, query):
    server = serve(join(avatars(jira), handler()))
    reply = purge(server, query)
    assert reply.status == 400 and reply.text.strip().endswith(".")


VIEW = "/avatars/rest/api/3/universal_avatar/view/type/project/avatar/20011"
OWNER = "/avatars/project/10000"


@pytest.mark.parametrize("query, forgotten", [
    ("avatar=secure/viewavatar?avatarType=project%26avatarId=20011", {VIEW}),
    ("avatar=/rest/api/2/universal_avatar/view/type/project/avatar/20011", {VIEW}),
    ("avatar=project/10000", {OWNER}),
    ("avatar={site}/secure/projectavatar?pid=10000", {OWNER}),
    ("project=10000", {OWNER}),
    ("project=10001", set()),
    ("avatar=issuetype/10000", set()),
    ("all", {VIEW, OWNER, PICTURE}),
    ("all&site={site}", {VIEW, OWNER, PICTURE}),
])
def test_what_is_meant_is_forgotten_in_all_sizes(serve, jira, query, forgotten):
    server = serve(join(avatars(jira), handler()))
    addresses = {a: [f"{a}{'&' if '?' in a else '?'}size={size}" for size in ("small", "xlarge")]
                 for a in (VIEW, OWNER, PICTURE)}
    for both in addresses.values():
        for address in both:
            assert server.get(address).status == 200
    query = query.replace("{site}", urllib.parse.quote(jira.url("cloud"), ""))
    assert purge(server, query).status == 200
    for address, both in addresses.items():
        jira.clear()
        for one in both:
            assert server.get(one).status == 200
        assert fetched(jira) == (2 if address in forgotten else 0), address


def test_of_several_sites_the_one_that_is_named(serve, jira):
    server = serve(join(avatars(jira), avatars(jira, face="dc", path="/dc/"), handler()))
    other = "/dc/secure/viewavatar?avatarType=project&avatarId=20000"
    server.get(PICTURE), server.get(other)
    reply = purge(server, "all")
    assert reply.status == 400 and "site=" in reply.text
    site = urllib.parse.quote(jira.url("dc"), "")
    assert purge(server, f"all&site={site}").status == 200
    jira.clear()
    server.get(PICTURE), server.get(other)
    assert [seen.face for seen in jira.seen()] == ["dc"]


@pytest.mark.parametrize("query", ["all", "avatar=project/20000", "project=20000"])
def test_sections_that_meet_in_a_request_forget_too(serve, jira, query):
    def beside(server):
        other = server.secret("other-token", "other")
        return ('<LocationMatch "^/avatars/">\n    JiraAvatarCredential basic '
                f'user=other@example.com secret={other}\n</LocationMatch>\n')

    server = serve(join(avatars(jira), beside, handler()))
    assert server.get("/avatars/project/20000").status == 200
    jira.clear()
    assert purge(server, query).status == 200
    assert server.get("/avatars/project/20000").status == 200
    assert fetched(jira) > 0


@pytest.mark.mpm
def test_every_child_forgets(serve, jira):
    server = serve(join(avatars(jira), handler()))
    for _ in range(3):
        server.together([PICTURE] * 12)
    jira.clear()
    assert purge(server, "avatar=secure/viewavatar?avatarType%3Dproject%26avatarId%3D20000").status == 200
    replies = [reply for _ in range(3) for reply in server.together([PICTURE] * 12)]
    assert all(reply.status == 200 for reply in replies)
    assert fetched(jira) == 1


def test_what_is_forgotten_is_not_served_stale(serve, jira):
    server = serve(join(avatars(jira), handler()))
    server.allow(r"JAV10\d\d")
    server.get(PICTURE)
    purge(server, "all")
    jira.mode("500")
    assert server.get(PICTURE).status == 502


def test_what_is_on_its_way_is_asked_for_again(serve, jira):
    server = serve(join(avatars(jira), handler()))
    jira.mode("delay", ms=700, times=1)
    path = "/avatars/project/10000"
    visitor = threading.Thread(target=server.get, args=(path,))
    visitor.start()
    time.sleep(0.35)
    assert purge(server, "project=10000").status == 200
    visitor.join(10)
    assert len(jira.seen()) == 2
    assert "hit" in server.get(path)["Cache-Status"]
    assert len(jira.seen()) == 2


def test_purges_are_counted(serve, jira):
    server = serve(join(avatars(jira), handler(), '<Location "/status">\n'
                        "SetHandler jira-avatar-status\nRequire local\n</Location>\n"))
    for query in ("all", "project=1", "avatar=project/1"):
        assert purge(server, query).status == 200
    auto = server.get("/status?metrics").text
    for scope in ("all", "project", "avatar"):
        assert f'scope="{scope}"}} 1\n' in auto


def test_a_reload_forgets_nothing(serve, jira):
    server = serve(avatars(jira))
    server.get(PICTURE)
    server.graceful()
    jira.clear()
    time.sleep(0.3)
    server.get(PICTURE)
    assert fetched(jira) == 0


@pytest.mark.mpm
def test_a_module_of_another_version_brings_nothing_back(serve, jira):
    load = "LoadModule jira_avatar_module {root}/module.so\n"
    same = "JiraAvatarUserAgent the-same"  # the version is part of the default
    server = serve(join(load, avatars(jira, same), handler()), with_module=False,
                   files={"module.so": module().read_bytes()})
    server.get(PICTURE)
    assert purge(server, "all").status == 200
    server.file("new.so", module().read_bytes().replace(b"0.1.0", b"9.1.0"))
    (server.root / "new.so").rename(server.root / "module.so")
    server.graceful()
    jira.clear()
    assert server.get(PICTURE).status == 200
    assert fetched(jira) == 1


@pytest.mark.parametrize("before, after, forgets", [
    ("generation=2", "generation=2", False),
    ("generation=2", "generation=3", True),
    ("", "generation=2", True),
    ("generation=2", "", True),
    ("shmcb:some(1048576) generation=2", "shmcb:other(2097152) generation=2", False),
])
def test_another_generation_forgets_at_a_reload(serve, jira, before, after, forgets):
    def store(arguments):
        return f"JiraAvatarStore {arguments}\n" if arguments else ""

    server = serve(avatars(jira), server=store(before))
    server.get(PICTURE)
    server.server_text = store(after)
    server.write()
    server.graceful()
    server.wait_log("JAV0761" if forgets else "JAV0760")
    assert ("JAV0761" in server.log()) == forgets
    jira.clear()
    assert ("hit" in server.get(PICTURE)["Cache-Status"]) == (not forgets)
    assert fetched(jira) == forgets
    server.graceful()
    assert "hit" in server.get(PICTURE)["Cache-Status"]
    assert fetched(jira) == 0


def test_a_bad_source_is_a_configuration_error(configured, jira):
    server = configured(join(avatars(jira), handler("JiraAvatarPurgeToken file:/nonexistent")))
    status, said = server.configtest()
    assert status != 0 and "JiraAvatarPurgeToken" in said and server.line_of("PurgeToken") in said

# SPDX-License-Identifier: Apache-2.0
"""A picture of the administrator's own instead of an error, with the error's status or 200."""

import pytest
from jira import avatars
from standin.pictures import picture

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error)\]"
ALL = picture("fallback", "all")
MISSING = picture("fallback", "404", form="svg")


def conf(jira, *lines):
    def text(server):
        server.file("all.png", ALL, 0o644)
        server.file("404.svg", MISSING, 0o644)
        return avatars(jira, *lines)(server)

    return text


def assert_safe(reply):
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply["Content-Security-Policy"]


def ask(server, jira, kind):
    """A request that ends with the status `kind`."""
    if kind in (404, 403):
        return server.get(PATH + ("90001" if kind == 404 else "70001"))
    modes = {502: "500", 503: "429", 504: "hang"}
    jira.mode(modes[kind])
    return server.get(PATH + jira.new_id())


@pytest.mark.mpm
@pytest.mark.parametrize("kind", [404, 403, 502, 503, 504])
def test_one_picture_for_all(serve, jira, kind):
    server = serve(
        conf(jira, "JiraAvatarFallback {root}/all.png", "JiraAvatarTimeout wait=300ms")
    ).allow(COMPLAINS)
    reply = ask(server, jira, kind)
    assert reply.status == kind
    assert (reply["Content-Type"], reply.body) == ("image/png", ALL)
    assert_safe(reply)
    if kind >= 500:
        assert "no-store" in reply.cache_control()
        assert "error=" in reply["Proxy-Status"]
    else:
        assert reply.cache_control()["max-age"] <= 60
    if kind == 503:
        assert int(reply["Retry-After"]) > 0


@pytest.mark.parametrize("kind", [404, 403, 502])
def test_with_status_200(serve, jira, kind):
    server = serve(
        conf(jira, "JiraAvatarFallback {root}/all.png", "JiraAvatarFallbackStatus 200")
    ).allow(COMPLAINS)
    reply = ask(server, jira, kind)
    assert reply.status == 200
    assert reply.body == ALL
    assert reply.cache_control().get("max-age", 0) <= 60
    if kind == 502:
        assert "no-store" in reply.cache_control()


def test_one_for_a_status_and_one_for_the_rest(serve, jira):
    lines = ("JiraAvatarFallback {root}/all.png", "JiraAvatarFallback 404 {root}/404.svg")
    server = serve(conf(jira, *lines)).allow(COMPLAINS)
    reply = ask(server, jira, 404)
    assert (reply.status, reply.body) == (404, MISSING)
    assert reply["Content-Type"].startswith("image/svg+xml")
    assert_safe(reply)
    assert ask(server, jira, 403).body == ALL
    assert ask(server, jira, 502).body == ALL


def test_one_status_alone(serve, jira):
    server = serve(conf(jira, "JiraAvatarFallback 404 {root}/404.svg")).allow(COMPLAINS)
    assert ask(server, jira, 404).body == MISSING
    reply = ask(server, jira, 403)
    assert reply.status == 403 and reply.body != MISSING


def test_head_of_a_fallback(serve, jira):
    server = serve(conf(jira, "JiraAvatarFallback {root}/all.png"))
    get, head = ask(server, jira, 404), server.head(PATH + "90001")
    assert (head.status, head.body) == (404, b"")
    assert head["Content-Type"] == get["Content-Type"]


def test_a_good_picture_needs_no_fallback(serve, jira):
    server = serve(conf(jira, "JiraAvatarFallback {root}/all.png"))
    assert server.get(PATH + "20000").body == picture("project", 20000)


def test_a_fallback_is_not_kept_when_the_avatar_appears(serve, jira):
    server = serve(conf(jira, "JiraAvatarFallback {root}/all.png")).allow(COMPLAINS)
    number = jira.new_id()
    jira.mode("500", times=1)
    assert server.get(PATH + number).body == ALL
    server.wait_log(COMPLAINS)
    for _ in range(50):
        reply = server.get(PATH + number)
        if reply.status == 200:
            break
    assert reply.body == picture("project", number) or reply.status >= 500

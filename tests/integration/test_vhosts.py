# SPDX-License-Identifier: Apache-2.0
"""Several sites and credentials in one server; what is inherited and what is kept apart."""

import time

import pytest
from jira import avatars, directives, join
from standin.pictures import picture

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
HANDLER = '<Location "/avatars/">\n    SetHandler jira-avatar\n{}</Location>\n'


FORBIDDEN = r"\[jira_avatar:warn\].*forbidden"


def vhost(name, *parts):
    inside = join(*parts)
    return lambda server: (
        f"<VirtualHost *:{{port}}>\nServerName {name}\n{inside(server)}</VirtualHost>\n"
    )


def weak(server):
    return f"basic user=weak@example.com secret={server.secret('weak-token', 'secret-weak')}"


def with_weak(jira, **where):
    return lambda server: avatars(jira, credential=weak(server), **where)(server)


@pytest.mark.mpm
@pytest.mark.parametrize("order", [("a.test", "b.test"), ("b.test", "a.test")])
def test_the_same_path_with_another_credential_is_another_entry(serve, jira, order):
    server = serve(join(vhost("a.test", avatars(jira)), vhost("b.test", with_weak(jira))))
    server.allow(FORBIDDEN)
    wanted = {"a.test": 200, "b.test": 403}
    number = jira.new_id()
    for _ in range(2):
        for name in order:
            assert server.get(PATH + number, host=name).status == wanted[name]
    assert len(jira.seen()) == 2


def test_two_locations_with_different_credentials(serve, jira):
    server = serve(join(avatars(jira, path="/a/"), with_weak(jira, path="/b/")))
    server.allow(FORBIDDEN)
    number = jira.new_id()
    tail = f"secure/viewavatar?avatarType=project&avatarId={number}"
    for path, status in (("/a/", 200), ("/b/", 403), ("/a/", 200)):
        assert server.get(path + tail).status == status


def test_different_sites_beside_each_other(serve, jira):
    faces = ("cloud", "gateway", "dc", "dcroot")
    server = serve(join(*(avatars(jira, face=face, path=f"/{face}/") for face in faces)))
    number = jira.new_id()
    for face in faces:
        tail = f"secure/viewavatar?avatarType=project&avatarId={number}"
        assert server.get(f"/{face}/{tail}").body == picture("project", number)
    assert [seen.face for seen in jira.seen()] == list(faces)


def lines(jira, *more, **options):
    return lambda server: "\n".join([*directives(jira, server, **options), *more]) + "\n"


def test_a_virtual_host_inherits_from_the_server(serve, jira):
    server = serve(
        join(lines(jira, "JiraAvatarMaxAge 300s"), vhost("a.test", HANDLER.format("")))
    )
    reply = server.get(PATH + jira.new_id(), host="a.test")
    assert reply.status == 200
    assert 290 <= reply.cache_control()["max-age"] <= 300


def test_the_innermost_value_wins(serve, jira):
    inner = HANDLER.format("    JiraAvatarMaxAge 180s\n")
    server = serve(
        join(
            lines(jira, "JiraAvatarMaxAge 300s", "JiraAvatarNegativeMaxAge 7s"),
            vhost("a.test", "JiraAvatarMaxAge 240s\n", inner),
            vhost("b.test", "JiraAvatarMaxAge 240s\n", HANDLER.format("")),
            vhost("c.test", HANDLER.format("")),
        )
    )
    for name, seconds in (("a.test", 180), ("b.test", 240), ("c.test", 300)):
        reply = server.get(PATH + jira.new_id(), host=name)
        assert seconds - 10 <= reply.cache_control()["max-age"] <= seconds
        assert server.get(PATH + "90001", host=name).cache_control()["max-age"] <= 7


def test_none_in_a_location_takes_an_inherited_credential_away(serve, jira):
    inner = HANDLER.format("    JiraAvatarCredential none\n")
    server = serve(join(lines(jira), vhost("a.test", inner), vhost("b.test", HANDLER.format(""))))
    assert server.get(PATH + "10406", host="a.test").status == 200
    assert "authorization" not in jira.seen()[-1].headers
    assert server.get(PATH + jira.new_id(), host="b.test").status == 200
    assert jira.seen()[-1].headers["authorization"] == jira.authorization("cloud")


@pytest.mark.parametrize(
    "line, default",
    [
        ("JiraAvatarMaxAge 0", "JiraAvatarMaxAge 1h"),
        ("JiraAvatarFormat original", "JiraAvatarFormat png"),
    ],
)
def test_a_default_written_out_wins_over_an_inherited_value(serve, jira, line, default):
    inner = HANDLER.format(f"    {line}\n")
    server = serve(join(lines(jira, default), vhost("a.test", inner)))
    reply = server.get(PATH + "10406", host="a.test")
    assert reply.status == 200
    if "MaxAge" in line:
        assert reply.cache_control().get("max-age", 0) == 0
    else:
        assert reply["Content-Type"].startswith("image/svg+xml")


def test_the_site_of_a_location_is_not_another_locations(serve, jira):
    """A Location inside a Location: the inner site, the inner answers."""
    server = serve(
        join(avatars(jira, path="/avatars/"), avatars(jira, face="dc", path="/avatars/dc/"))
    )
    number = jira.new_id()
    tail = f"secure/viewavatar?avatarType=project&avatarId={number}"
    assert server.get("/avatars/dc/" + tail).status == 200
    assert [seen.face for seen in jira.seen()] == ["dc"]
    assert server.get("/avatars/" + tail).status == 200
    assert [seen.face for seen in jira.seen()] == ["dc", "cloud"]


def test_a_handler_without_a_site_does_not_start(configured, jira):
    server = configured(HANDLER.format(""))
    status, output = server.configtest()
    assert status != 0
    assert "JiraAvatarSite" in output and server.line_of("SetHandler") in output


def test_the_host_header_selects_no_credential_but_the_virtual_hosts(serve, jira):
    server = serve(join(vhost("a.test", with_weak(jira)), vhost("b.test", avatars(jira))))
    server.allow(FORBIDDEN)
    number = jira.new_id()
    for host in ("a.test", "a.test:80", "A.TEST", "a.test.", "unknown.test", "localhost:1"):
        assert server.get(PATH + number, host=host).status == 403, host
    for name in ("X-Forwarded-Host", "X-Host", "Forwarded"):
        assert server.get(PATH + number, host="a.test", headers={name: "b.test"}).status == 403


def test_as_many_sites_as_one_likes(serve, jira):
    """Each its own, as another User-Agent makes them; what each learns it keeps for itself."""
    count = 70
    server = serve(
        join(
            *(
                avatars(jira, f"JiraAvatarUserAgent a{i}", face="gateway", path=f"/a{i}/")
                for i in range(count)
            )
        )
    )
    for i in range(count):
        path = f"/a{i}/rest/api/3/universal_avatar/view/type/project/avatar/{jira.new_id()}"
        assert server.get(path).status == 200, i
    assert len(jira.seen(questions=True)) == 2 * count


def test_a_location_that_keeps_less_takes_nothing_from_another(serve, jira):
    server = serve(
        join(
            avatars(jira, "JiraAvatarMaxAge 1s", "JiraAvatarStaleAge 0", path="/short/"),
            avatars(jira, path="/long/"),
        )
    )
    server.allow(r"\[jira_avatar:error\].*upstream-error")
    path = PATH.replace("/avatars/", "") + jira.new_id()
    assert server.get("/long/" + path).status == 200
    time.sleep(1.2)
    jira.mode("500")
    assert server.get("/short/" + path).status == 502
    assert server.get("/long/" + path).status == 200

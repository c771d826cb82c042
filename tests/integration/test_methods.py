# SPDX-License-Identifier: Apache-2.0
"""GET and HEAD answer, OPTIONS lists them, nothing else is done."""

import client
import pytest
from jira import avatars

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId=10406"


@pytest.fixture(scope="module")
def server(share, one_jira):
    return share(avatars(one_jira))


def fields(reply):
    return {name.lower(): value for name, value in reply.headers.items() if name not in VARYING}


VARYING = {"Date", "Cache-Status", "Age"}


@pytest.mark.parametrize(
    "path", [PATH, "/avatars/nonsense", "/avatars/secure/viewavatar?avatarId=x"]
)
def test_head_has_the_headers_of_get_and_no_body(server, jira, path):
    server.get(path)
    get, head = server.get(path), server.head(path)
    assert head.status == get.status
    assert head.body == b""
    wanted = fields(get)
    if "content-length" not in fields(head):  # httpd may leave it out of an error
        assert get.status != 200
        wanted.pop("content-length", None)
    assert fields(head) == wanted


def test_head_on_a_cold_avatar_fetches_it(server, jira):
    path = PATH.replace("10406", jira.new_id())
    assert server.head(path).status == 200
    assert server.get(path).status == 200
    assert [seen.method for seen in jira.seen()] == ["GET"]


@pytest.mark.parametrize("path", [PATH, "/avatars/nonsense"])
def test_options_lists_what_there_is(server, jira, path):
    reply = server.request(path, "OPTIONS")
    assert reply.status == 200
    allow = {method.strip() for method in reply["Allow"].split(",")}
    assert {"GET", "HEAD", "OPTIONS"} <= allow <= {"GET", "HEAD", "OPTIONS", "TRACE"}
    assert jira.seen() == []


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "MKCOL", "CONNECTX", "get"]
)
def test_other_methods_are_405_with_allow(server, jira, method):
    reply = server.request(PATH.replace("10406", jira.new_id()), method, body="size=small")
    if method in ("CONNECTX", "get"):
        assert reply.status in (405, 501)
    else:
        assert reply.status == 405
        assert {"GET", "HEAD"} <= {name.strip() for name in reply["Allow"].split(",")}
    assert jira.seen() == []


def test_a_body_of_a_get_changes_nothing_and_goes_nowhere(server, jira):
    path = PATH.replace("10406", jira.new_id())
    plain = server.get(path)
    fat = server.get(path + "&size=large", body="avatarId=10303&size=small")
    assert (fat.status, fat.body) == (plain.status, plain.body)
    server.get(path.replace("project", "issuetype"), body="x" * 5000)
    assert len(jira.seen()) == 2
    for seen in jira.seen():
        assert seen.method == "GET"
        assert "content-length" not in seen.headers and "transfer-encoding" not in seen.headers


def test_a_method_override_is_not_heard(server, jira):
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert server.get(PATH, headers={name: "DELETE"}).status == 200
    assert {seen.method for seen in jira.seen()} <= {"GET"}


def test_two_requests_on_one_connection_after_a_fat_get(server, jira):
    first = client.compose(PATH, headers={"Connection": "keep-alive"}, body="GET /x HTTP/1.1\r\n")
    second = client.compose(PATH)
    assert client.statuses(server.raw(first + second)) == [200, 200]


@pytest.mark.parametrize(
    "method, headers, status",
    [("POST", {}, 405), ("OPTIONS", {}, 200), ("GET", {"If-Match": '"another"'}, 412)],
)
def test_what_is_not_answered_says_who_did_not(server, jira, method, headers, status):
    reply = server.request(PATH, method, headers=headers)
    assert reply.status == status
    assert reply["Cache-Status"].split(";")[0] == "jira-avatar"
    assert reply["X-Content-Type-Options"] == "nosniff"

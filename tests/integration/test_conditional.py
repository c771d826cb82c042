# SPDX-License-Identifier: Apache-2.0
"""ETag and If-None-Match; a 304 to a client that has the picture."""

import pytest
from jira import avatars

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId=10406"
OTHER = "/avatars/secure/viewavatar?avatarType=project&avatarId=10407"


@pytest.fixture(scope="module")
def server(share, one_jira):
    return share(avatars(one_jira))


@pytest.fixture
def etag(server, jira):
    reply = server.get(PATH)
    assert reply.status == 200
    return reply["ETag"]


def test_the_etag_is_strong_and_of_the_content(server, jira, etag):
    assert etag.startswith('"') and etag.endswith('"') and len(etag) > 10
    assert server.get(PATH)["ETag"] == etag
    assert server.get(OTHER)["ETag"] != etag


MATCHING = ["{}", "W/{}", '"x", {}', '{}, "x"', '"x","y",W/{} , "z"', "*", "{suffix}"]
DIFFERENT = ['"x"', "x", '"', 'W/"x"', '"x", "y"', '"x', ""]


def fill(pattern, etag):
    return pattern.replace("{suffix}", f'{etag[:-1]}-gzip"').replace("{}", etag)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("pattern", MATCHING)
def test_a_client_that_has_it_gets_304(server, jira, etag, pattern, method):
    reply = server.request(PATH, method, headers={"If-None-Match": fill(pattern, etag)})
    assert reply.status == 304, reply
    assert reply.body == b""
    assert reply["ETag"].removeprefix("W/").strip('"').removesuffix("-gzip") == etag.strip('"')
    assert "max-age" in reply.cache_control()
    assert reply["Content-Length"] in (None, "0") and reply["Content-Type"] is None


@pytest.mark.parametrize("pattern", DIFFERENT)
def test_a_client_with_another_one_gets_200(server, jira, etag, pattern):
    reply = server.get(PATH, headers={"If-None-Match": pattern})
    assert reply.status == 200
    assert reply.body


def test_several_fields_are_one_list(server, jira, etag):
    fields = [("If-None-Match", '"x"'), ("If-None-Match", etag)]
    assert server.get(PATH, headers=fields).status == 304


def test_if_none_match_wins_over_if_modified_since(server, jira, etag):
    later = "Fri, 01 Jan 2038 00:00:00 GMT"
    fields = {"If-None-Match": '"x"', "If-Modified-Since": later}
    assert server.get(PATH, headers=fields).status == 200


@pytest.mark.parametrize("pattern", ["*", '"x"'])
def test_a_condition_on_a_cold_avatar_fetches_once_unconditionally(server, jira, pattern):
    path = PATH.replace("10406", jira.new_id())
    reply = server.get(path, headers={"If-None-Match": pattern})
    assert reply.status == (304 if pattern == "*" else 200)
    (seen,) = jira.seen()
    assert not {"if-none-match", "if-modified-since"} & set(seen.headers)


def test_a_condition_is_nothing_to_an_error(server, jira, etag):
    reply = server.get("/avatars/nonsense", headers={"If-None-Match": "*"})
    assert reply.status == 404


def test_the_same_picture_after_a_reload_has_the_same_etag(server, jira, etag):
    server.graceful()
    assert server.get(PATH)["ETag"] == etag


def test_a_range_is_answered_from_the_whole_picture(server, jira, etag):
    whole = server.get(PATH)
    part = server.get(PATH, headers={"Range": "bytes=0-3"})
    assert part.status in (200, 206)
    assert part.body == (whole.body[:4] if part.status == 206 else whole.body)
    assert all("range" not in seen.headers for seen in jira.seen())


def test_a_range_outside_of_the_picture(server, jira, etag):
    reply = server.get(PATH, headers={"Range": "bytes=99999999-"})
    assert reply.status == 416
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply["Content-Security-Policy"]
    assert reply["Cache-Status"].startswith("jira-avatar")

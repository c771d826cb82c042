# SPDX-License-Identifier: Apache-2.0
"""What the visitor gets for each way in which Jira can answer, or not."""

import re
import time

import pytest
from jira import avatars
from standin.pictures import picture

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
USER = "/avatars/secure/useravatar?ownerId=fred&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error)\]"
PARAMETER = r"; (?:error=[a-z_]+|details=\"[^\"]+\"|received-status=\d{3})"
PROXY_STATUS = re.compile(rf"jira-avatar(?=.*; error=)(?=.*; details=)(?:{PARAMETER}){{2,3}}")
TIMES = "JiraAvatarTimeout connect=1s total=2s wait=2s"


def assert_safe(reply):
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply["Content-Security-Policy"]
    assert re.match(r"jira-avatar\b", reply["Cache-Status"])
    assert reply["Set-Cookie"] is None
    assert not [name for name in reply.headers if name.lower().startswith(FOREIGN)]


FOREIGN = ("x-a", "x-seraph", "x-sendfile", "x-accel", "x-lighttpd", "refresh", "www-auth", "link",
           "alt-svc", "atl-", "x-filler", "x-ratelimit", "ratelimit", "clear-site", "location",
           "content-location", "content-disposition", "content-encoding", "surrogate", "via",
           "x-failure", "access-control", "warning", "expires")


def assert_image(reply, body=None):
    assert reply.status == 200, reply
    assert_safe(reply)
    assert reply["Proxy-Status"] is None
    found = reply.cache_control()
    assert ("public" in found) != ("private" in found)
    assert 3590 <= found["max-age"] <= 3600
    assert found["stale-while-revalidate"] and found["stale-if-error"]
    assert "s-maxage" not in found
    assert reply["ETag"] and int(reply["Content-Length"]) == len(reply.body)
    if body is not None:
        assert reply.body == body


def assert_error(reply, status):
    assert reply.status == status, reply
    assert_safe(reply)
    assert reply.text.strip()
    assert "TOP-SECRET" not in reply.text
    if status >= 500:
        assert set(reply.cache_control()) == {"no-store"}
        assert re.match(
            r'jira-avatar; error=[a-z_]+; details="[^"]+"(; received-status=\d{3})?$',
            reply["Proxy-Status"],
        )
    else:
        assert 0 < reply.cache_control()["max-age"] <= 60
    assert bool(reply["Retry-After"]) == (status == 503)


def until(holds, seconds=5):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    assert holds()


@pytest.fixture(scope="module")
def server(share, one_jira):
    """Every test asks for an avatar of its own and for a site in a good mood: what one test
    taught the module about the site must not be the next one's trouble."""
    return share(avatars(one_jira, TIMES))


# ---- good answers -----------------------------------------------------------------------------

KINDS = [
    ("20000", "png", "image/png"),
    ("20001", "gif", "image/gif"),
    ("20002", "jpeg", "image/jpeg"),
    ("20003", "webp", "image/webp"),
    ("20004", "webp", "image/webp"),
    ("20005", "gif", "image/gif"),
    ("20007", "png", "image/png"),
    ("10406", "svg", "image/svg+xml"),
]


@pytest.mark.mpm
@pytest.mark.parametrize("number, form, mime", KINDS)
def test_an_image(server, jira, number, form, mime):
    reply = server.get(PATH + number)
    assert_image(reply, picture("project", number, form="svg" if form == "svg" else "png"))
    assert reply["Content-Type"].partition(";")[0] == mime
    again = server.get(PATH + number)
    assert again.body == reply.body
    # A picture of nearly a megabyte is more than the default store takes: only the process that
    # fetched it holds it, and in prefork the next request may well come to another one.
    assert "hit" in again["Cache-Status"] or (number, server.mpm) == ("20007", "prefork")


GOOD_MODES = {
    "header": {"name": "content-type", "value": "text/html"},
    "wrong_type": {},
    "no_type": {},
    "hostile_headers": {},
    "date_skew": {"seconds": -86400 * 400},
    "dc_rate_headers": {},
    "close_after": {},
    "delay": {"ms": 200},
}


@pytest.mark.parametrize("mode", GOOD_MODES)
def test_only_the_picture_counts(server, jira, mode):
    jira.mode(mode, **GOOD_MODES[mode])
    number = jira.new_id()
    reply = server.get(PATH + number)
    assert_image(reply, picture("project", number))
    assert reply["Content-Type"] == "image/png"


def test_a_script_in_an_svg_is_served_where_it_cannot_run(server, jira):
    jira.mode("svg_script")
    reply = server.get(PATH + jira.new_id())
    if reply.status == 200:
        assert_safe(reply)
        policy = reply["Content-Security-Policy"]
        assert "sandbox" in policy and "script-src" not in policy and "allow-" not in policy
        assert reply["Content-Type"].startswith("image/svg+xml")
    else:
        server.allow(COMPLAINS)
        assert_error(reply, 502)


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_format_of_the_administrator(serve, jira, form):
    server = serve(avatars(jira, f"JiraAvatarFormat {form}"))
    reply = server.get(PATH + "10406")
    assert_image(reply, picture("project", 10406, form=form))
    assert [seen.query.get("format") for seen in jira.seen()] == [form]


def test_the_visitors_format_wins_over_the_administrators(serve, jira):
    server = serve(avatars(jira, "JiraAvatarFormat png"))
    reply = server.get(PATH + "10406&format=svg")
    assert_image(reply, picture("project", 10406, form="svg"))


# ---- Jira says no -----------------------------------------------------------------------------


@pytest.mark.mpm
@pytest.mark.parametrize("number, status", [("90001", 404), ("70001", 403)])
def test_no_such_avatar_and_not_permitted(serve, jira, number, status):
    server = serve(avatars(jira)).allow(COMPLAINS)
    first = server.get(PATH + number)
    assert_error(first, status)
    assert_error(server.get(PATH + number), status)
    assert len(jira.seen()) == 1


def test_a_negative_answer_is_kept_as_long_as_said(serve, jira):
    server = serve(avatars(jira, "JiraAvatarNegativeMaxAge 1s"))
    for _ in range(2):
        assert server.get(PATH + "90001").status == 404
    assert len(jira.seen()) == 1
    time.sleep(2.1)
    assert server.get(PATH + "90001").status == 404
    assert len(jira.seen()) == 2


# ---- Jira does wrong --------------------------------------------------------------------------

# mode, its arguments, our status, a word that the log must say
WRONG = [
    ("500", {}, 502, ""),
    ("501", {}, 502, ""),
    ("502", {}, 502, ""),
    ("503", {"retry_after": 7}, 503, ""),
    ("503", {}, 503, ""),
    ("429", {}, 503, ""),
    ("429", {"date_in": 20}, 503, ""),
    ("429", {"retry_after": None, "reset_in": 60}, 503, ""),
    ("gw_429", {}, 503, ""),
    ("hang", {}, 504, ""),
    ("slow_headers", {"seconds": 6}, 504, ""),
    ("slow_body", {"bytes": 1, "every": 0.3}, 504, ""),
    ("401_site", {}, 502, "bot@example.com"),
    ("gw_401", {}, 502, ""),
    ("gw_scope", {}, 502, "scope"),
    ("captcha", {}, 502, "CAPTCHA"),
    ("basic_disabled_403", {}, 502, ""),
    ("anonymous_200", {}, 502, ""),
    ("credentials_ignored", {}, 502, ""),
    ("auth_failed_200", {}, 502, ""),
    ("auth_failed_200", {"reason": "AUTHENTICATION_DENIED"}, 502, ""),
    ("auth_failed_200", {"reason": "OUT, AUTHENTICATED_FAILED"}, 502, ""),
    ("login_html_200", {}, 502, ""),
    ("login_redirect", {}, 502, ""),
    ("sso_redirect", {}, 502, ""),
    ("redirect_elsewhere", {}, 502, ""),
    ("redirect_elsewhere", {"status": 301}, 502, ""),
    ("redirect_elsewhere", {"status": 307}, 502, ""),
    ("redirect_elsewhere", {"status": 308}, 502, ""),
    ("redirect_elsewhere", {"location": "file:///etc/passwd"}, 502, ""),
    ("redirect_elsewhere", {"location": "//evil.example/"}, 502, ""),
    ("redirect_http", {}, 502, ""),
    ("redirect_loop", {}, 502, ""),
    ("html_error_200", {}, 502, ""),
    ("json_200", {}, 502, ""),
    ("empty_200", {}, 502, ""),
    ("204", {}, 502, ""),
    ("206", {}, 502, ""),
    ("304", {}, 502, ""),
    ("truncated", {}, 502, ""),
    ("truncated_png", {}, 502, ""),
    ("huge", {"megabytes": 3}, 502, ""),
    ("huge_chunked", {}, 502, ""),
    ("gzip", {}, 502, ""),
    ("svgz", {}, 502, ""),
    ("svg_utf16", {}, 502, ""),
    ("svg_entities", {}, 502, ""),
    ("body", {"text": "<svg xmlns='http://www.w3.org/2000/svg'>"}, 502, ""),
    ("body", {"text": "<html><svg></svg></html>", "type": "image/svg+xml"}, 502, ""),
    ("body", {"hex": "89504e470d0a1a0a"}, 502, ""),
    ("body", {"text": "GIF89a"}, 502, ""),
    ("body", {"hex": "ffd8ffd9"}, 502, ""),
    ("body", {"hex": "424d460000000000"}, 502, ""),
    ("close", {}, 502, ""),
    ("reset_stream", {"code": 2}, 502, ""),
    ("goaway", {}, 502, ""),
    ("403_json", {}, 403, ""),
    ("policy_403", {}, (403, 502), ""),
    ("html_403", {}, (403, 502), ""),
    ("404", {}, 404, ""),
    ("410", {}, (404, 502), ""),
    ("400", {}, (404, 502), ""),
    ("504", {}, (502, 504), ""),
    ("big_header", {}, (200, 502), ""),
    ("many_headers", {"count": 20000}, (200, 502), ""),
]


def name_of(value):
    return str(value) if value else "-"


@pytest.mark.parametrize("mode, args, status, word", WRONG, ids=name_of)
def test_what_goes_wrong(serve, jira, mode, args, status, word):
    server = serve(avatars(jira, TIMES)).allow(COMPLAINS)
    jira.mode(mode, **args)
    began = time.monotonic()
    reply = server.get(PATH + jira.new_id())
    assert time.monotonic() - began < 4
    if isinstance(status, tuple):
        assert reply.status in status, reply
        status = reply.status
    if status == 200:
        return assert_image(reply)
    assert_error(reply, status)
    assert jira.seen("elsewhere") == [] and jira.seen("dcroot") == []
    if status == 503 and "retry_after" in args and args["retry_after"]:
        assert 1 <= int(reply["Retry-After"]) <= args["retry_after"]
    if status >= 500:
        assert re.search(COMPLAINS, server.log()), "the log does not say why"
    assert word.lower() in server.log().lower()


def test_a_picture_for_nobody_in_particular(serve, jira):
    """Jira names the account elsewhere, so it would have named it here."""
    server = serve(avatars(jira, TIMES)).allow(COMPLAINS)
    jira.mode("no_identity_200", match="avatar")
    assert_error(server.get(PATH + jira.new_id()), 502)


@pytest.mark.parametrize("face", ["dc", "dcroot"])
@pytest.mark.parametrize(
    "mode, args, status",
    [
        ("anonymous_200", {}, 502),
        ("auth_failed_200", {}, 502),
        ("basic_disabled_403", {}, 502),
        ("captcha", {"status": 401}, 502),
        ("captcha", {}, 502),
        ("login_redirect", {}, 502),
        ("login_html_200", {}, 502),
        ("429", {}, 503),
        ("dc_rate_headers", {}, 200),
    ],
    ids=name_of,
)
def test_what_goes_wrong_at_a_data_center(serve, jira, face, mode, args, status):
    server = serve(avatars(jira, TIMES, face=face)).allow(COMPLAINS)
    jira.mode(mode, face=face, **args)
    reply = server.get(PATH + jira.new_id())
    assert_image(reply) if status == 200 else assert_error(reply, status)


def test_a_site_that_names_the_account_elsewhere_must_name_it_with_the_picture(serve, jira):
    server = serve(avatars(jira, TIMES)).allow(COMPLAINS)
    jira.mode("no_identity_200", match="universal_avatar")
    assert_error(server.get(PATH + jira.new_id()), 502)


def test_a_site_that_never_names_the_account_is_asked_once_who_we_are(serve, jira):
    server = serve(avatars(jira, TIMES))
    jira.mode("no_identity_200")
    for _ in range(3):
        assert_image(server.get(PATH + jira.new_id()))
    assert [seen.path for seen in jira.seen(questions=True)].count("/rest/api/3/myself") == 1


def test_a_wrong_password_is_said_with_the_remedy(serve, jira):
    server = serve(avatars(jira, TIMES, face="dcroot")).allow(COMPLAINS)
    jira.accounts([])
    assert_error(server.get(PATH + jira.new_id()), 502)
    line = server.wait_log(COMPLAINS)
    assert "fred" in line and "good-password" not in line


def test_one_failed_login_is_enough(serve, jira):
    """Data Center answers repeated failures with a CAPTCHA, and then to everybody."""
    server = serve(avatars(jira, TIMES, face="dcroot")).allow(COMPLAINS)
    jira.accounts([])
    for _ in range(8):
        assert server.get(PATH + jira.new_id()).status == 502
    assert len(jira.seen()) <= 2


def test_retry_after_is_kept(serve, jira):
    server = serve(avatars(jira, TIMES)).allow(COMPLAINS)
    jira.mode("429", retry_after=30, times=1)
    for _ in range(6):
        reply = server.get(PATH + jira.new_id())
        assert reply.status == 503
        assert 1 <= int(reply["Retry-After"]) <= 30
    assert len(jira.seen()) == 1


# ---- no Jira at all ---------------------------------------------------------------------------

NOWHERE = [
    ("http://127.0.0.1:1", 502, "connection_refused"),
    ("https://no-such-name.invalid", 502, "dns_error"),
]


@pytest.mark.mpm
@pytest.mark.parametrize("site, status, error", NOWHERE)
def test_no_connection_and_no_name(serve, jira, site, status, error):
    server = serve(avatars(jira, TIMES, site=site)).allow(COMPLAINS)
    reply = server.get(PATH + "10406")
    assert_error(reply, status)
    assert f"error={error}" in reply["Proxy-Status"]


# ---- the silent default, and good pictures that are held --------------------------------------

BAD_WEATHER = [
    ("anonymous_200", {}),
    ("credentials_ignored", {}),
    ("auth_failed_200", {}),
    ("no_identity_200", {"match": "universal_avatar"}),
    ("login_html_200", {}),
    ("login_redirect", {}),
    ("401_site", {}),
    ("500", {}),
    ("502", {}),
    ("503", {}),
    ("429", {}),
    ("hang", {}),
    ("close", {}),
    ("truncated", {}),
    ("gzip", {}),
    ("html_error_200", {}),
    ("huge", {"megabytes": 3}),
]


@pytest.mark.parametrize("mode, args", BAD_WEATHER, ids=name_of)
def test_a_good_picture_outlives_bad_weather(serve, jira, mode, args):
    server = serve(avatars(jira, TIMES, "JiraAvatarMaxAge 1s")).allow(COMPLAINS)
    number = jira.new_id()
    good = server.get(PATH + number)
    assert good.status == 200
    jira.mode(mode, **args)
    time.sleep(2.1)
    for _ in range(4):
        reply = server.get(PATH + number)
        assert (reply.status, reply.body) == (200, good.body), reply
        assert_safe(reply)
        time.sleep(0.15)
    assert len(jira.seen()) >= 2, "nobody asked again"


@pytest.mark.mpm
def test_a_stale_picture_is_served_at_once_and_refreshed(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxAge 1s"))
    number = jira.new_id()
    server.get(PATH + number)
    jira.mode("slow_headers", seconds=1)
    time.sleep(2.1)
    began = time.monotonic()
    reply = server.get(PATH + number)
    assert reply.status == 200
    assert time.monotonic() - began < 0.7
    until(lambda: len(jira.seen()) == 2)
    time.sleep(1.3)
    server.get(PATH + number)


def test_jira_is_asked_by_its_own_validators(serve, jira):
    """Jira is not known to send any; if it ever does, an unchanged picture costs no bytes."""
    server = serve(avatars(jira, "JiraAvatarMaxAge 1s"))
    number = jira.new_id()
    jira.mode("header", name="etag", value='W/"v1"', times=1)
    good = server.get(PATH + number)
    assert good.status == 200 and good["ETag"] != 'W/"v1"'
    jira.unmode()
    jira.mode("304")
    time.sleep(1.2)
    assert server.get(PATH + number).body == good.body
    until(lambda: len(jira.seen()) == 2)
    assert jira.seen()[1].headers["if-none-match"] == 'W/"v1"'
    reply = server.get(PATH + number)
    assert reply.body == good.body and "refreshing" not in reply["Cache-Status"]


def test_a_picture_that_changed_is_seen_after_its_age(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxAge 1s"))
    number = jira.new_id()
    old = server.get(PATH + number)
    new = picture("project", "other")
    jira.mode("body", hex=new.hex())
    time.sleep(2.1)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        reply = server.get(PATH + number)
        assert reply.status == 200
        if reply.body == new:
            break
        time.sleep(0.1)
    assert reply.body == new
    assert reply["ETag"] != old["ETag"]


def test_beyond_its_stale_age_a_picture_is_gone(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxAge 1s", "JiraAvatarStaleAge 1s")).allow(COMPLAINS)
    number = jira.new_id()
    assert server.get(PATH + number).status == 200
    jira.mode("500")
    time.sleep(4.1)
    assert server.get(PATH + number).status == 502


def test_an_avatar_that_was_deleted_is_said_to_be(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxAge 1s"))
    number = jira.new_id()
    assert server.get(PATH + number).status == 200
    jira.mode("404")
    time.sleep(2.1)
    end = time.monotonic() + 5
    while server.get(PATH + number).status == 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert server.get(PATH + number).status == 404


def test_a_failure_is_not_kept_when_the_weather_turns(serve, jira):
    server = serve(avatars(jira, TIMES)).allow(COMPLAINS)
    number = jira.new_id()
    jira.mode("500")
    assert server.get(PATH + number).status == 502
    jira.unmode()
    end = time.monotonic() + 10
    while (reply := server.get(PATH + number)).status != 200 and time.monotonic() < end:
        time.sleep(0.2)
    assert_image(reply, picture("project", number))


@pytest.mark.parametrize("mode", ["anonymous_200", "auth_failed_200", "401_site"])
def test_a_refusal_is_not_kept_when_the_token_is_new(serve, jira, mode):
    server = serve(avatars(jira, TIMES)).allow(COMPLAINS)
    number = jira.new_id()
    jira.mode(mode)
    assert server.get(PATH + number).status == 502
    jira.unmode()
    who = "557058:aaaaaaaa-0000-4000-8000-000000000001"
    row = {"where": "site", "scheme": "basic", "user": "bot@example.com", "id": who}
    jira.accounts([{**row, "secret": "new-token", "verdict": "ok"}])
    (server.root / "secret-cloud").write_text("new-token")
    time.sleep(1.3)
    assert_image(server.get(PATH + number), picture("project", number))


@pytest.mark.parametrize("number", ["20007", "20008"])
def test_max_bytes(serve, jira, number):
    server = serve(avatars(jira, "JiraAvatarMaxBytes 64K")).allow(COMPLAINS)
    assert_error(server.get(PATH + number), 502)
    assert "error=http_response_body_size" in server.get(PATH + number)["Proxy-Status"]


def test_static_icons_need_no_identity(server, jira):
    reply = server.get("/avatars/images/icons/priorities/high.svg")
    assert_image(reply)


def test_a_conditional_of_ours_is_not_needed(server, jira):
    server.get(PATH + jira.new_id())
    unwanted = {"if-none-match", "if-modified-since", "accept-encoding", "range", "cookie"}
    for seen in jira.seen():
        assert not unwanted & set(seen.headers)


def test_a_static_icon_says_nothing_about_the_credential(serve, jira):
    """Data Center may not even look at a token for files; they are for everybody."""
    server = serve(avatars(jira, face="dc"))
    jira.mode("header", face="dc", match="/images/icons/", name="X-AUSERNAME", value="anonymous")
    assert server.get("/avatars/images/icons/priorities/major.svg").status == 200
    assert server.get(f"/avatars/secure/viewavatar?avatarId={jira.new_id()}").status == 200


def test_only_429_and_503_ask_to_wait(serve, jira):
    """A limit that is named beside another trouble is nothing to wait for."""
    server = serve(avatars(jira))
    server.allow(r"\[jira_avatar:error\].*upstream-error")
    jira.mode("500", times=1)
    jira.mode("header", times=1, name="X-RateLimit-Reset", value="2099-01-01T00:00Z")
    path = "/avatars/secure/viewavatar?avatarType=project&avatarId="
    assert server.get(path + jira.new_id()).status == 502
    assert server.get(path + jira.new_id()).status == 200

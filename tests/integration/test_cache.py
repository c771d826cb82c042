# SPDX-License-Identifier: Apache-2.0
"""mod_cache in front: both providers, quick handler on and off; and who may have what."""

import gzip
import time

import pytest
from jira import avatars
from standin.pictures import picture

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error)\]"
PROVIDERS = {
    "disk": ("cache_disk", "CacheRoot {root}/cache\nCacheEnable disk /avatars/\n"),
    "socache": (
        "cache_socache",
        'CacheSocache "shmcb:{root}/run/cache(8388608)"\nCacheEnable socache /avatars/\n'
        "CacheSocacheMaxSize 2000000\n",
    ),
}
WAYS = [(provider, quick) for provider in PROVIDERS for quick in ("on", "off")]


@pytest.fixture(params=WAYS, ids=lambda way: f"{way[0]}-quick-{way[1]}")
def way(request):
    return request.param


@pytest.fixture
def cached(serve, way):
    """cached(conf): a server with mod_cache in front, in each way."""

    def start(conf, *more, modules=(), **settings):
        provider, quick = way
        module, lines = PROVIDERS[provider]
        text = f"{lines}CacheQuickHandler {quick}\nCacheHeader on\n" + "".join(more)
        return serve(
            lambda server: text + conf(server), modules=["cache", module, *modules], **settings
        )

    return start


def hit(reply):
    return (reply["X-Cache"] or "").startswith("HIT")


@pytest.mark.mpm
def test_the_second_request_is_a_hit(cached, jira):
    server = cached(avatars(jira))
    number = jira.new_id()
    first, second, third = (server.get(PATH + number) for _ in range(3))
    assert not hit(first)
    assert hit(second) and hit(third)
    for reply in (first, second, third):
        assert (reply.status, reply.body) == (200, picture("project", number))
        assert reply["Content-Type"] == "image/png"
        assert reply["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in reply["Content-Security-Policy"]
        assert reply["ETag"] == first["ETag"]
    assert len(jira.seen()) == 1


def test_the_body_is_intact_after_a_revalidation(cached, jira):
    server = cached(avatars(jira, "JiraAvatarMaxAge 1s"))
    number = jira.new_id()
    server.get(PATH + number)
    for _ in range(2):
        time.sleep(2.1)
        for _ in range(3):
            reply = server.get(PATH + number)
            assert (reply.status, reply.body) == (200, picture("project", number)), reply


@pytest.mark.parametrize("method, condition", [("HEAD", None), ("GET", "own"), ("GET", "other")])
def test_no_request_spoils_a_stale_entry(cached, jira, method, condition):
    server = cached(avatars(jira, "JiraAvatarMaxAge 1s"))
    number = jira.new_id()
    etag = server.get(PATH + number)["ETag"]
    time.sleep(2.1)
    fields = {"own": {"If-None-Match": etag}, "other": {"If-None-Match": '"x"'}}.get(condition)
    reply = server.request(PATH + number, method, headers=fields)
    assert reply.status in ((200, 304) if condition == "own" else (200,))
    for _ in range(3):
        reply = server.get(PATH + number)
        assert (reply.status, reply.body) == (200, picture("project", number)), reply


def test_a_cold_head_spoils_nothing(cached, jira):
    server = cached(avatars(jira))
    number = jira.new_id()
    assert server.head(PATH + number).status == 200
    for _ in range(3):
        assert server.get(PATH + number).body == picture("project", number)
    assert len(jira.seen()) == 1


def test_a_condition_is_answered_from_the_cache(cached, jira):
    server = cached(avatars(jira))
    number = jira.new_id()
    etag = server.get(PATH + number)["ETag"]
    for _ in range(2):
        reply = server.get(PATH + number, headers={"If-None-Match": etag})
        assert (reply.status, reply.body) == (304, b"")
    assert server.get(PATH + number).body == picture("project", number)


def test_a_range_of_a_hit(cached, jira):
    server = cached(avatars(jira))
    number = jira.new_id()
    whole = picture("project", number)
    for _ in range(2):
        part = server.get(PATH + number, headers={"Range": "bytes=0-9"})
        assert (part.status, part.body) in ((206, whole[:10]), (200, whole))
    assert server.get(PATH + number).body == whole


def test_no_set_cookie_is_kept_for_others(cached, jira):
    server = cached(avatars(jira), "CookieTracking on\nCookieName visitor\n", modules=["usertrack"])
    number = jira.new_id()
    cookies = [server.get(PATH + number)["Set-Cookie"] for _ in range(4)]
    given = [cookie for cookie in cookies if cookie]
    assert len(given) == len(set(given)), cookies
    assert not any("JSESSIONID" in cookie or "atlassian" in cookie for cookie in given)
    for path in (server.root / "cache").rglob("*"):
        if path.is_file():
            stored = path.read_bytes().partition(b"\r\n\r\n")[0].lower()
            assert b"\nset-cookie" not in stored and b"jsessionid" not in stored


@pytest.mark.parametrize("number, status", [("90001", 404), ("70001", 403)])
def test_a_short_no_is_kept_short(cached, jira, number, status):
    server = cached(avatars(jira, "JiraAvatarNegativeMaxAge 1s")).allow(COMPLAINS)
    for _ in range(3):
        reply = server.get(PATH + number)
        assert reply.status == status
        assert reply["X-Content-Type-Options"] == "nosniff"
    assert len(jira.seen()) == 1
    time.sleep(2.2)
    jira.mode("body", hex=picture("project", "new").hex())
    end = time.monotonic() + 4
    while server.get(PATH + number).status != 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert server.get(PATH + number).status == 200


BAD = ["500", "503", "429", "anonymous_200", "login_html_200", "truncated", "gzip", "close",
       "redirect_elsewhere", "hostile_headers", "empty_200", "304", "206", "204", "no_type",
       "many_headers", "big_header"]


@pytest.mark.parametrize("mode", BAD)
def test_no_failure_is_stored(cached, jira, mode):
    server = cached(avatars(jira)).allow(COMPLAINS)
    number = jira.new_id()
    jira.mode(mode)
    for _ in range(3):
        reply = server.get(PATH + number)
        if reply.status >= 500:
            assert not hit(reply)
            assert "no-store" in reply.cache_control()
        else:
            assert (reply.status, reply.body) == (200, picture("project", number))


def test_a_bad_request_is_not_stored(cached, jira):
    server = cached(avatars(jira))
    for path in ("/avatars/nonsense", PATH + "x"):
        for _ in range(3):
            assert not hit(server.get(path))
    assert jira.seen() == []


def test_an_unknown_parameter_fills_no_cache(cached, jira):
    server = cached(avatars(jira))
    number = jira.new_id()
    for turn in range(6):
        reply = server.get(f"{PATH}{number}&junk={turn // 2}")
        assert reply.status == 200 and not hit(reply)
    assert len(jira.seen()) == 1
    assert not hit(server.get(PATH + number))
    assert hit(server.get(PATH + number))


def test_a_visitor_can_not_force_a_fetch(cached, jira):
    server = cached(avatars(jira))
    number = jira.new_id()
    server.get(PATH + number)
    for fields in (
        {"If-None-Match": '"x"'},
        {"Cache-Control": "no-cache"},
        {"Cache-Control": "no-store"},
        {"Cache-Control": "max-age=0"},
        {"Pragma": "no-cache"},
        {"Authorization": "Basic eDp5"},
        {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"If-Match": '"x"'},
        {"Host": "localhost:81"},
    ):
        assert server.get(PATH + number, headers=fields).status in (200, 412), fields
    assert len(jira.seen()) == 1


def test_the_cache_outlives_trouble_and_restart(cached, jira, way):
    server = cached(avatars(jira)).allow(COMPLAINS)
    number = jira.new_id()
    server.get(PATH + number)
    server.get(PATH + number)
    server.stop()
    server.start()
    jira.mode("500")
    reply = server.get(PATH + number)
    if way[0] == "disk":
        assert hit(reply) and reply.body == picture("project", number)
    else:
        assert reply.status == 502


# ---- who may have it --------------------------------------------------------------------------

FRIEND, STRANGER = "127.0.0.2", "127.0.0.1"
ALICE = {"Authorization": "Basic YWxpY2U6c2VzYW1l"}  # alice:sesame


def protected(jira, *lines):
    def text(server):
        server.file("users", "alice:{SHA}CEo1Ae3vaEXy8eQZjsOiuBz1xrw=\n")
        return avatars(jira, *lines)(server)

    return text


@pytest.mark.mpm
def test_an_address_that_may_not_is_never_served(cached, jira):
    server = cached(protected(jira, f"Require ip {FRIEND}"), allow=[COMPLAINS, "AH01630"])
    number = jira.new_id()
    for _ in range(3):
        for _ in range(2):
            reply = server.get(PATH + number, source=FRIEND)
            assert reply.status == 200
            assert "private" in reply.cache_control() and "public" not in reply.cache_control()
        reply = server.get(PATH + number, source=STRANGER)
        assert reply.status == 403 and reply.body != picture("project", number)


def test_a_user_without_a_password_is_never_served(cached, jira, way):
    user = ("AuthType Basic", 'AuthName "avatars"', "AuthUserFile {root}/users")
    lines = (*user, "Require valid-user")
    server = cached(protected(jira, *lines), allow=[COMPLAINS, "AH0161[78]"])
    number = jira.new_id()
    for _ in range(2):
        assert server.get(PATH + number).status == 401
        reply = server.get(PATH + number, headers=ALICE)
        assert reply.status == 200
        assert "private" in reply.cache_control()


def test_the_log_says_at_start_what_is_unsafe(serve, jira):
    module, lines = PROVIDERS["disk"]
    conf = protected(jira, f"Require ip {FRIEND}", "JiraAvatarCacheControl public")
    server = serve(
        lambda server: lines + conf(server), modules=["cache", module], allow=[COMPLAINS]
    )
    server.wait_log(r"\[jira_avatar:warn\].*[Qq]uick")


@pytest.mark.mpm
@pytest.mark.parametrize(
    "lines, word",
    [
        ((), "public"),
        (("Require all granted",), "public"),
        (("Require ip 127.0.0.1",), "private"),
        (("Require local",), "private"),
        (("Require all granted", "JiraAvatarCacheControl private"), "private"),
        (("Require ip 127.0.0.1", "JiraAvatarCacheControl public"), "public"),
        (("JiraAvatarCacheControl public",), "public"),
        (("JiraAvatarCacheControl private",), "private"),
    ],
    ids=str,
)
def test_public_or_private(serve, jira, lines, word):
    server = serve(protected(jira, *lines), allow=[COMPLAINS])
    for path, status in ((jira.new_id(), 200), ("90001", 404)):
        reply = server.get(PATH + path)
        assert reply.status == status
        other = {"public": "private", "private": "public"}[word]
        assert other not in reply.cache_control()
        if status == 200:
            assert word in reply.cache_control()


def test_auto_says_once_what_cannot_be_proven(serve, jira):
    server = serve(protected(jira, "Require ip 127.0.0.1"), allow=[COMPLAINS])
    for _ in range(4):
        assert server.get(PATH + jira.new_id()).status == 200
    said = [line for line in server.log().splitlines() if "JiraAvatarCacheControl" in line]
    assert len(said) <= 1


def test_a_restriction_elsewhere_is_seen(serve, jira):
    """Access may be restricted by another section than ours."""
    outside = '<Location "/">\n    Require ip 127.0.0.1\n</Location>\n'
    server = serve(lambda server: outside + avatars(jira)(server), allow=[COMPLAINS])
    assert "private" in server.get(PATH + jira.new_id()).cache_control()


# ---- compressed on the way out ----------------------------------------------------------------

DEFLATE = "AddOutputFilterByType DEFLATE image/svg+xml\n"
GZIP = {"Accept-Encoding": "gzip"}


def test_deflate_on_svg_without_a_cache(serve, jira):
    server = serve(lambda s: DEFLATE + avatars(jira)(s), modules=["deflate"])
    packed = server.get(PATH + "10406", headers=GZIP)
    assert packed["Content-Encoding"] == "gzip"
    again = server.get(PATH + "10406", headers={**GZIP, "If-None-Match": packed["ETag"]})
    assert (again.status, again.body) == (304, b"")
    plain = server.get(PATH + "10406")
    assert plain["Content-Encoding"] is None and plain.body == picture("project", 10406, form="svg")


def test_deflate_on_svg(cached, jira):
    server = cached(avatars(jira, "JiraAvatarMaxAge 1s"), DEFLATE, modules=["deflate"])
    body = picture("project", 10406, form="svg")
    for turn in range(6):
        packed = server.get(PATH + "10406", headers=GZIP)
        assert packed.status == 200
        assert gzip.decompress(packed.body) == body
        plain = server.get(PATH + "10406")
        assert plain.body == body and plain["Content-Encoding"] is None
        fields = {**GZIP, "If-None-Match": packed["ETag"]}
        assert server.get(PATH + "10406", headers=fields).status in (200, 304)
        if turn % 2:
            time.sleep(2.1 if turn == 1 else 0)

# SPDX-License-Identifier: Apache-2.0
"""The stand-in against its own promises: what it says when it behaves, and every bad manner."""

import asyncio
import concurrent.futures
import hashlib
import io
import itertools
import json
import os
import pathlib
import socket
import ssl
import time

import httpx
import jwt
import pytest
from PIL import Image

from standin import Standin
from standin.pictures import default_picture, picture
from standin.tokens import CONNECT, canonical

BOT = ("bot@example.com", "good-token")
SCOPED = ("bot@example.com", "scoped-token")
WEAK = ("weak@example.com", "weak-token")
FRED = ("fred", "good-password")
PAT = {"Authorization": "Bearer good-pat"}
VIEW = "/rest/api/3/universal_avatar/view/type"
CUSTOM = f"{VIEW}/project/avatar/10500"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with Standin(tmp_path_factory.mktemp("standin")) as jira:
        yield jira


@pytest.fixture
def jira(running):
    running.reset()
    yield running
    running.reset()


@pytest.fixture
def ask(jira):
    """ask(face, path, auth): one request over HTTP/2 where the face has it."""
    tls = ssl.create_default_context(cafile=jira.ca_file)
    tls.load_cert_chain(jira.files["client_cert"], jira.files["client_key"])
    with httpx.Client(verify=tls, http2=True, trust_env=False, timeout=5) as client:
        def ask(face, path="/", auth=None, headers=None, method="GET"):
            header = bearer(auth) if isinstance(auth, str) else {}
            return client.request(method, jira.url(face) + path, headers={**header,
                                  **(headers or {})}, auth=None if header else auth)
        yield ask


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def gateway(path, cloud_id="11111111-2222-3333-4444-555555555555"):
    return f"/ex/jira/{cloud_id}{path}"


PNG, SVG = "image/png;charset=utf-8", "image/svg+xml;charset=UTF-8"
JSON, HTML = "application/json;charset=UTF-8", "text/html;charset=UTF-8"
DEFAULT = default_picture(48)

# face, path, who, status, type, body (None: not looked at)
GOOD_MANNERS = [
    ("cloud", CUSTOM, BOT, 200, PNG, picture("project", 10500)),
    ("cloud", CUSTOM + "?size=xsmall", BOT, 200, PNG, picture("project", 10500, 16)),
    ("cloud", CUSTOM + "?size=giant", BOT, 404, JSON, None),
    ("cloud", CUSTOM, None, 403, JSON, None),
    ("cloud", CUSTOM, WEAK, 403, JSON, None),
    ("cloud", CUSTOM, ("bot@example.com", "wrong"), 401, JSON, None),
    ("cloud", CUSTOM, SCOPED, 401, JSON, None),
    ("cloud", f"{VIEW}/project/avatar/75000", BOT, 403, JSON, None),
    ("cloud", f"{VIEW}/project/avatar/95000", BOT, 404, JSON, None),
    ("cloud", f"{VIEW}/project/avatar/x", BOT, 404, JSON, None),
    ("cloud", f"{VIEW}/user/avatar/10500", BOT, 404, JSON, None),
    ("cloud", f"{VIEW}/issuetype/avatar/10303", None, 200, SVG, picture("issuetype", 10303, 48,
                                                                        "svg")),
    ("cloud", f"{VIEW}/issuetype/avatar/10303?format=png", None, 200, PNG,
     picture("issuetype", 10303)),
    ("cloud", f"{VIEW}/issuetype", None, 200, SVG, None),
    ("cloud", f"{VIEW}/priority/avatar/10781?format=png", None, 200, PNG, None),
    ("cloud", f"{VIEW}/project/owner/10000", BOT, 200, PNG, picture("project", 30000)),
    ("cloud", f"{VIEW}/project/owner/10000", None, 403, JSON, None),
    ("cloud", f"{VIEW}/issuetype/owner/6f1c6d8e-1b1f-4a5c-9a55-0d7a3c1f2b33", BOT, 200, PNG, None),
    ("cloud", f"{VIEW}/SD_REQTYPE/avatar/10530", BOT, 200, PNG, None),
    ("cloud", f"{VIEW}/project/avatar/20001", BOT, 200, "image/gif", None),
    ("cloud", f"{VIEW}/project/avatar/20002", BOT, 200, "image/jpeg", None),
    ("cloud", f"{VIEW}/project/avatar/20003", BOT, 200, "image/webp", None),
    ("cloud", "/secure/viewavatar?avatarType=issuetype&avatarId=10500", None, 200, PNG, DEFAULT),
    ("cloud", "/secure/viewavatar?avatarType=issuetype&avatarId=10500&size=m", BOT, 404, HTML,
     None),
    ("cloud", "/secure/projectavatar?size=small&s=small&pid=10000&avatarId=10500", None, 200, PNG,
     default_picture(24)),
    ("cloud", "/secure/projectavatar?size=small&s=small&pid=10000&avatarId=10500", BOT, 200, PNG,
     picture("project", 10500, 24)),
    ("cloud", "/images/icons/priorities/high.svg", None, 200, "image/svg+xml", None),
    ("cloud", "/images/icons/bug.gif", ("who", "ever"), 200, "image/gif", None),
    ("cloud", "/images/icons/nosuch.gif", None, 404, HTML, None),
    ("cloud", "/_edge/tenant_info", None, 200, JSON, None),
    ("cloud", "/rest/api/3/myself", None, 401, JSON, None),
    ("cloud", "/rest/api/3/myself", BOT, 200, JSON, None),
    ("cloud", "/rest/api/3/project/NONE", None, 404, JSON, None),
    ("mtls", CUSTOM, BOT, 200, PNG, None),
    ("gateway", gateway(CUSTOM), SCOPED, 200, PNG, picture("project", 10500)),
    ("gateway", gateway(CUSTOM), "good-access", 200, PNG, None),
    ("gateway", gateway(CUSTOM), None, 401, JSON, None),
    ("gateway", gateway(CUSTOM), BOT, 401, JSON, None),
    ("gateway", gateway(CUSTOM), "expired-access", 401, JSON, None),
    ("gateway", gateway(CUSTOM), "narrow-access", 401, JSON, None),
    ("gateway", gateway(CUSTOM, "22222222-2222-3333-4444-555555555555"), SCOPED, 404, HTML, None),
    ("dc", "/secure/projectavatar?pid=10000&avatarId=10500", FRED, 200, PNG,
     picture("project", 10500)),
    ("dc", "/secure/projectavatar?pid=10000&avatarId=10500", "good-pat", 200, PNG, None),
    ("dc", "/secure/projectavatar?pid=10000&avatarId=10500", None, 403, HTML, None),
    ("dc", "/secure/projectavatar?pid=95000&avatarId=10500", FRED, 404, HTML, None),
    ("dc", "/secure/projectavatar?pid=75000", FRED, 403, HTML, None),
    ("dc", "/secure/projectavatar?pid=10000&avatarId=85000", FRED, 404, HTML, None),
    ("dc", "/secure/projectavatar?avatarId=10500", FRED, 404, HTML, None),
    ("dc", "/secure/projectavatar?avatarId=10324", None, 200, SVG, None),
    ("dc", "/secure/projectavatar?pid=10000&size=17", FRED, 200, PNG, picture("project", 30000,
                                                                              24)),
    ("dc", "/secure/viewavatar?avatarType=issuetype&avatarId=10500", FRED, 200, PNG,
     picture("issuetype", 10500)),
    ("dc", "/secure/viewavatar?avatarType=issuetype&avatarId=10500", None, 200, PNG, DEFAULT),
    ("dc", "/secure/viewavatar?avatarType=issuetype&avatarId=10500", "dead-pat", 200, PNG,
     DEFAULT),
    ("dc", "/secure/viewavatar?avatarType=issuetype&avatarId=95000", FRED, 200, PNG, DEFAULT),
    ("dc", "/secure/useravatar?ownerId=fred&avatarId=11051", FRED, 200, PNG,
     picture("user", 11051)),
    ("dc", "/secure/useravatar?ownerId=fred", FRED, 200, PNG, picture("user", "fred")),
    ("dc", "/secure/useravatar?ownerId=nosuch", FRED, 200, PNG, DEFAULT),
    ("dc", "/secure/useravatar?ownerId=external&noRedirect=true", FRED, 200, PNG, DEFAULT),
    ("dc", "/secure/useravatar?avatarId=10122", None, 200, SVG, None),
    ("dc", "/rest/api/2/myself", "dead-pat", 401, JSON, None),
    ("dcroot", "/secure/projectavatar?pid=10000", FRED, 200, PNG, None),
    ("elsewhere", "/whatever", None, 200, "image/png", None),
]


@pytest.mark.parametrize("face, path, who, status, mime, body", GOOD_MANNERS,
                         ids=[f"{face}{path}-{who}" for face, path, who, *_ in GOOD_MANNERS])
def test_good_manners(ask, face, path, who, status, mime, body):
    answer = ask(face, path, who)
    assert (answer.status_code, answer.headers["content-type"]) == (status, mime)
    if body is not None:
        assert answer.content == body
    head = ask(face, path, who, method="HEAD")
    assert (head.status_code, head.content) == (status, b"")


def test_gateway_tells_a_missing_scope_from_a_dead_token(ask):
    narrow, dead = (ask("gateway", gateway(CUSTOM), token) for token in ("narrow-access", "x"))
    assert narrow.json() == {"code": 401, "message": "Unauthorized; scope does not match"}
    assert dead.json() == {"code": 401, "message": "Unauthorized"}


def test_identity_headers(ask):
    known, stranger = ask("cloud", CUSTOM, BOT), ask("cloud", CUSTOM)
    assert known.headers["x-aaccountid"] and "x-aaccountid" not in stranger.headers
    assert "_lin" in known.headers["set-cookie"] and "_lout" in stranger.headers["set-cookie"]
    refused = ask("cloud", CUSTOM, ("bot@example.com", "wrong"))
    assert refused.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
    page = "/secure/viewavatar?avatarId=10500"
    names = [ask("dc", page, who).headers["x-ausername"] for who in (FRED, None, "dead-pat")]
    assert names == ["fred", "anonymous", "anonymous"]
    assert known.headers["cache-control"] == "private, max-age=31536000"
    assert "1970" in known.headers["expires"]


def test_captcha_after_three_wrong_passwords(jira, ask):
    page = "/secure/viewavatar?avatarId=10500"
    for _ in range(3):
        answer = ask("dc", page, ("fred", "wrong"))
        assert answer.status_code == 401
        assert answer.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"
    answer = ask("dc", page, FRED)
    assert answer.status_code == 403
    assert answer.headers["x-seraph-loginreason"] == "AUTHENTICATION_DENIED"
    assert "CAPTCHA_CHALLENGE; login-url=" in answer.headers["x-authentication-denied-reason"]
    jira.reset()
    assert ask("dc", page, FRED).status_code == 200


def test_accounts_can_change(jira, ask):
    jira.accounts([{"where": "site", "scheme": "basic", "user": "bot@example.com",
                    "secret": "new", "id": "1", "verdict": "ok"}])
    assert ask("cloud", CUSTOM, BOT).status_code == 401
    assert ask("cloud", CUSTOM, ("bot@example.com", "new")).status_code == 200


@pytest.mark.parametrize("path", [
    "/secure/..;/rest/api/2/search", "/images/icons/..%2f..%2frest/api/2/search",
    "/secure/viewavatar/..;x/../rest/api/2/search", "/images/icons/..%5C..%5Crest/api/2/search",
    "/rest;a=b/api/2/search"])
def test_an_attack_that_arrives_succeeds(jira, path):
    request = f"GET /jira{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" \
              "Authorization: Basic ZnJlZDpnb29kLXBhc3N3b3Jk\r\n\r\n"
    assert b"TOP-SECRET-ISSUE" in exchange(jira, "dc", request.encode())
    assert jira.log("dc")[0]["target"] == "/jira" + path


def test_attack_through_the_gateway(jira, ask):
    answer = ask("gateway", gateway("/x/%2e%2e/rest/api/3/search"), SCOPED)
    assert "TOP-SECRET-ISSUE" in answer.text


def test_rest_names_avatars_that_exist(jira, ask):
    for face, prefix, who in (("cloud", "", BOT), ("gateway", gateway(""), SCOPED),
                              ("dc", "", FRED)):
        for page in ("project/DEMO", "issuetype/10005", "priority/1", "status/1"):
            found = ask(face, f"{prefix}/rest/api/2/{page}", who).json()
            for url in found.get("avatarUrls", {"": found.get("iconUrl")}).values():
                base = jira.url(face)
                assert url.startswith(base + prefix)
                assert ask(face, url[len(base):], who).status_code == 200
    assert ask("dc", "/rest/api/2/status/5", FRED).json()["iconUrl"] == jira.url("dc") + "/"


def test_tenant_and_server_info(jira, ask):
    assert ask("cloud", "/_edge/tenant_info").json() == {"cloudId": jira.cloud_id}
    assert ask("cloud", "/rest/api/2/serverInfo").json()["deploymentType"] == "Cloud"
    assert ask("dc", "/rest/api/2/serverInfo").json()["deploymentType"] == "Server"
    assert ask("dc", "/_edge/tenant_info").status_code != 200


def test_external_picture_is_elsewhere(jira, ask):
    answer = ask("dc", "/secure/useravatar?ownerId=external", FRED)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(jira.url("elsewhere") + "/avatar/")


def test_log_and_counters(jira, ask):
    ask("cloud", CUSTOM + "?size=small", BOT, {"X-Order": "1"})
    ask("dc", "/secure/viewavatar?a;b=%41")
    first, = jira.log("cloud")
    assert (first["method"], first["target"], first["http_version"], first["status"]) == (
        "GET", CUSTOM + "?size=small", "2", 200)
    names = [name for name, _ in first["headers"]]
    assert names[0] == "host" and "authorization" in names and ["x-order", "1"] in first["headers"]
    second, = jira.log("dc")
    assert (second["target"], second["http_version"]) == ("/jira/secure/viewavatar?a;b=%41", "1.1")
    counters = jira.counters()
    assert counters["cloud"]["requests"] == counters["cloud"]["credentials"] == 1
    assert counters["dc"]["statuses"] == {"200": 1}
    assert counters["elsewhere"]["requests"] == 0
    jira.clear()
    assert jira.log() == [] and jira.counters()["cloud"]["requests"] == 0


def test_what_the_library_refuses_is_logged_too(jira):
    exchange(jira, "cloud", b"GET /a\x80b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert "/a\x80b" in jira.log("cloud")[0]["malformed"]
    assert jira.counters()["cloud"]["malformed"] == 1


# mode -> arguments and what a client sees: a status, an exception, or a check of the answer
CLOSED, LATE = httpx.TransportError, httpx.ReadTimeout
MODES = {
    "silent_default": ({}, lambda a: a.content == DEFAULT and a.headers["x-aaccountid"]),
    "credentials_ignored": ({}, 403),
    "anonymous_200": ({}, lambda a: a.content == DEFAULT and "x-aaccountid" not in a.headers),
    "no_identity_200": ({}, lambda a: a.content == picture("project", 10500)
                        and "x-aaccountid" not in a.headers),
    "auth_failed_200": ({}, lambda a: a.status_code == 200 and
                        a.headers["x-seraph-loginreason"] == "AUTHENTICATED_FAILED"),
    "header": ({"name": "X-Any", "value": "thing"}, lambda a: a.headers["x-any"] == "thing"),
    "login_html_200": ({}, lambda a: a.status_code == 200 and "os_password" in a.text),
    "html_error_200": ({}, lambda a: a.status_code == 200 and a.text.startswith("<!DOCTYPE")),
    "json_200": ({}, lambda a: a.status_code == 200 and a.json()["errorMessages"]),
    "empty_200": ({}, lambda a: a.status_code == 200 and a.content == b""),
    "login_redirect": ({}, lambda a: "login.jsp?os_destination=" in a.headers["location"]),
    "sso_redirect": ({}, lambda a: "/login?continue=" in a.headers["location"]),
    "redirect_elsewhere": ({"status": 307}, 307),
    "redirect_http": ({}, lambda a: a.headers["location"].startswith("http://")),
    "redirect_loop": ({}, lambda a: a.headers["location"] == CUSTOM),
    "html_403": ({}, 403),
    "basic_disabled_403": ({}, lambda a: "disabled" in a.json()["message"]),
    "captcha": ({}, lambda a: "CAPTCHA" in a.headers["x-authentication-denied-reason"]),
    "401_site": ({}, 401),
    "gw_401": ({}, 401),
    "gw_scope": ({}, lambda a: "scope" in a.json()["message"]),
    "policy_403": ({}, lambda a: a.headers["atlassian-datasecuritypolicy"]),
    "403_json": ({}, 403),
    **{status: ({}, int(status)) for status in ("400", "404", "410", "500", "501", "502", "504")},
    "503": ({"retry_after": 9}, lambda a: a.headers["retry-after"] == "9"),
    "429": ({"date_in": 60}, lambda a: a.headers["retry-after"].endswith("GMT")),
    "gw_429": ({}, lambda a: "retry-after" not in a.headers),
    "dc_rate_headers": ({}, lambda a: a.headers["retry-after"] == "0"),
    "204": ({}, 204),
    "206": ({}, 206),
    "304": ({}, 304),
    "truncated": ({}, CLOSED),
    "truncated_png": ({}, lambda a: picture("project", 10500).startswith(a.content)),
    "huge": ({"megabytes": 3}, lambda a: len(a.content) == 3 << 20),
    "huge_chunked": ({}, "endless"),
    "gzip": ({}, lambda a: a.headers["content-encoding"] == "gzip"),
    "svgz": ({}, lambda a: a.content[:2] == b"\x1f\x8b"),
    "body": ({"hex": "00ff", "type": "x/y"}, lambda a: a.content == b"\x00\xff"),
    "svg_script": ({}, lambda a: b"<script>" in a.content),
    "svg_utf16": ({}, lambda a: b"<svg" not in a.content and "<svg" in a.content.decode("utf-16")),
    "svg_entities": ({}, lambda a: b"<!ENTITY" in a.content),
    "wrong_type": ({}, lambda a: a.headers["content-type"].startswith("text/html")),
    "no_type": ({}, lambda a: "content-type" not in a.headers),
    "delay": ({"ms": 50}, lambda a: a.elapsed.total_seconds() >= .05),
    "late_answer": ({"ms": 50}, lambda a: a.elapsed.total_seconds() >= .05),
    "slow_headers": ({"seconds": .1}, lambda a: a.elapsed.total_seconds() >= .1),
    "slow_body": ({"bytes": 999, "every": .05}, lambda a: a.content == picture("project", 10500)),
    "hang": ({}, LATE),
    "gate": ({}, LATE),
    "close": ({}, CLOSED),
    "reset_stream": ({}, CLOSED),
    "goaway": ({}, CLOSED),
    "close_after": ({}, 200),
    "many_headers": ({"count": 500}, lambda a: len(a.headers) > 500),
    "big_header": ({"size": 8000}, lambda a: len(a.headers["x-filler"]) == 8000),
    "hostile_headers": ({}, lambda a: a.headers["x-sendfile"] == "/etc/passwd"),
    "date_skew": ({}, lambda a: a.headers["date"]),
}


def test_every_mode_is_tested(running):
    assert set(running.modes()["modes"]) == set(MODES)
    assert set(running.modes()["raw"]) == set(RAW)


@pytest.mark.parametrize("http2", [True, False])
@pytest.mark.parametrize("name", MODES)
def test_mode(jira, name, http2):
    args, expected = MODES[name]
    jira.mode(name, **args)
    timeout = .3 if expected is LATE else 5
    with httpx.Client(verify=jira.ca_file, http2=http2, trust_env=False, auth=BOT,
                      timeout=timeout) as client:
        url = jira.url("cloud") + CUSTOM
        if expected == "endless":
            with client.stream("GET", url) as answer:
                came = itertools.accumulate(map(len, answer.iter_raw()))
                assert next(size for size in came if size > 2 << 20)
        elif isinstance(expected, type):
            with pytest.raises(expected):
                client.get(url)
        else:
            answer = client.get(url)
            assert answer.status_code == expected if isinstance(expected, int) else expected(answer)


# raw mode -> a piece of what goes over the wire (of endless ones and dribble: the beginning)
RAW = {
    "normal": b"\r\n\r\n\x89PNG", "bytes": b"anything", "bare_cr": b"png\rX-Injected",
    "bare_lf": b"OK\nX-", "splitting": b"\r\n\r\nHTTP/1.1 200", "obs_fold": b"\r\n X-Injected",
    "leading_fold": b"OK\r\n X-Injected", "nul_header": b"png\0text", "odd_bytes": b"\x01\x7f\xff",
    "space_before_colon": b"Content-Type :", "no_colon": b"not a header", "empty_name": b"\r\n: ",
    "two_types": b"Content-Type: text/html", "garbage_status": b"HTTP/1.1 OK",
    "http09": b"\x89PNG", "http10": b"HTTP/1.0", "wrong_version": b"HTTP/3.7", "ssh": b"SSH-2.0",
    "switching": b" 101 ", "early_hints": b" 103 ", "endless_100": b" 100 Continue",
    "two_lengths": b"Content-Length: 10\r\n", "bad_length": b"12abc", "short_length": b"\x89PNG",
    "long_length": b"\x89PNG", "length_and_chunked": b"chunked", "bad_chunk": b"zz\r\n",
    "chunk_overflow": b"f" * 17, "chunk_cut": b"chunked", "trailers": b"0\r\nX-AUSERNAME: anon",
    "transfer_gzip": b"gzip, chunked", "tls_cut": b"\x89PNG", "dribble": b"HT",
    "endless_headers": b"X-Filler-9", "endless_line": b"x" * 9000, "unsolicited": b"evil",
}


@pytest.mark.parametrize("name", RAW)
def test_raw_mode(jira, name):
    jira.mode(name, face="raw", **({"text": "anything"} if name == "bytes" else {}))
    assert RAW[name] in exchange(jira, "raw", b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
    assert jira.log("raw")[0]["target"] == "/x"


def exchange(jira, face, request, limit=100_000, patience=.5):
    """Sends bytes over TLS and HTTP/1.1, returns what comes within a moment."""
    tls = ssl.create_default_context(cafile=jira.ca_file)
    came = b""
    with socket.create_connection(("127.0.0.1", jira.port(face))) as plain:
        with tls.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(request)
            deadline = time.monotonic() + patience
            connection.settimeout(patience)
            try:
                while len(came) < limit and time.monotonic() < deadline:
                    block = connection.recv(65536)
                    if not block:
                        break
                    came += block
            except OSError:
                pass
    return came


def test_rules_match_count_and_combine(jira, ask):
    jira.mode("429", match=r"/10500\b", times=2, retry_after=7)
    jira.mode("header", name="x-also", value="1")
    answers = [ask("cloud", CUSTOM, BOT) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert all(answer.headers["x-also"] == "1" for answer in answers)
    assert ask("cloud", f"{VIEW}/project/avatar/10501", BOT).status_code == 200
    number = jira.mode("404")
    assert ask("cloud", CUSTOM, BOT).status_code == 404
    jira.unmode(number)
    assert ask("cloud", CUSTOM, BOT).status_code == 200


@pytest.mark.parametrize("name, args", [("nonsense", {}), ("delay", {"hours": 1}),
                                        ("404", {"face": "nowhere"}), ("404", {"match": "("})])
def test_a_wrong_rule_is_refused(jira, name, args):
    with pytest.raises(ValueError):
        jira.mode(name, **args)


async def crowd(jira, paths):
    """Asks for all of them at once, over one HTTP/2 connection; returns the statuses."""
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(verify=jira.ca_file, http2=True, trust_env=False, auth=BOT,
                                 limits=limits, timeout=10) as client:
        answers = [client.get(jira.url("cloud") + path) for path in paths]
        return [answer.status_code for answer in await asyncio.gather(*answers)]


def test_gate_holds_until_it_is_lifted(jira):
    gate = jira.mode("gate")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(asyncio.run, crowd(jira, [CUSTOM] * 20))
        wait_for(lambda: jira.counters()["cloud"]["in_flight"] == 20)
        assert not asked.done()
        jira.unmode(gate)
        assert asked.result() == [200] * 20
    counters = jira.counters()["cloud"]
    assert (counters["in_flight"], counters["max_in_flight"], counters["requests"]) == (0, 20, 20)


def test_counters_are_exact_under_load(jira):
    pages = [f"{VIEW}/project/avatar/{10500 + n % 50}" for n in range(400)]
    assert asyncio.run(crowd(jira, pages)) == [200] * 400
    counters = jira.counters()["cloud"]
    assert counters["statuses"] == {"200": 400} and counters["connections"] == 1
    assert len(jira.log("cloud")) == 400


def test_a_client_that_leaves_is_noticed(jira):
    jira.mode("hang")
    for http2 in (True, False):
        with httpx.Client(verify=jira.ca_file, http2=http2, trust_env=False, timeout=.2) as client:
            with pytest.raises(LATE):
                client.get(jira.url("cloud") + CUSTOM)
    wait_for(lambda: jira.counters()["cloud"]["in_flight"] == 0)
    wait_for(lambda: jira.counters()["cloud"]["open"] == 0)


@pytest.mark.parametrize("face", ["expired", "wrongname", "selfsigned"])
def test_certificates_to_refuse(jira, face):
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(jira.url(face), verify=jira.ca_file, trust_env=False)
    assert jira.counters()[face]["requests"] == 0


def test_client_certificate(jira, ask):
    assert ask("mtls", CUSTOM, BOT).status_code == 200
    assert jira.log("mtls")[0]["client_certificate"] == "avatar-client"
    with pytest.raises(httpx.TransportError):
        httpx.get(jira.url("mtls") + CUSTOM, verify=jira.ca_file, trust_env=False)


@pytest.mark.parametrize("face, login, status", [
    ("proxy", "", 200), ("proxyauth", "proxy:proxy-pass@", 200), ("proxyauth", "", 407),
    ("proxyauth", "proxy:wrong@", 407)])
def test_proxy(jira, face, login, status):
    proxy = jira.url(face).replace("//", "//" + login)
    tls = ssl.create_default_context(cafile=jira.ca_file)
    with httpx.Client(verify=tls, proxies=proxy, trust_env=False) as client:
        if status == 407:
            with pytest.raises(httpx.ProxyError):
                client.get(jira.url("cloud", "site.test") + CUSTOM, auth=BOT)
        else:
            assert client.get(jira.url("cloud", "site.test") + CUSTOM, auth=BOT).content == \
                picture("project", 10500)
        plain = client.get(jira.url("dcroot", "jira.test") + "/images/icons/a.png")
        assert plain.status_code == status
    connect = jira.log(face)[0]
    assert connect["method"] == "CONNECT" and connect["status"] == status
    assert connect["target"] == f"site.test:{jira.port('cloud')}"
    assert "authorization" not in dict(connect["headers"])


def test_proxy_leads_nowhere_else(jira):
    with httpx.Client(proxies=jira.url("proxy"), trust_env=False) as client:
        assert client.get("http://localhost:1/").status_code == 502


def test_pictures_are_distinct_and_sound():
    names = ["10500", "10501", "20001", "20002", "20003", "20004", "20005", "20007", "20008"]
    made = [picture("project", name) for name in names] + [picture("issuetype", "10500"), DEFAULT]
    assert len(set(made)) == len(made)
    formats = [Image.open(io.BytesIO(one)).format for one in made]
    assert formats == ["PNG", "PNG", "GIF", "JPEG", "WEBP", "WEBP", "GIF"] + ["PNG"] * 4
    assert Image.open(io.BytesIO(picture("project", "1", 16))).size == (16, 16)
    near, beyond = len(picture("project", 20007)), len(picture("project", 20008))
    assert 900_000 < near < 1 << 20 and beyond > 2 << 20


def test_stops_at_once_whatever_hangs(tmp_path):
    jira = Standin(tmp_path).start()
    jira.mode("hang")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with httpx.Client(verify=jira.ca_file, trust_env=False, timeout=9) as client:
            hung = pool.submit(client.get, jira.url("cloud") + CUSTOM)
            wait_for(lambda: jira.counters()["cloud"]["in_flight"] == 1)
            pid, began = jira.pid, time.monotonic()
            jira.stop()
            assert time.monotonic() - began < 2
            with pytest.raises(httpx.TransportError):
                hung.result()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def wait_for(condition, patience=5):
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(.02)


# Token services

CLIENT = {"grant_type": "client_credentials", "client_id": "service",
          "client_secret": "service-secret"}
REFRESH = {"grant_type": "refresh_token", "client_id": "app", "client_secret": "app-secret"}
DC_REFRESH = {"grant_type": "refresh_token", "client_id": "dc-app",
              "client_secret": "dc-app-secret", "refresh_token": "dc-first-refresh",
              "redirect_uri": "https://httpd.example/callback"}


@pytest.fixture
def buy(jira):
    """buy(face, path, fields, form): what a token service says."""
    tls = ssl.create_default_context(cafile=jira.ca_file)
    with httpx.Client(verify=tls, trust_env=False, timeout=5) as client:
        def buy(face, path, fields, form=False):
            body = {"data": fields} if form else {"json": fields}
            answer = client.post(jira.url(face) + path, **body)
            return answer.status_code, answer.json()
        yield buy


def refresh(buy, token):
    return buy("auth", "/oauth/token", {**REFRESH, "refresh_token": token})


@pytest.mark.parametrize("form", [False, True])
def test_client_credentials_buy_a_token_for_the_gateway(jira, ask, buy, form):
    status, token = buy("auth", "/oauth/token", CLIENT, form)
    assert status == 200 and token["expires_in"] == 3600 and "refresh_token" not in token
    assert ask("gateway", gateway(CUSTOM), token["access_token"]).status_code == 200
    assert ask("cloud", CUSTOM, token["access_token"]).status_code == 401
    jira.tokens(revoke_access=True)
    assert ask("gateway", gateway(CUSTOM), token["access_token"]).status_code == 401


@pytest.mark.parametrize("change, status, error", [
    ({"client_secret": "wrong"}, 401, "access_denied"),
    ({"client_id": "nobody"}, 401, "access_denied"),
    ({"client_id": "dc-service", "client_secret": "dc-service-secret"}, 401, "access_denied"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
])
def test_a_token_service_says_what_is_wrong(buy, change, status, error):
    answer = buy("auth", "/oauth/token", {**CLIENT, **change})
    assert answer[0] == status and answer[1]["error"] == error


def test_refresh_tokens_rotate_with_a_leeway(jira, buy):
    status, first = refresh(buy, "first-refresh")
    assert status == 200
    assert refresh(buy, "first-refresh")[0] == 200      # its answer may have been lost
    assert refresh(buy, first["refresh_token"])[0] == 200
    assert jira.tokens()["counters"]["leeway"] == 1


def test_a_late_reuse_ends_the_grant(jira, buy):
    jira.tokens(leeway=0)
    first = refresh(buy, "first-refresh")[1]["refresh_token"]
    assert refresh(buy, "first-refresh") == (403, {
        "error": "invalid_grant", "error_description": "Unknown or invalid refresh token."})
    assert refresh(buy, first)[1]["error"] == "unauthorized_client"
    counters = jira.tokens()["counters"]
    assert (counters["reused"], counters["dead"]) == (1, 1)
    jira.tokens(authorise=["app", "again"])
    assert refresh(buy, "again")[0] == 200


def test_data_center_wants_a_form_and_the_redirect_uri(ask, buy):
    path = "/rest/oauth2/latest/token"
    assert buy("dc", path, DC_REFRESH)[0] == 400
    assert buy("dc", path, {**DC_REFRESH, "redirect_uri": "x"}, True)[1]["error"] == "invalid_grant"
    status, token = buy("dc", path, DC_REFRESH, True)
    answer = ask("dc", "/rest/api/2/myself", token["access_token"])
    assert status == 200 and answer.json()["name"] == "fred"


@pytest.mark.parametrize("change, status", [
    ({}, 200), ({"aud": "https://elsewhere"}, 400), ({"exp": 9999999999}, 400), ({"exp": 1}, 400),
    ({"sub": "urn:atlassian:connect:useraccountid:nobody"}, 400), ({"iss": "x"}, 400),
])
def test_a_connect_app_buys_a_token_by_assertion(jira, ask, buy, change, status):
    now = int(time.time())
    claims = {"iss": "urn:atlassian:connect:clientid:connect-client", "iat": now, "exp": now + 60,
              "sub": "urn:atlassian:connect:useraccountid:557058:connect-user",
              "tnt": jira.url("cloud"), "aud": jira.url("auth"), **change}
    fields = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
              "assertion": jwt.encode(claims, CONNECT["secret"], "HS256")}
    answer = buy("auth", "/oauth2/token", fields, True)
    assert answer[0] == status
    if status == 200:
        assert ask("cloud", CUSTOM, answer[1]["access_token"]).status_code == 200


@pytest.mark.parametrize("signed, status", [(CUSTOM, 200), (CUSTOM + "?size=small", 401)])
def test_a_connect_token_is_for_one_request(ask, signed, status):
    now = int(time.time())
    qsh = hashlib.sha256(canonical("GET", signed).encode()).hexdigest()
    token = jwt.encode({"iss": CONNECT["app_key"], "iat": now, "exp": now + 60, "qsh": qsh},
                       CONNECT["secret"], "HS256")
    answer = ask("cloud", CUSTOM, headers={"Authorization": f"JWT {token}"})
    assert answer.status_code == status


def test_canonical_requests_are_those_of_atlassian():
    rows = json.loads((pathlib.Path(__file__).parents[1] / "data/qsh_vectors.json").read_text())
    for row in rows["vectors"]:
        if "path_and_query" in row and "base_url" not in row:
            assert canonical(row["method"], row["path_and_query"]) == row["canonical"]

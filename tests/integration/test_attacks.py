# SPDX-License-Identifier: Apache-2.0
"""What has broken proxies before, judged by what the stand-in received.

Whatever a visitor writes, upstream sees an avatar endpoint with plain parameters or nothing."""

import re
import time

import client
import pytest
from jira import avatars, join

from httpd import CLIENT_NONSENSE

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PLAIN = r"(?:[\w.~-]|%[0-9A-F]{2})"
QUERY = rf"(?:\?[a-zA-Z]+={PLAIN}*(?:&[a-zA-Z]+={PLAIN}*)*)?"
SAFE = re.compile(
    rf"(?:/ex/jira/{UUID})?/rest/api/3/universal_avatar/view/type/[A-Za-z_]+"
    rf"(?:/avatar/\d+|/owner/{PLAIN}+)?{QUERY}"
    rf"|(?:/jira)?/secure/(?:projectavatar|viewavatar|useravatar){QUERY}"
    r"|(?:/jira)?/images/icons/(?:[\w.-]+/){0,3}[\w.-]+\.(?:svg|png|gif)"
    rf"|(?:/ex/jira/{UUID})?/rest/api/3/(?:project/[A-Za-z]\w*|status/\d+)"
    rf"|(?:/ex/jira/{UUID})?/rest/api/3/user\?accountId=(?:[\w-]|%3A)+"
    r"|(?:/jira)?/rest/api/2/(?:project/[A-Za-z]\w*|(?:issuetype|priority|status)/[\w-]+)"
    r"|/_edge/tenant_info|/rest/api/3/myself|(?:/jira)?/rest/pat/latest/tokens"
)
LEAK = re.compile(rb"TOP-SECRET|good-token|good-pat|scoped-token", re.I)

VARIANTS = {
    "plain": "",
    "encoded slashes on": "AllowEncodedSlashes On",
    "encoded slashes kept": "AllowEncodedSlashes NoDecode",
    "slashes not merged": "MergeSlashes Off\nAllowEncodedSlashes On",
    "rewritten": "RewriteEngine On\nRewriteRule ^/in/(.*)$ /avatars/$1 [PT]\n"
    "AllowEncodedSlashes On",
    "rewritten, kept raw": "RewriteEngine On\nRewriteRule ^/in/(.*)$ /avatars/$1 [PT,B,QSA]\n"
    "AllowEncodedSlashes NoDecode",
    "aliased": 'Alias /avatars/ "{root}/docs/"\nAllowEncodedSlashes On',
    "matched": "AllowEncodedSlashes On\nMergeSlashes Off",
}
FACES = {"cloud": "/avatars/", "gateway": "/gw/", "dc": "/dc/"}


def vhost(jira, name, extra):
    def text(server):
        places = "".join(avatars(jira, face=f, path=p)(server) for f, p in FACES.items())
        if name == "matched":
            places = places.replace('<Location "', '<LocationMatch "^').replace(
                "</Location>", "</LocationMatch>"
            )
        return (
            f"<VirtualHost *:{{port}}>\nServerName {name.replace(' ', '-').replace(',', '')}.test\n"
            f"{extra}\n{places}</VirtualHost>\n"
        )

    return text


@pytest.fixture(scope="module")
def server(share, one_jira):
    hosts = (vhost(one_jira, name, extra) for name, extra in VARIANTS.items())
    nonsense = [CLIENT_NONSENSE, r"\[(core|http|rewrite):", r"AH0?1[0-9]+: "]
    return share(join(*hosts), allow=nonsense)


@pytest.fixture(params=VARIANTS)
def host(request):
    return request.param.replace(" ", "-").replace(",", "") + ".test"


def judge(jira, replies=()):
    for seen in jira.log():
        assert not seen.get("malformed"), seen
        assert SAFE.fullmatch(seen["target"]), seen["target"]
        assert not {"..", "."} & set(seen["target"].partition("?")[0].split("/")), seen["target"]
        assert seen["method"] == "GET"
        assert seen["face"] in ("cloud", "gateway", "dc"), seen
        names = {name.lower() for name, _ in seen["headers"]}
        assert names <= {"host", "user-agent", "accept", "authorization"}, seen
        if seen["target"] == "/_edge/tenant_info":
            assert "authorization" not in names
    for data in replies:
        assert not LEAK.search(data), data
        assert not re.search(rb"(?im)^(x-evil|set-cookie|location):", data), data


def send(server, host, target, **parts):
    return server.raw(client.compose(target, host=host, **parts))


# ---- paths ------------------------------------------------------------------------------------

SEARCH = "rest/api/2/search"
PATHS = [
    f"../{SEARCH}",
    f"..;/{SEARCH}",
    f"..;x=y/{SEARCH}",
    f"%2e%2e/{SEARCH}",
    f".%2e/{SEARCH}",
    f"%2e%2e%2f{SEARCH}",
    f"..%2f{SEARCH}",
    f"%252e%252e/{SEARCH}",
    f"%252e%252e%252f{SEARCH}",
    f"%%32%65%%32%65/{SEARCH}",
    f"%c0%ae%c0%ae/{SEARCH}",
    f"%e0%80%ae%e0%80%ae/{SEARCH}",
    f"%uff0e%uff0e/{SEARCH}",
    f"..%5c{SEARCH}",
    f"..\\{SEARCH}",
    f"%5c..%5c{SEARCH}",
    f"..%00/{SEARCH}",
    f"..%0d/{SEARCH}",
    f"..%09/{SEARCH}",
    f"/{SEARCH}",
    f"//{SEARCH}",
    f"/evil.example/{SEARCH}",
    f"%2f{SEARCH}",
    f"%2f%2fevil.example/{SEARCH}",
    f"./{SEARCH}",
    f";/{SEARCH}",
    f"%3b/{SEARCH}",
    f"secure/projectavatar/../../{SEARCH}",
    f"secure/projectavatar/..;/..;/{SEARCH}",
    f"secure/projectavatar/%2e%2e/%2e%2e/{SEARCH}",
    f"secure/projectavatar%2f..%2f..%2f{SEARCH}",
    f"secure/projectavatar;/../../{SEARCH}",
    f"secure/projectavatar%3f/../../{SEARCH}",
    f"secure/projectavatar%23/../../{SEARCH}",
    "secure/projectavatar;jsessionid=1?pid=10000",
    "secure/projectavatar%3fpid=10000",
    "secure/projectavatar%3Fpid=10000%26avatarId=1",
    "secure;x/projectavatar?pid=10000",
    f"images/icons/../../{SEARCH}",
    f"images/icons/..;/..;/{SEARCH}",
    f"images/icons/%2e%2e/%2e%2e/{SEARCH}",
    f"images/icons/..%2f..%2f{SEARCH}",
    f"images/icons/..%2f..%2f{SEARCH}%3fx=.png",
    f"images/icons/..%252f..%252f{SEARCH}.png",
    f"images/icons/..%5c..%5c{SEARCH}.png",
    "images/icons/../bug.png",
    "images/icons/..png",
    "images/icons/.../bug.png",
    "images/icons/./bug.png",
    "images/icons/%2e%2e/bug.png",
    "images/icons/bug.png;.svg",
    "images/icons/bug.png%3fx",
    "images/icons/bug.png%00.svg",
    "images/icons/bug.png%0a.svg",
    "images/icons/@evil.example/bug.png",
    "images/icons/http:%2f%2fevil.example%2fbug.png",
    "images/icons/priorities/high.svg/x",
    "rest/api/3/universal_avatar/view/type/project/avatar/10406/../../../../../../2/search",
    "rest/api/3/universal_avatar/view/type/project/avatar/10406%2f..%2f..%2f..%2fsearch",
    "rest/api/3/universal_avatar/view/type/project/avatar/..%2f..%2fx",
    "rest/api/3/universal_avatar/view/type/project%2favatar%2f10406",
    "rest/api/3/universal_avatar/view/type/project/avatar/10406%3fsize=small",
    "rest/api/3/universal_avatar/view/type/project/avatar/10406;x=1",
    "rest/api/3/universal_avatar/view/type/project/avatar/10406%20HTTP/1.1%0d%0aX-Evil:1",
    "rest/api/3/universal_avatar/view/type/project/owner/..%2f..%2f..%2fsearch",
    "rest/api/3/universal_avatar/view/type/project/owner/..",
    "rest/api/3/universal_avatar/view/type/project/owner/%2e%2e",
    "rest/api/3/universal_avatar/view/type/project/owner/.",
    "rest/api/3/universal_avatar/view/type/project/owner/10000%3fjql=x",
    "rest/api/3/universal_avatar/view/type/project/owner/10000%23x",
    "rest/api/3/universal_avatar/view/type/project/owner/10000%26x=1",
    "rest/api/3/universal_avatar/view/type/project/owner/a%0d%0aX-Evil:1",
    "rest/api/3/universal_avatar/view/type/..%2f..%2fsearch/owner/1",
    "rest/api/2/../3/search",
    "ex/jira/11111111-2222-3333-4444-555555555555/../../oauth/token",
    "ex/jira/11111111-2222-3333-4444-555555555555/rest/api/2/search",
    "ex/jira/11111111-2222-3333-4444-555555555555/ex/jira/11111111-2222-3333-4444-555555555555/"
    "secure/projectavatar?pid=10000",
    "ex/jira/%2e%2e/rest/api/2/search",
    "ex/confluence/11111111-2222-3333-4444-555555555555/wiki/rest/api/search",
    "user/..%2f..%2fsearch",
    "user/fred%26avatarId=1",
    "user/fred%3fx",
    "user/fred%0d%0aX-Evil:%201",
    "user/%40evil.example",
    "project/..%2f..%2fsearch",
    "project/10000%2f..",
    "project/ABC/x.css",
    "project/10000;x.css",
    "project/10000%2fx.css",
    "project/10000%3fx.css",
    "s/cfx/_/;/WEB-INF/web.xml",
    "s/x/_/META-INF/maven/com.atlassian.jira/jira-webapp-dist/pom.properties",
    "s/1/_/%2e/WEB-INF/web.xml",
    "plugins/servlet/oauth/users/icon-uri?consumerUri=http://127.0.0.1:1/",
    "plugins/servlet/gadgets/makeRequest?url=https://jira:443@evil.example/",
    "?consumerUri=http://127.0.0.1:1/",
    "?url=http://127.0.0.1:1/",
    "http://127.0.0.1:1/x.png",
    "http:/127.0.0.1:1/x.png",
    "http:%2f%2f127.0.0.1:1%2fx.png",
    "@evil.example/x.png",
    "evil.example:443/x.png",
    "unix:/var/run/docker.sock|http://localhost/",
    "WEB-INF/web.xml",
    ".htaccess",
    "%",
    "%zz",
    "\xff\xfe",
    "‮gnp.gub",
    "a" * 8000,
    "images/icons/" + "a" * 4000 + ".png",
    "images/icons/" + "a/" * 2000 + "x.png",
    "rest/api/3/universal_avatar/view/type/project/avatar/" + "1" * 5000,
]


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p[:60])
def test_a_path(server, jira, path, every_host):
    replies = []
    for host in every_host:
        prefixes = list(FACES.values()) + (["/in/"] if host.startswith("rewritten") else [])
        replies += [send(server, host, prefix + path) for prefix in prefixes]
    judge(jira, replies)
    assert all(client.statuses(reply) for reply in replies)
    assert not any(500 in client.statuses(reply) for reply in replies)


@pytest.fixture
def every_host():
    """Every variant in one test: the server is shared, a variant costs a millisecond."""
    return [name.replace(" ", "-").replace(",", "") + ".test" for name in VARIANTS]


@pytest.mark.parametrize("form", ["absolute", "absolute elsewhere", "no slash", "star", "scheme"])
def test_a_form_of_the_request_target(server, jira, host, form):
    tail = "secure/viewavatar?avatarType=project&avatarId=10406"
    target = {
        "absolute": f"http://{host}/avatars/{tail}",
        "absolute elsewhere": f"http://127.0.0.1:1/avatars/{tail}",
        "no slash": f"avatars/{tail}",
        "star": "*",
        "scheme": f"https:avatars/{tail}",
    }[form]
    judge(jira, [send(server, host, target)])


# ---- parameters -------------------------------------------------------------------------------

VALUES = [
    "1%0d%0aX-Evil:%201",
    "1%0aX-Evil:%201",
    "1%0d%0a%0d%0aGET%20/rest/api/2/search%20HTTP/1.1%0d%0aHost:%20x%0d%0a%0d%0a",
    "1%20HTTP/1.1%0d%0aX-Evil:1",
    "1%00",
    "1%09",
    "1%20",
    "%201",
    "+1",
    "1%26jql=x",
    "1%26os_username=admin",
    "1;jql=x",
    "1%3bjql=x",
    "1%23x",
    "1%2523x",
    "1/../../../rest/api/2/search",
    "..%2f..%2frest/api/2/search",
    "%2e%2e%2f",
    "../../../etc/passwd",
    "@evil.example",
    "http://evil.example/",
    "//evil.example/",
    "\\\\evil.example\\x",
    "<script>alert(1)</script>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "%22%3E%3Cscript%3E",
    "${jndi:ldap://127.0.0.1:1/x}",
    "%24%7Bjndi:ldap://127.0.0.1:1/x%7D",
    "%{HTTP_HOST}",
    "%25%7BHTTP_HOST%7D",
    "%s%s%s%n",
    "%ff",
    "%c0%ae",
    "%ed%a0%80",
    "%f4%90%80%80",
    "%",
    "%4",
    "%zz",
    "%u0041",
    "-1",
    "0x1",
    "1e9",
    "9223372036854775808",
    "18446744073709551617",
    "1" * 4000,
    "x" * 6000,
    "١٢",
]
TARGETS = [
    "secure/projectavatar?pid={}",
    "secure/projectavatar?pid=10000&avatarId={}",
    "secure/projectavatar?ownerId={}",
    "secure/projectavatar?pid=10000&size={}",
    "secure/projectavatar?pid=10000&s={}",
    "secure/viewavatar?avatarType=project&avatarId={}",
    "secure/viewavatar?avatarId=10303&avatarType={}",
    "secure/viewavatar?avatarId=10303&avatarType=issuetype&format={}",
    "secure/useravatar?ownerId={}",
    "secure/useravatar?username={}",
    "secure/useravatar?ownerId=fred&noRedirect={}",
    "secure/useravatar?ownerId=fred&avatarType={}",
    "secure/viewavatar?avatarId=10303&avatarType=issuetype&{}=1",
    "secure/viewavatar?avatarId=10303&avatarType=issuetype&{}",
    "rest/api/3/universal_avatar/view/type/project/avatar/10406?size={}",
    "rest/api/3/universal_avatar/view/type/project/avatar/10406?format={}",
    "images/icons/bug.png?{}",
    "project/10000?size={}",
]


@pytest.mark.parametrize("value", VALUES, ids=lambda v: v[:40])
def test_a_parameter(server, jira, value):
    replies = []
    for face in ("/avatars/", "/dc/"):
        for target in TARGETS:
            replies.append(send(server, "plain.test", face + target.format(value)))
    judge(jira, replies)
    for reply in replies:
        assert client.statuses(reply)[0] in (200, 400, 403, 404, 414, 502), reply
        body = reply.partition(b"\r\n\r\n")[2]
        assert b"<script>alert" not in body


def test_a_user_name_is_one_parameter(server, jira):
    """What is legal in a name goes upstream encoded, and comes out there as it went in."""
    for name in ("first.last", "a@b.example", "a b", "a&b=c", "a/b", "a?b", "ü", "a+b", "100%"):
        quoted = "".join(f"%{byte:02x}" for byte in name.encode())
        jira.clear()
        send(server, "plain.test", f"/dc/secure/useravatar?ownerId={quoted}")
        judge(jira)
        assert [seen.query.get("ownerId") for seen in jira.seen()] in ([name], [])


# ---- headers and bodies -----------------------------------------------------------------------

PICTURE = "/avatars/secure/viewavatar?avatarType=project&avatarId="

HEADERS = [
    [("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "http")],
    [("X-Original-URL", "/rest/api/2/search"), ("X-Rewrite-URL", "/rest/api/2/search")],
    [("X-Forwarded-Uri", "/rest/api/2/search"), ("X-Forwarded-Prefix", "/rest")],
    [("X-Jira-Url", "https://evil.example"), ("X-Atlassian-Jira-Url", "https://evil.example")],
    [("X-Atlassian-Cloud-Id", "99999999-2222-3333-4444-555555555555")],
    [("Authorization", "Basic ZXZpbDpldmls")],
    [("Authorization", "Bearer evil"), ("Authorization", "Bearer evil2")],
    [("Cookie", "JSESSIONID=evil; os_authType=any")],
    [("Connection", "Authorization, Host, close")],
    [("Content-Type", "proxy:http://127.0.0.1:1/|http://localhost/")],
    [("Content-Type", "server-status")],
    [("Accept", "text/html"), ("Accept-Encoding", "gzip"), ("Range", "bytes=0-0")],
    [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABk")],
    [("Max-Forwards", "0"), ("Via", "1.1 a, 1.1 b")],
    [("Expect", "100-continue")],
    [("X-Evil", "a" * 7000)],
    [(f"X-Evil-{i}", "1") for i in range(90)],
    [("Destination", "http://evil.example/")],
    [("If-None-Match", '"' + "x" * 6000 + '"')],
    [("If-None-Match", ",".join(f'"{i}"' for i in range(900)))],
]


@pytest.mark.parametrize("headers", HEADERS, ids=lambda h: h[0][0])
def test_headers_choose_nothing(server, jira, headers):
    number = jira.new_id()
    plain = client.request(server.port, PICTURE + number, host="plain.test")
    cold = client.request(server.port, PICTURE + jira.new_id(), host="plain.test", headers=headers)
    warm = client.request(server.port, PICTURE + number, host="plain.test", headers=headers)
    assert plain.status == 200
    assert warm.status in (200, 206) and cold.status in (200, 206)
    if warm.status == 200:
        assert warm.body == plain.body
    judge(jira)
    assert len(jira.seen()) == 2


HOSTS = ["evil.example", "127.0.0.1:1", "plain.test@evil.example", "plain.test:evil", "", "[::1]"]


@pytest.mark.parametrize("host", HOSTS)
def test_the_host_of_the_visitor_is_not_the_host_upstream(server, jira, host):
    send(server, host, PICTURE + jira.new_id())
    judge(jira)
    for seen in jira.seen():
        assert seen.headers["host"].startswith("localhost:"), seen


SMUGGLED = b"GET /rest/api/2/search HTTP/1.1\r\nHost: x\r\n\r\n"
RAW = {
    "length and chunked": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: 46\r\n\r\n",
    "chunked twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "odd chunked": b"Transfer-Encoding: xchunked\r\n\r\n",
    "space before colon": b"Content-Length : 46\r\n\r\n",
    "folded": b"X-A: 1\r\n Content-Length: 46\r\n\r\n",
    "bare LF": b"X-A: 1\nContent-Length: 46\n\n",
    "NUL": b"X-A: \x00\r\n\r\n",
    "negative length": b"Content-Length: -1\r\n\r\n",
    "huge length": b"Content-Length: 99999999999999999999\r\n\r\n",
    "chunk too big": b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
}


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("name", RAW)
def test_framing(server, jira, name, method):
    head = f"{method} {PICTURE}{jira.new_id()} HTTP/1.1\r\nHost: plain.test\r\n".encode()
    with client.connect(server.port, timeout=3) as sock:
        sock.sendall(head + RAW[name] + SMUGGLED)
        sock.shutdown(1)
        received = b""
        try:
            while chunk := sock.recv(65536):
                received += chunk
        except OSError:
            pass
    judge(jira, [received])
    assert len(jira.seen()) <= 1


def test_a_body_is_never_forwarded(server, jira):
    for method in ("GET", "POST", "PUT", "DELETE"):
        send(server, "plain.test", PICTURE + jira.new_id(), method=method, body=b"jql=" + SMUGGLED)
    judge(jira)
    for seen in jira.log():
        assert not seen.get("body"), seen


def test_an_error_page_does_not_reflect(server, jira):
    for marker in ("<zzqq>", "%3Czzqq%3E", "%22zzqq", "zzqq'"):
        for target in (f"/avatars/{marker}", PICTURE + marker, f"/avatars/project/1?size={marker}"):
            body = send(server, "plain.test", target).partition(b"\r\n\r\n")[2]
            assert b"<zzqq" not in body and b'"zzqq' not in body


def test_errors_are_not_kept_for_others(server, jira):
    """A request of an attacker's that fails leaves the good one as it is (CPDoS)."""
    number = jira.new_id()
    for headers in ([("X-Evil", "a" * 9000)], [("X-Evil", "\x00")], [("Transfer-Encoding", "x")]):
        send(server, "plain.test", PICTURE + number, headers=headers)
    send(server, "plain.test", PICTURE + number, method="POST")
    assert client.request(server.port, PICTURE + number, host="plain.test").status == 200


def test_the_children_lived_through_it_all(server, jira):
    time.sleep(0.1)
    assert "exit signal" not in server.log()
    assert client.request(server.port, PICTURE + "10406", host="plain.test").status == 200

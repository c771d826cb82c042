# SPDX-License-Identifier: Apache-2.0
"""TLS, certificates, proxies, what the environment may not do, and whose connection is whose."""

import pathlib
import re

import pytest
from jira import avatars, join

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error)\]"


def untrusting(jira, **options):
    """As avatars(), without the CA of the stand-in."""

    def text(server):
        return re.sub(r"(?m)^\s+JiraAvatarCAFile .*\n", "", avatars(jira, **options)(server))

    return text


def assert_failed(reply, error):
    assert reply.status == 502
    assert re.search(rf"error={error}\b", reply["Proxy-Status"]), reply["Proxy-Status"]


def test_an_unknown_authority_is_refused(serve, jira):
    server = serve(untrusting(jira)).allow(COMPLAINS)
    assert_failed(server.get(PATH + "10406"), "tls_certificate_error")
    assert jira.seen() == []
    assert "JiraAvatarCAFile" in server.log()


@pytest.mark.parametrize("face", ["expired", "wrongname", "selfsigned"])
def test_a_bad_certificate_is_refused(serve, jira, face):
    server = serve(avatars(jira, site=jira.url(face))).allow(COMPLAINS)
    assert_failed(server.get(PATH + "10406"), "tls_certificate_error")
    assert jira.seen() == []


@pytest.mark.parametrize("scheme, face", [("https", "dcroot"), ("http", "cloud")])
def test_tls_where_there_is_none_and_none_where_there_is(serve, jira, scheme, face):
    site = f"{scheme}://localhost:{jira.port(face)}"
    server = serve(avatars(jira, site=site)).allow(COMPLAINS)
    assert server.get(PATH + "10406").status == 502
    assert jira.seen() == []


def test_the_system_roots_are_still_trusted_beside_a_ca_file(configured, jira):
    server = configured(avatars(jira))
    status, output = server.configtest()
    assert status == 0, output


def showing(jira, **options):
    """As avatars(), with the client certificate of the face mtls."""

    def text(server):
        names = ("client_cert", "client_key")
        files = [server.file(f"{n}.pem", pathlib.Path(jira.files[n]).read_bytes()) for n in names]
        line = "JiraAvatarClientCertificate {} {}".format(*files)
        return avatars(jira, line, face="mtls", **options)(server)

    return text


@pytest.mark.mpm
def test_a_client_certificate_is_shown(serve, jira):
    server = serve(showing(jira))
    assert server.get(PATH + jira.new_id()).status == 200
    (seen,) = jira.seen("mtls")
    assert seen.record["client_certificate"]


def test_without_its_client_certificate_nothing_comes(serve, jira):
    server = serve(avatars(jira, face="mtls")).allow(COMPLAINS)
    assert server.get(PATH + "10406").status == 502
    assert jira.seen() == []


def test_a_client_certificate_of_one_site_is_not_shown_to_another(serve, jira):
    both = join(showing(jira, path="/one/"), avatars(jira, face="mtls", path="/two/"))
    server = serve(both).allow(COMPLAINS)
    tail = "secure/viewavatar?avatarType=project&avatarId="
    assert server.get("/one/" + tail + jira.new_id()).status == 200
    assert server.get("/two/" + tail + jira.new_id()).status == 502
    assert len(jira.seen("mtls")) == 1


# ---- the outbound proxy -----------------------------------------------------------------------


def through(jira, face, *secret, **options):
    def text(server):
        line = f"JiraAvatarProxy {jira.url(face)}"
        if secret:
            line += " " + server.secret(secret[0], "proxy-secret")
        return avatars(jira, line, **options)(server)

    return text


@pytest.mark.mpm
@pytest.mark.parametrize("face, secret", [("proxy", ()), ("proxyauth", ("proxy:proxy-pass",))])
def test_a_proxy_is_used(serve, jira, face, secret):
    server = serve(through(jira, face, *secret))
    assert server.get(PATH + jira.new_id()).status == 200
    assert jira.log(face), "the proxy saw nothing"
    for seen in jira.seen(face):
        assert seen.method == "CONNECT"
        assert "authorization" not in seen.headers
        assert "token" not in str(seen.headers).lower()
    for seen in jira.seen("cloud"):
        assert "proxy-authorization" not in seen.headers


def test_a_proxy_that_refuses(serve, jira):
    server = serve(through(jira, "proxyauth", "proxy:wrong")).allow(COMPLAINS)
    reply = server.get(PATH + "10406")
    assert reply.status == 502
    assert jira.seen("cloud") == []
    assert "proxy" in server.log().lower()


def test_a_proxy_that_is_not_there(serve, jira):
    line = "JiraAvatarProxy http://127.0.0.1:1"
    server = serve(avatars(jira, line)).allow(COMPLAINS)
    assert server.get(PATH + "10406").status == 502
    assert jira.seen() == []


# ---- the environment --------------------------------------------------------------------------

DEAD = "http://127.0.0.1:1"
ENVIRONMENT = {
    **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTPS_PROXY", "ALL_PROXY"), DEAD),
    "CURL_CA_BUNDLE": "/nonexistent",
    "CURL_SSL_BACKEND": "nonsense",
    "CURLOPT_PROXY": DEAD,
}


@pytest.mark.parametrize("face", ["cloud", "dcroot"])
def test_the_environment_changes_nothing(serve, jira, face):
    def conf(server):
        home = server.root / "run"
        server.file("run/.netrc", "machine localhost login evil password evil\n", 0o644)
        server.file("run/.curlrc", f"proxy = {DEAD}\nheader = X-Evil: 1\n", 0o644)
        keys = f"{server.root}/cache/keys.log"
        server.env.update(ENVIRONMENT, HOME=str(home), SSLKEYLOGFILE=keys)
        return avatars(jira, face=face)(server) + avatars(
            jira, face=face, path="/nobody/", credential="none"
        )(server)

    server = serve(conf)
    assert server.get(PATH + jira.new_id()).status == 200
    assert server.get(PATH.replace("avatars", "nobody") + "10406").status == 200
    first, second = jira.seen(face)
    assert first.headers["authorization"] == jira.authorization(face)
    assert "authorization" not in second.headers
    assert not list(server.root.rglob("keys.log"))


def test_a_refusal_makes_nobody_look_for_other_credentials(serve, jira):
    server = serve(avatars(jira, credential="none")).allow(COMPLAINS)
    jira.mode("401_site")
    server.get(PATH + "10406")
    assert all("authorization" not in seen.headers for seen in jira.seen())


# ---- redirects and foreign hosts --------------------------------------------------------------

REDIRECTS = [
    ("redirect_elsewhere", {"status": status}) for status in (301, 302, 303, 307, 308)
] + [("redirect_http", {}), ("sso_redirect", {}), ("redirect_loop", {}), ("login_redirect", {})]


@pytest.mark.parametrize("face", ["cloud", "gateway", "dc"])
@pytest.mark.parametrize("mode, args", REDIRECTS, ids=lambda v: str(v))
def test_a_redirect_is_not_followed(serve, jira, face, mode, args):
    server = serve(avatars(jira, face=face)).allow(COMPLAINS)
    jira.mode(mode, face=face, **args)
    assert server.get(PATH + jira.new_id()).status == 502
    assert len(jira.seen()) == 1
    assert jira.seen("elsewhere") == [] and jira.seen("dcroot") == []


def test_a_redirect_of_tenant_info_is_not_followed(serve, jira):
    server = serve(avatars(jira, face="gateway")).allow(COMPLAINS)
    jira.mode("redirect_elsewhere", face="cloud", match="tenant_info")
    assert server.get(PATH + jira.new_id()).status >= 500
    assert jira.seen("elsewhere") == [] and jira.seen("gateway") == []


def test_a_picture_elsewhere_gets_no_credential(serve, jira):
    server = serve(avatars(jira, face="dc")).allow(COMPLAINS)
    server.get("/avatars/secure/useravatar?ownerId=external")
    for seen in jira.seen("elsewhere"):
        assert not {"authorization", "cookie"} & set(seen.headers)


def test_hostile_headers_reach_nobody(serve, jira):
    server = serve(avatars(jira))
    jira.mode("hostile_headers")
    reply = server.get(PATH + jira.new_id())
    assert reply.status == 200
    text = "\n".join(f"{n}: {v}" for n, v in reply.headers.items()).lower()
    assert "evil" not in text and "passwd" not in text and "refresh" not in text
    assert server.get(PATH + jira.new_id()).status == 200
    assert all("cookie" not in seen.headers for seen in jira.seen())


# ---- whose connection -------------------------------------------------------------------------


@pytest.mark.mpm
@pytest.mark.parametrize("face", ["cloud", "dcroot"])
def test_two_credentials_never_share_a_connection(serve, jira, face):
    """Also not one after the other: a connection, or its TLS session, may carry who it was for."""
    others = {"cloud": ("other@example.com", "other-token"), "dcroot": ("weak", "weak-password")}
    user, token = others[face]

    def conf(server):
        other = f"basic user={user} secret={server.secret(token, 'other')}"
        return join(
            avatars(jira, face=face, path="/one/"),
            avatars(jira, face=face, path="/two/", credential=other),
            avatars(jira, face=face, path="/none/", credential="none"),
        )(server)

    server = serve(conf)
    for _ in range(6):
        for path in ("/one/", "/two/", "/none/"):
            target = f"{path}secure/viewavatar?avatarType=issuetype&avatarId="
            server.get(target + (jira.new_id() if path != "/none/" else "10303&size=small"))
    carried = {}
    for seen in jira.seen(face):
        carried.setdefault(seen.connection, set()).add(seen.headers.get("authorization"))
    assert len({who for owners in carried.values() for who in owners}) >= 2
    assert all(len(owners) == 1 for owners in carried.values()), carried


def test_the_same_credential_keeps_its_connection(serve, jira):
    server = serve(avatars(jira, face="dcroot"))
    for _ in range(6):
        assert server.get(PATH + jira.new_id()).status == 200
    assert len({seen.connection for seen in jira.seen()}) == 1
    assert jira.seen()[0].headers["authorization"] == jira.authorization("dcroot")


@pytest.mark.mpm
def test_a_connection_that_died_is_replaced(serve, jira):
    server = serve(avatars(jira))
    jira.mode("close_after", times=2)
    for _ in range(4):
        assert server.get(PATH + jira.new_id()).status == 200

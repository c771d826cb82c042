# SPDX-License-Identifier: Apache-2.0
"""Each cause of docs/log-messages.md, brought about: the error log names it and says the remedy,
word for word as the page has it."""

import json
import os
import pathlib
import re
import socket
import subprocess
import time

import pytest
from jira import avatars
from test_tokens import site

HERE = pathlib.Path(__file__).parent
COMPLAINS = r"\[jira_avatar:(warn|error|crit)\]"
PICTURE = "/avatars/secure/viewavatar?avatarType=project&avatarId={id}"
OTHER = "99999999-2222-3333-4444-555555555555"
USER = "/avatars/user/557058:aaaaaaaa-0000-4000-8000-00000000000a"
LONG_HEADER = "HTTP/1.1 200 OK\r\n" + ("X-Filler: " + "x" * 990 + "\r\n") * 80
NO_SITE = "HTTP/1.1 404 Not Found\r\nContent-Length: 27\r\n\r\n<html>Not Found</html>     "
VIEW = "read:jira-work (classic) or read:avatar:jira (granular)"

# Nothing that a server meets in a test leads to these; tests/unit/test_diagnosis.c has them.
BY_UNIT_TESTS_ONLY = {
    "JAV1016": "the child process ends",
    "JAV1017": "no memory",
    "JAV1042": "Atlassian's word for it is the one for a dead refresh token",
}


def documented():
    """number -> (level, message, remedy), of all that has a number from JAV1000 on."""
    page = (HERE.parent.parent / "docs/log-messages.md").read_text()
    section = r"^## (JAV1\d+)\n.*?^\| Level \| (.*?) \|\n\| Message \| (.*?) \|\n.*?" \
        r"^\| Remedy \| (.*?) \|$"
    found = re.findall(section, page, re.M | re.S)
    return {number: (level, message, remedy) for number, level, message, remedy in found}


DOCUMENTED = documented()


def refused(user, face="cloud", *lines):
    """A wrong secret."""
    def conf(jira):
        def text(server):
            secret = server.secret("wrong")
            kind = f"basic user={user} secret={secret}" if user else f"bearer secret={secret}"
            return avatars(jira, *lines, face=face, credential=kind)(server)
        return text
    return conf


def face(name, *lines, **options):
    return lambda jira: avatars(jira, *lines, face=name, **options)


def token(kind, *lines):
    return lambda jira: site(jira, kind, *lines)


def mode(name, on="cloud", match=None, **args):
    return lambda jira: jira.mode(name, face=on, match=match, **args)


def both(*steps):
    return lambda jira: [step(jira) for step in steps]


def at(address):
    """A site at another address, which may name a face's port."""
    def conf(jira):
        ports = {name: jira.port(name) for name in ("dcroot", "proxyauth")}
        return avatars(jira, site=address.format(**ports))
    return conf


def picture_named(url):
    return mode("body", match="/rest/api/3/project/", text=json.dumps({"iconUrl": url}))


def untrusted(jira):
    return avatars(jira, site=jira.url("selfsigned"))


def no_login_for_proxy(jira):
    return avatars(jira, f"JiraAvatarProxy {jira.url('proxyauth')}")


def outside(jira):
    port = jira.port("elsewhere")
    return avatars(jira, f"JiraAvatarPublicHosts localhost:{port}=127.0.0.1,::1")


def not_public(jira):
    return avatars(jira, f"JiraAvatarPublicHosts localhost:{jira.port('elsewhere')}")


def wrong_app(jira):
    def text(server):
        server.secret("wrong", "sh")
        return site(jira, "connect-user")(server)
    return text


def no_redirect(jira):
    return lambda server: re.sub(" redirect-uri=\\S+", "", site(jira, "dc-refresh")(server))


def wrong_client(jira):
    def text(server):
        server.secret("wrong", "as")
        return site(jira, "oauth-refresh")(server)
    return text


CLOUD, DC, GATEWAY = face("cloud"), face("dc"), face("gateway")
NOBODY = face("cloud", credential="none")
SERVICE = token("oauth-client")
NO_ID = mode("no_identity_200", match="universal_avatar")
BOT = {"account": "bot@example.com"}

# number: configuration, what the stand-in does, path, what the placeholders of the remedy become
ROWS = {
    "JAV1000": (CLOUD, None, PICTURE, {}),
    "JAV1001": (at("https://nosuch.invalid"), None, PICTURE, {"host": "JiraAvatarSite"}),
    "JAV1002": (at("https://localhost:1"), None, PICTURE, {"host": "JiraAvatarSite"}),
    "JAV1005": (at("https://localhost:{dcroot}"), None, PICTURE, {}),
    "JAV1006": (untrusted, None, PICTURE, {}),
    "JAV1007": (face("cloud", "JiraAvatarProxy http://127.0.0.1:1"), None, PICTURE, {}),
    "JAV1008": (no_login_for_proxy, None, PICTURE, {}),
    "JAV1009": (face("cloud", "JiraAvatarTimeout total=500ms wait=2s"),
                mode("slow_headers", seconds=2), PICTURE, {}),
    "JAV1010": (CLOUD, mode("close"), PICTURE, {}),
    "JAV1011": (CLOUD, mode("truncated"), PICTURE, {}),
    "JAV1012": (CLOUD, mode("huge", megabytes=2), PICTURE, {}),
    "JAV1013": (face("raw"), mode("bytes", on="raw", text=LONG_HEADER), PICTURE, {}),
    "JAV1014": (face("raw"), mode("bytes", on="raw", text="SSH-2.0-OpenSSH\r\n"), PICTURE, {}),
    "JAV1015": (not_public, None, USER, {}),
    "JAV1020": (face("dcroot"), mode("captcha", on="dcroot"), PICTURE, {"account": "fred"}),
    "JAV1021": (refused("fred", "dc"), None, PICTURE, {"account": "fred"}),
    "JAV1022": (refused("bot@example.com"), None, PICTURE, BOT),
    "JAV1023": (refused("bot@example.com", "cloud", "JiraAvatarRoute site"), None, PICTURE, BOT),
    "JAV1024": (refused("bot@example.com", "gateway"), None, PICTURE, BOT),
    "JAV1025": (refused("bot@example.com"), mode("close", on="gateway"), PICTURE, BOT),
    "JAV1026": (DC, mode("401_site", on="dc"), PICTURE, {}),
    "JAV1027": (refused("", "gateway"), mode("gw_401", on="gateway"), PICTURE, {}),
    "JAV1028": (SERVICE, mode("gw_401", on="gateway"), PICTURE, {}),
    "JAV1029": (token("connect-jwt"), mode("401_site"), PICTURE, {}),
    "JAV1030": (token("connect-jwt"), both(mode("401_site"), mode("date_skew", seconds=-600)),
                PICTURE, {}),
    "JAV1031": (GATEWAY, mode("gw_scope", on="gateway"), PICTURE, {"scope": VIEW}),
    "JAV1032": (CLOUD, mode("auth_failed_200", reason="AUTHORISATION_FAILED"), PICTURE, BOT),
    "JAV1033": (face("dcroot"), mode("basic_disabled_403", on="dcroot"), PICTURE,
                {"account": "fred"}),
    "JAV1034": (face("cloud", "JiraAvatarRoute site"),
                mode("anonymous_200", match="universal_avatar"), PICTURE, BOT),
    "JAV1035": (DC, mode("anonymous_200", on="dc"), PICTURE, {}),
    "JAV1036": (token("dc-client"), mode("401_site", on="dc", match="viewavatar"), PICTURE, {}),
    "JAV1037": (token("connect-user"), mode("anonymous_200"), PICTURE, {}),
    "JAV1040": (token("oauth-refresh"),
                lambda jira: jira.tokens(revoke_grants=True, revoke_access=True), PICTURE, {}),
    "JAV1041": (wrong_app, None, PICTURE, {}),
    "JAV1043": (wrong_client, None, PICTURE, {}),
    "JAV1044": (SERVICE, mode("body", on="auth", text='{"error": "invalid_scope"}'), PICTURE, {}),
    "JAV1045": (SERVICE, mode("html_error_200", on="auth"), PICTURE, {}),
    "JAV1046": (no_redirect, None, PICTURE, {}),
    "JAV1050": (CLOUD, mode("403_json"), PICTURE, BOT),
    "JAV1051": (outside, mode("403_json", match="/rest/api/3/user"), USER, BOT),
    "JAV1052": (CLOUD, both(mode("403_json", match="universal_avatar"), NO_ID), PICTURE, BOT),
    "JAV1053": (CLOUD, mode("policy_403"), PICTURE, {}),
    "JAV1054": (NOBODY, mode("403_json"), PICTURE, {}),
    "JAV1055": (CLOUD, mode("404"), PICTURE, {}),
    "JAV1056": (CLOUD, both(mode("404", match="universal_avatar"), NO_ID), PICTURE, BOT),
    "JAV1057": (face("gateway", f"JiraAvatarCloudId {OTHER}"), None, PICTURE, {}),
    "JAV1058": (CLOUD, picture_named("/"), "/avatars/project/DEMO", {}),
    "JAV1059": (DC, None, "/avatars/rest/api/2/universal_avatar/view/type/project", {}),
    "JAV1060": (CLOUD, None, f"/avatars/ex/jira/{OTHER}/rest/api/3/universal_avatar/view/type/"
                "project/avatar/{id}", {}),
    "JAV1061": (face("raw"), mode("bytes", on="raw", text=NO_SITE), PICTURE, {}),
    "JAV1070": (CLOUD, mode("login_html_200"), PICTURE, {}),
    "JAV1071": (CLOUD, mode("redirect_elsewhere", location="https://secure.gravatar.com/avatar/0"),
                PICTURE, {}),
    "JAV1072": (CLOUD, mode("redirect_elsewhere"), PICTURE, {}),
    "JAV1073": (CLOUD, picture_named("https://evil.example/x.png"), "/avatars/project/DEMO", {}),
    "JAV1074": (CLOUD, mode("gzip"), PICTURE, {}),
    "JAV1075": (CLOUD, mode("html_error_200"), PICTURE, {"host": "JiraAvatarSite"}),
    "JAV1076": (CLOUD, mode("truncated_png"), PICTURE, {}),
    "JAV1077": (CLOUD, mode("body", match="/rest/api/3/project/", text="no JSON"),
                "/avatars/project/DEMO", {}),
    "JAV1078": (GATEWAY, mode("body", match="tenant_info", text="{}"), PICTURE, {}),
    "JAV1079": (outside, mode("redirect_elsewhere", on="elsewhere",
                              location="https://evil.example/x.png"), USER, {}),
    "JAV1080": (CLOUD, mode("429"), PICTURE, {}),
    "JAV1081": (CLOUD, mode("503"), PICTURE, {}),
    "JAV1082": (CLOUD, mode("504"), PICTURE, {}),
    "JAV1083": (GATEWAY, mode("500", on="gateway"), PICTURE, {}),
    "JAV1084": (CLOUD, mode("410"), PICTURE, {}),
    "JAV1085": (GATEWAY, mode("204", on="gateway"), PICTURE, {"host": "JiraAvatarGatewayURL"}),
    "JAV1086": (face("raw"), mode("bytes", on="raw", text="HTTP/1.1 999 ?\r\nContent-Length: 0\r\n\r\n"),
                PICTURE, {}),
}


def assert_said(server, number, filled):
    """The line with this number says level, outcome, cause and remedy as they are documented."""
    level, message, remedy = DOCUMENTED[number]
    line = server.wait_log(number + ": ")
    _, outcome, cause = message.replace(" for %s", "").split(": ", 2)
    assert f"[jira_avatar:{level}]" in line
    assert re.search(f": {outcome}( for \\S+)?: {re.escape(cause)}", line), line
    for name in re.findall(r"\{(\w+)\}", remedy):
        assert name in filled or name == "host"
    remedy = re.sub(r"\{(\w+)\}", lambda m: filled.get(m[1], "{" + m[1] + "}"), remedy)
    pieces = re.split(r"\{\w+\}", "" if remedy == "None." else remedy)
    assert re.search(r"\w+".join(map(re.escape, pieces)) + "$", line), line


@pytest.mark.parametrize("number", ROWS)
def test_the_log_tells_cause_and_remedy(serve, jira, number):
    conf, prepare, path, filled = ROWS[number]
    server = serve(conf(jira), allow=[COMPLAINS], server="LogLevel jira_avatar:debug")
    if prepare is not None:
        prepare(jira)
    server.get(path.format(id=jira.new_id()))
    assert_said(server, number, filled)


def test_a_host_that_does_not_answer(serve, jira):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        fill = [socket.socket() for _ in range(3)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        conf = avatars(jira, "JiraAvatarTimeout connect=300ms", site=f"https://127.0.0.1:{port}")
        server = serve(conf, allow=[COMPLAINS])
        server.get(PICTURE.format(id="1"))
        for one in fill:
            one.close()
    assert_said(server, "JAV1004", {})


def test_a_kernel_that_does_not_let_us_out(serve, jira, tmp_path):
    shim = tmp_path / "deny_connect.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, HERE / "deny_connect.c", "-ldl"],
                   check=True)
    shim.chmod(0o755)

    def conf(server):
        copy = server.file("deny_connect.so", shim.read_bytes(), 0o755)
        preload = [os.environ.get("HTTPD_PRELOAD", ""), str(copy)]
        server.env.update(LD_PRELOAD=" ".join(filter(None, preload)),
                          DENIED_PORT=str(jira.port("cloud")))
        return avatars(jira)(server)

    server = serve(conf, allow=[COMPLAINS])
    assert server.get(PICTURE.format(id="1")).status == 502
    assert_said(server, "JAV1003", {})
    assert jira.seen() == []


def test_a_secret_that_became_unsendable(serve, jira):
    def conf(server):
        return avatars(jira, face="dc", credential=f"bearer secret={server.secret('good-pat')}")(
            server)

    server = serve(conf, allow=[COMPLAINS])
    assert server.get(PICTURE.format(id=jira.new_id())).status == 200
    (server.root / "secret").write_text("two words")
    time.sleep(1.3)
    assert server.get(PICTURE.format(id=jira.new_id())).status == 502
    assert_said(server, "JAV1018", {})


def test_the_clock_of_an_assertion(serve, jira):
    server = serve(wrong_app(jira), allow=[COMPLAINS])
    jira.mode("date_skew", face="auth", seconds=600)
    assert server.get(PICTURE.format(id=jira.new_id())).status == 502
    assert_said(server, "JAV1030", {})
    assert jira.tokens()["counters"]["requests"] == 1


def test_one_cause_does_not_hide_another(serve, jira):
    server = serve(avatars(jira, face="dc"), allow=[COMPLAINS])
    for number, name in (("JAV1050", "403_json"), ("JAV1053", "policy_403")):
        rule = jira.mode(name, face="dc")
        for _ in range(3):
            assert server.get(PICTURE.format(id=jira.new_id())).status == 403
        jira.unmode(rule)
        assert len(re.findall(number, server.log())) == 1


def test_every_cause_is_brought_about():
    source = pathlib.Path(__file__).read_text()
    named = set(re.findall(r'"(JAV1\d{3})"', source))
    assert named == set(DOCUMENTED)
    assert not set(ROWS) & set(BY_UNIT_TESTS_ONLY)

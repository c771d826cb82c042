# SPDX-License-Identifier: Apache-2.0
"""Names that only the REST API can turn into an avatar, and pictures that are not Jira's own."""

import json

import pytest
from jira import avatars
from standin.pictures import picture

SHORT = "/avatars/"
LOOPBACK = "127.0.0.0/8,::1"
COMPLAINS = r"JAV10\d\d"


def outside(jira):
    """The host of users' pictures, which the tests have on this machine."""
    return f"JiraAvatarPublicHosts localhost:{jira.port('elsewhere')}={LOOPBACK}"


def rest(jira, face=None):
    return [s for s in jira.seen(face) if "/rest/api/" in s.path and "universal" not in s.path]


def pictures(jira, face=None):
    known = rest(jira)
    return [s for s in jira.seen(face) if s.target not in [k.target for k in known]]


# ---- the site's own ---------------------------------------------------------------------------

CLOUD = {
    "project/DEMO": ("/rest/api/3/project/DEMO", "/universal_avatar/view/type/project/avatar/"),
    "status/1": ("/rest/api/3/status/1", "/images/icons/statuses/open.png"),
}
DATACENTER = {
    "project/DEMO": ("/jira/rest/api/2/project/DEMO", "/jira/secure/projectavatar"),
    "issuetype/10001": ("/jira/rest/api/2/issuetype/10001", "/jira/secure/viewavatar"),
    "priority/2": ("/jira/rest/api/2/priority/2", "/jira/images/icons/priorities/high.svg"),
    "status/3": ("/jira/rest/api/2/status/3", "/jira/images/icons/statuses/reopened.png"),
}


@pytest.mark.mpm
@pytest.mark.parametrize("name", CLOUD)
@pytest.mark.parametrize("face", ["cloud", "gateway"])
def test_cloud_names(serve, jira, face, name):
    server = serve(avatars(jira, face=face))
    reply = server.get(SHORT + name)
    assert reply.status == 200, reply
    asked, found = CLOUD[name]
    assert [s.path.partition(jira.cloud_id)[2] or s.path for s in rest(jira, face)] == [asked]
    assert found in pictures(jira)[-1].path
    assert rest(jira, face)[0].headers["authorization"] == jira.authorization(face)


@pytest.mark.mpm
@pytest.mark.parametrize("name", DATACENTER)
def test_data_center_names(serve, jira, name):
    server = serve(avatars(jira, face="dc"))
    assert server.get(SHORT + name).status == 200
    asked, found = DATACENTER[name]
    assert [s.path for s in rest(jira)] == [asked]
    assert [s.path for s in pictures(jira)] == [found]
    assert {s.headers["authorization"] for s in jira.seen()} == {jira.authorization("dc")}


@pytest.mark.parametrize("face", ["cloud", "dc"])
def test_it_is_the_picture_of_the_project(serve, jira, face):
    server = serve(avatars(jira, face=face))
    by_id = server.get(SHORT + "project/10000?size=medium")
    assert by_id.status == 200
    assert server.get(SHORT + "project/DEMO?size=medium").body == by_id.body


def test_size_and_format_are_the_visitors(serve, jira):
    server = serve(avatars(jira))
    assert server.get(SHORT + "project/DEMO?size=xlarge&format=png").status == 200
    assert pictures(jira)[-1].query == {"size": "xlarge", "format": "png"}


def test_ten_sizes_ask_once(serve, jira):
    server = serve(avatars(jira))
    for size in ("16", "24", "32", "48", "64", "96", "128", "small", "large", "xxlarge"):
        assert server.get(SHORT + "project/DEMO?size=" + size).status == 200
    assert len(rest(jira)) == 1
    assert len(pictures(jira)) == 7


@pytest.mark.mpm
def test_ten_sizes_at_once_ask_once(serve, jira):
    server = serve(avatars(jira))
    jira.mode("delay", ms=200, match="/project/DEMO")
    targets = [SHORT + f"project/DEMO?size={size}" for size in (16, 24, 32, 48, 64, 96, 128)]
    assert {r.status for r in server.together(targets)} == {200}
    assert len(rest(jira)) == 1


@pytest.mark.parametrize("lines", [["JiraAvatarMaxAge 0"],
                                   ["JiraAvatarMaxAge 0", "JiraAvatarStaleAge 0"]])
def test_nothing_kept_is_asked_each_time(serve, jira, lines):
    server = serve(avatars(jira, *lines))
    for _ in range(3):
        assert server.get(SHORT + "project/DEMO").status == 200


# ---- what is not there ------------------------------------------------------------------------


@pytest.mark.parametrize("face, name", [("cloud", "project/NOSUCH"), ("cloud", "status/99"),
                                        ("cloud", "project/SECRET"), ("dc", "issuetype/99"),
                                        ("cloud", "user/nosuch")])
def test_unknown_names_are_404_and_kept(serve, jira, face, name):
    server = serve(avatars(jira, face=face))
    for size in (16, 24, 32):
        assert server.get(f"{SHORT}{name}?size={size}").status == 404
    assert len(rest(jira)) == 1
    assert pictures(jira) == []


@pytest.mark.parametrize("face", ["cloud", "dc"])
def test_a_status_without_an_icon_is_404(serve, jira, face):
    server = serve(avatars(jira, face=face))
    reply = server.get(SHORT + "status/5")
    assert reply.status == 404
    assert reply.body.strip()
    assert pictures(jira) == []


@pytest.mark.parametrize("path", ["rest/api/3/universal_avatar/view/type/project",
                                  "rest/api/3/universal_avatar/view/type/SD_REQTYPE/owner/7"])
def test_what_data_center_has_no_look_up_for_is_404(serve, jira, path):
    server = serve(avatars(jira, face="dc"))
    assert server.get(SHORT + path).status == 404
    assert jira.seen() == []


# ---- answers that are not to be trusted -------------------------------------------------------

URLS = {"48x48": "{cloud}/rest/api/3/universal_avatar/view/type/project/avatar/30000"}
BAD = {
    "not JSON": b"hello",
    "cut": b'{"avatarUrls": {',
    "deep": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "twice": b'{"avatarUrls": {"48x48": "/x"}, "avatarUrls": {"48x48": "/y"}}',
    "not an object": b"[]",
    "no pictures": b"{}",
    "avatarUrls is a list": b'{"avatarUrls": ["48x48"]}',
    "number": b'{"avatarUrls": {"48x48": 7}}',
    "control character": b'{"iconUrl": "/images/icons/a\\u000ab.png"}',
    "NUL": b'{"iconUrl": "/images/icons/a\\u0000.png"}',
    "space": b'{"iconUrl": "/images/icons/a .png"}',
    "empty": b'{"iconUrl": ""}',
}


@pytest.mark.parametrize("body", BAD)
def test_bad_answers_of_the_rest_api(serve, jira, body):
    server = serve(avatars(jira)).allow(COMPLAINS)
    jira.mode("body", match="/rest/api/3/project/", text=BAD[body].decode())
    assert server.get(SHORT + "project/DEMO").status == 502
    assert pictures(jira) == []


REFUSED = [
    "https://evil.example/x.png",
    "https://localhost:{cloud}@evil.example/secure/viewavatar?avatarId=1",
    "https://localhost:1/secure/viewavatar?avatarType=project&avatarId=1",
    "http://localhost:{cloud}/secure/viewavatar?avatarType=project&avatarId=1",
    "https://localhost.evil.example:{cloud}/secure/viewavatar?avatarId=1&avatarType=project",
    "https://localhost:{cloud}/rest/api/2/search",
    "https://localhost:{cloud}/project/DEMO",
    "https://localhost:{cloud}/secure/../rest/api/2/search",
    "//evil.example/images/icons/x.png",
    "file:///etc/passwd",
    "https://localhost:{elsewhere}\\\\@x/a.png",
    "http://localhost:{elsewhere}/a.png",
    "javascript:alert(1)",
]


@pytest.mark.parametrize("url", REFUSED)
def test_other_addresses_are_refused(serve, jira, url):
    server = serve(avatars(jira, outside(jira))).allow(COMPLAINS)
    url = url.replace("{cloud}", str(jira.port("cloud")))
    url = url.replace("{elsewhere}", str(jira.port("elsewhere")))
    jira.mode("body", match="/rest/api/3/project/", text=json.dumps({"iconUrl": url}))
    assert server.get(SHORT + "project/DEMO").status == 502
    assert pictures(jira) == []
    assert "JiraAvatarPublicHosts" in server.wait_log(r"JAV10\d\d")


def test_a_relative_address_is_the_sites(serve, jira):
    server = serve(avatars(jira))
    jira.mode("body", match="/rest/api/3/project/", text='{"iconUrl": "/images/icons/a.png"}')
    assert server.get(SHORT + "project/DEMO").status == 200
    assert pictures(jira)[-1].path == "/images/icons/a.png"


def test_an_address_of_another_site_behind_the_gateway_is_not_found(serve, jira):
    other = "00000000-0000-0000-0000-000000000000"
    server = serve(avatars(jira, face="gateway"))
    url = f"{jira.url('gateway')}/ex/jira/{other}/rest/api/3/universal_avatar/view/type/project"
    jira.mode("body", face="gateway", match="/project/DEMO",
              text=json.dumps({"avatarUrls": {"48x48": url}}))
    assert server.get(SHORT + "project/DEMO").status == 404
    assert pictures(jira) == []


# ---- public hosts -----------------------------------------------------------------------------

ACCOUNT = "557058:aaaaaaaa-0000-4000-8000-00000000000a"


@pytest.mark.mpm
@pytest.mark.parametrize("face", ["cloud", "gateway"])
def test_a_users_picture_is_fetched_without_credential(serve, jira, face):
    server = serve(avatars(jira, outside(jira), face=face))
    reply = server.get(SHORT + "user/" + ACCOUNT)
    assert reply.status == 200
    assert reply.body == picture("elsewhere", "else", 48)
    (asked,) = rest(jira, face)
    assert asked.query == {"accountId": ACCOUNT}
    (seen,) = jira.seen("elsewhere")
    assert seen.path.endswith("/48")
    assert set(seen.names) <= {"host", "user-agent", "accept"}


def test_sizes_of_a_user_ask_once(serve, jira):
    server = serve(avatars(jira, outside(jira)))
    for size in (16, 24, 32, 48, 64, 96, 128):
        assert server.get(f"{SHORT}user/{ACCOUNT}?size={size}").status == 200
    assert len(rest(jira)) == 1
    asked = [s.path.rpartition("/")[2] for s in jira.seen("elsewhere")]
    assert asked == ["16", "24", "32", "48", "48", "48", "48"]


def test_the_client_certificate_is_for_jira_alone(serve, jira):
    def conf(server):
        cert = server.file("client.pem", open(jira.files["client_cert"], "rb").read(), 0o644)
        key = server.file("client.key", open(jira.files["client_key"], "rb").read())
        return avatars(jira, outside(jira), f"JiraAvatarClientCertificate {cert} {key}",
                       face="mtls")(server)

    server = serve(conf)
    assert server.get(SHORT + "user/" + ACCOUNT).status == 200
    assert [s.record["client_certificate"] for s in jira.seen("elsewhere")] == [None]


@pytest.mark.parametrize("lines", [["JiraAvatarPublicHosts none"], []])
def test_a_host_that_is_not_listed_is_not_asked(serve, jira, lines):
    server = serve(avatars(jira, *lines)).allow(COMPLAINS)
    assert server.get(SHORT + "user/" + ACCOUNT).status == 502
    assert jira.seen("elsewhere") == []


def test_an_address_that_is_not_public_is_not_connected_to(serve, jira):
    line = f"JiraAvatarPublicHosts localhost:{jira.port('elsewhere')}"
    server = serve(avatars(jira, line)).allow(COMPLAINS)
    assert server.get(SHORT + "user/" + ACCOUNT).status == 502
    assert jira.seen("elsewhere") == []
    assert jira.counters().get("elsewhere", {}).get("connections", 0) == 0
    line = server.wait_log(r"JAV10\d\d")
    assert "no public address" in line and "JiraAvatarPublicHosts" in line


def test_a_failing_public_host_does_not_stop_jira(serve, jira):
    server = serve(avatars(jira, outside(jira))).allow(COMPLAINS)
    jira.mode("503", face="elsewhere")
    assert server.get(SHORT + "user/" + ACCOUNT).status == 503
    assert server.get(SHORT + "project/DEMO").status == 200


# ---- redirects --------------------------------------------------------------------------------


@pytest.mark.mpm
def test_a_user_of_data_center_with_a_picture_elsewhere(serve, jira):
    server = serve(avatars(jira, outside(jira), face="dc"))
    reply = server.get(SHORT + "user/external")
    assert reply.status == 200
    (seen,) = jira.seen("elsewhere")
    assert seen.path.startswith("/avatar/") and "authorization" not in seen.names


def test_a_picture_elsewhere_that_is_not_listed(serve, jira):
    server = serve(avatars(jira, face="dc")).allow(COMPLAINS)
    assert server.get(SHORT + "user/external").status == 502
    assert jira.seen("elsewhere") == []


def test_only_users_are_sent_elsewhere(serve, jira):
    server = serve(avatars(jira, outside(jira))).allow(COMPLAINS)
    jira.mode("redirect_elsewhere")
    assert server.get(SHORT + "project/10000").status == 502
    assert jira.seen("elsewhere") == []


def test_one_redirect_between_public_hosts(serve, jira):
    server = serve(avatars(jira, outside(jira)))
    there = jira.url("elsewhere") + "/moved.png"
    jira.mode("redirect_elsewhere", face="elsewhere", match="/48$", location=there)
    assert server.get(SHORT + "user/" + ACCOUNT).status == 200
    assert [s.path for s in jira.seen("elsewhere")][1:] == ["/moved.png"]


@pytest.mark.parametrize("to", ["again", "elsewhere"])
def test_no_second_redirect_and_none_to_others(serve, jira, to):
    server = serve(avatars(jira, outside(jira))).allow(COMPLAINS)
    there = jira.url("elsewhere") + "/again" if to == "again" else "https://evil.example/x.png"
    jira.mode("redirect_elsewhere", face="elsewhere", location=there)
    assert server.get(SHORT + "user/" + ACCOUNT).status == 502
    assert len(jira.seen("elsewhere")) == (2 if to == "again" else 1)


# ---- the directive ----------------------------------------------------------------------------


@pytest.mark.parametrize("value, says", [
    ("*.com", "too wide"), ("*", "too wide"), ("https://a.example", "bad port"), ("a/b", "not the name"),
    ("a.example:0", "bad port"), ("a.example:x", "bad port"), ("a.example=10.0.0.1/33", "address"),
    ("a.example=", "address"), ("a.example=private", "address"), ("a..b/c", "not the name"),
])
def test_bad_hosts_are_configuration_errors(configured, jira, value, says):
    server = configured(avatars(jira, f"JiraAvatarPublicHosts {value}"))
    status, text = server.configtest()
    assert status != 0
    assert says in text and "JiraAvatarPublicHosts" in text

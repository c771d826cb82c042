# SPDX-License-Identifier: Apache-2.0
"""The main job: the smallest configuration, every address, every URL that Jira hands out."""

import pathlib
import urllib.parse

import pytest
from jira import avatars, join
from standin.pictures import picture

URLS = pathlib.Path(__file__).resolve().parents[1] / "data" / "avatar_urls.tsv"

# Debian's own list after `apt install apache2`, and nothing else.
DEBIAN = (
    "access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user "
    "autoindex deflate dir env filter mime negotiation reqtimeout setenvif status"
).split()


def smallest(jira):
    return lambda server: f"""
<Location "/avatars/">
    SetHandler           jira-avatar
    JiraAvatarSite       {jira.url("cloud")} cloud
    JiraAvatarCredential basic user=bot@example.com secret={server.secret("good-token")}
    JiraAvatarCAFile     {jira.ca(server)}
</Location>
"""


@pytest.mark.mpm
def test_the_smallest_configuration_works(serve, jira):
    server = serve(smallest(jira))
    reply = server.get("/avatars/rest/api/3/universal_avatar/view/type/project/avatar/20000")
    assert reply.status == 200
    assert reply.body == picture("project", 20000)
    assert reply["Content-Type"] == "image/png"
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert reply["ETag"]
    assert reply.cache_control()["max-age"] <= 3600
    assert reply["Cache-Status"].startswith("jira-avatar")
    assert server.get("/").status in (403, 404)
    assert server.get("/avatarsx").status == 404
    assert len(jira.seen()) == 1


def test_it_works_with_what_debian_loads(serve, jira):
    server = serve(smallest(jira), stock=DEBIAN)
    for _ in range(2):
        reply = server.get("/avatars/secure/viewavatar?avatarType=project&avatarId=20000")
        assert reply.status == 200


@pytest.mark.mpm
def test_a_second_request_asks_nobody(serve, jira):
    server = serve(smallest(jira))
    path = "/avatars/rest/api/3/universal_avatar/view/type/project/avatar/20000"
    first = server.get(path)
    for _ in range(30):
        assert server.get(path).body == first.body
    assert len(jira.seen()) == 1
    assert "hit" in server.get(path)["Cache-Status"]


def test_the_location_may_be_written_without_slash(serve, jira):
    server = serve(avatars(jira, path="/avatars"))
    assert server.get("/avatars/secure/viewavatar?avatarType=project&avatarId=20000").status == 200
    assert server.get("/avatars").status == 404


def test_the_location_may_be_deep_or_the_root(serve, jira):
    server = serve(join(avatars(jira, path="/"), avatars(jira, path="/a/b/c/")))
    for path in ("/", "/a/b/c/"):
        target = f"{path}secure/viewavatar?avatarType=project&avatarId=20000"
        assert server.get(target).status == 200


# ---- contract: the URL space ------------------------------------------------------------------

VIEW = "/rest/api/3/universal_avatar/view/type/"

# path behind the Location; what Jira itself is asked for the same picture
CLOUD = [
    *((f"{api}{rest}", f"{api}{rest}")
      for api in ("/rest/api/2", "/rest/api/3", "/rest/api/latest")
      for rest in ("/universal_avatar/view/type/project",
                   "/universal_avatar/view/type/issuetype/avatar/10303?size=xsmall",
                   "/universal_avatar/view/type/project/avatar/20011?size=xlarge&format=png",
                   "/universal_avatar/view/type/priority/owner/3?size=medium")),
    (VIEW + "SD_REQTYPE/avatar/21005?size=large", VIEW + "SD_REQTYPE/avatar/21005?size=large"),
    (VIEW + "issuetype/owner/10005?format=svg", VIEW + "issuetype/owner/10005?format=svg"),
    ("/secure/projectavatar?pid=10000&avatarId=20012&size=small&s=small",
     VIEW + "project/avatar/20012?size=small"),
    ("/secure/projectavatar?pid=10000", VIEW + "project/owner/10000"),
    ("/secure/projectavatar?avatarId=10406&size=16", VIEW + "project/avatar/10406?size=xsmall"),
    ("/secure/viewavatar?avatarId=20013&avatarType=issuetype&size=xlarge&format=png",
     VIEW + "issuetype/avatar/20013?size=xlarge&format=png"),
    ("/servicedesk/customershim/secure/viewavatar?avatarType=SD_REQTYPE&avatarId=21006",
     VIEW + "SD_REQTYPE/avatar/21006"),
    ("/secure/useravatar?ownerId=first.last&size=small",
     "/secure/useravatar?ownerId=first.last&size=small"),
    ("/images/icons/priorities/high.svg", "/images/icons/priorities/high.svg"),
    ("/images/icons/statuses/open.png", "/images/icons/statuses/open.png"),
    ("/images/icons/bug.gif", "/images/icons/bug.gif"),
    ("/project/10000", VIEW + "project/owner/10000"),
    ("/project/10000?size=small&format=png", VIEW + "project/owner/10000?size=small&format=png"),
    ("/issuetype/10005?size=24", VIEW + "issuetype/owner/10005?size=small"),
    ("/priority/3", VIEW + "priority/owner/3"),
]
CLOUD_ID = "11111111-2222-3333-4444-555555555555"
CLOUD += [(f"/ex/jira/{CLOUD_ID}{path}", truth) for path, truth in CLOUD[2:23]]
CLOUD += [(f"/ex/jira/{CLOUD_ID.upper()}{CLOUD[0][0]}", CLOUD[0][1])]

DATACENTER = [
    ("/secure/projectavatar?pid=10000&avatarId=20012&size=small",
     "/secure/projectavatar?pid=10000&avatarId=20012&size=small"),
    ("/secure/projectavatar?ownerId=10000", "/secure/projectavatar?pid=10000"),
    ("/secure/projectavatar?avatarId=10324", "/secure/projectavatar?avatarId=10324"),
    ("/secure/viewavatar?avatarId=20013&avatarType=issuetype&size=xlarge",
     "/secure/viewavatar?avatarId=20013&avatarType=issuetype&size=xlarge"),
    ("/secure/useravatar?ownerId=fred&avatarId=10111&size=small",
     "/secure/useravatar?ownerId=fred&avatarId=10111&size=small"),
    ("/secure/useravatar?ownerId=first.last%40example.com",
     "/secure/useravatar?ownerId=first.last%40example.com"),
    ("/secure/useravatar?avatarId=10122", "/secure/useravatar?avatarId=10122"),
    ("/secure/useravatar?username=fred&noRedirect=true",
     "/secure/useravatar?username=fred&noRedirect=true"),
    ("/images/icons/priorities/major.png", "/images/icons/priorities/major.png"),
    ("/images/icons/bug.gif", "/images/icons/bug.gif"),
    ("/rest/api/2/universal_avatar/view/type/issuetype/avatar/20014?size=medium",
     "/secure/viewavatar?avatarType=issuetype&avatarId=20014&size=medium"),
    ("/user/fred", "/secure/useravatar?ownerId=fred"),
    ("/user/fred?size=32", "/secure/useravatar?ownerId=fred&size=medium"),
    ("/project/10000", "/secure/projectavatar?pid=10000"),
]


@pytest.fixture(scope="module")
def server(share, one_jira):
    faces = ("cloud", "gateway", "dc", "dcroot")
    return share(join(*(avatars(one_jira, face=face, path=f"/{face}/") for face in faces)))


def same(server, jira, face, path, true_face, truth, authorization=None):
    reply = server.get(f"/{face}{path}")
    assert reply.status == 200, reply
    assert reply.body == jira.truth(true_face, truth, authorization)


@pytest.mark.parametrize("path, truth", CLOUD, ids=[row[0] for row in CLOUD])
def test_cloud(server, jira, path, truth):
    same(server, jira, "cloud", path, "cloud", truth)


@pytest.mark.parametrize("path, truth", CLOUD, ids=[row[0] for row in CLOUD])
def test_cloud_through_the_gateway(server, jira, path, truth):
    # The gateway has no user avatars; the site is asked, which does not know a scoped token.
    stranger = "" if "useravatar" in truth else None
    same(server, jira, "gateway", path, "cloud", truth, stranger)
    if "universal_avatar" in truth:
        assert all(s.path.startswith(f"/ex/jira/{CLOUD_ID}/rest/") for s in jira.seen("gateway"))


@pytest.mark.parametrize("path, truth", DATACENTER, ids=[row[0] for row in DATACENTER])
def test_data_center_at_the_root(server, jira, path, truth):
    same(server, jira, "dcroot", path, "dcroot", truth)


@pytest.mark.parametrize("context", ["", "/jira"])
@pytest.mark.parametrize("path, truth", DATACENTER, ids=[row[0] for row in DATACENTER])
def test_data_center_behind_a_context(server, jira, path, truth, context):
    if not path.startswith("/user") and not path.startswith("/project"):
        path = context + path
    same(server, jira, "dc", path, "dc", truth)


@pytest.mark.parametrize("face", ["dc", "dcroot"])
def test_data_center_is_asked_at_secure_only(server, jira, face):
    for path, _ in DATACENTER:
        server.get(f"/{face}{path}{'&' if '?' in path else '?'}size=xxlarge")
    for seen in jira.seen():
        assert seen.path.removeprefix("/jira").startswith(("/secure/", "/images/icons/")), seen


def test_another_cloud_id_is_404(server, jira):
    path = "/cloud/ex/jira/99999999-2222-3333-4444-555555555555/secure/projectavatar?pid=10000"
    assert server.get(path).status == 404
    assert jira.seen() == []


# ---- the real URLs ----------------------------------------------------------------------------

ELSEWHERE = (".gravatar.com", ".atl-paas.net", "avatar-cdn.atlassian.com")
# Served by Jira, but no avatar of anything the module answers for.
OTHER_THINGS = ("/useravatar", "/avatars/240/site.png")


def real_urls():
    """(url, face): every URL of the sample that a Jira serves."""
    for line in URLS.read_text().splitlines()[1:] if URLS.exists() else []:
        url, _, deployment = line.split("\t")[:3]
        parts = urllib.parse.urlsplit(url)
        if (parts.hostname or "").endswith(ELSEWHERE) or parts.path in OTHER_THINGS:
            continue
        context = parts.path.startswith("/jira/")
        cloud = deployment == "Cloud" or parts.hostname == "example.atlassian.net"
        yield url, "dc" if context else "cloud" if cloud else "dcroot"


@pytest.mark.parametrize("url, face", real_urls())
def test_a_real_url_comes_through(server, jira, url, face):
    parts = urllib.parse.urlsplit(url)
    rest = parts.path + (f"?{parts.query}" if parts.query else "")
    faces = [face] if parts.hostname else [face, "cloud"]
    for one in faces:
        if one == "cloud" and parts.path.startswith("/jira/"):
            continue
        reply = server.get(f"/{one}{rest}")
        assert reply.status == 200, (one, reply)
        if "/universal_avatar/" in rest and one != "cloud":
            continue
        plain = rest.removeprefix(f"/ex/jira/{CLOUD_ID}").removeprefix("/jira")
        assert reply.body == jira.truth(one, plain)


def test_the_sample_is_there():
    assert len(list(real_urls())) > 250

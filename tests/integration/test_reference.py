# SPDX-License-Identifier: Apache-2.0
"""What parses, what does not, and which spellings are one avatar."""

import pytest
from jira import avatars

VIEW = "rest/api/3/universal_avatar/view/type/"


@pytest.fixture(scope="module")
def server(share, one_jira):
    cloud, datacenter = (
        avatars(one_jira, face=face, path=path)
        for face, path in (("cloud", "/avatars/"), ("dc", "/dc/"))
    )
    return share(lambda server: cloud(server) + datacenter(server))


UNKNOWN = [
    "",
    "favicon.ico",
    "index.html",
    "rest",
    "rest/api/2/search",
    "rest/api/2/myself",
    "rest/api/3/issue/ABC-1",
    "rest/api/1/universal_avatar/view/type/project",
    "rest/api/4/universal_avatar/view/type/project/avatar/1",
    "rest/api/3/universal_avatar/type/project/owner/1",
    "rest/api/3/universal_avatar/view",
    VIEW + "project/other/1",
    "rest//api/3/universal_avatar/view/type/project/avatar",
    "secure",
    "secure/Dashboard.jspa",
    "secure/attachment/1/x.png",
    "secure/projectavatar/x",
    "secure/ProjectAvatar?pid=10000",
    "servicedesk/customershim/secure/projectavatar?pid=10000",
    "images/icons",
    "images/icons/",
    "images/other/bug.png",
    "plugins/servlet/oauth/users/icon-uri?consumerUri=http://127.0.0.1:1/",
    "ex/jira",
    "ex/jira/not-a-uuid/" + VIEW + "project/avatar/10406",
    "ex/confluence/11111111-2222-3333-4444-555555555555/" + VIEW + "project/avatar/10406",
    "project",
    "nonsense/1",
    "ex/jira/99999999-9999-9999-9999-999999999999/" + VIEW + "project/avatar/10406",
]

# Whether the path or a value is wrong here is a matter of taste.
REFUSED = [
    VIEW + "project/avatar/1/",
    VIEW + "project/avatar/1/extra",
    VIEW + "project/avatar/",
    VIEW + "nonsense/avatar/10406",
    VIEW + "Project/avatar/10406",
    VIEW + "sd_reqtype/avatar/10406",
    VIEW + "project%20/avatar/10406",
    VIEW + "project/avatar/10406;x",
    "images/icons/bug.html",
    "images/icons/bug",
    "images/icons/a/b/c/d/bug.png",
    "images/icons/priorities//high.svg%3fx",
    "images/icons/priorities/high svg.png".replace(" ", "%20"),
    "project/",
    "project/10000/x",
    "project/10000/x.css",
    "project/10000;x.css",
    "issuetype/10303/x",
    "issuetype/-1",
]

BAD_VALUES = [
    VIEW + "project/avatar/abc",
    VIEW + "project/avatar/-1",
    VIEW + "project/avatar/1e3",
    VIEW + "project/avatar/0x10",
    VIEW + "project/avatar/9223372036854775808",
    VIEW + "project/avatar/99999999999999999999999999",
    VIEW + "project/avatar/10406?size=huge",
    VIEW + "project/avatar/10406?size=",
    VIEW + "project/avatar/10406?size=-16",
    VIEW + "project/avatar/10406?size=16px",
    VIEW + "project/avatar/10406?format=gif",
    VIEW + "project/avatar/10406?format=svg&format=svg",
    VIEW + "project/avatar/10406?format=svg&%66ormat=svg",
    VIEW + "project/avatar/10406?size=small&size=small",
    VIEW + "project/avatar/10406?size=small&%73%69ze=large",
    "secure/projectavatar?pid=abc",
    "secure/projectavatar?pid=10000&pid=10000",
    "secure/projectavatar?pid=10000&%70id=10001",
    "secure/projectavatar?pid=10000&ownerId=10001",
    "secure/projectavatar?pid=10000&size=small&s=large",
    "secure/projectavatar?pid=10000&avatarId=../1",
    "secure/projectavatar?pid=10000&avatarId=1%0a2",
    "secure/viewavatar?avatarId=abc&avatarType=project",
    "secure/viewavatar?avatarId=10303&avatarType=nonsense",
    "secure/viewavatar?avatarId=10303&avatarId=10304&avatarType=issuetype",
    "secure/useravatar?ownerId=%zz",
    "secure/useravatar?ownerId=%ff%fe",
    "secure/useravatar?ownerId=a%00b",
    "secure/useravatar?ownerId=a%0d%0ab",
    "secure/useravatar?ownerId=fred&noRedirect=perhaps",
]


def assert_refused(jira, reply, status):
    assert reply.status == status, reply
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in reply["Content-Security-Policy"]
    assert reply.text.strip(), "no sentence for the visitor"
    assert jira.seen() == []


@pytest.mark.parametrize("path", UNKNOWN)
def test_an_unknown_path_is_404(server, jira, path):
    assert_refused(jira, server.get(f"/avatars/{path}"), 404)


@pytest.mark.parametrize("path", BAD_VALUES)
def test_a_bad_value_is_400(server, jira, path):
    assert_refused(jira, server.get(f"/avatars/{path}"), 400)


@pytest.mark.parametrize("path", REFUSED)
def test_what_does_not_parse_is_refused(server, jira, path):
    reply = server.get(f"/avatars/{path}")
    assert_refused(jira, reply, 404 if reply.status == 404 else 400)


PIXELS = [
    ("1", "xsmall"),
    ("16", "xsmall"),
    ("17", "small"),
    ("24", "small"),
    ("25", "medium"),
    ("32", "medium"),
    ("33", "large"),
    ("48", "large"),
    ("49", "xlarge"),
    ("64", "xlarge"),
    ("96", "xxlarge"),
    ("128", "xxxlarge"),
    ("129", "xxxlarge"),
    ("4096", "xxxlarge"),
    ("xsmall", "xsmall"),
    ("xxxlarge", "xxxlarge"),
]


@pytest.mark.parametrize("asked, word", PIXELS)
def test_pixels_become_the_smallest_size_that_is_not_smaller(serve_fresh, jira, asked, word):
    assert serve_fresh(f"/avatars/secure/viewavatar?avatarType=project&avatarId=10406&size={asked}")
    (seen,) = jira.seen()
    assert seen.query.get("size", "large") == word


@pytest.fixture
def serve_fresh(server, jira):
    """Asks with an avatar id that nobody used before; there may be one fetch for it."""

    def ask(target, status=200):
        reply = server.get(target.replace("10406", jira.new_id()))
        assert reply.status == status, reply
        return reply

    return ask


@pytest.mark.parametrize("one", ["s=small", "size=small&s=small", "s=small&size=small", "s=24"])
def test_s_is_an_alias_of_size(serve_fresh, jira, one):
    serve_fresh(f"/avatars/secure/projectavatar?pid=10000&avatarId=10406&{one}")
    (seen,) = jira.seen()
    assert seen.query.get("size") == "small"


def test_owner_id_is_an_alias_of_pid(server, jira):
    pid = jira.new_id()
    assert server.get(f"/dc/secure/projectavatar?pid={pid}").status == 200
    assert server.get(f"/dc/secure/projectavatar?ownerId={pid}").status == 200
    assert server.get(f"/dc/secure/projectavatar?ownerId={pid}&pid={pid}").status == 200
    assert len(jira.seen()) == 1


SPELLINGS = {
    "cloud": [
        "/avatars/rest/api/2/universal_avatar/view/type/issuetype/avatar/{id}?size=small",
        "/avatars/rest/api/3/universal_avatar/view/type/issuetype/avatar/{id}?size=24",
        "/avatars/rest/api/latest/universal_avatar/view/type/issuetype/avatar/0{id}?size=small",
        "/avatars/secure/viewavatar?avatarType=issuetype&avatarId={id}&size=small",
        "/avatars/secure/viewavatar?size=small&avatarId={id}&avatarType=issuetype",
        "/avatars/secure/viewavatar?size=%73mall&%61vatarId={id}&avatarType=issue%74ype",
        "/avatars/secure/viewavatar?size=17&avatarId={id}&avatarType=issuetype&junk=1",
        "/avatars/%73ecure/viewavatar?size=small&avatarId={id}&avatarType=issuetype",
        "/avatars/servicedesk/customershim/secure/viewavatar"
        "?size=small&avatarId={id}&avatarType=issuetype",
        "/avatars/ex/jira/{cloud_id}/rest/api/3/universal_avatar/view/type/issuetype/avatar/{id}"
        "?size=small",
    ],
    "dc": [
        "/dc/secure/viewavatar?avatarType=issuetype&avatarId={id}",
        "/dc/jira/secure/viewavatar?avatarType=issuetype&avatarId={id}",
        "/dc/secure/viewavatar?avatarType=issuetype&avatarId={id}&size=large",
        "/dc/secure/viewavatar?avatarType=issuetype&avatarId={id}&size=48",
        "/dc/rest/api/2/universal_avatar/view/type/issuetype/avatar/{id}",
    ],
}


@pytest.mark.parametrize("face", SPELLINGS)
def test_spellings_of_one_avatar_share_one_fetch(server, jira, face):
    if face == "cloud":  # the site's own cloudId is learnt when it is first needed
        server.get(f"/avatars/ex/jira/{jira.cloud_id}/secure/projectavatar?pid={jira.new_id()}")
        jira.clear()
    number = jira.new_id()
    bodies = set()
    for spelling in SPELLINGS[face]:
        reply = server.get(spelling.format(id=number, cloud_id=jira.cloud_id))
        assert reply.status == 200, (spelling, reply)
        bodies.add(reply.body)
    assert len(bodies) == 1
    assert len(jira.seen()) == 1


def test_different_avatars_are_not_mixed_up(server, jira):
    number = jira.new_id()
    targets = [
        f"/avatars/secure/viewavatar?avatarType={kind}&avatarId={number}&size={size}{form}"
        for kind in ("issuetype", "project")
        for size in ("small", "large")
        for form in ("", "&format=png", "&format=svg")
    ]
    for target in targets + targets:
        assert server.get(target).status == 200
    assert len(jira.seen()) == len(targets)


@pytest.mark.parametrize("junk", ["x=1", "url=http://127.0.0.1/", "jql=a", "os_username=a&x"])
def test_an_unknown_parameter_never_reaches_jira(serve_fresh, jira, junk):
    serve_fresh(f"/avatars/secure/viewavatar?avatarType=project&avatarId=10406&{junk}")
    (seen,) = jira.seen()
    assert junk.split("=")[0] not in seen.target

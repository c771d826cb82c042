# SPDX-License-Identifier: Apache-2.0
"""`httpd -t -D JIRA_AVATAR_CHECK` and `-D DUMP_JIRA_AVATAR`."""

import re

import pytest
from jira import avatars, join
from test_tokens import site, state_files

CHECK = "-DJIRA_AVATAR_CHECK"
DUMP = "-DDUMP_JIRA_AVATAR"


def check(server):
    """Exit status, the lines of the steps as {step: (word, text)}, and everything that was said."""
    status, text = server.configtest(CHECK)
    found = re.findall(r"^  (\w[\w ]*?) +(ok|WARNING|FAILED) +\d+ ms  (.*)$", text, re.M)
    return status, {step: (word, said) for step, word, said in found}, text


def ok(steps):
    return [step for step, (word, _) in steps.items() if word == "ok"]


def failed(steps):
    return [step for step, (word, _) in steps.items() if word == "FAILED"]


def test_a_quota_that_is_used_up_is_no_timeout(configured, jira):
    jira.mode("429")
    status, steps, text = check(configured(avatars(jira)))
    assert status == 1
    assert steps["credential"] == ("FAILED", "too many requests (status 429)"), text


def test_a_token_that_cannot_be_kept_is_no_timeout(configured, jira):
    server = configured(site(jira, "oauth-refresh"))
    check(server)
    (state,) = state_files(server)
    state.write_text("nonsense")
    status, steps, text = check(server)
    assert status == 1 and "JAV0605" in text
    assert steps["credential"][0] == "FAILED" and "in time" not in steps["credential"][1], text


# ---- what works -------------------------------------------------------------------------------


@pytest.mark.mpm
@pytest.mark.parametrize("face", ["cloud", "gateway", "dc", "dcroot", "mtls"])
def test_a_site_that_works(configured, jira, face):
    def conf(server):
        lines = []
        if face == "mtls":
            cert = server.file("client.pem", open(jira.files["client_cert"], "rb").read(), 0o644)
            key = server.file("client.key", open(jira.files["client_key"], "rb").read())
            lines.append(f"JiraAvatarClientCertificate {cert} {key}")
        return avatars(jira, *lines, face=face)(server)

    status, steps, text = check(configured(conf))
    assert status == 0, text
    assert failed(steps) == []
    connected = "connection" if face == "dcroot" else "TLS"
    before = ["name", "certificate", connected] if face == "mtls" else ["name", connected]
    assert ok(steps)[:len(before) + 2] == [*before, "credential", "who am I"]
    assert "avatar" in ok(steps), text
    assert '<Location "/avatars/">' in text


def test_it_says_who_and_where(configured, jira):
    _, steps, _ = check(configured(avatars(jira)))
    assert "557058:aaaaaaaa-0000-4000-8000-000000000001" in steps["who am I"][1]
    assert steps["route"][1] == "the site itself"
    assert steps["scope"][1] == "it may read avatars"
    assert list(steps)[4:] == ["token ends", "route", "scope", "avatar", "default"]
    assert "project DEMO" in steps["avatar"][1]
    assert steps["default"][1] == "it is not the default picture"


def test_a_scoped_token_is_found_out(configured, jira):
    def conf(server):
        credential = f"basic user=bot@example.com secret={server.secret('scoped-token')}"
        return avatars(jira, credential=credential)(server)

    status, steps, text = check(configured(conf))
    assert status == 0, text
    assert jira.url("gateway") in steps["route"][1] and jira.cloud_id in steps["route"][1]
    assert "avatar" in ok(steps)


def test_without_a_credential(configured, jira):
    status, steps, text = check(configured(avatars(jira, credential="none")))
    assert status == 0, text
    assert "default project" in steps["avatar"][1]
    assert all("authorization" not in seen.names for seen in jira.seen(questions=True))


def test_every_site_is_checked_once(configured, jira):
    conf = join(avatars(jira), avatars(jira, path="/more/"),
                avatars(jira, face="dc", path="/old/"))
    status, _, text = check(configured(conf))
    assert status == 0, text
    assert len(re.findall(r"^  credential ", text, re.M)) == 2
    assert '<Location "/more/">' in text and '<Location "/old/">' in text


def test_the_default_picture_is_called_so(configured, jira):
    jira.mode("silent_default", match="universal_avatar")
    status, steps, _ = check(configured(avatars(jira)))
    assert status == 0
    assert "default picture" in steps["default"][1] and "not" not in steps["default"][1]


def test_a_token_without_the_scope_for_avatars(configured, jira):
    jira.mode("gw_scope", face="gateway")
    status, steps, text = check(configured(avatars(jira, face="gateway")))
    assert status != 0
    assert failed(steps) == ["scope"], text
    assert jira.url("gateway") in steps["route"][1]
    assert "read:jira-work (classic) or read:avatar:jira (granular)" in text
    assert list(steps)[-1] == "scope", "nothing is asked after a failure"


def test_a_token_for_avatars_alone(configured, jira):
    jira.mode("gw_scope", face="gateway", match="/myself")
    jira.mode("gw_scope", face="gateway", match="/project/search")
    status, steps, text = check(configured(avatars(jira, face="gateway")))
    assert status == 0, text
    assert "no matter" in steps["who am I"][1]
    assert {"route", "scope", "avatar"} <= set(ok(steps))


# ---- what does not ----------------------------------------------------------------------------


BROKEN = [
    ("name", "https://nosuch.invalid", "JiraAvatarSite"),
    ("TLS", "selfsigned", "JiraAvatarCAFile"),
    ("TLS", "expired", ""),
    ("TLS", "wrongname", ""),
    ("TLS", "https://localhost:1", "JiraAvatarSite"),
]


@pytest.mark.parametrize("step, where, remedy", BROKEN)
def test_the_network(configured, jira, step, where, remedy):
    site = where if where.startswith("https:") else jira.url(where)
    status, steps, text = check(configured(avatars(jira, site=site)))
    assert status != 0
    assert failed(steps) == [step], text
    assert list(steps)[-1] == step, "nothing is asked after a failure"
    assert remedy in text


@pytest.mark.parametrize("face, user, remedy", [
    ("cloud", "user=bot@example.com", "Make a new API token as bot@example.com"),
    ("dc", "user=fred", "Correct the user and the password of fred"),
])
def test_a_wrong_secret(configured, jira, face, user, remedy):
    def conf(server):
        credential = f"basic {user} secret={server.secret('wrong-secret-42')}"
        return avatars(jira, face=face, credential=credential)(server)

    status, steps, text = check(configured(conf))
    assert status != 0
    assert failed(steps) == ["credential"], text
    assert remedy in text
    assert "wrong-secret-42" not in text
    shown = [s for s in jira.seen(face, questions=True) if "authorization" in s.names]
    assert len(shown) == 1


def test_the_wrong_kind_of_site(configured, jira):
    def conf(server):
        text = avatars(jira, face="dcroot")(server)
        return text.replace("datacenter", "cloud")

    status, steps, text = check(configured(conf))
    assert status != 0
    assert "Write datacenter behind the URL of JiraAvatarSite" in text


def test_an_account_that_sees_nothing(configured, jira):
    jira.mode("body", match="/project/search", text='{"values": []}')
    status, steps, text = check(configured(avatars(jira)))
    assert status != 0
    assert failed(steps) == ["avatar"]
    assert "Browse projects" in text


def test_an_avatar_that_fails(configured, jira):
    jira.mode("403_json", match="universal_avatar")
    status, steps, text = check(configured(avatars(jira)))
    assert status != 0
    assert failed(steps) == ["avatar"]
    assert "Browse projects" in text


def test_one_failure_does_not_hide_the_other_sites(configured, jira):
    conf = join(avatars(jira, site=jira.url("selfsigned")),
                avatars(jira, face="dc", path="/old/"))
    status, _, text = check(configured(conf))
    assert status != 0
    assert "who am I" in text


def test_a_plain_test_asks_nobody(configured, jira):
    status, text = configured(avatars(jira)).configtest()
    assert status == 0, text
    assert jira.log() == []


def test_a_check_beside_a_live_server(serve, jira):
    server = serve(avatars(jira))
    assert server.get("/avatars/project/10000").status == 200
    assert check(server)[0] == 0
    assert server.get("/avatars/project/10000?size=small").status == 200


# ---- the dump ---------------------------------------------------------------------------------


def test_the_dump_shows_what_applies(configured, jira):
    conf = join("JiraAvatarMaxAge 2h\nJiraAvatarTimeout connect=3s\n", avatars(jira),
                avatars(jira, "JiraAvatarMaxAge 3h", face="dc", path="/old/"))
    server = configured(conf)
    status, text = server.configtest(DUMP)
    assert status == 0
    assert "good-token" not in text and "good-pat" not in text
    new, _, old = text.partition('<Location "/old/">')
    assert re.search(r"JiraAvatarMaxAge +2h  # \S+test\.conf:1$", new, re.M), text
    assert re.search(r"JiraAvatarMaxAge +3h  # ", old)
    assert re.search(r"JiraAvatarTimeout +connect=2s total=10s wait=5s  # default", old)
    assert re.search(r"JiraAvatarTimeout +connect=3s  # ", old)
    assert re.search(r"JiraAvatarCredential +bearer secret=file:\S+  # ", old)
    assert re.search(r"JiraAvatarRoute +auto  # default", new)


def test_the_dump_of_virtual_hosts(configured, jira):
    def conf(server):
        one = avatars(jira)(server)
        two = avatars(jira, face="dc")(server)
        return (f"<VirtualHost *:{{port}}>\nServerName one.test\n{one}</VirtualHost>\n"
                f"<VirtualHost *:{{port}}>\nServerName two.test\n{two}</VirtualHost>\n")

    status, text = configured(conf).configtest(DUMP)
    assert status == 0
    assert text.count('<Location "/avatars/">') == 2
    assert f"JiraAvatarSite             {jira.url('cloud')} cloud" in text
    assert f"JiraAvatarSite             {jira.url('dc')} datacenter" in text


def test_the_dump_names_directives_of_the_whole_server(configured, jira):
    status, text = configured(avatars(jira), server="JiraAvatarStore shmcb:avatars(65536) generation=2"
                              ).configtest(DUMP)
    assert status == 0
    assert re.search(r"JiraAvatarStore +shmcb:avatars\(65536\) generation=2  # ", text)
    assert re.search(r"JiraAvatarStateDir +\S+  # default", text)

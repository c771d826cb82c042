# SPDX-License-Identifier: Apache-2.0
"""JiraAvatarRoute auto: a token finds the host that takes it, and costs no more logins than that."""

import time

import pytest
from jira import CREDENTIALS, avatars

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error|crit)\]"
CLASSIC, SCOPED = "good-token", "scoped-token"


def auto(jira, token, *lines, user="bot@example.com"):
    """A Cloud site with an API token and no route."""

    def text(server):
        credential = f"basic user={user} secret={server.secret(token, 'secret-auto')}"
        return avatars(jira, *lines, credential=credential)(server)

    return text


def faces(jira):
    """Who was shown the credential, in order."""
    return [s.face for s in jira.seen() if "authorization" in s.names]


@pytest.mark.mpm
def test_a_classic_token_goes_to_the_site(serve, jira):
    server = serve(auto(jira, CLASSIC))
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200
    assert faces(jira) == ["cloud"] * 3


@pytest.mark.mpm
def test_a_scoped_token_goes_to_the_gateway(serve, jira):
    server = serve(auto(jira, SCOPED))
    for _ in range(5):
        assert server.get(PATH + jira.new_id()).status == 200
    assert faces(jira) == ["cloud"] + ["gateway"] * 5
    assert len([s for s in jira.seen(questions=True) if "tenant_info" in s.target]) == 1


@pytest.mark.mpm
def test_many_at_once_show_a_scoped_token_to_the_site_once(serve, jira):
    server = serve(auto(jira, SCOPED))
    replies = server.together([PATH + jira.new_id() for _ in range(12)])
    assert {r.status for r in replies} == {200}
    assert faces(jira).count("cloud") == 1


@pytest.mark.mpm
def test_a_wrong_token_is_shown_to_each_once(serve, jira):
    server = serve(auto(jira, "wrong-token")).allow(COMPLAINS)
    replies = server.together([PATH + jira.new_id() for _ in range(12)])
    assert {r.status for r in replies} == {502}
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 502
    assert faces(jira).count("cloud") == 1
    assert faces(jira).count("gateway") <= 12
    server.wait_log(r"JAV10\d\d.*credential-refused")


def test_a_token_that_lacks_a_scope_is_called_so(serve, jira):
    who = "557058:aaaaaaaa-0000-4000-8000-000000000001"
    jira.accounts([{"where": "gateway", "scheme": "basic", "user": "bot@example.com", "id": who,
                    "secret": SCOPED, "verdict": "scope"}])
    server = serve(auto(jira, SCOPED)).allow(COMPLAINS)
    assert server.get(PATH + jira.new_id()).status == 502
    assert "scope" in server.wait_log(r"JAV10\d\d.*credential-refused")


@pytest.mark.parametrize("how", ["anonymous_200", "auth_failed_200", "credentials_ignored"])
def test_a_site_that_treats_a_scoped_token_as_a_stranger(serve, jira, how):
    jira.mode(how, face="cloud", match="avatar")
    server = serve(auto(jira, SCOPED))
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200
    assert len([s for s in jira.seen("cloud") if "avatar" in s.path]) == 1


def test_without_a_cloud_id_the_refusal_is_what_is_told(serve, jira):
    jira.mode("403_json", face="cloud", match="tenant_info")
    server = serve(auto(jira, SCOPED)).allow(COMPLAINS)
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 502
    assert faces(jira) == ["cloud"]
    assert "credential-refused" in server.wait_log(r"JAV10\d\d")


def test_an_unreachable_gateway_does_not_count_as_an_outage_of_the_site(serve, jira):
    jira.mode("close", face="gateway")
    server = serve(auto(jira, SCOPED)).allow(COMPLAINS)
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 502
    assert faces(jira).count("cloud") == 1
    assert "its gateway could not be asked" in server.wait_log("credential-refused")


def test_a_configured_cloud_id_is_enough(serve, jira):
    server = serve(auto(jira, SCOPED, f"JiraAvatarCloudId {jira.cloud_id}"))
    assert server.get(PATH + jira.new_id()).status == 200
    assert not [s for s in jira.seen(questions=True) if "tenant_info" in s.target]


def test_a_new_secret_is_found_out_anew(serve, jira):
    server = serve(auto(jira, SCOPED))
    assert server.get(PATH + jira.new_id()).status == 200
    server.file("secret-auto", CLASSIC)
    time.sleep(1.3)
    jira.clear()
    assert server.get(PATH + jira.new_id()).status == 200
    assert faces(jira) == ["cloud"]


def test_a_graceful_restart_does_not_forget(serve, jira):
    server = serve(auto(jira, SCOPED))
    assert server.get(PATH + jira.new_id()).status == 200
    server.graceful()
    jira.clear()
    assert server.get(PATH + jira.new_id()).status == 200
    assert faces(jira) == ["gateway"]


def test_icons_prove_nothing(serve, jira):
    server = serve(auto(jira, SCOPED))
    assert server.get("/avatars/images/icons/priorities/high.svg").status == 200
    assert server.get(PATH + jira.new_id()).status == 200


@pytest.mark.parametrize("token, route, face", [(CLASSIC, "site", "cloud"),
                                                (SCOPED, "gateway", "gateway")])
def test_a_route_that_is_set_is_kept_to(serve, jira, token, route, face):
    server = serve(auto(jira, token, f"JiraAvatarRoute {route}"))
    assert server.get(PATH + jira.new_id()).status == 200
    assert faces(jira) == [face]


def test_a_bearer_token_goes_to_the_gateway(serve, jira):
    def conf(server):
        credential = f"bearer secret={server.secret('good-access')}"
        return avatars(jira, credential=credential)(server)

    server = serve(conf)
    assert server.get(PATH + jira.new_id()).status == 200
    assert faces(jira) == ["gateway"]


@pytest.mark.parametrize("kind", ["dc", "dcroot"])
def test_data_center_has_no_gateway(serve, jira, kind):
    who, _ = CREDENTIALS[kind]
    credential = f"basic user=fred secret=file:{{root}}/bad" if "basic" in who else None
    if credential is None:
        pytest.skip("a personal access token")

    def conf(server):
        server.secret("wrong", "bad")
        text = f"JiraAvatarGatewayURL {jira.url('gateway')}"
        return avatars(jira, text, face=kind, credential=credential)(server)

    server = serve(conf).allow(COMPLAINS)
    assert server.get(PATH + jira.new_id()).status == 502
    assert jira.seen("gateway") == []


# ---- the cloudId ------------------------------------------------------------------------------

OTHER = "99999999-2222-3333-4444-555555555555"


def test_a_cloud_id_that_the_gateway_does_not_know_is_asked_again(serve, jira):
    server = serve(avatars(jira, face="gateway"), allow=["JAV1057"])
    rule = jira.mode("body", match="tenant_info", text=f'{{"cloudId": "{OTHER}"}}')
    assert server.get(PATH + jira.new_id()).status == 404
    jira.unmode(rule)
    time.sleep(2.2)
    assert server.get(PATH + jira.new_id()).status == 200
    asked = [s for s in jira.seen(questions=True) if "tenant_info" in s.target]
    assert len(asked) == 2


def test_a_picture_that_is_not_there_does_not_ask_for_the_cloud_id(serve, jira):
    server = serve(avatars(jira, face="gateway"))
    assert server.get(PATH + jira.new_id()).status == 200
    time.sleep(2.2)
    assert server.get(PATH + "90001").status == 404
    assert len([s for s in jira.seen(questions=True) if "tenant_info" in s.target]) == 1


def test_the_addresss_own_cloud_id_is_not_trusted(serve, jira):
    server = serve(auto(jira, SCOPED))
    view = "rest/api/3/universal_avatar/view/type/project/avatar/"
    assert server.get(f"/avatars/ex/jira/{OTHER}/{view}{jira.new_id()}").status == 404
    assert faces(jira) == []
    assert server.get(f"/avatars/ex/jira/{jira.cloud_id}/{view}{jira.new_id()}").status == 200

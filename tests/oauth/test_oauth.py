# SPDX-License-Identifier: Apache-2.0
"""Credentials at an authorization server that others wrote, which ends a grant when a refresh token
is used twice. Jira takes the access tokens that this server confirms."""

import collections
import http.client
import os
import random
import signal
import time

import client
import pytest
from authorization import SECRETS
from jira import join

AVATAR = "/secure/viewavatar?avatarType=project&avatarId="
ACCOUNT = "557058:connect-user"
REFUSED = r"JAV10\d\d"
CHILDREN = "StartServers 4\nServerLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 32\n" \
    "MinSpareThreads 8\nMaxSpareThreads 32"
SECONDS = int(os.environ.get("OAUTH_SECONDS", "20"))

# Per kind: the client, the face of Jira, where its tokens are sold, and its credential.
KINDS = {
    "refresh": ("app", "cloud", "/oauth/token",
                "oauth-refresh client-id=app client-secret={secret} refresh-token={grant}"),
    "dc-refresh": ("dc-app", "dc", "/token",
                   "oauth-refresh client-id=dc-app client-secret={secret} refresh-token={grant} "
                   "redirect-uri=https://httpd.example/callback"),
    "client": ("service", "cloud", "/oauth/token",
               "oauth-client client-id=service client-secret={secret} scope=read:jira-work"),
    "user": ("connect", "cloud", "/oauth2/token",
             f"connect-user client-id=connect shared-secret={{secret}} account-id={ACCOUNT}"),
}
ROTATING = ("refresh", "dc-refresh")


def site(jira, seller, kind):
    """A Location named after its kind of credential."""
    client, face, service, credential = KINDS[kind]

    def text(server):
        secret = server.secret(SECRETS[client], f"{client}-secret")
        grant = server.secret(seller.tell("authorise", client), f"{client}-grant")
        return f"""
            <Location "/{kind}">
                SetHandler           jira-avatar
                JiraAvatarSite       {jira.url(face)} {"datacenter" if face == "dc" else "cloud"}
                JiraAvatarGatewayURL {jira.url("gateway")}
                JiraAvatarTokenURL   {seller.origin}{service}
                JiraAvatarCredential {credential.format(secret=secret, grant=grant)}
                JiraAvatarCAFile     {jira.ca(server)}
            </Location>"""

    return text


def sites(jira, seller, *kinds):
    server = "JiraAvatarStateDir {root}/state\nJiraAvatarMaxWaiting 8\n"
    return join(server, *(site(jira, seller, kind) for kind in kinds))


def status(server, jira, kind):
    return server.get(f"/{kind}{AVATAR}{jira.new_id()}").status


def change(server, name, content):
    """As an administrator does it; a file is looked at every second."""
    (server.root / name).write_text(content)
    time.sleep(1.3)


def test_each_kind_gets_the_picture(serve, jira, authorization):
    seller = authorization()
    server = serve(sites(jira, seller, *KINDS))
    for kind in KINDS:
        assert [status(server, jira, kind) for _ in range(3)] == [200] * 3
    assert seller.record() == {"granted": {client: 1 for client, *_ in KINDS.values()},
                               "refused": [], "revoked": 0, "again": 0}
    accounts = {s.headers["authorization"] for s in jira.seen() if "authorization" in s.headers}
    assert len(accounts) == len(KINDS)


@pytest.mark.parametrize("kind", ROTATING)
def test_a_stopped_server_goes_on_with_the_newest_token(serve, jira, authorization, kind):
    seller = authorization()
    server = serve(sites(jira, seller, kind))
    for _ in range(3):
        assert status(server, jira, kind) == 200
        server.stop()
        server.start()
    assert status(server, jira, kind) == 200
    record = seller.record()
    assert record["granted"] == {KINDS[kind][0]: 4} and record["again"] == 0


@pytest.mark.parametrize("kind", ROTATING)
def test_a_revoked_grant_heals_when_authorised_again(serve, jira, authorization, kind):
    seller = authorization()
    server = serve(sites(jira, seller, kind), allow=[REFUSED])
    assert status(server, jira, kind) == 200
    client = KINDS[kind][0]
    seller.tell("revoke", client)
    assert [status(server, jira, kind) for _ in range(5)] == [502] * 5
    server.wait_log(r"JAV10(40|46): .*refresh token is not accepted.*[Aa]uthorise the app again")
    refused = seller.record()["refused"]
    assert [row[:2] for row in refused] == [[client, "invalid_grant"]] * 2  # and the one before it
    change(server, f"{client}-grant", seller.tell("authorise", client))
    assert status(server, jira, kind) == 200
    assert len(seller.record()["refused"]) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_secret_is_sent_once_and_heals(serve, jira, authorization, kind):
    seller = authorization()
    server = serve(sites(jira, seller, kind), allow=[REFUSED])
    client = KINDS[kind][0]
    change(server, f"{client}-secret", SECRETS[client][::-1])
    assert [status(server, jira, kind) for _ in range(5)] == [502] * 5
    server.wait_log(r"JAV104\d: .*" + ("shared secret" if kind == "user" else "Correct client-id="))
    assert len(seller.record()["refused"]) == 1
    change(server, f"{client}-secret", SECRETS[client])
    assert status(server, jira, kind) == 200
    assert seller.record()["again"] == 0


class Visitors(client.Crowd):
    """Clients who ask for new avatars until told to stop. What a killed child owed them is lost."""

    def __init__(self, server, jira, count):
        super().__init__(count)
        self.server, self.jira, self.answers = server, jira, collections.Counter()

    def visit(self, index):
        while not self.ended.wait(0.05):
            kind = random.choice(list(KINDS))
            try:
                answer = status(self.server, self.jira, kind)
            except (OSError, http.client.HTTPException):
                answer = "lost"
            self.answers[answer] += 1


@pytest.mark.timeout(SECONDS + 100)
def test_no_refresh_token_is_used_twice(serve, jira, authorization):
    """Eight clients, four children, tokens that live two seconds, restarts, killed children. Only
    what a killed child may have taken to its grave is asked for again."""
    seller = authorization(lifetime=2)

    def conf(server):
        server.mpm_conf = CHILDREN
        return sites(jira, seller, *KINDS)(server)

    server = serve(conf, allow=[r"exit signal Killed"])
    began, killed = time.monotonic(), 0
    with Visitors(server, jira, 8) as visitors:
        while time.monotonic() - began < SECONDS:
            time.sleep(3)
            server.graceful()
            time.sleep(3)
            seller.tell("set", "leeway", 60)
            os.kill(random.choice(server.children()), signal.SIGKILL)
            killed += 1
            time.sleep(4)
            seller.tell("set", "leeway", 0)
    record = seller.record()
    assert record["refused"] == [] and record["revoked"] == 0
    assert record["again"] <= killed * len(ROTATING)
    assert all(record["granted"][client] >= SECONDS / 2 for client, *_ in KINDS.values())
    assert set(visitors.answers) <= {200, "lost"} and visitors.answers["lost"] <= 8 * killed

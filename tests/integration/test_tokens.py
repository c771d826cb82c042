# SPDX-License-Identifier: Apache-2.0
"""Credentials that buy access tokens, or sign each request: bought once, shared, renewed in time,
and a refresh token that changes with every use is never lost."""

import itertools
import json
import os
import re
import select
import signal
import threading
import time

import client
import jwt
import pytest
from jira import join
from standin.tokens import CONNECT, canonical

from httpd import give, run_user

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error|crit)\]"
CHILDREN = "StartServers 4\nServerLimit 8\nThreadsPerChild 8\nMaxRequestWorkers 32\n" \
    "MinSpareThreads 8\nMaxSpareThreads 32"
ROUND = 20                                      # seconds
SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", ROUND))


def credential(server, kind):
    """The arguments of JiraAvatarCredential for an app that the stand-in knows."""
    def secret(name, content):
        path = server.root / name
        return f"file:{path}" if path.exists() else server.secret(content, name)

    if kind == "oauth-client":
        return f"oauth-client client-id=service client-secret={secret('cs', 'service-secret')}"
    if kind == "oauth-refresh":
        return f"oauth-refresh client-id=app client-secret={secret('as', 'app-secret')} " \
               f"refresh-token={secret('rt', 'first-refresh')}"
    if kind == "dc-client":
        return f"oauth-client client-id=dc-service client-secret={secret('ds', 'dc-service-secret')}"
    if kind == "dc-refresh":
        return f"oauth-refresh client-id=dc-app client-secret={secret('da', 'dc-app-secret')} " \
               f"refresh-token={secret('dr', 'dc-first-refresh')} " \
               "redirect-uri=https://httpd.example/callback"
    if kind == "connect-jwt":
        return f"connect-jwt app-key={CONNECT['app_key']} " \
               f"shared-secret={secret('sh', CONNECT['secret'])}"
    return f"connect-user client-id={CONNECT['client_id']} account-id={CONNECT['accounts'][0]} " \
           f"scope=READ shared-secret={secret('sh', CONNECT['secret'])}"


def site(jira, kind, *lines, path="/avatars/"):
    """A Location whose credential is of a kind."""
    def text(server):
        face = "dc" if kind.startswith("dc-") else "cloud"
        service = "/oauth2/token" if kind == "connect-user" else "/oauth/token"
        body = [
            f"JiraAvatarSite {jira.url(face)} {'cloud' if face == 'cloud' else 'datacenter'}",
            f"JiraAvatarCredential {credential(server, kind)}",
            f"JiraAvatarCAFile {jira.ca(server)}",
            f"JiraAvatarGatewayURL {jira.url('gateway')}",
            *([] if face == "dc" else [f"JiraAvatarTokenURL {jira.url('auth')}{service}"]),
            *lines,
        ]
        inner = "".join(f"    {line}\n" for line in body)
        state = f"JiraAvatarStateDir {server.root}/state\n" if path == "/avatars/" else ""
        return f'{state}<Location "{path}">\n    SetHandler jira-avatar\n{inner}</Location>\n'

    return text


KINDS = ["oauth-client", "oauth-refresh", "dc-client", "dc-refresh", "connect-jwt", "connect-user"]


def requests(jira, path="token"):
    return [s for s in jira.seen() if path in s.path and s.method == "POST"]


def state_files(server):
    found = sorted((server.root / "state").iterdir())
    return [path for path in found if path.suffix not in (".lock", ".new")]


# ---- the kinds --------------------------------------------------------------------------------


@pytest.mark.mpm
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_gets_the_picture(serve, jira, kind):
    server = serve(site(jira, kind))
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200
    assert jira.tokens()["counters"].get("requests", 0) == (kind != "connect-jwt")


def test_a_token_request_says_no_more_than_it_must(serve, jira):
    server = serve(site(jira, "oauth-client"))
    assert server.get(PATH + jira.new_id()).status == 200
    (asked,) = requests(jira)
    assert set(asked.names) == {"host", "user-agent", "accept", "content-type", "content-length"}
    assert asked.headers["content-type"] == "application/json"
    picture = [s for s in jira.seen("gateway") if "/avatar/" in s.path][0]
    assert set(picture.names) == {"host", "user-agent", "accept", "authorization"}
    assert asked.connection != picture.connection or asked.face != picture.face


@pytest.mark.parametrize("target", ["10500?size=small", "31000?size=xlarge&format=png", "31001"])
def test_each_request_is_signed_for_itself(serve, jira, target):
    server = serve(site(jira, "connect-jwt"))
    path = "/avatars/rest/api/2/universal_avatar/view/type/project/avatar/"
    assert server.get(path + target).status == 200
    (seen,) = jira.seen("cloud")
    scheme, token = seen.headers["authorization"].split()
    claims = jwt.decode(token, CONNECT["secret"], ["HS256"])
    assert scheme == "JWT" and claims["iss"] == CONNECT["app_key"]
    assert claims["exp"] - claims["iat"] == 180 and abs(claims["iat"] - time.time()) < 30
    assert len(claims["qsh"]) == 64 and canonical("GET", seen.target).startswith("GET&/rest/")


def test_a_wrong_shared_secret_is_refused_once(serve, jira):
    def conf(server):
        server.secret("wrong", "sh")
        return site(jira, "connect-jwt")(server)

    server = serve(conf, allow=[COMPLAINS])
    for _ in range(5):
        assert server.get(PATH + jira.new_id()).status == 502
    assert len([s for s in jira.seen("cloud") if "authorization" in s.headers]) == 1


# ---- bought once, and renewed in time ---------------------------------------------------------


@pytest.mark.mpm
def test_one_token_for_all_children(serve, jira):
    jira.tokens(slow=0.3)
    server = serve(site(jira, "oauth-client"))
    replies = server.together(PATH + jira.new_id() for _ in range(12))
    assert [reply.status for reply in replies] == [200] * 12
    counters = jira.tokens()["counters"]
    assert (counters["requests"], counters["max_in_flight"]) == (1, 1)


@pytest.mark.mpm
def test_a_token_survives_a_graceful_restart(serve, jira):
    server = serve(site(jira, "oauth-client"))
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200
        server.graceful()
    assert server.get(PATH + jira.new_id()).status == 200
    assert jira.tokens()["counters"]["requests"] == 1


def test_locations_with_one_grant_share_its_token(serve, jira):
    other = site(jira, "oauth-refresh", "JiraAvatarMaxBytes 2M", 'JiraAvatarUserAgent "other"',
                 path="/other/")
    server = serve(join(site(jira, "oauth-refresh"), other))
    assert server.get(PATH + jira.new_id()).status == 200
    assert server.get("/other" + PATH.removeprefix("/avatars") + jira.new_id()).status == 200
    assert jira.tokens()["counters"]["requests"] == 1


def test_nobody_waits_for_a_renewal(serve, jira):
    jira.tokens(lifetime=6)
    server = serve(site(jira, "oauth-client"))
    assert server.get(PATH + jira.new_id()).status == 200
    time.sleep(4.5)
    jira.tokens(slow=1.5)
    for _ in range(3):
        began = time.monotonic()
        assert server.get(PATH + jira.new_id()).status == 200
        assert time.monotonic() - began < 0.8
    time.sleep(2)
    jira.tokens(slow=0)
    assert server.get(PATH + jira.new_id()).status == 200
    counters = jira.tokens()["counters"]
    assert (counters["requests"], counters.get("late", 0)) == (2, 0)


def wait_bought(jira, count, timeout=15):
    end = time.monotonic() + timeout
    while jira.tokens()["counters"].get("requests", 0) < count:
        assert time.monotonic() < end, jira.tokens()
        time.sleep(0.05)


@pytest.mark.mpm
def test_a_token_is_renewed_while_nobody_asks(serve, jira):
    jira.tokens(lifetime=4)
    server = serve(site(jira, "oauth-refresh"))
    assert server.get(PATH + jira.new_id()).status == 200
    if server.mpm == "prefork":             # there is nobody who could
        time.sleep(3.2)
        assert jira.tokens()["counters"]["requests"] == 1
        assert server.get(PATH + jira.new_id()).status == 200
        return
    wait_bought(jira, 2)
    jira.mode("hang", face="auth")
    time.sleep(1)                           # the first one has ended
    assert server.get(PATH + jira.new_id()).status == 200


def test_one_renews_for_all_children_and_after_a_reload(serve, jira):
    def conf(server):
        server.mpm_conf = CHILDREN
        return site(jira, "oauth-refresh")(server)

    jira.tokens(lifetime=2, slow=0.2)
    server = serve(conf)
    time.sleep(0.3)
    assert jira.tokens()["counters"].get("requests", 0) == 0    # nobody has come yet
    assert server.get(PATH + jira.new_id()).status == 200
    server.graceful()
    wait_bought(jira, 3)
    counters = jira.tokens()["counters"]
    assert counters["max_in_flight"] == 1
    assert counters["refreshes"] == counters["issued"] <= 4


def test_a_renewal_that_fails_is_tried_ever_less_often(serve, jira):
    jira.tokens(lifetime=1)
    server = serve(site(jira, "oauth-client"), allow=[COMPLAINS])
    assert server.get(PATH + jira.new_id()).status == 200
    jira.mode("503", face="auth")
    time.sleep(5)
    assert 2 <= len(requests(jira)) - 1 <= 4
    jira.unmode()
    wait_bought(jira, jira.tokens()["counters"]["requests"] + 1)


def test_a_dead_grant_is_not_tried_again_for_nobody(serve, jira):
    jira.tokens(lifetime=1)
    server = serve(site(jira, "oauth-refresh"), allow=[COMPLAINS])
    assert server.get(PATH + jira.new_id()).status == 200
    jira.tokens(revoke_grants=True)
    server.wait_log("JAV1040")
    tried = len(requests(jira))
    time.sleep(2)
    assert len(requests(jira)) == tried <= 3    # the first, the refused, the one before


def test_a_renewal_keeps_no_stop_waiting(serve, jira):
    jira.tokens(lifetime=2)
    server = serve(site(jira, "oauth-refresh", "JiraAvatarTimeout total=60s"))
    assert server.get(PATH + jira.new_id()).status == 200
    jira.mode("hang", face="auth")
    end = time.monotonic() + 10
    while len(requests(jira)) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    server.stop(number=signal.SIGWINCH)


def test_a_token_that_ends_a_second_early_is_not_sent(serve, jira):
    """A service that counts in whole seconds cuts off what the second of the purchase had left."""
    jira.tokens(lifetime=2)
    server = serve(site(jira, "oauth-client"))
    time.sleep(-(time.time() + 0.2) % 1)
    assert server.get(PATH + jira.new_id()).status == 200
    time.sleep(1.25)
    assert server.get(PATH + jira.new_id()).status == 200
    assert jira.tokens()["counters"].get("late", 0) == 0


@pytest.mark.mpm
@pytest.mark.parametrize("kind", ["oauth-client", "dc-refresh"])
def test_a_revoked_token_is_bought_anew_once(serve, jira, kind):
    server = serve(site(jira, kind))
    assert server.get(PATH + jira.new_id()).status == 200
    jira.tokens(revoke_access=True)
    replies = server.together(PATH + jira.new_id() for _ in range(6))
    assert [reply.status for reply in replies] == [200] * 6
    assert jira.tokens()["counters"]["requests"] == 2


def test_a_token_that_is_refused_whenever_bought_is_not_bought_for_ever(serve, jira):
    server = serve(site(jira, "oauth-client"), allow=[COMPLAINS])
    jira.mode("gw_401", face="gateway")
    for _ in range(8):
        assert server.get(PATH + jira.new_id()).status == 502
    assert jira.tokens()["counters"]["requests"] == 2


def test_a_missing_scope_buys_nothing(serve, jira):
    jira.tokens(verdict="scope")
    server = serve(site(jira, "oauth-refresh"), allow=[COMPLAINS])
    for _ in range(4):
        assert server.get(PATH + jira.new_id()).status == 502
    assert jira.tokens()["counters"]["requests"] == 1
    server.wait_log(r"lacks a scope.*read:jira-work")


# ---- when the token service says no -----------------------------------------------------------


def test_a_wrong_client_secret_is_sent_once_and_heals(serve, jira):
    def conf(server):
        server.secret("wrong", "as")
        return site(jira, "oauth-refresh")(server)

    server = serve(conf, allow=[COMPLAINS])
    for _ in range(5):
        assert server.get(PATH + jira.new_id()).status == 502
    server.wait_log(r"JAV10\d\d: .*client id and secret are not accepted .status 401, access_denied.*Correct")
    assert jira.tokens()["counters"]["requests"] == 1
    (server.root / "as").write_text("app-secret")
    time.sleep(1.3)
    assert server.get(PATH + jira.new_id()).status == 200
    assert jira.tokens()["counters"].get("dead", 0) == 0


def test_a_dead_grant_stops_and_heals_when_authorised_again(serve, jira):
    server = serve(site(jira, "oauth-refresh"), allow=[COMPLAINS])
    assert server.get(PATH + jira.new_id()).status == 200
    jira.tokens(revoke_grants=True, revoke_access=True)
    for _ in range(5):
        assert server.get(PATH + jira.new_id()).status == 502
    server.wait_log(r"JAV10\d\d: .*refresh token is not accepted any more.*Authorise the app again")
    counters = jira.tokens()["counters"]
    assert counters["requests"] <= 3        # the first, the refused, the one before
    jira.tokens(authorise=["app", "second-refresh"])
    (server.root / "rt").write_text("second-refresh")
    time.sleep(1.3)
    assert server.get(PATH + jira.new_id()).status == 200


@pytest.mark.parametrize("mode, status", [("503", 503), ("html_error_200", 502), ("hang", 504)])
def test_an_outage_of_the_token_service(serve, jira, mode, status):
    conf = site(jira, "oauth-client", "JiraAvatarTimeout total=1s")
    jira.mode("503" if mode == "503" else mode, face="auth")
    server = serve(conf, allow=[COMPLAINS])
    replies = [server.get(PATH + jira.new_id()).status for _ in range(3)]
    assert replies[0] == status
    assert jira.seen("gateway") == []
    assert len(requests(jira)) <= 3


@pytest.mark.parametrize("kind", ["oauth-client", "oauth-refresh", "dc-refresh"])
def test_a_token_request_that_gets_lost_is_not_repeated_blindly(serve, jira, kind):
    server = serve(site(jira, kind), allow=[COMPLAINS])
    assert server.get(PATH + jira.new_id()).status == 200
    jira.tokens(revoke_access=True)
    jira.mode("close", face="dc" if kind.startswith("dc") else "auth", match="token", times=1)
    assert server.get(PATH + jira.new_id()).status == 502
    assert len(requests(jira)) == 2


STATUS = '<Location "/status">\n    SetHandler jira-avatar-status\n' \
    "    Require ip 127.0.0.1\n</Location>\n"


def test_token_requests_are_counted_and_a_refusal_is_shown(serve, jira):
    def told():
        return json.loads(server.get("/status?json").text)["sites"][0]

    server = serve(join(site(jira, "oauth-refresh"), STATUS), allow=[COMPLAINS])
    assert server.get(PATH + jira.new_id()).status == 200
    counted = {"token": 1, "refused": 0, "unsaved": 0, "failed": 0}
    assert told()["token_requests"] == counted and told()["credential"]["state"] == "accepted"
    jira.tokens(revoke_grants=True, revoke_access=True)
    time.sleep(0.01)                        # what is accepted and refused at once is accepted
    assert server.get(PATH + jira.new_id()).status == 502
    shown = told()
    assert shown["token_requests"] == {**counted, "refused": 2}     # the one before, too
    assert shown["credential"]["state"] == "refused" and shown["credential"]["pause_seconds"] > 20
    assert "Authorise" in shown["credential"]["last_refusal"]["remedy"]
    assert shown["failures"][0]["what"] == "access token"
    page, metrics = server.get("/status").text, server.get("/status?metrics").text
    assert "Access tokens" in page and "Authorise the app again" in page
    assert re.search(r'jira_avatar_token_requests_total\{.*outcome="refused"\} 2\n', metrics)


def test_nothing_secret_in_the_log(serve, jira):
    server = serve(site(jira, "oauth-refresh"), allow=[COMPLAINS], server="LogLevel trace8")
    assert server.get(PATH + jira.new_id()).status == 200
    rotated = jira.tokens()["refresh"]
    jira.tokens(revoke_grants=True, revoke_access=True)
    server.get(PATH + jira.new_id())
    said = server.log() + server.said()
    assert "JAV0604" in said and "JAV1040" in said
    (first,) = [s for s in jira.seen("gateway") if s.headers["authorization"]][:1]
    for secret in ("app-secret", "first-refresh", first.headers["authorization"].split()[1],
                   *rotated):
        assert secret not in said


# ---- rotation ---------------------------------------------------------------------------------


def test_the_state_file_is_private_and_holds_the_newest_token(serve, jira):
    server = serve(site(jira, "oauth-refresh"))
    assert server.get(PATH + jira.new_id()).status == 200
    (path,) = state_files(server)
    (token,) = [token for token in jira.tokens()["refresh"] if token != "dc-first-refresh"]
    assert f"refresh {token}\n" in path.read_text()
    assert oct(path.stat().st_mode & 0o7777) == "0o600"
    assert oct((server.root / "state").stat().st_mode & 0o7777) == "0o700"
    if run_user():
        assert path.stat().st_uid == run_user().pw_uid


@pytest.mark.mpm
@pytest.mark.parametrize("kind", ["oauth-refresh", "dc-refresh"])
def test_a_restart_goes_on_with_the_rotated_token(serve, jira, kind):
    jira.tokens(leeway=0)
    server = serve(site(jira, kind))
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200
        server.stop()
        server.start()
    assert server.get(PATH + jira.new_id()).status == 200
    counters = jira.tokens()["counters"]
    assert counters["refreshes"] == 4
    assert counters.get("reused", 0) == counters.get("dead", 0) == 0


def test_another_program_holds_the_lock(serve, jira):
    """As `httpd -t -D JIRA_AVATAR_CHECK` may: the visitor waits for it, and no token is sent."""
    import fcntl

    server = serve(site(jira, "oauth-refresh"))
    assert server.get(PATH + jira.new_id()).status == 200
    (path,) = state_files(server)
    jira.tokens(revoke_access=True)
    with open(f"{path}.lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.7, fcntl.flock, [lock, fcntl.LOCK_UN]).start()
        began = time.monotonic()
        assert server.get(PATH + jira.new_id()).status == 200
        assert time.monotonic() - began > 0.5


def test_a_state_dir_that_cannot_be_written_stops_before_the_token_is_used(serve, jira):
    server = serve(site(jira, "oauth-refresh"), allow=[COMPLAINS])
    (server.root / "state").rmdir()
    assert server.get(PATH + jira.new_id()).status == 502
    server.wait_log(r"JAV0605: .*JiraAvatarStateDir")
    assert jira.tokens()["counters"].get("requests", 0) == 0
    (server.root / "state").mkdir(mode=0o700)
    give(server.root / "state", 0o700)
    assert server.get(PATH + jira.new_id()).status == 200


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_an_open_state_dir_is_refused_at_start(configured, jira, mode):
    server = configured(site(jira, "oauth-refresh"))
    (server.root / "state").mkdir()
    give(server.root / "state", mode)
    with pytest.raises(RuntimeError, match="JAV0607: .* open to others.*install -d -m 0700"):
        server.start()
    server.allow("JAV0607", "AH00020")


def kill_children(server):
    """Kills them, and waits until they are gone: who is dying may still take a connection."""
    children = [os.pidfd_open(pid) for pid in server.children()]
    for child in children:
        signal.pidfd_send_signal(child, signal.SIGKILL)
    for child in children:
        select.select([child], [], [], 10)
        os.close(child)


@pytest.mark.mpm
@pytest.mark.parametrize("point", ["before Jira has it", "after Jira's answer", "at any time"])
def test_killed_children_lose_no_grant(serve, jira, point):
    """SIGKILL while a refresh is under way, wherever it is; the grant lives on."""
    jira.tokens(lifetime=1)
    server = serve(site(jira, "oauth-refresh"), allow=[r"exit signal Killed", COMPLAINS])
    for turn in range(4 if point == "at any time" else 2):
        time.sleep(1.1)                         # the token is at its end
        if point == "before Jira has it":
            jira.mode("gate", face="auth")      # holds the request, then answers to nobody
        elif point == "after Jira's answer":
            jira.mode("late_answer", face="auth", ms=1000)
        thread = threading.Thread(target=quietly, args=(server, PATH + jira.new_id()))
        thread.start()
        time.sleep(0.35 if point != "at any time" else 0.002 + turn * 0.004)
        kill_children(server)
        thread.join(20)
        jira.unmode()
        assert server.get(PATH + jira.new_id()).status == 200
    counters = jira.tokens()["counters"]
    assert counters.get("reused", 0) == counters.get("dead", 0) == 0
    if point == "after Jira's answer":
        assert counters["leeway"] >= 1


def quietly(server, path):
    try:
        server.get(path)
    except Exception:  # the child was killed, as it should
        pass


# ---- all of it together -----------------------------------------------------------------------


class Visitors(client.Crowd):
    """Clients who ask for new avatars until told to stop; one whose child dies asks again."""

    def __init__(self, server, count):
        super().__init__(count)
        self.server = server
        sizes = itertools.cycle(["small", "medium", "large", "xlarge"])
        self.new = (f"{PATH}{number}&size={size}" for size in sizes
                    for number in range(31000, 70000))
        self.lock = threading.Lock()
        self.answers, self.lost = [], 0

    def visit(self, index):
        while not self.ended.is_set():
            with self.lock:
                path = next(self.new)
            try:
                status = self.server.get(path).status
            except Exception:  # only a killed child answers so; counted apart
                self.lost += 1
            else:
                self.answers.append(status)
            time.sleep(0.02)


def disturb(server):
    """A reload, a killed child and another reload, within a round."""
    time.sleep(0.3 * ROUND)
    server.graceful()
    time.sleep(0.2 * ROUND)
    os.kill(server.children()[0], signal.SIGKILL)
    time.sleep(0.2 * ROUND)
    server.graceful()
    time.sleep(0.3 * ROUND)


@pytest.mark.parametrize("kind", ["oauth-refresh", "connect-user"])
def test_short_tokens_restarts_and_a_killed_child(serve, jira, kind):
    """Eight clients, four children, tokens that live two seconds, for a while; `make soak` for
    minutes."""
    jira.tokens(lifetime=2, leeway=5)

    def conf(server):
        server.mpm_conf = CHILDREN
        return site(jira, kind, "JiraAvatarMaxWaiting 8")(server)

    # A connection that breaks as a child is killed is nothing that a token could explain.
    server = serve(conf, allow=[r"exit signal Killed", r"JAV10\d\d: .*: no-connection for"])
    rounds = max(1, SOAK_SECONDS // ROUND)
    with Visitors(server, 8) as visitors:
        for _ in range(rounds):
            disturb(server)
    counters = jira.tokens()["counters"]
    failed = [status for status in visitors.answers if status != 200]
    print(f"{kind}: {rounds * ROUND} s, {len(visitors.answers)} answers, failed: {failed}, "
          f"connections lost: {visitors.lost}, {counters}")
    assert len(failed) <= 2 * rounds and not re.search("credential-refused|JAV060", server.log())
    assert len(visitors.answers) > 200 * rounds and visitors.lost <= 16 * rounds
    assert counters["max_in_flight"] == 1
    assert 10 * rounds <= counters["issued"] <= 25 * rounds
    assert counters.get("reused", 0) == counters.get("dead", 0) == 0

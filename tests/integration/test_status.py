# SPDX-License-Identifier: Apache-2.0
"""The status handler, mod_status and the access log: what they say is true, and says no more."""

import json
import re
import shutil
import subprocess
import time

import pytest
from httpd import STOCK
from jira import avatars, join

PROJECT = "/avatars/secure/viewavatar?avatarType=project&avatarId="
STATUS = '<Location "/status">\n    SetHandler jira-avatar-status\n    Require local\n</Location>\n'


def state(server, path="/status"):
    return json.loads(server.get(f"{path}?json").body)


def site(server, number=0):
    return state(server)["sites"][number]


# ---- who may see it ---------------------------------------------------------------------------


def test_it_is_closed_until_the_configuration_says_who(serve, jira):
    places = {
        "/open": "",
        "/granted": "Require all granted",
        "/local": "Require local",
        "/all": "<RequireAll>\nRequire all granted\nRequire local\n</RequireAll>",
        "/denied": "Require ip 192.0.2.1",
    }
    server = serve(join(avatars(jira), *(
        f'<Location "{path}">\nSetHandler jira-avatar-status\n{line}\n</Location>\n'
        for path, line in places.items())))
    server.allow("AH01630")
    for path, shown in (("/open", 0), ("/granted", 0), ("/local", 1), ("/all", 1), ("/denied", 0)):
        for query in ("", "?json", "?metrics"):
            reply = server.get(path + query)
            assert reply.status == (200 if shown else 403), (path, reply)
            assert ("bot@example.com" in reply.text) == bool(shown)
    assert "Require local" in server.get("/open").text
    server.wait_log("JAV0701")


def test_the_methods(serve, jira):
    server = serve(join(avatars(jira), STATUS))
    assert server.head("/status").status == 200
    assert server.head("/status").body == b""
    options = server.request("/status", "OPTIONS")
    assert options.status == 200 and "GET" in options["Allow"]
    for method in ("PUT", "DELETE", "PATCH"):
        assert server.request("/status", method).status == 405
    assert server.request("/status?all", "POST").status == 403


@pytest.mark.parametrize("query, kind", [
    ("", "text/html; charset=utf-8"),
    ("?json", "application/json"),
    ("?metrics", "text/plain; version=0.0.4; charset=utf-8"),
    ("?metrics=", "text/plain; version=0.0.4; charset=utf-8"),      # as Prometheus writes it
    ("?json&once", "application/json"),
    ("?nothing", "text/html; charset=utf-8"),
    ("?metrical", "text/html; charset=utf-8"),
])
def test_the_header_fields(serve, jira, query, kind):
    server = serve(join(avatars(jira), STATUS))
    reply = server.get("/status" + query)
    assert reply.status == 200
    assert reply["Content-Type"] == kind
    assert reply["Cache-Control"] == "no-store"
    assert reply["X-Content-Type-Options"] == "nosniff"
    policy = reply["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src" not in policy


def test_without_a_site(serve):
    server = serve(STATUS)
    assert "No JiraAvatarSite" in server.get("/status").text
    assert state(server)["sites"] == []


# ---- what is counted --------------------------------------------------------------------------


@pytest.mark.mpm
def test_hits_misses_and_fetches(serve, jira):
    server = serve(join(avatars(jira), STATUS))
    assert site(server)["state"] == "unasked"
    for _ in range(6):
        assert server.get(PROJECT + "20000").status == 200
    server.get("/avatars/nonsense")
    jira.mode("404")
    server.get(PROJECT + jira.new_id())
    now = site(server)
    assert now["requests"] == {"hit": 5, "stale": 0, "miss": 2, "joined": 0, "refused": 1,
                               "failed": 0, "busy": 0, "late": 0}
    assert now["fetches"]["image"] == 1 and now["fetches"]["not-found"] == 1
    assert sum(now["fetches"].values()) == 2
    assert now["received_bytes"] > 100
    assert now["fetch_ms"]["count"] == 2 and now["fetch_ms"]["p50"] >= 0
    assert now["state"] == "works" and now["pause_seconds"] == 0
    assert now["held"]["images"] == 1
    assert sum(now["minutes"]["hit"]) == 5 and len(now["minutes"]["hit"]) == 60


def test_joined_and_stale(serve, jira):
    server = serve(join(avatars(jira, "JiraAvatarMaxAge 1s"), STATUS))
    jira.mode("delay", ms=300)
    path = PROJECT + jira.new_id()
    server.together([path] * 5)
    counted = site(server)["requests"]
    assert counted["miss"] == 1 and counted["joined"] == 4
    time.sleep(1.2)
    server.get(path)
    assert site(server)["requests"]["stale"] == 1
    assert site(server)["wait_ms"]["p50"] >= 100


def test_all_children_count_together(serve, jira):
    server = serve(join(avatars(jira), STATUS), mpm="prefork")
    server.together([PROJECT + "20000"] * 12)
    server.together([PROJECT + "20000"] * 12)
    counted = site(server)["requests"]
    assert sum(counted.values()) == 24 and counted["failed"] == 0
    assert state(server)["memory"]["processes"] >= 6
    assert state(server)["memory"]["bytes"] > 0


def test_counters_survive_a_graceful_restart(serve, jira):
    server = serve(join(avatars(jira), STATUS))
    for _ in range(4):
        server.get(PROJECT + "20000")
    before = state(server)
    server.graceful()
    after = state(server)
    assert after["sites"][0]["id"] == before["sites"][0]["id"]
    assert after["sites"][0]["requests"] == before["sites"][0]["requests"]
    assert after["since"] == before["since"]


def test_every_site_has_a_place_of_its_own(serve, jira):
    server = serve(join(avatars(jira), avatars(jira, face="dc", path="/dc/"), STATUS))
    server.get(PROJECT + "20000")
    sites = {one["kind"]: one for one in state(server)["sites"]}
    assert sites["cloud"]["requests"]["miss"] == 1
    assert sites["datacenter"]["requests"]["miss"] == 0
    assert sites["datacenter"]["credential"]["kind"] == "bearer"


# ---- the credential and trouble ---------------------------------------------------------------


def test_an_accepted_credential_is_shown_with_its_account(serve, jira):
    server = serve(join(avatars(jira, face="dcroot"), STATUS))
    assert site(server)["credential"]["state"] == "untried"
    server.get("/avatars/secure/useravatar?ownerId=fred")
    credential = site(server)["credential"]
    assert credential["state"] == "accepted" and credential["accepted"]
    assert credential["account"] == "fred" and credential["user"] == "fred"


def test_the_end_of_an_access_token_is_shown(serve, jira):
    kind = "oauth-client client-id=service client-secret="
    server = serve(lambda s: avatars(
        jira, f"JiraAvatarGatewayURL {jira.url('gateway')}",
        f"JiraAvatarTokenURL {jira.url('auth')}/oauth/token",
        credential=kind + s.secret("service-secret"))(s) + STATUS)
    assert site(server)["credential"]["token_ends"] is None
    assert server.get(PROJECT + "20000").status == 200
    assert site(server)["credential"]["token_ends"] > state(server)["time"]
    assert "jira_avatar_token_expiry_timestamp_seconds{" in server.get("/status?metrics").text
    assert "access token good for" in server.get("/status").text


def test_a_refused_credential_is_shown_with_cause_and_remedy(serve, jira):
    wrong = lambda server: f"basic user=bot@example.com secret={server.secret('wrong')}"  # noqa: E731
    server = serve(lambda s: avatars(jira, credential=wrong(s))(s) + STATUS)
    server.allow(r"JAV10\d\d")
    assert server.get(PROJECT + jira.new_id()).status == 502
    one = site(server)
    assert one["credential"]["state"] == "refused"
    assert one["state"] == "refused" and one["reason"] is None
    assert one["credential"]["pause_seconds"] > 0
    assert one["credential"]["last_refusal"]["outcome"] == "credential-refused"
    assert one["credential"]["last_refusal"]["remedy"]
    assert one["failures"][0]["outcome"] == "credential-refused"
    page = server.get("/status").text
    assert "credential refused" in page and "needs a look" in page


def test_a_site_that_rests_is_shown_with_its_reason(serve, jira):
    server = serve(join(avatars(jira), STATUS))
    server.allow(r"JAV10\d\d")
    jira.mode("503", retry_after=30)
    for _ in range(3):
        server.get(PROJECT + jira.new_id())
    one = site(server)
    assert one["state"] == "resting" and one["reason"] == "unavailable"
    assert 20 <= one["pause_seconds"] <= 30
    assert one["requests"]["failed"] == 3
    assert one["failures"][0]["status"] == 503
    assert sum(one["minutes"]["failed"]) == 3


def test_equal_failures_are_one(serve, jira):
    server = serve(join(avatars(jira), STATUS))
    server.allow(r"JAV10\d\d")
    jira.mode("json_200")
    for _ in range(3):
        server.get(PROJECT + jira.new_id())
    failures = site(server)["failures"]
    assert len(failures) == 1 and failures[0]["times"] == 3, failures
    assert failures[0]["what"] == "view-avatar project"


def test_a_failure_that_is_settled_without_asking_is_shown(serve, jira):
    server = serve(join(avatars(jira), STATUS)).allow("JAV1073")
    assert server.get("/avatars/user/557058:hidden").status == 502
    (failure,) = site(server)["failures"]
    assert (failure["outcome"], failure["status"], failure["times"]) == ("redirected", 0, 1)
    assert "neither its own nor on a public host" in failure["cause"]


def test_nothing_private_is_shown(serve, jira):
    server = serve(join(avatars(jira, face="dcroot"), STATUS, "<Location /server-status>\n"
                        "SetHandler server-status\n</Location>\n"))
    server.allow(r"JAV10\d\d")
    server.get("/avatars/secure/useravatar?ownerId=wilma.secretive&size=small")
    jira.mode("500")
    server.get("/avatars/secure/useravatar?ownerId=betty.secretive")
    everything = "".join(server.get("/status" + q).text for q in ("", "?json", "?metrics"))
    everything += server.get("/server-status?auto").text
    assert "useravatar" in everything or "user" in everything
    for hidden in ("secretive", "good-password", "127.0.0.1:" + str(server.port), "Basic "):
        assert hidden not in everything
    assert not re.search(r"\b127\.0\.0\.1\b(?!:)", everything)


# ---- the page ---------------------------------------------------------------------------------


def test_the_page_needs_nothing_from_elsewhere(serve, jira):
    server = serve(join(avatars(jira), STATUS))
    server.get(PROJECT + "20000")
    page = server.get("/status").text
    assert page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>")
    assert "viewport" in page and "prefers-color-scheme:dark" in page
    assert not re.search(r"<script|\bon\w+=|javascript:|<img|<link|@import|url\(|src=", page)
    assert "<svg" in page and "<rect" in page


def chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(not chromium(), reason="no chromium")
def test_the_page_fits_a_telephone(serve, jira, tmp_path):
    """A browser lays it out without sideways scrolling and without a complaint about the CSP."""
    server = serve(join(avatars(jira), avatars(jira, face="dc", path="/dc/"), STATUS))
    server.get(PROJECT + "20000")
    shot = tmp_path / "page.png"
    run = subprocess.run(
        [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         "--enable-logging=stderr", "--v=0", "--window-size=400,1600", f"--screenshot={shot}",
         f"--user-data-dir={tmp_path}/profile", f"http://localhost:{server.port}/status"],
        capture_output=True, text=True, timeout=90, check=False)
    assert shot.exists(), run.stderr[-2000:]
    assert "Content Security Policy" not in run.stderr


# ---- Prometheus -------------------------------------------------------------------------------

SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*"(?:,(?=[a-z])|(?=\})))*)\})?'
                    r' (-?[0-9]+(?:\.[0-9]+)?)$')


def exposition(text):
    """A strict reader of the format: {(name, labels): number}, or an AssertionError."""
    assert text.endswith("\n")
    types, helps, samples, closed, current = {}, set(), {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name = line.split(" ", 3)[2]
            assert name not in helps and len(line.split(" ", 3)[3]) > 5
            helps.add(name)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in helps and name not in types
            assert kind in ("counter", "gauge", "histogram")
            assert (kind == "counter") == name.endswith("_total")
            closed.add(current)
            types[name] = kind
            current = name
        else:
            found = SAMPLE.match(line)
            assert found, line
            name, labels, number = found.groups()
            base = name if name in types else re.sub(r"_(bucket|sum|count)$", "", name)
            assert base == current and base not in closed, line
            assert types[base] == "histogram" or base == name
            assert (name, labels) not in samples, line
            samples[name, labels] = float(number)
    return types, samples


def test_metrics_are_as_prometheus_wants_them(serve, jira):
    server = serve(join(avatars(jira), avatars(jira, face="dc", path="/dc/"), STATUS))
    for _ in range(3):
        server.get(PROJECT + "20000")
    types, samples = exposition(server.get("/status?metrics").text)
    assert all(name.startswith("jira_avatar_") for name in types)
    hits = [n for (name, labels), n in samples.items()
            if name == "jira_avatar_requests_total" and 'result="hit"' in labels]
    assert sorted(hits) == [0, 2]
    buckets = [n for (name, labels), n in samples.items()
               if name == "jira_avatar_fetch_duration_seconds_bucket"]
    assert buckets == sorted(buckets[:13]) + sorted(buckets[13:])


@pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool: apt install prometheus")
def test_promtool_is_silent(serve, jira):
    server = serve(join(avatars(jira), STATUS))
    server.get(PROJECT + "20000")
    run = subprocess.run(["promtool", "check", "metrics"], input=server.get("/status?metrics").body,
                         capture_output=True, timeout=30, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


# ---- mod_status and the access log ------------------------------------------------------------

SERVER_STATUS = '<Location "/server-status">\n    SetHandler server-status\n</Location>\n'


def test_mod_status_has_a_section_and_lines(serve, jira):
    server = serve(join(avatars(jira), SERVER_STATUS))
    for _ in range(3):
        server.get(PROJECT + "20000")
    auto = server.get("/server-status?auto").text
    assert "\nJiraAvatarRequestsHit: 2\n" in auto and "\nJiraAvatarSites: 1\n" in auto
    page = server.get("/server-status").text
    assert "<h2>Jira avatars</h2>" in page and jira.url("cloud") in page


def test_without_mod_status(serve, jira):
    stock = [name for name in STOCK if name != "status"]
    server = serve(join(avatars(jira), STATUS), stock=stock)
    assert server.get("/status").status == 200


def test_the_access_log_tells_how_it_went(serve, jira):
    log = ('LogFormat "%{jira-avatar-outcome}e %{jira-avatar-kind}e %{jira-avatar-wait}e '
           '%{jira-avatar-upstream}e" ja\nCustomLog {root}/ja.log ja\n')
    server = serve(join(avatars(jira), STATUS, log))
    server.allow(r"JAV10\d\d")
    visits = [
        (PROJECT + "20000", r"miss project \d+ 200"),
        (PROJECT + "20000", "hit project - -"),
        ("/avatars/images/icons/bug.gif", r"miss icon \d+ 200"),
        ("/avatars/nonsense", "unknown-path - - -"),
        ("/status", "- - - -"),
        ("/avatars/issuetype/10005", r"unavailable issuetype \d+ 503"),
    ]
    for number, (path, pattern) in enumerate(visits):
        if number == len(visits) - 1:
            jira.mode("503", retry_after=30)
        server.get(path)
        end = time.monotonic() + 5  # httpd logs when the answer is out
        while len(lines := server.read("ja.log").splitlines()) <= number:
            assert time.monotonic() < end, lines
            time.sleep(0.02)
        assert re.fullmatch(pattern, lines[number]), lines


@pytest.mark.parametrize("face, user, least, most", [
    ("cloud", "basic user=bot@example.com", 30, 120),
    ("dcroot", "basic user=fred", 3000, 3601),      # three wrong passwords may end in a CAPTCHA
])
def test_how_long_a_refused_secret_rests(serve, jira, face, user, least, most):
    def conf(server):
        credential = f"{user} secret={server.secret('wrong')}"
        return join(avatars(jira, face=face, credential=credential), STATUS)(server)

    server = serve(conf, allow=[r"JAV102\d"])
    for _ in range(3):
        assert server.get(PROJECT + jira.new_id()).status == 502
    (site,) = json.loads(server.get("/status?json").text)["sites"]
    assert least <= site["credential"]["pause_seconds"] <= most

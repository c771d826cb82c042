# SPDX-License-Identifier: Apache-2.0
"""Whoever runs a site is told before a certificate or a secret ends, and when it has."""

import datetime
import json
import os
import time

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jira import avatars, join
from test_answers import until
from test_check import check
from test_status import STATUS, site
from test_tokens import site as buying, state_files

DAY = 24 * 60 * 60
PROJECT = "/avatars/secure/viewavatar?avatarType=project&avatarId="
LIST = "/rest/pat/latest/tokens"


def day(days):
    """The date some days from now; tests do not care for the hour."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * DAY))


def certified(jira, starts, ends):
    """A Location with a client certificate that is valid between two days from now."""
    now = datetime.datetime.now(datetime.timezone.utc)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bot.test")])
    leaf = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(starts))
            .not_valid_after(now + datetime.timedelta(ends)).sign(key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8,
                                serialization.NoEncryption())

    def text(server):
        files = server.file("bot.pem", leaf.public_bytes(pem)), server.file("bot.key", private)
        return avatars(jira, "JiraAvatarClientCertificate {} {}".format(*files))(server)

    return text


def with_pat(jira, secret="good-pat", more=""):
    def text(server):
        credential = f"bearer secret={server.secret(secret, 'pat')}{more}"
        return avatars(jira, face="dc", credential=credential)(server)

    return text


def with_token(jira, more="", age=0):
    """A classic API token in a file that was written some days ago."""
    def text(server):
        path = server.file("token", "good-token")
        os.utime(path, (time.time() - age * DAY,) * 2)
        credential = f"basic user=bot@example.com secret=file:{path}{more}"
        return avatars(jira, credential=credential)(server)

    return text


def token(life, left):
    now = time.time()
    claims = {"iat": int(now + left - life), "exp": int(now + left)}
    return jwt.encode(claims, "k" * 32, algorithm="HS256")


def listed(jira, *tokens):
    rows = [{"id": 1, "createdAt": "2026-01-01T00:00:00.000Z", **row} for row in tokens]
    jira.mode("body", face="dc", match=LIST, text=json.dumps(rows), type="application/json")


def said(server, number):
    return [line for line in server.log().splitlines() if f"JAV08{number:02}: " in line]


# ---- certificates -----------------------------------------------------------------------------


@pytest.mark.parametrize("starts, ends, number, level, words", [
    (-30, 5, 3, "warn", f"ends on {day(5)}"),
    (-30, -1, 2, "error", f"ended on {day(-1)}"),
    (3, 30, 1, "error", f"is not valid before {day(3)}"),
])
def test_a_client_certificate(serve, jira, starts, ends, number, level, words):
    server = serve(join(certified(jira, starts, ends), STATUS)).allow(f"JAV08{number:02}")
    (line,) = said(server, number)
    assert f"[jira_avatar:{level}]" in line
    assert f"the client certificate {server.root}/bot.pem {words}" in line
    assert "reload the server" in line
    shown = site(server)["client_certificate_ends"]
    assert shown.startswith(day(ends))
    metric = "jira_avatar_client_certificate_expiry_timestamp_seconds{"
    assert metric in server.get("/status?metrics").text
    page = server.get("/status").text
    assert f"the client certificate {words}" in page and "bot.pem" not in page


def test_a_client_certificate_with_time_left_is_not_spoken_of(serve, jira):
    server = serve(join(certified(jira, -30, 20), STATUS))
    assert "JAV08" not in server.log()
    assert "alert\">the client" not in server.get("/status").text


@pytest.mark.parametrize("ends, word", [(20, "ok"), (5, "WARNING"), (-1, "FAILED")])
def test_a_client_certificate_is_checked(configured, jira, ends, word):
    status, steps, text = check(configured(certified(jira, -30, ends)))
    assert steps["certificate"][0] == word and day(ends) in steps["certificate"][1]
    assert (status == 0) == (word != "FAILED"), text
    assert ("Put a new one there" in text) == (word != "ok")


def test_the_dump_shows_the_end(configured, jira):
    server = configured(certified(jira, -30, 20))
    _, text = server.configtest("-DDUMP_JIRA_AVATAR")
    assert f"# the client certificate {server.root}/bot.pem ends on {day(20)}" in text


# ---- what the administrator wrote down --------------------------------------------------------


@pytest.mark.parametrize("days, number", [(5, 9), (-5, 8), (30, None)])
@pytest.mark.parametrize("face", ["cloud", "dc"])
def test_a_date_that_was_written_down(serve, jira, face, days, number):
    conf = (with_token if face == "cloud" else with_pat)(jira, more=f" expires={day(days)}")
    server = serve(join(conf, STATUS)).allow("JAV080[89]")
    assert len([line for line in server.log().splitlines() if "JAV08" in line]) == bool(number)
    if number:
        (line,) = said(server, number)
        assert "[jira_avatar:warn]" in line and f"on {day(days)}, as expires= says. " in line
    credential = site(server)["credential"]
    assert credential["ends"] == f"{day(days)}T00:00:00Z" and credential["ends_by"] == "expires"
    metric = "jira_avatar_credential_expiry_timestamp_seconds{"
    assert metric in server.get("/status?metrics").text
    assert f"{day(days)}, as expires= says" in server.get("/status").text


@pytest.mark.parametrize("value", ["31.12.2027", "2027-02-30", "soon", "2027-1-1"])
def test_what_is_no_date_is_refused(configured, jira, value):
    status, text = configured(with_token(jira, more=f" expires={value}")).configtest()
    assert status != 0 and "expires= is not a date; write expires=YYYY-MM-DD" in text


def test_a_new_date_keeps_the_pictures(serve, jira):
    server = serve(with_token(jira, more=f" expires={day(30)}"))
    target = PROJECT + jira.new_id()
    assert server.get(target).status == 200
    server.conf(with_token(jira, more=f" expires={day(300)}")(server))
    server.graceful()
    assert server.get(target).status == 200
    assert len(jira.seen()) == 1


# ---- the token itself -------------------------------------------------------------------------


@pytest.mark.parametrize("life, left, number", [
    (100 * DAY, 5 * DAY, 5), (DAY, DAY / 20, 5), (DAY, -DAY / 20, 4), (3600, -60, 4),
    (DAY, DAY / 5, None), (3600, 60, None), (300 * DAY, 15 * DAY, None),
])
def test_a_token_that_says_when_it_ends(serve, jira, life, left, number):
    server = serve(with_pat(jira, token(life, left))).allow("JAV080[45]")
    assert len([line for line in server.log().splitlines() if "JAV08" in line]) == bool(number)
    if number:
        (line,) = said(server, number)
        assert f"the token from file:{server.root}/pat end" in line and "as it says itself" in line


@pytest.mark.mpm
def test_a_token_that_is_no_longer_renewed_is_noticed_while_the_server_runs(serve, jira):
    server = serve(with_pat(jira, token(DAY, DAY))).allow("JAV0804")
    assert "JAV08" not in server.log()
    server.secret(token(DAY, -60), "pat")
    server.wait_log("JAV0804", timeout=30)


def test_it_is_said_once_and_again_after_a_reload(serve, jira):
    server = serve(certified(jira, -30, 5)).allow("JAV0803")
    server.graceful()
    assert len(said(server, 3)) == 2


# ---- personal access tokens -------------------------------------------------------------------


def test_jira_is_asked_once_for_the_end_of_a_personal_access_token(serve, jira):
    listed(jira, {"name": "avatars", "expiringAt": day(5) + "T10:00:00.000+0000"})
    server = serve(join(with_pat(jira), STATUS)).allow("JAV0807")
    for _ in range(3):
        assert server.get(PROJECT + jira.new_id()).status == 200
    until(lambda: site(server)["credential"]["ends_by"] == "jira")
    assert site(server)["credential"]["ends"] == f"{day(5)}T10:00:00Z"
    assert [s.path for s in jira.seen("dc", questions=True)].count("/jira" + LIST) == 1
    line = server.wait_log("JAV0807", timeout=30)
    assert f"ends on {day(5)} 10:00 UTC, as Jira says" in line
    server.graceful()
    assert site(server)["credential"]["ends_by"] == "jira", "a reload forgets nothing"


@pytest.mark.parametrize("mode, args", [
    ("html_403", {}), ("401_site", {}), ("500", {}), ("close", {}),
    ("body", {"text": "[]", "type": "application/json"}),
    ("body", {"text": "[{\"expiringAt\":", "type": "application/json"}),
])
def test_an_instance_that_does_not_tell_is_none_the_worse(serve, jira, mode, args):
    jira.mode(mode, face="dc", match=LIST, **args)
    server = serve(join(with_pat(jira), STATUS))
    for _ in range(3):
        assert server.get(PROJECT + jira.new_id()).status == 200
    until(lambda: LIST in str(jira.seen("dc", questions=True)))
    assert server.get(PROJECT + jira.new_id()).status == 200
    assert site(server)["credential"]["state"] == "accepted"
    assert site(server)["credential"]["ends"] is None
    assert site(server)["state"] == "works"


@pytest.mark.parametrize("tokens, word, words", [
    ([{"name": "avatars", "expiringAt": day(100)}], "ok", [day(100), '("avatars")']),
    ([{"name": "avatars", "expiringAt": day(3)}], "WARNING", [day(3), '("avatars")']),
    ([{"name": "avatars", "expiringAt": None}], "ok", ['("avatars") does not end']),
    ([{"name": "other", "expiringAt": day(3), "lastAccessed": "2026-01-01T00:00:00Z"},
      {"name": "ours", "expiringAt": day(90), "lastAccessed": "2026-01-02T00:00:00Z"}],
     "ok", [day(90), '(probably "ours")']),
])
def test_the_check_tells_the_end_of_a_personal_access_token(configured, jira, tokens, word, words):
    listed(jira, *tokens)
    status, steps, text = check(configured(with_pat(jira)))
    assert status == 0, text
    assert steps["token ends"][0] == word
    assert all(part in steps["token ends"][1] for part in words), text


@pytest.mark.parametrize("mode", ["html_403", "401_site", "500"])
def test_the_check_is_silent_where_jira_is(configured, jira, mode):
    jira.mode(mode, face="dc", match=LIST)
    status, steps, text = check(configured(with_pat(jira)))
    assert status == 0, text
    assert "token ends" not in steps


# ---- what only the calendar tells --------------------------------------------------------------


@pytest.mark.parametrize("age, number", [(355, 11), (400, 10), (340, None)])
def test_an_api_token_in_an_old_file(serve, jira, age, number):
    server = serve(with_token(jira, age=age)).allow("JAV081[01]")
    assert len([line for line in server.log().splitlines() if "JAV08" in line]) == bool(number)
    if number:
        (line,) = said(server, number)
        assert f"by {day(365 - age)}" in line and "write its end into expires=" in line


def test_a_new_token_in_an_old_file_is_seen_without_a_reload(serve, jira):
    server = serve(join(with_token(jira, age=355), STATUS)).allow("JAV0811")
    assert "needs a look" in server.get("/status").text
    os.utime(server.root / "token")
    until(lambda: site(server)["credential"]["ends"].startswith(day(365)))
    assert "all well" in server.get("/status").text


def test_a_date_beats_the_age_of_the_file(serve, jira):
    server = serve(with_token(jira, age=400, more=f" expires={day(100)}"))
    assert "JAV08" not in server.log()


def test_a_password_of_data_center_may_be_old(serve, jira):
    def conf(server):
        path = server.file("password", "good-password")
        os.utime(path, (time.time() - 900 * DAY,) * 2)
        return avatars(jira, face="dcroot", credential=f"basic user=fred secret=file:{path}")(server)

    assert "JAV08" not in serve(conf).log()


@pytest.mark.parametrize("days, number", [(50, None), (61, 13), (91, 12)])
def test_a_refresh_token_that_nobody_uses(serve, jira, days, number):
    server = serve(join(buying(jira, "oauth-refresh"), STATUS)).allow("JAV081[23]")
    assert site(server)["credential"]["ends"] is None
    assert server.get(PROJECT + jira.new_id()).status == 200
    assert site(server)["credential"]["ends"].startswith(day(90))
    (path,) = state_files(server)
    lines = path.read_text().splitlines(keepends=True)
    used = int(time.time() - days * DAY)
    with open(path, "r+") as file:
        file.write("".join(f"rotated {used}\n" if line.startswith("rotated ") else line
                           for line in lines))
    server.graceful()
    assert len([line for line in server.log().splitlines() if "JAV08" in line]) == bool(number)
    if number:
        (line,) = said(server, number)
        assert "first-refresh" not in line and f"{server.root}/rt" in line
        assert f"on {day(90 - days)}" in line

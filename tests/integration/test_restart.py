# SPDX-License-Identifier: Apache-2.0
"""Reload and stop, with requests on their way; nothing grows."""

import os
import threading
import time

import client
import pytest
from jira import avatars
from standin.pictures import picture
from test_tokens import site

from httpd import module

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
# A crash of mod_mpm_event's own: it closes the sockets of workers that are closing them.
EVENT_CRASH = r"AH0005[12].*Segmentation"


class Load(client.Crowd):
    """Visitors who ask for cold and warm avatars until told to stop."""

    def __init__(self, server, ids, visitors=6):
        super().__init__(visitors)
        self.server, self.ids, self.answers = server, ids, []

    def visit(self, index):
        turn = 0
        while not self.ended.is_set():
            turn += 1
            number = self.ids[(index + turn * 7) % len(self.ids)]
            try:
                reply = self.server.get(PATH + number)
                self.answers.append((reply.status, reply.body == picture("project", number)))
            except Exception as error:
                self.answers.append((repr(error), False))
            time.sleep(0.003)


def test_another_version_begins_with_a_memory_of_its_own(serve, jira):
    """It may be laid out otherwise. A flock cannot be made twice, and so the lock stays."""
    def conf(server):
        return f"Mutex flock:{server.root}/run jira-avatar\n" + site(jira, "oauth-client")(server)

    server = serve(conf)
    assert server.get(PATH + jira.new_id()).status == 200
    other = server.file("other.so", module().read_bytes().replace(b"0.1.0", b"x.1.0"), 0o755)
    head = server.root / "head.conf"
    head.write_text(head.read_text().replace(str(module()), str(other)))
    server.graceful()
    assert server.get(PATH + jira.new_id()).status == 200
    assert jira.tokens()["counters"]["issued"] == 2


@pytest.mark.mpm
def test_a_graceful_reload_under_load_answers_all(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxAge 1s"))
    jira.mode("delay", ms=50)
    with Load(server, [jira.new_id() for _ in range(40)]) as load:
        for _ in range(3):
            time.sleep(0.7)
            server.graceful()
        time.sleep(0.7)
    wrong = [answer for answer in load.answers if answer != (200, True)]
    assert wrong == []
    assert len(load.answers) > 40


@pytest.mark.mpm
def test_a_request_on_its_way_survives_a_graceful_reload(serve, jira):
    server = serve(avatars(jira, "JiraAvatarTimeout wait=8s"))
    jira.mode("slow_headers", seconds=2)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(server.get(PATH + jira.new_id())))
    thread.start()
    time.sleep(0.5)
    server.graceful()
    thread.join(20)
    assert [reply.status for reply in replies] == [200]


@pytest.mark.mpm
def test_a_stop_under_load_is_quick_and_clean(serve, jira):
    server = serve(avatars(jira, "JiraAvatarTimeout connect=2s total=30s wait=30s"))
    jira.mode("hang", match=r"avatar/\d*7\b")
    with Load(server, [jira.new_id() for _ in range(40)]):
        time.sleep(1)
        assert server.stop() < 3
    if server.mpm == "event":
        server.allow(EVENT_CRASH)
    assert "AH00045" not in server.log() and "AH00046" not in server.log()
    assert server.process.returncode == 0


@pytest.mark.mpm
def test_a_stop_with_everybody_waiting(serve, jira):
    server = serve(avatars(jira, "JiraAvatarTimeout connect=2s total=30s wait=30s"))
    jira.mode("hang")
    threads = [
        threading.Thread(target=lambda n=jira.new_id(): quietly(server, PATH + n)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.7)
    assert server.stop() < 3
    for thread in threads:
        thread.join(10)
    assert "exit signal" not in server.log()


def quietly(server, path):
    try:
        server.get(path)
    except Exception:  # the server went away, as it should
        pass


def count(server):
    """Open files and threads of the parent and its youngest child."""
    found = {}
    for name, pid in (("parent", server.process.pid), ("child", max(server.children()))):
        found[f"{name} files"] = len(os.listdir(f"/proc/{pid}/fd"))
        found[f"{name} threads"] = len(os.listdir(f"/proc/{pid}/task"))
    return found


def wait_for_one_generation(server, timeout=15):
    end = time.monotonic() + timeout
    while len(server.children()) > (1 if server.mpm != "prefork" else 6):
        if time.monotonic() > end:
            return
        time.sleep(0.05)


def test_ten_reloads_leave_nothing_open(serve, jira):
    server = serve(avatars(jira))

    def turn():
        server.graceful()
        assert server.get(PATH + jira.new_id()).status == 200

    for _ in range(2):
        turn()
    wait_for_one_generation(server)
    before = count(server)
    for _ in range(10):
        turn()
    wait_for_one_generation(server)
    after = count(server)
    for name in before:
        assert after[name] <= before[name] + 2, (name, before, after)


@pytest.mark.mpm
def test_a_reload_takes_the_new_configuration(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxAge 1h"))
    server.get(PATH + "20000")
    server.conf(avatars(jira, "JiraAvatarMaxAge 300s")(server))
    server.graceful()
    end = time.monotonic() + 3  # a child of the old generation may take one more
    while server.get(PATH + "20000").cache_control()["max-age"] > 300:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_reload_of_the_credential(serve, jira):
    server = serve(avatars(jira))
    assert server.get(PATH + jira.new_id()).status == 200
    other = f"basic user=other@example.com secret={server.secret('other-token', 'other')}"
    server.conf(avatars(jira, credential=other)(server))
    server.graceful()
    time.sleep(0.5)  # a child of the old generation may take one more
    jira.clear()
    assert server.get(PATH + jira.new_id()).status == 200
    assert jira.seen()[0].headers["authorization"] != jira.authorization("cloud")


@pytest.mark.mpm
def test_stops_with_a_fetch_that_nobody_waits_for(serve, jira):
    """Again and again: what ends the fetching may come all at once."""
    jira.mode("slow_headers", seconds=5)
    for _ in range(25):
        server = serve(avatars(jira, "JiraAvatarTimeout wait=50ms total=10s")).allow(EVENT_CRASH)
        server.allow(r"\[jira_avatar:warn\].*no answer within 50 ms")
        server.get(PATH + jira.new_id())
        assert server.stop() < 3

# SPDX-License-Identifier: Apache-2.0
"""Many visitors, several children, and a Jira that is slow, down or cross: it is asked as little
as can be, and nobody waits who need not. Judged by counts, not by the clock."""

import contextlib
import fcntl
import os
import pathlib
import re
import signal
import socket
import struct
import threading
import time

import pytest
from httpd import free_port
from jira import avatars, join
from standin.pictures import picture

AVATAR = "secure/viewavatar?avatarType=project&avatarId="
PATH = "/avatars/" + AVATAR
COMPLAINS = r"\[jira_avatar:(warn|error)\]"
BASIC = "basic user=bot@example.com"
ROOM = ("JiraAvatarMaxWaiting 60", "JiraAvatarTimeout wait=20s total=20s")


def children(count, threads):
    """Several children from the start to the end, and a log that tells them apart."""
    return (
        f"StartServers {count}\nServerLimit {count}\nThreadsPerChild {threads}\n"
        f"MaxRequestWorkers {count * threads}\nMinSpareThreads 1\n"
        f"MaxSpareThreads {count * threads}\n"
        'CustomLog "{root}/pids.log" "%P %>s"\n'
    )


def herd(conf):
    """Four children; in prefork as many as there are visitors."""

    def text(server):
        if server.mpm == "prefork":
            return (
                "StartServers 24\nMinSpareServers 24\nMaxSpareServers 24\n"
                'CustomLog "{root}/pids.log" "%P %>s"\n' + conf(server)
            )
        return children(4, 60) + conf(server)

    return text


def wait_for_children(server, count):
    end = time.monotonic() + 10
    while len(server.children()) < count:
        assert time.monotonic() < end
        time.sleep(0.02)


def pids(server):
    return {line.split()[0] for line in server.read("pids.log").splitlines()}


class Visitors:
    """Requests on their way; `replies` in the order in which they were answered."""

    def __init__(self, server, paths):
        self.replies, self.failed = [], []
        self.threads = [threading.Thread(target=self.visit, args=(server, p)) for p in paths]
        for thread in self.threads:
            thread.start()

    def visit(self, server, path):
        try:
            self.replies.append(server.get(path, timeout=40))
        except OSError as error:
            self.failed.append(error)

    def wait_for(self, count, timeout=15):
        end = time.monotonic() + timeout
        while len(self.replies) < count and time.monotonic() < end:
            time.sleep(0.02)
        return self.replies[:]

    def join(self):
        for thread in self.threads:
            thread.join(60)
        return self.replies


def wait_seen(jira, count, timeout=10):
    end = time.monotonic() + timeout
    while len(jira.seen()) < count:
        assert time.monotonic() < end, jira.seen()
        time.sleep(0.02)


def statuses(replies):
    return sorted({reply.status for reply in replies})


def poll(server, path, seconds, every=0.05):
    """Asks again and again; the replies."""
    replies, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        replies.append(server.get(path))
        time.sleep(every)
    return replies


def recovers(server, path, seconds):
    """The first 200 there is within so many seconds."""
    end = time.monotonic() + seconds
    while True:
        reply = server.get(path)
        if reply.status == 200:
            return reply
        assert time.monotonic() < end, reply
        time.sleep(0.05)


# ---- one fetch for all --------------------------------------------------------------------------


@pytest.mark.mpm
def test_a_cold_herd_makes_one_fetch(serve, jira):
    number = jira.new_id()
    jira.mode("slow_headers", seconds=2.5)
    server = serve(herd(avatars(jira, *ROOM))).allow("AH00161")
    count = 24 if server.mpm == "prefork" else 200
    wait_for_children(server, 24 if server.mpm == "prefork" else 4)
    replies = server.together([PATH + number] * count)
    assert statuses(replies) == [200]
    assert {reply.body for reply in replies} == {picture("project", number)}
    assert len(jira.seen()) == 1
    assert len(pids(server)) > 1


def leader(server, port):
    """The child that has a connection to `port`."""
    table = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [line.split() for line in table]
    inodes = {row[9] for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01"}
    for pid in server.children():
        with contextlib.suppress(OSError):
            for fd in os.scandir(f"/proc/{pid}/fd"):
                if os.readlink(fd.path).partition("socket:[")[2].rstrip("]") in inodes:
                    return pid
    return None


def test_a_killed_leader_is_replaced(serve, jira):
    server = serve(join(children(2, 12), avatars(jira, *ROOM)))
    server.allow(r"AH00052.*Killed")
    wait_for_children(server, 2)
    number = jira.new_id()
    jira.mode("gate", times=1)
    visitors = Visitors(server, [PATH + number] * 18)
    wait_seen(jira, 1)
    time.sleep(0.5)
    pid = leader(server, jira.port("cloud"))
    assert pid
    os.kill(pid, signal.SIGKILL)
    replies = visitors.join()
    assert len(replies) >= 6 and len(replies) + len(visitors.failed) == 18
    assert statuses(replies) == [200]
    assert {reply.body for reply in replies} == {picture("project", number)}
    assert len(jira.seen()) == 2
    assert str(pid) not in pids(server)


@pytest.mark.mpm
def test_a_stale_herd_waits_for_nothing(serve, jira):
    server = serve(herd(avatars(jira, "JiraAvatarMaxAge 1s")))
    number = jira.new_id()
    assert server.get(PATH + number).status == 200
    time.sleep(1.2)
    jira.clear()
    jira.mode("gate")
    count = 16 if server.mpm == "prefork" else 100
    visitors = Visitors(server, [PATH + number] * count)
    replies = visitors.wait_for(count)
    assert len(replies) == count  # while the gate is shut
    assert statuses(replies) == [200]
    assert {reply.body for reply in replies} == {picture("project", number)}
    wait_seen(jira, 1)
    jira.unmode()
    visitors.join()
    end = time.monotonic() + 5
    while server.get(PATH + number)["Age"] != "0":
        assert time.monotonic() < end
    assert len(jira.seen()) <= 2  # one for the herd, and one if the loop above took its time


# ---- failures are not repeated -------------------------------------------------------------------


def test_a_failing_refresh_is_tried_ever_less_often(serve, jira):
    server = serve(join(children(4, 16), avatars(jira, "JiraAvatarMaxAge 1s")))
    server.allow(COMPLAINS)
    wait_for_children(server, 4)
    number, other = jira.new_id(), jira.new_id()
    assert server.get(PATH + number).status == 200
    jira.clear()
    jira.mode("html_error_200", match=number)
    replies = poll(server, PATH + number, 9)
    assert statuses(replies) == [200]
    assert {reply.body for reply in replies} == {picture("project", number)}
    assert len(pids(server)) > 1
    assert 2 <= len(jira.seen()) <= 4
    assert server.get(PATH + other).status == 200


def test_a_wrong_avatar_is_asked_for_ever_less_often(serve, jira):
    server = serve(join(children(4, 16), avatars(jira))).allow(COMPLAINS)
    wait_for_children(server, 4)
    number, other = jira.new_id(), jira.new_id()
    jira.mode("html_error_200", match=number)
    replies = poll(server, PATH + number, 8)
    assert statuses(replies) == [502]
    assert 2 <= len(jira.seen()) <= 6
    assert server.get(PATH + other).status == 200


# ---- the bulkhead --------------------------------------------------------------------------------


@pytest.mark.parametrize("fallback", [False, True])
def test_a_stalled_site_takes_few_threads(serve, jira, fallback):
    lines = ["JiraAvatarMaxWaiting 5", "JiraAvatarTimeout wait=20s total=20s"]
    if fallback:
        lines.append('JiraAvatarFallback 503 "{root}/fallback.png"')
    server = serve(
        join(children(2, 60), avatars(jira, *lines)),
        files={"docs/page.txt": "a page", "fallback.png": picture("project", 20000)},
    ).allow(COMPLAINS)
    wait_for_children(server, 2)
    warm = [jira.new_id() for _ in range(10)]
    for number in warm:
        assert server.get(PATH + number).status == 200
    jira.mode("gate")
    visitors = Visitors(server, [PATH + jira.new_id() for _ in range(100)])
    refused = visitors.wait_for(90)
    for _ in range(10):
        for number in warm:
            assert server.get(PATH + number).body == picture("project", number)
            assert server.get("/page.txt").status == 200
    waiting = 100 - len(visitors.replies)
    assert 5 <= waiting <= 10  # during all of that
    assert statuses(refused) == [503]
    for reply in refused:
        assert int(reply["Retry-After"]) >= 1 and "no-store" in reply.cache_control()
        assert (reply.body == picture("project", 20000)) == fallback
    jira.unmode()
    late = visitors.join()[100 - waiting :]
    assert statuses(late) == [200] and len(late) == waiting


# ---- the breakers --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mode, args, most",
    [
        ("503", {}, 3),
        ("429", {"retry_after": None}, 3),
        ("gw_429", {}, 3),
        ("500", {}, 6),
        ("close", {}, 3),
        ("truncated", {}, 6),
        ("reset_stream", {"code": 2}, 3),
        ("goaway", {}, 4),
    ],
)
def test_an_outage_is_one_for_the_machine(serve, jira, mode, args, most):
    server = serve(join(children(4, 16), avatars(jira))).allow(COMPLAINS)
    wait_for_children(server, 4)
    assert server.get(PATH + jira.new_id()).status == 200
    jira.clear()
    jira.mode(mode, **args)
    server.get(PATH + jira.new_id())
    for _ in range(60):
        assert server.get(PATH + jira.new_id()).status in (502, 503)
    assert len(pids(server)) > 1
    assert len(jira.seen()) <= most
    jira.unmode()
    recovers(server, PATH + jira.new_id(), 6)


@pytest.mark.parametrize("answers", ["reset", "refused"])
def test_a_site_that_is_not_there(serve, jira, answers):
    with contextlib.ExitStack() as stack:
        port, count = free_port(), lambda: 0
        if answers == "reset":
            port, count = stack.enter_context(resetting())
        site = f"https://127.0.0.1:{port}"
        server = serve(join(children(4, 16), avatars(jira, site=site))).allow(COMPLAINS)
        wait_for_children(server, 4)
        replies = [server.get(PATH + jira.new_id()) for _ in range(60)]
        assert statuses(replies) == [502]
        assert count() <= 4
        said = re.findall(r"JAV10\d\d", server.log())
        assert len(said) == 1


@contextlib.contextmanager
def resetting():
    """A port where every connection is reset; it counts them."""
    seen = []
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                seen.append(sock.fileno())
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield listener.getsockname()[1], lambda: len(seen)
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_an_outage_of_ten_seconds(serve, jira):
    conf = join(
        children(4, 30),
        avatars(jira, "JiraAvatarMaxAge 1h", *ROOM),
        avatars(jira, "JiraAvatarMaxAge 1s", *ROOM, path="/short/"),
    )
    server = serve(conf).allow(COMPLAINS)
    wait_for_children(server, 4)
    held = [jira.new_id() for _ in range(20)]
    assert statuses(server.together([PATH + number for number in held])) == [200]
    time.sleep(1.2)
    jira.clear()
    jira.mode("503")
    ended, kinds = threading.Event(), {"warm": [], "stale": [], "cold": []}

    def visit(kind):
        turn = 0
        while not ended.is_set():
            turn += 1
            number = held[turn % len(held)]
            path = {"warm": PATH + number, "stale": f"/short/{AVATAR}{number}"}.get(kind)
            kinds[kind].append(server.get(path or PATH + jira.new_id()))
            time.sleep(0.03)

    threads = [threading.Thread(target=visit, args=(kind,)) for kind in [*kinds] * 2]
    for thread in threads:
        thread.start()
    time.sleep(9.5)
    asked = [seen.record["time"] for seen in jira.seen()]
    jira.unmode()
    recovers(server, PATH + jira.new_id(), 4)
    ended.set()
    for thread in threads:
        thread.join(20)
    assert sum(len(replies) for replies in kinds.values()) > 500
    assert statuses(kinds["warm"] + kinds["stale"]) == [200]
    assert 503 in statuses(kinds["cold"])
    probes = [at for at in asked if at > asked[0] + 1]
    assert 2 <= len(probes) <= 5  # one by one
    assert len(asked) - len(probes) <= 6  # visitors who came before the first of them had failed


def test_a_request_to_wait_is_kept_by_all_and_across_a_reload(serve, jira):
    server = serve(join(children(4, 16), avatars(jira))).allow(COMPLAINS)
    wait_for_children(server, 4)
    jira.mode("429", retry_after=6)
    assert server.get(PATH + jira.new_id()).status == 503
    began = time.monotonic()
    jira.unmode()
    server.graceful()
    for _ in range(20):
        reply = server.get(PATH + jira.new_id())
        if time.monotonic() - began < 4.5:
            assert reply.status == 503 and 1 <= int(reply["Retry-After"]) <= 6
            assert len(jira.seen()) == 1
    recovers(server, PATH + jira.new_id(), 12)
    assert time.monotonic() - began > 5


# ---- the credential ------------------------------------------------------------------------------


@pytest.mark.parametrize("face, credential", [("dcroot", "basic user=fred"), ("cloud", BASIC)])
def test_a_wrong_password_is_sent_once(serve, jira, face, credential):
    def conf(server):
        source = server.secret("wrong", "secret")
        return avatars(jira, *ROOM, face=face, credential=f"{credential} secret={source}")(server)

    server = serve(join(children(4, 30), conf)).allow(COMPLAINS)
    wait_for_children(server, 4)
    replies = server.together([PATH + jira.new_id() for _ in range(100)])
    assert statuses(replies) == [502]
    assert len(pids(server)) > 1
    assert len(jira.seen(face)) == 1
    jira.clear()
    server.secret("wrong as well", "secret")
    time.sleep(1.1)  # so often is it looked at
    server.together([PATH + jira.new_id() for _ in range(40)])
    assert len(jira.seen(face)) == 1
    server.secret({"dcroot": "good-password", "cloud": "good-token"}[face], "secret")
    time.sleep(1.1)
    replies = server.together([PATH + jira.new_id() for _ in range(40)])
    assert statuses(replies) == [200]


def test_who_tries_a_credential_may_die(serve, jira):
    server = serve(join(children(2, 12), avatars(jira, *ROOM)))
    server.allow(r"AH00052.*Killed")
    wait_for_children(server, 2)
    jira.mode("gate", times=1)
    visitors = Visitors(server, [PATH + jira.new_id() for _ in range(18)])  # more than one child's
    wait_seen(jira, 1)
    time.sleep(0.3)
    assert len(jira.seen()) == 1
    os.kill(leader(server, jira.port("cloud")), signal.SIGKILL)
    # Whom the killed child served gets nothing, and that may be everybody.
    assert statuses(visitors.join()) in ([200], [])
    assert server.get(PATH + jira.new_id()).status == 200


# ---- quotas --------------------------------------------------------------------------------------


def in_seconds(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def reset_in(seconds):
    return [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", in_seconds(seconds))]


USED_UP = {
    "reset": lambda: reset_in(4),
    "datacenter": lambda: [("x-ratelimit-remaining", "0"), ("retry-after", "4")],
    "quota": lambda: [("ratelimit", '"global-app-quota";r=0;t=4, "burst";r=80;t=1')],
}


@pytest.mark.parametrize("how", USED_UP)
def test_a_quota_that_is_used_up_rests_the_site(serve, jira, how):
    server = serve(join(children(2, 16), avatars(jira))).allow(COMPLAINS)
    number = jira.new_id()
    for name, value in USED_UP[how]():
        jira.mode("header", name=name, value=value)
    began = time.monotonic()
    assert server.get(PATH + number).status == 200
    assert "JAV0750" in server.log()
    jira.unmode()
    reply = server.get(PATH + jira.new_id())
    if time.monotonic() - began < 2.5:
        assert reply.status == 503 and 1 <= int(reply["Retry-After"]) <= 4
        assert len(jira.seen()) == 1
    assert server.get(PATH + number).status == 200
    recovers(server, PATH + jira.new_id(), 10)
    assert time.monotonic() - began > 2.5


NOT_USED_UP = [
    [("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "2099-01-01T00:00Z")],
    [("x-ratelimit-remaining", "9"), ("retry-after", "0")],
    [("x-ratelimit-remaining", "0"), ("retry-after", "0")],
    [("retry-after", "600")],
    [("ratelimit", '"global-app-quota";r=1;t=1800')],
]


@pytest.mark.parametrize("fields", NOT_USED_UP)
def test_a_quota_that_is_not_used_up_changes_nothing(serve, jira, fields):
    server = serve(avatars(jira))
    for name, value in fields:
        jira.mode("header", name=name, value=value)
    for _ in range(3):
        assert server.get(PATH + jira.new_id()).status == 200


@pytest.mark.parametrize(
    "fields, least, most",
    [
        ([("retry-after", "9"), ("x-ratelimit-reset", "2099-01-01T00:00Z")], 8, 9),
        ([("retry-after", "0"), ("x-ratelimit-reset", None)], 8, 9),
        ([("x-ratelimit-reset", None)], 8, 9),
        ([("ratelimit", '"q";r=0;t=9')], 8, 9),
    ],
)
def test_what_a_429_says_of_its_end(serve, jira, fields, least, most):
    server = serve(avatars(jira)).allow(COMPLAINS)
    jira.mode("429", retry_after=None)
    for name, value in fields:
        jira.mode("header", name=name, value=value or in_seconds(10))
    assert server.get(PATH + jira.new_id()).status == 503
    assert least - 1 <= int(server.get(PATH + jira.new_id())["Retry-After"]) <= most + 1
    assert len(jira.seen()) == 1


def test_the_reset_of_a_quota_does_not_prolong_an_outage(serve, jira):
    server = serve(avatars(jira)).allow(COMPLAINS)
    jira.mode("503")
    jira.mode("header", name="x-ratelimit-reset", value="2099-01-01T00:00Z")
    jira.mode("header", name="x-ratelimit-remaining", value="900")
    assert server.get(PATH + jira.new_id()).status == 503
    jira.unmode()
    recovers(server, PATH + jira.new_id(), 6)


# ---- restarts ------------------------------------------------------------------------------------


@pytest.mark.mpm
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGHUP])
def test_what_was_warm_stays_warm(serve, jira, number):
    server = serve(avatars(jira))
    warm = [jira.new_id() for _ in range(50)]
    for avatar in warm:
        assert server.get(PATH + avatar).status == 200
    for _ in range(2):
        jira.clear()
        before = server.generations()
        server.kill(number)
        end = time.monotonic() + 20
        while server.generations() == before:
            assert time.monotonic() < end
            time.sleep(0.02)
        time.sleep(0.3)
        for avatar in warm:
            reply = server.get(PATH + avatar)
            assert (reply.status, reply.body) == (200, picture("project", avatar))
            assert "; hit" in reply["Cache-Status"] and "detail" not in reply["Cache-Status"]
        assert jira.seen() == []
    assert "JAV0760: 50 avatars" in server.log()


def test_what_is_carried_over_keeps_its_age(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxAge 2s", "JiraAvatarStaleAge 1s"))
    number = jira.new_id()
    server.get(PATH + number)
    server.graceful()
    time.sleep(1)
    assert int(server.get(PATH + number)["Age"]) >= 1
    time.sleep(2.3)
    server.graceful()
    jira.clear()
    assert "fwd=uri-miss" in server.get(PATH + number)["Cache-Status"]
    assert len(jira.seen()) == 1


def test_a_reload_without_a_store_forgets(serve, jira):
    server = serve(avatars(jira))
    number = jira.new_id()
    server.get(PATH + number)
    server.modules = [name for name in server.modules if name != "socache_shmcb"]
    server.write()
    server.graceful()
    assert server.get(PATH + number).status == 200
    assert "JAV0202" in server.log()
    server.modules.append("socache_shmcb")
    server.write()
    server.graceful()
    assert server.get(PATH + number).status == 200


def used(server):
    """Files, threads and kilobytes of the parent, and of its youngest child."""
    found = {}
    for name, pid in (("parent", server.process.pid), ("child", max(server.children()))):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        found[name] = (
            len(os.listdir(f"/proc/{pid}/fd")),
            len(os.listdir(f"/proc/{pid}/task")),
            int(re.search(r"RssAnon:\s+(\d+)", status).group(1)),
        )
    return found


def test_twenty_reloads_grow_nothing(serve, jira):
    server = serve(avatars(jira))
    warm = [jira.new_id() for _ in range(60)]
    for avatar in warm:
        assert server.get(PATH + avatar).status == 200

    def reload(times):
        for _ in range(times):
            server.graceful()
            assert server.get(PATH + jira.new_id()).status == 200
        end = time.monotonic() + 15
        while len(server.children()) > 1 and time.monotonic() < end:
            time.sleep(0.05)
        return used(server)

    before = reload(4)
    after = reload(20)
    kilobytes = 2048 if not os.environ.get("SANITIZERS") else 65536  # theirs
    for name in before:
        for was, now, more in zip(before[name], after[name], (2, 1, kilobytes)):
            assert now <= was + more, (name, before, after)


def test_a_killed_child_loses_only_its_own_requests(serve, jira):
    server = serve(join(children(2, 16), avatars(jira, "JiraAvatarMaxAge 1s")))
    server.allow(r"AH00052.*Killed")
    wait_for_children(server, 2)
    numbers = [jira.new_id() for _ in range(30)]
    ended, replies, lost = threading.Event(), [], []

    def visit(index):
        turn = index
        while not ended.is_set():
            turn += 7
            number = numbers[turn % len(numbers)]
            try:
                reply = server.get(PATH + number)
                replies.append(reply.status == 200 and reply.body == picture("project", number))
            except (OSError, ValueError) as error:
                lost.append(error)
            time.sleep(0.005)

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    kills = 5
    for _ in range(kills):
        time.sleep(0.6)
        os.kill(server.children()[0], signal.SIGKILL)
    time.sleep(1)
    ended.set()
    for thread in threads:
        thread.join(30)
    assert len(replies) > 200 and all(replies)
    assert len(lost) <= kills * len(threads)


def test_a_hit_waits_for_no_other_process(serve, jira):
    """The lock of what processes share is held by somebody else, and warm avatars come."""
    server = serve(lambda s: f"Mutex flock:{s.root}/run jira-avatar\n" + avatars(jira)(s))
    path = PATH + jira.new_id()
    assert server.get(path).status == 200
    (lock,) = (server.root / "run").glob("jira-avatar*")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for _ in range(3):
            assert "hit" in server.get(path, timeout=5)["Cache-Status"]

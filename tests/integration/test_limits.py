# SPDX-License-Identifier: Apache-2.0
"""How much, how long, how many: the bounds of contract and configuration."""

import socket
import threading
import time

import pytest
from jira import avatars, join
from standin.pictures import picture

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error)\]"


def timed(function, *args):
    began = time.monotonic()
    reply = function(*args)
    return reply, time.monotonic() - began


@pytest.mark.mpm
def test_the_wait_of_a_visitor_is_bounded(serve, jira):
    server = serve(avatars(jira, "JiraAvatarTimeout wait=700ms total=10s")).allow(COMPLAINS)
    jira.mode("slow_headers", seconds=5)
    reply, seconds = timed(server.get, PATH + jira.new_id())
    assert reply.status == 504
    assert 0.5 < seconds < 1.6


def test_an_answer_that_came_too_late_for_one_is_there_for_the_next(serve, jira):
    server = serve(avatars(jira, "JiraAvatarTimeout wait=300ms total=10s")).allow(COMPLAINS)
    jira.mode("slow_headers", seconds=1)
    number = jira.new_id()
    assert server.get(PATH + number).status == 504
    time.sleep(1.2)
    reply = server.get(PATH + number)
    assert (reply.status, reply.body) == (200, picture("project", number))
    assert len(jira.seen()) == 1


@pytest.mark.mpm
@pytest.mark.parametrize("mode, args", [("hang", {}), ("slow_body", {"bytes": 1, "every": 0.1})])
def test_the_total_time_of_a_fetch_is_bounded(serve, jira, mode, args):
    server = serve(avatars(jira, "JiraAvatarTimeout wait=10s total=1s")).allow(COMPLAINS)
    jira.mode(mode, **args)
    reply, seconds = timed(server.get, PATH + jira.new_id())
    assert reply.status == 504
    assert 0.8 < seconds < 2


def test_the_time_to_connect_is_bounded(serve, jira, silent_port):
    line = "JiraAvatarTimeout connect=500ms total=10s wait=10s"
    site = f"https://127.0.0.1:{silent_port}"
    server = serve(avatars(jira, line, site=site)).allow(COMPLAINS)
    reply, seconds = timed(server.get, PATH + "10406")
    assert reply.status in (502, 504)
    assert seconds < 2.5


@pytest.fixture
def silent_port():
    """A port that takes connections and says nothing, not even in TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_equal_requests_share_one_fetch(serve, jira):
    server = serve(avatars(jira))
    jira.mode("slow_headers", seconds=0.6)
    number = jira.new_id()
    replies = server.together([PATH + number] * 20)
    assert [reply.status for reply in replies] == [200] * 20
    assert {reply.body for reply in replies} == {picture("project", number)}
    assert len(jira.seen()) == 1


def test_equal_requests_share_one_failure(serve, jira):
    server = serve(avatars(jira)).allow(COMPLAINS)
    jira.mode("delay", ms=600)
    jira.mode("500")
    replies = server.together([PATH + jira.new_id()] * 12)
    assert [reply.status for reply in replies] == [502] * 12
    assert len(jira.seen()) <= 2


def test_a_visitor_who_leaves_takes_nothing_from_the_others(serve, jira):
    server = serve(avatars(jira))
    jira.mode("slow_headers", seconds=1)
    number = jira.new_id()
    with pytest.raises(OSError):
        server.get(PATH + number, timeout=0.3)
    reply = server.get(PATH + number)
    assert (reply.status, reply.body) == (200, picture("project", number))
    assert len(jira.seen()) == 1


def test_max_fetches(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxFetches 3"))
    jira.mode("slow_headers", seconds=0.3)
    replies = server.together([PATH + jira.new_id() for _ in range(12)])
    assert [reply.status for reply in replies] == [200] * 12
    assert jira.counters()["cloud"]["max_in_flight"] <= 3


def test_max_fetches_is_counted_per_site(serve, jira):
    line = "JiraAvatarMaxFetches 1"
    server = serve(
        join(avatars(jira, line), avatars(jira, line, face="dc", path="/dc/"))
    ).allow(COMPLAINS)
    jira.mode("gate", face="cloud")
    stuck = threading.Thread(target=lambda: server.get(PATH + "30001"))
    stuck.start()
    time.sleep(0.3)
    reply, seconds = timed(server.get, "/dc/secure/viewavatar?avatarType=project&avatarId=30002")
    assert reply.status == 200 and seconds < 2
    jira.unmode()
    stuck.join(20)


def test_max_waiting(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxWaiting 4", "JiraAvatarTimeout wait=5s"))
    server.allow(COMPLAINS)
    warm = jira.new_id()
    assert server.get(PATH + warm).status == 200
    jira.mode("gate")
    numbers = [jira.new_id() for _ in range(12)]
    replies = []
    threads = [
        threading.Thread(target=lambda n=n: replies.append(timed(server.get, PATH + n)))
        for n in numbers
    ]
    for thread in threads:
        thread.start()
    time.sleep(1.2)
    early = list(replies)
    assert len(early) == 8
    for reply, seconds in early:
        assert reply.status == 503 and int(reply["Retry-After"]) >= 1 and seconds < 1
        assert "no-store" in reply.cache_control()
    reply, seconds = timed(server.get, PATH + warm)
    assert reply.status == 200 and seconds < 0.3
    jira.unmode()
    for thread in threads:
        thread.join(20)
    late = [reply.status for reply, _ in replies if (reply, _) not in early]
    assert late == [200] * 4


def test_joiners_count_as_waiting(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxWaiting 3", "JiraAvatarTimeout wait=5s"))
    server.allow(COMPLAINS)
    jira.mode("slow_headers", seconds=1)
    replies = server.together([PATH + jira.new_id()] * 10)
    assert sorted(reply.status for reply in replies) == [200] * 3 + [503] * 7
    assert len(jira.seen()) == 1


def test_the_default_leaves_half_of_the_threads_free(serve, jira):
    server = serve(avatars(jira, "JiraAvatarTimeout wait=3s total=5s")).allow(COMPLAINS)
    jira.mode("gate")
    threads = [
        threading.Thread(target=lambda n=jira.new_id(): server.get(PATH + n)) for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.8)
    reply, seconds = timed(server.get, "/no-avatar")
    assert reply.status == 404 and seconds < 0.5
    jira.unmode()
    for thread in threads:
        thread.join(20)


@pytest.mark.mpm
def test_max_waiting_has_no_effect_in_prefork(serve, jira):
    server = serve(avatars(jira, "JiraAvatarMaxWaiting 1")).allow(COMPLAINS)
    jira.mode("slow_headers", seconds=0.6)
    replies = server.together([PATH + jira.new_id() for _ in range(5)])
    refused = 0 if server.mpm == "prefork" else 4
    assert sorted(reply.status for reply in replies) == [200] * (5 - refused) + [503] * refused


@pytest.mark.parametrize("size", ["64K", "1M"])
def test_a_body_over_the_limit_is_not_read_to_its_end(serve, jira, size):
    server = serve(avatars(jira, f"JiraAvatarMaxBytes {size}")).allow(COMPLAINS)
    jira.mode("huge_chunked")
    reply, seconds = timed(server.get, PATH + jira.new_id())
    assert reply.status == 502 and seconds < 3


def test_a_size_at_the_limit_is_fine(serve, jira):
    size = len(picture("project", 20000))
    server = serve(
        join(
            avatars(jira, f"JiraAvatarMaxBytes {size}"),
            avatars(jira, f"JiraAvatarMaxBytes {size - 1}", path="/less/"),
        )
    ).allow(COMPLAINS)
    assert server.get(PATH.replace("avatars", "less") + "20000").status == 502
    assert server.get(PATH + "20000").status == 200


def test_large_pictures_are_kept_too(serve, jira):
    server = serve(avatars(jira))
    for _ in range(3):
        assert server.get(PATH + "20007").body == picture("project", 20007)
    assert len(jira.seen()) == 1


def test_many_avatars_use_few_connections(serve, jira):
    server = serve(avatars(jira))
    replies = server.together([PATH + jira.new_id() for _ in range(16)])
    assert [reply.status for reply in replies] == [200] * 16
    replies = server.together([PATH + jira.new_id() for _ in range(16)])
    assert [reply.status for reply in replies] == [200] * 16
    assert {seen.record["http_version"] for seen in jira.seen()} == {"2"}
    assert jira.counters()["cloud"]["connections"] <= 3

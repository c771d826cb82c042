# SPDX-License-Identifier: Apache-2.0
"""The harness itself, with httpd's own modules: what it promises to the other tests."""

import os
import time

import client
import pytest

from httpd import run_user

PLAIN = """
<Location "/status">
    SetHandler server-status
</Location>
RewriteEngine On
RewriteRule ^/echo/(.*)$ - [R=404,L,E=echoed:$1]
"""


@pytest.mark.mpm
def test_a_server_starts_reloads_and_stops(serve):
    server = serve(PLAIN, with_module=False)
    assert server.get("/status").status == 200
    server.graceful()
    assert server.get("/status").status == 200
    assert server.stop() < 5
    assert server.process.returncode == 0


def test_children_are_unprivileged(serve):
    server = serve(PLAIN, with_module=False)
    assert server.children()
    for pid in server.children():
        assert os.stat(f"/proc/{pid}").st_uid == (run_user().pw_uid if run_user() else os.getuid())


def test_targets_go_out_as_written(serve):
    server = serve(PLAIN, with_module=False)
    target = "/echo/%2e%2e;x=..?a=%41&&b"
    assert server.get(target).status == 404
    server.stop()  # the line is written after the answer
    assert f'"GET {target} HTTP/1.1" 404' in server.read("access.log")


def test_broken_bytes_go_out_as_written(serve):
    server = serve(PLAIN, with_module=False)
    reply = server.raw(b"GET /status\x00 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.statuses(reply) == [400]


def test_a_mistake_is_named_with_its_line(configured):
    server = configured("# a comment\nNoSuchDirective on\n", with_module=False)
    status, output = server.configtest()
    assert status != 0
    assert "AH00526" in output and server.line_of("NoSuchDirective") in output


def test_a_loud_line_is_found_and_may_be_declared(serve):
    server = serve('<Location "/no">\n    Require all denied\n</Location>', with_module=False)
    assert server.get("/no").status == 403
    server.wait_log("AH01630")
    (line,) = server.unexpected()
    assert "AH01630" in line
    server.allow("AH01630")
    assert server.get("/no").status == 403
    assert server.unexpected() == []


def test_requests_start_together(serve):
    server = serve(PLAIN, with_module=False)
    began = time.monotonic()
    assert [reply.status for reply in server.together(["/status"] * 20)] == [200] * 20
    assert time.monotonic() - began < 5

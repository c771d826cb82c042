# SPDX-License-Identifier: Apache-2.0
"""Answers that are not quite HTTP: a whole picture or a plain error, and nothing left behind."""

import re

import pytest
from jira import CREDENTIALS, avatars
from standin.pictures import picture

PATH = "/avatars/secure/viewavatar?avatarType=project&avatarId="
COMPLAINS = r"\[jira_avatar:(warn|error)\]"
PNG = picture("raw", "raw", 48)

GOOD = ["normal", "early_hints", "http10", "trailers"]
BAD = [
    "splitting", "garbage_status", "http09", "ssh", "switching", "bad_length", "long_length",
    "short_length", "bad_chunk", "chunk_overflow", "chunk_cut", "tls_cut", "endless_100",
    "endless_headers", "endless_line", "dribble",
]
EITHER = [
    "bare_cr", "bare_lf", "obs_fold", "leading_fold", "nul_header", "odd_bytes",
    "space_before_colon", "no_colon", "empty_name", "two_types", "wrong_version", "two_lengths",
    "length_and_chunked", "transfer_gzip", "unsolicited",
]


def assert_clean(reply):
    fields = "\n".join(f"{name}: {value}" for name, value in reply.headers.items())
    assert not re.search(r"inject|evil|text/html|x-ausername|x-aaccount|\x1b|\x7f", fields, re.I)
    assert reply["X-Content-Type-Options"] == "nosniff"
    assert b"evil" not in reply.body


@pytest.mark.mpm
@pytest.mark.parametrize("mode", GOOD + BAD + EITHER)
def test_an_answer_on_the_wire(serve, jira, mode):
    server = serve(avatars(jira, "JiraAvatarTimeout total=1500ms wait=1500ms", face="raw"))
    server.allow(COMPLAINS)
    jira.mode(mode, face="raw", match="avatar/3")
    reply = server.get(PATH + jira.new_id())
    assert_clean(reply)
    allowed = [200] if mode in GOOD else [502, 504] if mode in BAD else [200, 502, 504]
    assert reply.status in allowed, reply
    assert (reply.body == PNG) == (reply.status == 200)
    jira.unmode()
    for _ in range(2):  # whatever came behind the answer is not the answer of the next
        after = server.get(PATH + jira.new_id())
        assert (after.status, after.body) == (200, PNG), after
        assert_clean(after)

# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the integration tests, and the authorization server."""

import contextlib
import os
import pathlib
import sys

import pytest
from authorization import SECRETS, AuthorizationServer

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from integration.conftest import *  # noqa: E402, F403  fixtures and hooks


@pytest.fixture
def authorization(jira):
    """authorization(lifetime, leeway): a server, whose access tokens Jira takes from now on."""
    if "OAUTH" not in os.environ:
        pytest.fail("these tests run with: make check-oauth", pytrace=False)
    with contextlib.ExitStack() as stack:
        def start(lifetime=60, leeway=0):
            server = AuthorizationServer(jira.directory / "certs", lifetime=lifetime,
                                         leeway=leeway)
            stack.callback(server.stop)
            jira.tokens(introspection=[f"{server.origin}/token/introspection", jira.ca_file,
                                       "jira", SECRETS["jira"]])
            return server

        yield start

# SPDX-License-Identifier: Apache-2.0
"""Fixtures: the stand-in of Jira, servers, and the rule that an undeclared log line is a failure.

    pytest --mpm event|worker|prefork|all   (default: all)

Every behaviour is tested in event; tests marked `mpm` in each of the three."""

import contextlib
import pathlib
import shutil
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import httpd as httpd_module  # noqa: E402
from httpd import MPMS, Httpd, make_tree  # noqa: E402
from jira import Jira  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--mpm", choices=[*MPMS, "all"], default="all", help="the MPM to test with")


def pytest_configure(config):
    config.addinivalue_line("markers", "mpm: a behaviour that is tested in every MPM")


def mpms_of(marked, chosen):
    wanted = MPMS if marked else ("event",)
    return [mpm for mpm in wanted if chosen in (mpm, "all")]


def pytest_generate_tests(metafunc):
    if "mpm" in metafunc.fixturenames:
        marked = metafunc.definition.get_closest_marker("mpm") is not None
        chosen = metafunc.config.getoption("--mpm")
        metafunc.parametrize("mpm", mpms_of(marked, chosen), scope="session")


def pytest_collection_modifyitems(config, items):
    """Another MPM was chosen: an empty parameter set is no test, not a skipped one."""
    gone = [i for i in items if getattr(i, "callspec", None) and not isinstance(
        i.callspec.params.get("mpm", "event"), str)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


# ---- the stand-in -----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def one_jira():
    root = make_tree("jira-stand-in-")
    jira = Jira(root)
    jira.start()
    yield jira
    jira.stop()
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def jira(one_jira):
    """The stand-in, forgetful: no mode set, nothing logged."""
    one_jira.reset()
    one_jira.clear()
    yield one_jira
    one_jira.reset()


# ---- servers ----------------------------------------------------------------------------------

ALIVE = []


def need_module():
    if httpd_module.module() is None:
        pytest.fail("mod_jira_avatar.so is not built (or set MODULE)", pytrace=False)


@contextlib.contextmanager
def running(conf, *, start=True, server=None, files=None, allow=(), **settings):
    """A server for the time of a with block. Where many tests share it, each is judged alone."""
    if settings.get("with_module", True):
        need_module()
    server_ = Httpd(**settings)
    ALIVE.append(server_)
    server_.allow(*allow)
    server_.always = list(allow)
    for name, content in (files or {}).items():
        server_.file(name, content)
    server_.conf(conf(server_) if callable(conf) else conf, server=server)
    try:
        if start:
            server_.start()
        yield server_
    finally:
        server_.stop()


def judge():
    """What the logs of all servers say against the test that just ran."""
    found = []
    for server in list(ALIVE):
        found += server.unexpected()
        if server.process is None or server.process.poll() is not None:
            ALIVE.remove(server)
            server.remove()
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for server in ALIVE:
            text = server.said() + server.log()
            report.sections.append((f"error log of {server.root}", text[-6000:]))


@pytest.fixture(autouse=True)
def quiet_logs():
    """Any line at warn or above that the test did not declare with allow() fails it."""
    yield
    bad = judge()
    assert not bad, "unexpected in the error log:\n" + "\n".join(bad)


@pytest.fixture
def serve(mpm):
    """serve(conf, **settings): a started server that goes with the test."""
    with contextlib.ExitStack() as stack:
        yield lambda conf, **settings: stack.enter_context(
            running(conf, **{"mpm": mpm, **settings})
        )


@pytest.fixture
def configured(mpm):
    """configured(conf, **settings): a server that is not started, for `httpd -t`."""
    with contextlib.ExitStack() as stack:
        yield lambda conf, **settings: stack.enter_context(
            running(conf, start=False, **{"mpm": mpm, **settings})
        )


@pytest.fixture(scope="module")
def share(mpm):
    """As serve, for all tests of a file: where a start for each would cost too much."""
    with contextlib.ExitStack() as stack:
        yield lambda conf, **settings: stack.enter_context(
            running(conf, **{"mpm": mpm, **settings})
        )
    bad = judge()
    assert not bad, "unexpected in the error log at the end:\n" + "\n".join(bad)


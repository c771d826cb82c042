# SPDX-License-Identifier: Apache-2.0
"""The demo as a person meets it: its steps, its page in a browser, and its end by Ctrl-C."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = os.environ.get("SCREENSHOTS")  # a directory to keep the screenshots in

sys.path.insert(0, str(HERE.parent))
from standin import Standin  # noqa: E402

browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium")


def begin(*arguments, stdin, **env):
    return subprocess.Popen([sys.executable, "-B", str(HERE / "demo.py"), *arguments], text=True,
                            stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, **env}, start_new_session=True)


@pytest.fixture(scope="module")
def demo():
    """The running demo, its address, and what it printed before that."""
    process = begin(stdin=subprocess.DEVNULL)
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            break
    address = re.search(r"http://127\.0\.0\.1:\d+/", said)
    assert address, said
    process.said, process.address = said, address.group()
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def browse(tmp_path, *options):
    run = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--no-first-run", f"--user-data-dir={tmp_path}",
         "--virtual-time-budget=15000", *options],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=90, check=True,
        env={**os.environ, "HOME": str(tmp_path)})
    return run.stdout.decode()


def test_each_step_is_told(demo):
    steps = [line for line in demo.said.splitlines() if line.startswith("[")]
    assert len(steps) == 4
    assert all(re.fullmatch(r"\[\d/4\] .+ \.\.\. ok \d+ s", line) for line in steps), demo.said


@browser
def test_every_picture_is_shown(demo, tmp_path):
    page = browse(tmp_path, "--window-size=1280,900", "--dump-dom", demo.address)
    shown = re.findall(r'<img [^>]*class="module"[^>]*>', page)
    assert len(shown) > 30
    blind = [image for image in shown if not re.search(r'data-pixels="[1-9]\d*"', image)]
    assert blind == []
    heard = re.findall(r"<output>(.*?)</output>", page)
    assert len(heard) == len(shown)
    assert [said for said in heard if not re.match(r"200 · jira-avatar; \w+", said)] == []
    assert "403 Forbidden" in page and "not this picture" in page and "the same picture" in page


@browser
@pytest.mark.parametrize("name, width, options", [
    ("light", 1280, ["--blink-settings=preferredColorScheme=1"]),
    ("dark", 1280, ["--blink-settings=preferredColorScheme=0"]),
    ("telephone", 500, []),
])
def test_the_page_is_drawn(demo, tmp_path, name, width, options):
    shot = pathlib.Path(SHOTS or tmp_path) / f"gallery-{name}.png"
    browse(tmp_path, *options, f"--window-size={width},1000", f"--screenshot={shot}", demo.address)
    data = shot.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) > 20_000
    assert int.from_bytes(data[16:20], "big") == width


def test_nothing_is_left_behind(demo):
    tree = pathlib.Path(re.search(r"Configuration and logs: (\S+)", demo.said).group(1)).parent
    assert tree.name.startswith("jira-avatar-demo-") and tree.exists()
    demo.send_signal(signal.SIGINT)
    rest = demo.stdout.read()
    assert demo.wait(20) == 0 and rest.strip() == "stopping"
    assert not tree.exists()
    left = subprocess.run(["pgrep", "-f", str(tree)], capture_output=True, text=True, check=False)
    assert left.stdout == ""


# ---- a site of one's own ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def jira(tmp_path_factory):
    with Standin(tmp_path_factory.mktemp("jira"), python=sys.executable) as standin:
        yield standin


def ask(jira, token, site=None):
    """The demo against a Data Center, with the token on standard input; all it says."""
    process = begin(site or jira.url("dc"), "fred", stdin=subprocess.PIPE,
                    SSL_CERT_FILE=jira.ca_file)
    process.stdin.write(token + "\n")
    process.stdin.close()
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith("Ctrl-C"):
            process.send_signal(signal.SIGTERM)
    return process.wait(20), said


def test_a_site_of_ones_own(jira):
    status, said = ask(jira, "good-password")
    assert status == 0, said
    shown = re.search(r"(\d+) of (\d+) pictures; \d+ without the module", said)
    assert shown and shown.group(1) == shown.group(2) != "0", said
    assert "good-password" not in said


def test_a_wrong_token_is_said_plainly(jira):
    status, said = ask(jira, "wrong-password")
    assert status == 1
    assert f"{jira.url('dc')} answers 401" in said and "Traceback" not in said
    assert "wrong-password" not in said


def test_a_site_that_is_not_there_is_named(jira):
    status, said = ask(jira, "good-password", "https://localhost:1/jira")
    assert status == 1
    assert "https://localhost:1/jira" in said.split("FAILED")[1] and "Traceback" not in said

# SPDX-License-Identifier: Apache-2.0
"""`httpd -t` names the directive, the file and the line of every mistake; good lines pass."""

import pytest
from standin.pictures import picture

SITE = "JiraAvatarSite https://jira.example.com"
ATLASSIAN = "JiraAvatarSite https://example.atlassian.net"

SITES = [
    "not-a-url",
    "jira.example.com",
    "//jira.example.com",
    "ftp://jira.example.com",
    "file:///etc/passwd",
    "https://",
    "https:///jira",
    "https://user@jira.example.com",
    "https://user:password@jira.example.com",
    "https://jira.example.com:443@evil.example",
    r"https://jira.example.com\@evil.example",
    "https://jira.example.com/?x=1",
    "https://jira.example.com/#x",
    "https://jira.example.com:0",
    "https://jira.example.com:65536",
    "https://jira.example.com:x",
    "https://jira.example.com/a/../b",
    "https://jira.example.com/%2e%2e/",
    '"https://jira.example.com/a b"',
    "https://jira.example.com nonsense",
    "https://jira.example.com cloud extra",
]

CREDENTIALS = [
    "nonsense",
    "basic",
    "basic user=a",
    "basic secret=file:{root}/good",
    "basic user=a secret=literal-secret",
    "basic user=a secret=",
    "basic user=a secret=file:",
    "basic user=a secret=file:relative/token",
    "basic user=a secret=file:{root}/missing",
    "basic user=a secret=file:{root}/empty",
    "basic user=a secret=file:{root}/line-end",
    "basic user=a secret=file:{root}/for-everybody",
    "basic user=a secret=file:{root}/written-by-everybody",
    "basic user=a secret=file:{root}/docs",
    "basic user=a secret=file:/dev/null",
    "basic user=a secret=env:NOT_SET_ANYWHERE",
    "basic user=a secret=env:SET_TO_NOTHING",
    "basic user=a secret=exec:{root}/no-such-program",
    "basic user=a secret=exec:/bin/false",
    "basic user=a secret=exec:/bin/true",
    "basic user=a secret=http://127.0.0.1/",
    "basic user=a user=b secret=file:{root}/good",
    "basic user=a secret=file:{root}/good secret=file:{root}/good",
    "basic user=a secret=file:{root}/good extra=1",
    "basic user=a:b secret=file:{root}/good",
    "basic user= secret=file:{root}/good",
    "basic a secret=file:{root}/good",
    "bearer",
    "bearer user=a secret=file:{root}/good",
    "bearer file:{root}/good",
    "none secret=file:{root}/good",
]

ROWS = [
    "JiraAvatarCloudId nonsense",
    "JiraAvatarCloudId 11111111-2222-3333-4444-55555555555",
    "JiraAvatarCloudId 11111111-2222-3333-4444-55555555555g",
    "JiraAvatarRoute nonsense",
    "JiraAvatarGatewayURL nonsense",
    "JiraAvatarGatewayURL https://user@api.example.com",
    "JiraAvatarCAFile {root}/missing",
    "JiraAvatarCAFile {root}/good",
    "JiraAvatarCAFile {root}/empty",
    "JiraAvatarClientCertificate {root}/missing {root}/missing",
    "JiraAvatarClientCertificate {root}/good",
    "JiraAvatarClientCertificate {root}/good {root}/good",
    "JiraAvatarProxy nonsense://proxy:3128",
    "JiraAvatarProxy http://user:password@proxy:3128",
    "JiraAvatarProxy http://proxy:3128 literal",
    "JiraAvatarProxy http://proxy:3128 file:{root}/missing",
    "JiraAvatarTimeout nonsense",
    "JiraAvatarTimeout connect=abc",
    "JiraAvatarTimeout connect=-1s",
    "JiraAvatarTimeout other=1s",
    "JiraAvatarTimeout total=1s total=2s",
    "JiraAvatarTimeout 10s",
    "JiraAvatarMaxBytes nonsense",
    "JiraAvatarMaxBytes -1",
    "JiraAvatarMaxBytes 1X",
    "JiraAvatarMaxBytes 99999999999999999999G",
    "JiraAvatarMaxAge nonsense",
    "JiraAvatarMaxAge -1s",
    "JiraAvatarMaxAge 1h1",
    "JiraAvatarMaxAge 99999999999999999999",
    "JiraAvatarStaleAge nonsense",
    "JiraAvatarNegativeMaxAge nonsense",
    "JiraAvatarCacheControl nonsense",
    "JiraAvatarFormat gif",
    "JiraAvatarFallback {root}/missing.png",
    "JiraAvatarFallback {root}/good",
    "JiraAvatarFallback {root}/cut.png",
    "JiraAvatarFallback 200 {root}/fallback.png",
    "JiraAvatarFallback 500 {root}/fallback.png",
    "JiraAvatarFallback nonsense {root}/fallback.png",
    "JiraAvatarFallbackStatus 404",
    "JiraAvatarFallbackStatus nonsense",
    "JiraAvatarMaxFetches nonsense",
    "JiraAvatarMaxFetches 0",
    "JiraAvatarMaxFetches -1",
    "JiraAvatarMaxFetches 99999999999",
    "JiraAvatarMaxWaiting nonsense",
    "JiraAvatarMaxWaiting -1",
]

ALL = (
    [f"JiraAvatarSite {value}" for value in SITES]
    + [f"JiraAvatarCredential {value}" for value in CREDENTIALS]
    + ROWS
)

ENVIRONMENT = {"SET_TO_NOTHING": "", "JIRA_TOKEN": "good-token"}


def files(server):
    png = picture("project", 20000)
    server.file("good", "good-token")
    server.file("empty", "")
    server.file("line-end", "\n")
    server.file("for-everybody", "bad", 0o644)
    server.file("written-by-everybody", "bad", 0o622)
    server.file("fallback.png", png, 0o644)
    server.file("cut.png", png[:-20], 0o644)
    server.file("print-token", "#!/bin/sh\necho good-token\n", 0o755)


def in_location(*lines):
    def text(server):
        files(server)
        inner = "".join(f"    {line}\n" for line in lines)
        return f'<Location "/avatars/">\n    SetHandler jira-avatar\n{inner}</Location>\n'

    return text


def flat(lines):
    def text(server):
        files(server)
        return lines

    return text


def refused(server, line):
    """Runs `httpd -t`; it must fail and name the directive and where it stands."""
    status, output = server.configtest()
    assert status != 0, output
    assert line.split()[0] in output
    assert server.line_of(line.replace("{root}", str(server.root))) in output
    assert "literal-secret" not in output.replace(line, "")
    return output


@pytest.mark.parametrize("line", ALL)
def test_a_mistake_in_a_location(configured, line):
    lines = [line] if line.startswith("JiraAvatarSite") else [SITE, line]
    server = configured(in_location(*lines), env=ENVIRONMENT)
    assert "good-token" not in refused(server, line)


@pytest.mark.parametrize("line", ALL[:: len(ALL) // 9])
def test_a_mistake_in_the_server(configured, line):
    refused(configured(flat(f"# a comment\n\n{line}\n"), env=ENVIRONMENT), line)


@pytest.mark.parametrize(
    "line",
    ["JiraAvatarStore nonsense:x", "JiraAvatarStore shmcb generation=",
     "JiraAvatarStore shmcb 2", "JiraAvatarStore generation=2 shmcb",
     "JiraAvatarStore shmcb generation=2 x", "JiraAvatarStateDir relative/dir"],
)
def test_a_mistake_in_a_global_directive(configured, line):
    status, output = configured(flat(f"{line}\n"), env=ENVIRONMENT).configtest()
    if line == "JiraAvatarStateDir relative/dir" and status == 0:
        return  # relative to the server root, as httpd's own
    assert status != 0 and line.split()[0] in output, output


@pytest.mark.parametrize("line", ["JiraAvatarStore shmcb", "JiraAvatarStateDir {root}/run"])
@pytest.mark.parametrize("inside", ['Location "/avatars/"', "VirtualHost *:{port}"])
def test_a_global_directive_elsewhere_is_refused(configured, line, inside):
    text = f"<{inside}>\n{line}\n</{inside.split()[0]}>\n"
    server = configured(flat(text))
    refused(server, line)


@pytest.mark.parametrize("line", [SITE, "JiraAvatarMaxAge 1h", "JiraAvatarCredential none"])
def test_htaccess_is_no_place_for_it(serve, line):
    server = serve('<Directory "{root}/docs">\n    AllowOverride All\n</Directory>\n')
    server.allow("core:alert")
    server.file("docs/.htaccess", line + "\n", 0o644)
    assert server.get("/").status == 500
    assert f"{line.split()[0]} not allowed here" in server.log()


@pytest.mark.parametrize(
    "line", ["JiraAvatarSite", "JiraAvatarMaxAge", "JiraAvatarCredential", "JiraAvatarStore"]
)
def test_a_directive_without_arguments(configured, line):
    server = configured(flat(f"{line}\n"))
    status, output = server.configtest()
    assert status != 0 and line in output


GOOD = [
    SITE,
    SITE + "/jira",
    SITE + "/jira/",
    SITE + ":8443/jira datacenter",
    "JiraAvatarSite http://jira.example.com:8080",
    "JiraAvatarSite https://[::1]:8443 datacenter",
    "JiraAvatarSite https://jira.example.com cloud",
    "JiraAvatarSite HTTPS://Jira.Example.COM:443/",
    ATLASSIAN,
    "JiraAvatarCredential none",
    "JiraAvatarCredential basic user=a secret=file:{root}/good",
    "JiraAvatarCredential basic secret=file:{root}/good user=a@b.example",
    'JiraAvatarCredential basic "user=John Doe" secret=env:JIRA_TOKEN',
    "JiraAvatarCredential bearer secret=env:JIRA_TOKEN",
    "JiraAvatarCredential bearer secret=exec:{root}/print-token",
    'JiraAvatarCredential bearer "secret=exec:{root}/print-token a b"',
    "JiraAvatarCloudId auto",
    "JiraAvatarCloudId 11111111-2222-3333-4444-555555555555",
    "JiraAvatarRoute auto",
    "JiraAvatarRoute site",
    "JiraAvatarGatewayURL https://api.example.com",
    "JiraAvatarTokenURL https://auth.example.com/oauth/token",
    "JiraAvatarProxy http://proxy:3128",
    "JiraAvatarProxy http://proxy:3128 file:{root}/good",
    "JiraAvatarTimeout connect=2s total=10s wait=5s",
    "JiraAvatarTimeout wait=500ms",
    "JiraAvatarMaxBytes 1M",
    "JiraAvatarMaxBytes 65536",
    "JiraAvatarMaxBytes 512K",
    "JiraAvatarMaxAge 1h",
    "JiraAvatarMaxAge 3600",
    "JiraAvatarMaxAge 90s",
    "JiraAvatarMaxAge 2d",
    "JiraAvatarMaxAge 0",
    "JiraAvatarStaleAge 7d",
    "JiraAvatarStaleAge 0",
    "JiraAvatarNegativeMaxAge 60s",
    "JiraAvatarNegativeMaxAge 0",
    "JiraAvatarCacheControl auto",
    "JiraAvatarCacheControl public",
    "JiraAvatarCacheControl private",
    "JiraAvatarFormat original",
    "JiraAvatarFormat png",
    "JiraAvatarFormat svg",
    "JiraAvatarFallback {root}/fallback.png",
    "JiraAvatarFallback 404 {root}/fallback.png",
    "JiraAvatarFallback 503 {root}/fallback.png",
    "JiraAvatarFallbackStatus real",
    "JiraAvatarFallbackStatus 200",
    "JiraAvatarMaxFetches 1",
    "JiraAvatarMaxFetches 32",
    "JiraAvatarMaxWaiting 1",
    "JiraAvatarMaxWaiting 16",
]


def accepted(server):
    status, output = server.configtest()
    assert status == 0, output
    assert "Syntax OK" in output


@pytest.mark.parametrize("line", GOOD)
def test_a_good_line_is_legal_in_every_context(configured, line):
    cloud = line.startswith(("JiraAvatarCloudId", "JiraAvatarGatewayURL", "JiraAvatarTokenURL"))
    lines = [] if line.startswith("JiraAvatarSite") else [ATLASSIAN if cloud else SITE]
    body = "\n".join([*lines, line])
    places = ("VirtualHost *:{port}", 'Location "/avatars/"', 'Directory "{root}/docs"')
    text = body + "\n"
    for place in places:
        text += f"<{place}>\n{body}\n</{place.split()[0]}>\n"
    accepted(configured(flat(text), env=ENVIRONMENT))


@pytest.mark.parametrize("line", [
    "JiraAvatarStore shmcb", "JiraAvatarStore generation=2",
    "JiraAvatarStore shmcb:avatars(65536) generation=2026-11-22", "JiraAvatarStateDir {root}/run"])
def test_a_good_global_line(configured, line):
    accepted(configured(flat(f"{line}\n")))


def test_two_mistakes_are_not_needed_to_find_one(configured):
    """A good file passes with the module loaded and nothing said."""
    accepted(configured(in_location(ATLASSIAN, "JiraAvatarMaxAge 1h")))


def test_a_bad_reload_is_refused_before_it_happens(serve):
    server = serve(in_location(SITE))
    server.conf(in_location("JiraAvatarSite nonsense")(server))
    status, output = server.configtest()
    assert status != 0 and "JiraAvatarSite" in output
    assert server.get("/avatars/nonsense").status == 404


@pytest.mark.parametrize("switch", ["DUMP_JIRA_AVATAR"])
def test_the_dump_shows_sources_and_no_secrets(configured, switch):
    line = "JiraAvatarCredential basic user=a@b.example secret=file:{root}/good"
    server = configured(in_location(ATLASSIAN, line))
    status, output = server.configtest("-D", switch)
    assert status == 0
    assert "good-token" not in output
    if "jira" in output.lower().replace("/jira-avatar-", ""):
        assert "https://example.atlassian.net" in output
        assert f"file:{server.root}/good" in output

# SPDX-License-Identifier: Apache-2.0
"""Where the handler may be set, and how else than by a visitor's own request it is reached."""

import time

import pytest
from jira import avatars, directives, join

PATH = "secure/viewavatar?avatarType=project&avatarId="
ICON = "/avatars/images/icons/priorities/major.svg"


def section(jira, opening, *, inside="SetHandler jira-avatar", around=""):
    """A section with our directives; {docs} in its opening line is the document root."""

    def text(server):
        lines = "\n".join(directives(jira, server))
        name = opening.split()[0].lstrip("<")
        start = opening.replace("{docs}", str(server.root / "docs"))
        return f"{start}\n{inside}\n{lines}\n</{name}>\n{around}"

    return text


PLACES = [
    ('<Location "/avatars">', "/avatars/"),
    ('<LocationMatch "^/avatars/">', "/avatars/"),
    ('<LocationMatch "^/avatars/?">', "/avatars/"),
    ('<LocationMatch "^/avatars/.*">', "/avatars/"),
    ('<LocationMatch "^/avatars/(rest|secure)/">', "/avatars/"),
    ('<LocationMatch "^/sites/[a-z]+/avatars/">', "/sites/one/avatars/"),
    ('<LocationMatch "(?i)/AVATARS/">', "/sites/one/avatars/"),
    ('<Directory "{docs}/avatars">', "/avatars/"),
    ('<Directory "{docs}/avatars/">', "/avatars/"),
    ('<If "true">', "/"),
]


@pytest.mark.parametrize("opening, url", PLACES)
def test_the_handler_may_be_set_in(serve, jira, opening, url):
    server = serve(section(jira, opening), start=False)
    (server.root / "docs" / "avatars").mkdir()
    server.start()
    assert server.get(url + PATH + jira.new_id()).status == 200
    assert server.get(url + "nonsense").status == 404


@pytest.mark.parametrize(
    "inside",
    [
        '<If "true">\nSetHandler jira-avatar\n</If>',
        "<Limit GET>\nSetHandler jira-avatar\n</Limit>",
        "<IfModule jira_avatar_module>\nSetHandler jira-avatar\n</IfModule>",
    ],
)
def test_the_handler_may_be_set_deeper(serve, jira, inside):
    server = serve(section(jira, '<Location "/avatars/">', inside=inside))
    assert server.get("/avatars/" + PATH + jira.new_id()).status == 200


@pytest.mark.parametrize(
    "around",
    [
        '<Location "/">\nHeader set X-Here yes\n</Location>',
        '<If "true">\nHeader set X-Here yes\n</If>',
        '<Files "*">\nHeader set X-Here yes\n</Files>',
    ],
)
def test_another_section_leaves_a_directory_as_it_is(serve, jira, around):
    conf = section(jira, '<Directory "{docs}/avatars">', around=around)
    server = serve(conf, start=False)
    (server.root / "docs" / "avatars").mkdir()
    server.start()
    reply = server.get("/avatars/" + PATH + jira.new_id())
    assert (reply.status, reply["X-Here"]) == (200, "yes")


@pytest.mark.mpm
@pytest.mark.parametrize("page", ["/page.shtml", "/missing"])
def test_what_another_page_shows_is_refreshed_too(serve, jira, page):
    server = serve(
        join(
            avatars(jira, "JiraAvatarMaxAge 1s"),
            '<Directory "{root}/docs">\nOptions +Includes\nAddOutputFilter INCLUDES .shtml\n'
            f"</Directory>\nErrorDocument 404 {ICON}\n",
        ),
        modules=["include"],
    )
    server.file("docs/page.shtml", f'<!--#include virtual="{ICON}" -->', 0o644)
    assert b"<svg" in server.get(page).body
    time.sleep(1.2)
    assert b"<svg" in server.get(page).body
    end = time.monotonic() + 3
    while len(jira.seen()) < 2 and time.monotonic() < end:
        time.sleep(0.05)
    assert len(jira.seen()) == 2

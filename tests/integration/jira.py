# SPDX-License-Identifier: Apache-2.0
"""The stand-in as these tests use it, and the configuration that points at it."""

import base64
import itertools
import pathlib
import ssl
import urllib.parse
import urllib.request

from standin import Standin

# Who we are at each face, as directives and as a header; see the stand-in's own list.
CREDENTIALS = {
    "cloud": ("basic user=bot@example.com", "good-token"),
    "mtls": ("basic user=bot@example.com", "good-token"),
    "gateway": ("basic user=bot@example.com", "scoped-token"),
    "dc": ("bearer", "good-pat"),
    "dcroot": ("basic user=fred", "good-password"),
    "raw": ("basic user=bot@example.com", "good-token"),
}
QUESTIONS = ("/_edge/tenant_info", "/myself", "/rest/pat/latest/tokens")
KINDS = {"dc": "datacenter", "dcroot": "datacenter"}


class Seen:
    """A request that the stand-in received."""

    def __init__(self, record):
        self.record = record
        self.face = record["face"]
        self.method = record["method"]
        self.target = record["target"]
        self.names = [name.lower() for name, _ in record["headers"]]
        self.headers = {name.lower(): value for name, value in record["headers"]}
        self.connection = record.get("connection")
        path, _, query = self.target.partition("?")
        self.path = path
        self.query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))

    def __repr__(self):
        return f"{self.face}: {self.method} {self.target} {self.headers}"


class Jira(Standin):
    """A stand-in with what the tests ask of it again and again."""

    def __init__(self, directory):
        super().__init__(directory)
        self._ids = itertools.count(31000)

    def new_id(self):
        """An avatar or project id that exists, needs an account and was not used before."""
        return str(next(self._ids))

    def ca(self, server):
        """The CA in a file that the children of `server` may read."""
        return server.file("ca.pem", pathlib.Path(self.ca_file).read_bytes(), 0o644)

    def seen(self, face=None, questions=False):
        """What arrived, oldest first; without questions about the site and the account."""
        requests = [Seen(record) for record in self.log(face) if record["target"]]
        return [s for s in requests if questions or not s.path.endswith(QUESTIONS)]

    def truth(self, face, target, authorization=None):
        """The picture that Jira itself answers to our credential. Not for a test that counts."""
        request = urllib.request.Request(self.url(face) + target, headers={"Accept": "image/*"})
        if authorization is None:
            authorization = self.authorization(face)
        if authorization:
            request.add_header("Authorization", authorization)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=self.ca_file)),
        )
        with opener.open(request, timeout=10) as answer:
            return answer.read()

    @staticmethod
    def authorization(face):
        kind, secret = CREDENTIALS[face]
        if kind == "bearer":
            return f"Bearer {secret}"
        user = kind.partition("user=")[2]
        return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()


def directives(jira, server, face="cloud", credential=None, site=None):
    """The lines that say which site is asked, and as whom. {root} is the server root."""
    kind, token = CREDENTIALS[face]
    if credential is None:
        credential = f"{kind} secret={server.secret(token, f'secret-{face}')}"
    base = site or jira.url("cloud" if face == "gateway" else face)
    yield f"JiraAvatarSite {base} {KINDS.get(face, 'cloud')}"
    yield f"JiraAvatarCredential {credential}"
    yield f"JiraAvatarCAFile {jira.ca(server)}"
    if face not in KINDS:
        yield f"JiraAvatarGatewayURL {jira.url('gateway')}"
    if face == "gateway":
        yield "JiraAvatarRoute gateway"


def avatars(jira, *lines, face="cloud", path="/avatars/", credential=None, site=None):
    """A Location that serves a face of the stand-in: configuration for serve()."""

    def text(server):
        body = [*directives(jira, server, face, credential, site), *lines]
        inner = "".join(f"    {line}\n" for line in body)
        return f'<Location "{path}">\n    SetHandler jira-avatar\n{inner}</Location>\n'

    return text


def join(*parts):
    """Several pieces of configuration in one server."""
    return lambda server: "".join(p if isinstance(p, str) else p(server) for p in parts)

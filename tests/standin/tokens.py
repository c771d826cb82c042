# SPDX-License-Identifier: Apache-2.0
"""Atlassian's token services, as far as they answer to a machine.

    POST auth/oauth/token             Cloud: client credentials, refresh tokens (JSON or a form)
    POST auth/oauth2/token            Connect: a JWT as the grant, verified by an independent library
    POST dc/jira/rest/oauth2/latest/token   Data Center: a form, with its redirect_uri

Refresh tokens rotate: each is good once, and for `leeway` seconds more, so that an answer that got
lost can be asked for again. One that comes later is a reuse, and ends its grant. `counters` says
how often each of that happened; a test of rotation wants `reused` and `dead` to be 0.

With `introspection` set (URL, CA file, client, secret) another server sells the tokens, and Jira
takes those that it confirms.
"""

import collections
import hashlib
import itertools
import json
import time
import urllib.parse

import jwt

from .introspection import Introspection

CLIENTS = {
    "service": {"secret": "service-secret", "where": "gateway"},
    "app": {"secret": "app-secret", "where": "gateway", "refresh": "first-refresh"},
    "dc-app": {"secret": "dc-app-secret", "where": "dc", "refresh": "dc-first-refresh",
               "redirect_uri": "https://httpd.example/callback"},
    "dc-service": {"secret": "dc-service-secret", "where": "dc"},
}
CONNECT = {"app_key": "com.example.avatars", "client_id": "connect-client",
           "secret": "shared-secret-0123456789", "accounts": ["557058:connect-user"]}
AUDIENCE = "origin of the token URL"
BOT = "557058:aaaaaaaa-0000-4000-8000-000000000001"


class Tokens:
    """Who may have a token, and which ones are good."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.clients = json.loads(json.dumps(CLIENTS))
        self.lifetime, self.leeway, self.rotate, self.slow = 3600, 600, True, 0.0
        self.counters = collections.Counter()
        self.access = {}                    # token -> {where, until, verdict, id}
        self.refresh = {}                   # token -> {client, used, dead}
        self.verdict = "ok"
        self.introspection = None
        self.in_flight = 0
        self._numbers = itertools.count(1)
        for name, client in self.clients.items():
            if "refresh" in client:
                self.authorise(name, client["refresh"])

    def authorise(self, client, token):
        """As a person does it in a browser: a new grant."""
        self.refresh[token] = {"client": client, "used": None, "grant": [client, token]}

    def set(self, **settings):
        for name, value in settings.items():
            if name == "revoke_access":
                self.access.clear()
            elif name == "revoke_grants":
                self.refresh.clear()
            elif name == "authorise":
                self.authorise(*value)
            elif name == "introspection":
                self.introspection = Introspection(*value)
            elif name in ("lifetime", "leeway", "rotate", "verdict", "slow"):
                setattr(self, name, value)
            elif name == "secret":
                self.clients[value[0]]["secret"] = value[1]
            else:
                raise ValueError(f"tokens have no setting {name!r}")

    def shown(self):
        good = [token for token, row in self.refresh.items() if row["used"] is None]
        return {"counters": dict(self.counters), "access": len(self.access), "refresh": good}

    # What Jira asks

    def find(self, where, token):
        """(verdict, account) of an access token, or None."""
        if self.introspection:
            return self.introspection.find(token)
        row = self.access.get(token)
        if row is None or row["where"] != where:
            return None
        if time.time() >= row["until"]:
            self.counters["late"] += 1
            return ("expired", "")
        return (row["verdict"], row["id"])

    # What is bought

    def issue(self, where, account=BOT, **more):
        token = "access-" + hashlib.sha256(b"%d" % next(self._numbers)).hexdigest()
        # In whole seconds, as such services count: up to one second less than they say.
        self.access[token] = {"where": where, "until": int(time.time()) + self.lifetime,
                              "verdict": self.verdict, "id": account}
        self.counters["issued"] += 1
        return 200, {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer",
                     **more}

    def answer(self, path, mime, body, origin):
        """(status, object) for a POST."""
        self.counters["requests"] += 1
        fields = read(mime, body)
        if path == "/oauth2/token":
            return self.connect(fields, origin)
        return self.oauth(fields, dc=path.startswith("/rest/"), form="form" in (mime or ""))

    def oauth(self, fields, dc, form):
        client = self.clients.get(fields.get("client_id"))
        if dc and not form:
            return 400, {"error": "invalid_request", "error_description": "not a form"}
        if client is None or client["secret"] != fields.get("client_secret") or \
                dc != (client["where"] == "dc"):
            self.counters["strangers"] += 1
            return 401, {"error": "access_denied", "error_description": "Unauthorized"}
        grant = fields.get("grant_type")
        if grant == "client_credentials" and "refresh" not in client:
            return self.issue(client["where"], "fred" if dc else BOT, scope="read:jira-work")
        if grant == "refresh_token" and "refresh" in client:
            if dc and fields.get("redirect_uri") != client["redirect_uri"]:
                return 400, {"error": "invalid_grant"}
            return self.use(fields.get("refresh_token"), fields["client_id"], client, dc)
        return 400, {"error": "unsupported_grant_type"}

    def use(self, token, name, client, dc):
        row = self.refresh.get(token)
        now = time.time()
        if row is None or row["client"] != name:
            self.counters["dead"] += 1
            return 403, {"error": "unauthorized_client",
                         "error_description": "refresh_token is invalid"}
        if row["used"] is not None and now - row["used"] >= self.leeway:
            self.counters["reused"] += 1    # somebody has a copy: nobody gets anything any more
            for other in [t for t, r in self.refresh.items() if r["grant"] == row["grant"]]:
                del self.refresh[other]
            return 403, {"error": "invalid_grant",
                         "error_description": "Unknown or invalid refresh token."}
        self.counters["refreshes"] += 1
        account = "fred" if dc else BOT
        if not self.rotate:
            return self.issue(client["where"], account)
        if row["used"] is not None:
            self.counters["leeway"] += 1
        row["used"] = row["used"] or now
        fresh = f"refresh-{next(self._numbers)}-" + hashlib.md5(token.encode()).hexdigest()
        self.refresh[fresh] = {"client": name, "used": None, "grant": row["grant"]}
        return self.issue(client["where"], account, refresh_token=fresh, scope="offline_access")

    def connect(self, fields, origin):
        if fields.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return 400, {"error": "unsupported_grant_type"}
        try:
            claims = jwt.decode(fields.get("assertion", ""), CONNECT["secret"], ["HS256"],
                                audience=origin, options={"require": [
                                    "iss", "sub", "tnt", "aud", "iat", "exp"]})
        except jwt.InvalidTokenError as error:
            return 400, {"error": "invalid_grant", "error_description": str(error)}
        account = claims["sub"].removeprefix("urn:atlassian:connect:useraccountid:")
        if claims["iss"] != "urn:atlassian:connect:clientid:" + CONNECT["client_id"] or \
                account not in CONNECT["accounts"] or claims["exp"] - claims["iat"] > 120:
            return 400, {"error": "invalid_grant"}
        self.counters["assertions"] += 1
        return self.issue("site", account, tenant=claims["tnt"])


def read(mime, body):
    """The fields of a JSON object or a form."""
    try:
        if "json" in (mime or ""):
            fields = json.loads(body)
            return fields if isinstance(fields, dict) else {}
        return dict(urllib.parse.parse_qsl(body, strict_parsing=True))
    except ValueError:
        return {}


# Connect's qsh, after Atlassian's description of it

def canonical(method, target):
    path, _, query = target.partition("?")
    path = path.rstrip("/").replace("&", "%26") or "/"
    params = {}
    for name, value in urllib.parse.parse_qsl(query, keep_blank_values=True):
        if name != "jwt":
            params.setdefault(name, []).append(value)

    def quote(text):
        return urllib.parse.quote(text, safe="-._~")
    pairs = sorted((quote(name), ",".join(sorted(map(quote, values))))
                   for name, values in params.items())
    return "&".join([method.upper(), path, "&".join(f"{n}={v}" for n, v in pairs)])


def connect_verdict(token, method, target):
    """ok, or what is wrong with `Authorization: JWT ...` for this request."""
    try:
        claims = jwt.decode(token, CONNECT["secret"], ["HS256"],
                            options={"require": ["iss", "iat", "exp", "qsh"]})
    except jwt.InvalidTokenError:
        return "unknown"
    wanted = hashlib.sha256(canonical(method, target).encode()).hexdigest()
    good = claims["iss"] == CONNECT["app_key"] and claims["qsh"] == wanted
    return "ok" if good else "unknown"

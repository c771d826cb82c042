# SPDX-License-Identifier: Apache-2.0
"""What the faces share: who is known, what was received, which bad manners are switched on."""

import asyncio
import base64
import binascii
import collections
import copy
import itertools
import re
import time
from dataclasses import dataclass, field

from .tokens import CONNECT, Tokens, connect_verdict

CLOUD_ID = "11111111-2222-3333-4444-555555555555"

# where: site, gateway or dc. verdict: ok, weak (may browse nothing), scope, expired.
ACCOUNTS = [
    {"where": "site", "scheme": "basic", "user": "bot@example.com", "secret": "good-token",
     "id": "557058:aaaaaaaa-0000-4000-8000-000000000001", "verdict": "ok"},
    {"where": "site", "scheme": "basic", "user": "other@example.com", "secret": "other-token",
     "id": "557058:aaaaaaaa-0000-4000-8000-000000000002", "verdict": "ok"},
    {"where": "site", "scheme": "basic", "user": "weak@example.com", "secret": "weak-token",
     "id": "557058:aaaaaaaa-0000-4000-8000-000000000003", "verdict": "weak"},
    {"where": "gateway", "scheme": "basic", "user": "bot@example.com", "secret": "scoped-token",
     "id": "557058:aaaaaaaa-0000-4000-8000-000000000001", "verdict": "ok"},
    {"where": "gateway", "scheme": "bearer", "user": "", "secret": "good-access",
     "id": "557058:aaaaaaaa-0000-4000-8000-000000000001", "verdict": "ok"},
    {"where": "gateway", "scheme": "bearer", "user": "", "secret": "narrow-access",
     "id": "557058:aaaaaaaa-0000-4000-8000-000000000001", "verdict": "scope"},
    {"where": "gateway", "scheme": "bearer", "user": "", "secret": "expired-access",
     "id": "557058:aaaaaaaa-0000-4000-8000-000000000001", "verdict": "expired"},
    {"where": "dc", "scheme": "basic", "user": "fred", "secret": "good-password",
     "id": "fred", "verdict": "ok"},
    {"where": "dc", "scheme": "basic", "user": "weak", "secret": "weak-password",
     "id": "weak", "verdict": "weak"},
    {"where": "dc", "scheme": "bearer", "user": "", "secret": "good-pat",
     "id": "fred", "verdict": "ok"},
]

CAPTCHA_AFTER = 3
LOG_LENGTH = 200_000


@dataclass(frozen=True)
class Identity:
    """What came of the Authorization header: anonymous, malformed, unknown, captcha, or an
    account's verdict."""
    verdict: str
    id: str = ""

    @property
    def known(self):
        return self.verdict in ("ok", "weak")


ANONYMOUS = Identity("anonymous")


@dataclass
class Rule:
    id: int
    face: str
    match: "re.Pattern | None"
    mode: str
    args: dict
    times: "int | None"
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, face, target):
        if self.face != face and (self.face != "*" or face == "raw"):
            return False                    # raw has modes of its own
        return self.match is None or self.match.search(target) is not None

    def use(self):
        """Counts one use; false if it has been used often enough."""
        if self.times is None:
            return True
        if self.times == 0:
            return False
        self.times -= 1
        return True

    def shown(self):
        return {"id": self.id, "face": self.face, "mode": self.mode, "args": self.args,
                "match": self.match.pattern if self.match else None, "times": self.times}


def _new_counters():
    return {"connections": 0, "open": 0, "resumed": 0, "requests": 0, "http2": 0, "credentials": 0,
            "in_flight": 0, "max_in_flight": 0, "malformed": 0, "statuses": {}}


class World:
    def __init__(self, cloud_id=CLOUD_ID, accounts=None):
        self.cloud_id = cloud_id
        self.first_accounts = accounts or ACCOUNTS
        self.urls = {}
        self.ports = set()
        self.rules = []
        self.received = collections.deque(maxlen=LOG_LENGTH)
        self.counters = collections.defaultdict(_new_counters)
        self.tokens = Tokens()
        self._numbers = itertools.count(1)
        self._connections = itertools.count(1)
        self.reset()

    def reset(self):
        self.accounts = copy.deepcopy(self.first_accounts)
        self.failed_logins = collections.Counter()
        self.tokens.reset()
        self.release()
        self.clear()

    def clear(self):
        """Forgets what has been; connections and requests that are still there keep counting."""
        self.received.clear()
        for face, before in list(self.counters.items()):
            kept = {name: before[name] for name in ("open", "in_flight")}
            self.counters[face] = {**_new_counters(), **kept, "max_in_flight": kept["in_flight"]}

    # Rules

    def add_rule(self, face, match, mode, args, times):
        pattern = re.compile(match) if match else None
        rule = Rule(next(self._numbers), face or "*", pattern, mode, args or {}, times)
        self.rules.insert(0, rule)
        return rule

    def release(self, number=None):
        going = [rule for rule in self.rules if number in (None, rule.id)]
        self.rules = [rule for rule in self.rules if rule not in going]
        for rule in going:
            rule.released.set()

    def matching(self, face, target):
        """The rules for one request, newest first; whoever applies one calls its use()."""
        return [rule for rule in self.rules if rule.takes(face, target)]

    # Log and counters

    def connected(self, face, resumed=False):
        counters = self.counters[face]
        counters["connections"] += 1
        counters["open"] += 1
        counters["resumed"] += resumed
        return next(self._connections)

    def disconnected(self, face):
        self.counters[face]["open"] -= 1

    def arrived(self, face, entry):
        """Logs a request; to be followed by left() in any case."""
        counters = self.counters[face]
        counters["requests"] += 1
        counters["http2"] += entry["http_version"] == "2"
        counters["credentials"] += any(name == "authorization" for name, _ in entry["headers"])
        counters["in_flight"] += 1
        counters["max_in_flight"] = max(counters["max_in_flight"], counters["in_flight"])
        self._keep(face, entry)

    def left(self, face, entry, status=None):
        """A request is over, with a status if the answer gets out whole; said twice is said once.
        To be called before the last byte goes out, so that nobody counts two where one is."""
        if "seconds" in entry:
            return
        counters = self.counters[face]
        counters["in_flight"] -= 1
        entry["status"] = status
        status = str(status)
        entry["seconds"] = round(time.time() - entry["time"], 4)
        counters["statuses"][status] = counters["statuses"].get(status, 0) + 1

    def malformed(self, face, connection, data):
        """What the HTTP library refused before it became a request."""
        self.counters[face]["malformed"] += 1
        self._keep(face, {"malformed": data[:4096].decode("latin1"), "connection": connection,
                          "method": None, "target": None, "headers": []})

    def _keep(self, face, entry):
        entry.update(number=next(self._numbers), face=face, time=time.time())
        self.received.append(entry)

    # Who is it?

    def identify(self, where, authorization, method="GET", target="/"):
        if authorization is None:
            return ANONYMOUS
        scheme, _, rest = authorization.partition(" ")
        scheme, rest = scheme.lower(), rest.strip()
        if scheme == "basic":
            return self._basic(where, rest)
        if scheme == "bearer":
            bought = self.tokens.find(where, rest)
            return Identity(*bought) if bought else self._find(where, "bearer", "", rest)
        if scheme == "jwt" and where == "site":
            return Identity(connect_verdict(rest, method, target), CONNECT["app_key"])
        return Identity("malformed")

    def _basic(self, where, rest):
        try:
            user, colon, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Identity("malformed")
        if not colon:
            return Identity("malformed")
        if where != "dc":
            return self._find(where, "basic", user, secret)
        if self.failed_logins[user] >= CAPTCHA_AFTER:
            return Identity("captcha")
        identity = self._find(where, "basic", user, secret)
        self.failed_logins[user] = 0 if identity.known else self.failed_logins[user] + 1
        return identity

    def _find(self, where, scheme, user, secret):
        for account in self.accounts:
            if (account["where"], account["scheme"], account["user"], account["secret"]) == (
                    where, scheme, user, secret):
                return Identity(account["verdict"], account["id"])
        return Identity("unknown")

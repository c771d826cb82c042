# SPDX-License-Identifier: Apache-2.0
"""How Jira answers when it behaves: avatars, a little REST, and who is told what.

Every answer follows from the face's kind (cloud, gateway, dc), the identity and the id, by the
rules the package's docstring lists. Bad manners are in modes.py.
"""

import asyncio
import hashlib
import json
import re
import urllib.parse
from dataclasses import dataclass, field
from email.utils import formatdate

from .pictures import PIXELS, content_type, default_picture, picture

SYSTEM = {
    "project": {10011, 10200, 10324, 11203, 12003, *range(10400, 10426)},
    "issuetype": {*range(10270, 10323)},
    "SD_REQTYPE": {*range(10404, 10520)},
    "user": {10082, 10083, 10122, *range(10300, 10354)},
    "priority": {*range(1, 70000)},         # whoever made them: priority avatars are for everybody
}
DEFAULT = {"project": 10324, "issuetype": 10300, "priority": 10600, "SD_REQTYPE": 10404,
           "user": 10122}
PRIORITIES = ["Highest", "High", "Medium", "Low", "Lowest"]
STATUSES = ["open", "inprogress", "reopened", "resolved", "closed"]
ISSUE_TYPES = {10001: ("Bug", 10303), 10002: ("Task", 10318), 10003: ("Story", 10315),
               10004: ("Epic", 10307), 10005: ("Launch", 10551)}
PROJECTS = {"DEMO": 10000, "KEY": 10001, "SECRET": 70001}
SECRET = "TOP-SECRET-ISSUE"


@dataclass
class Answer:
    """An HTTP answer, with what a mode may add to the way it is sent."""
    status: int
    headers: list = field(default_factory=list)
    body: object = b""                      # bytes, or an asynchronous iterator of bytes
    length: object = "auto"                 # Content-Length: counted, a number, or None for none
    pace: tuple = None                      # (bytes, seconds between them)
    cut: bool = False                       # drop the connection before the body's end
    close: bool = False                     # drop it after the answer

    def get(self, name):
        return next((value for key, value in self.headers if key == name.lower()), None)

    def drop(self, *names):
        self.headers = [pair for pair in self.headers if pair[0] not in names]
        return self

    def set(self, name, value):
        self.drop(name.lower()).headers.append((name.lower(), value))
        return self


class Exchange:
    """One request: what was asked, by whom, of which face."""

    def __init__(self, world, face, kind, entry, prefix, path):
        self.world, self.face, self.kind, self.entry = world, face, kind, entry
        self.prefix, self.path = prefix, path
        target = entry["target"]
        self.query = {}
        pairs = urllib.parse.parse_qsl(target.partition("?")[2], keep_blank_values=True)
        for name, value in pairs:           # a servlet's getParameter() takes the first
            self.query.setdefault(name, value)
        where = {"cloud": "site"}.get(kind, kind)
        self.identity = world.identify(where, self.header("authorization"), entry["method"],
                                       target)

    def header(self, name):
        return next((value for key, value in self.entry["headers"] if key == name), None)

    @property
    def base(self):
        """What Jira believes its own address to be, as avatarUrls carry it."""
        return self.world.urls[self.face] + ("" if self.kind == "dc" else self.prefix)

    def may_see(self, number):
        return self.identity.verdict == "ok" and not 70000 <= number < 80000


def tomcat_path(raw):
    """A raw path as Tomcat's connector hands it to the application, but more lenient: what an
    attacker hopes for shall succeed here, so that a test sees it. First ;parameters go, then
    percent-decoding, then dot segments."""
    plain = "/".join(segment.partition(";")[0] for segment in raw.split("/"))
    decoded = urllib.parse.unquote(plain, errors="replace").replace("\\", "/")
    segments = []
    for segment in decoded.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments)


# Answers that are not pictures

def json_answer(status, value):
    return Answer(status, [("content-type", "application/json;charset=UTF-8")],
                  json.dumps(value, separators=(",", ":")).encode())


def errors(status, *messages):
    return json_answer(status, {"errorMessages": list(messages), "errors": {}})


def html(status, title, text=""):
    page = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>\n" \
           f"<body><h1>{title}</h1><p>{text}</p></body></html>\n"
    return Answer(status, [("content-type", "text/html;charset=UTF-8")], page.encode())


def redirect(location):
    return Answer(302, [("location", location)])


# Pictures

def _pixels_strict(size):
    """universal_avatar and viewavatar: a known word, or nothing for 48."""
    return 48 if size is None else PIXELS.get(size)


def _pixels_lenient(size):
    """projectavatar and useravatar: a number, any prefix of a word, else 48."""
    if size and size.isdecimal():
        return min((px for px in PIXELS.values() if px >= int(size)), default=256)
    if size:
        return next((px for word, px in PIXELS.items() if word.startswith(size.lower())), 48)
    return 48


def image(kind, name, px, system, form=None):
    form = form or ("svg" if system else "png")
    if form == "svg" and not system:
        form = "png"                        # nobody draws an upload again as SVG
    return Answer(200, _cached(content_type(name, form)), picture(kind, str(name), px, form))


def silent_default(px=48):
    return Answer(200, _cached("image/png;charset=utf-8"), default_picture(px))


def _cached(mime):
    return [("content-type", mime), ("cache-control", "private, max-age=31536000"),
            ("expires", "Thu, 01 Jan 1970 00:00:00 GMT")]


def _number(text):
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def exists(number):
    return number is not None and 0 < number < 90000


def avatar_of(kind, owner):
    """The avatar that is set on a project, issue type or priority."""
    if kind == "issuetype" and owner in ISSUE_TYPES:
        return ISSUE_TYPES[owner][1]
    if kind == "project" and 70000 <= owner < 80000:
        return owner
    return {"project": 30000, "issuetype": 31000, "priority": 32000}.get(kind, 33000) + owner % 1000


async def universal(x, kind, number=None, owner=None):
    if kind not in ("project", "issuetype", "priority", "SD_REQTYPE"):
        return errors(404, "The avatar type is invalid.")
    px, form = _pixels_strict(x.query.get("size")), x.query.get("format")
    if number is None and owner is None:
        number = DEFAULT[kind]
    elif owner is not None:
        owner = _number(owner) or named_id(owner)
        number = avatar_of(kind, owner) if exists(owner) else None
    else:
        number = _number(number)
    if px is None or not exists(number) or form not in (None, "png", "svg"):
        return errors(404, "Avatar not found.")
    system = number in SYSTEM[kind]
    if not system and not x.may_see(number):
        return errors(403, "You do not have permission to view the avatar.")
    return image(kind, number, px, system, form)


def named_id(text):
    """Ids that are not numbers (next-gen issue types have UUIDs): some custom avatar each."""
    if text.startswith("nosuch"):
        return 0
    return 40000 + int(hashlib.md5(text.encode()).hexdigest()[:4], 16) % 9999


async def view_avatar(x):
    kind, px = x.query.get("avatarType", "issuetype"), _pixels_strict(x.query.get("size"))
    if kind not in SYSTEM or px is None:
        return html(404, "Not found", "Unknown avatar type or size")
    number = _number(x.query.get("avatarId", str(DEFAULT[kind])))
    if number is None:
        return html(404, "Not found", "Avatar id is not a number")
    system = number in SYSTEM[kind]
    if not exists(number) or not system and not x.may_see(number):
        return silent_default(px)
    return image(kind, number, px, system, x.query.get("format"))


async def project_avatar(x):
    px = _pixels_lenient(x.query.get("size", x.query.get("s")))
    pid_text, id_text = x.query.get("pid", x.query.get("ownerId")), x.query.get("avatarId")
    pid, number = _number(pid_text), _number(id_text)
    if pid_text is None and number is None:
        return html(404, "Not found", "Avatar not found")
    if pid_text is None:
        found = number in SYSTEM["project"]
        return image("project", number, px, True) if found else html(404, "Not found")
    if not exists(pid):
        return html(404, "Not found", "Unknown project")
    if id_text is None:
        number = avatar_of("project", pid)
    if not exists(number) or 80000 <= number:
        return html(404, "Not found", "Avatar not found")
    if number in SYSTEM["project"] and x.kind != "dc":
        return image("project", number, px, True)
    if not x.may_see(pid) or not x.may_see(number):
        if x.kind == "dc":
            return html(403, "Forbidden", "Unknown project")
        return silent_default(px)
    return image("project", number, px, number in SYSTEM["project"])


async def user_avatar(x):
    px = _pixels_lenient(x.query.get("size"))
    owner, id_text = x.query.get("ownerId", x.query.get("username")), x.query.get("avatarId")
    number = _number(id_text)
    if owner is None and number in SYSTEM["user"]:
        return image("user", number, px, True)
    if id_text is not None and number is None:
        return html(404, "Not found", "Avatar id is not a number")
    if owner is None and id_text is None:
        return html(404, "Not found", "Avatar not found")
    if owner == "external" and x.query.get("noRedirect") != "true":
        md5 = hashlib.md5(owner.encode()).hexdigest()
        return redirect(f"{x.world.urls['elsewhere']}/avatar/{md5}?d=mm&s={px}")
    if owner in ("nosuch", "hidden", "external") or id_text is not None and not exists(number):
        return silent_default(px)
    if not x.may_see(number or 0):
        return silent_default(px)
    return image("user", number if number is not None else owner, px, number in SYSTEM["user"])


async def icon(x, name, form):
    if "nosuch" in name:
        return html(404, "Not found")
    body = picture("icon", name.rpartition("/")[2], 16, form)
    mime = {"svg": "image/svg+xml", "png": "image/png", "gif": "image/gif"}[form]
    etag = f'W/"{len(body)}-1700000000000"'
    return Answer(200, [("content-type", mime), ("etag", etag),
                        ("last-modified", "Tue, 14 Nov 2023 22:13:20 GMT")], body)


# REST

def _avatar_urls(x, kind, number, owner=None):
    def url(size):
        if x.kind != "dc":
            tail = f"?size={size}" if size else ""
            return f"{x.base}/rest/api/2/universal_avatar/view/type/{kind}/avatar/{number}{tail}"
        owned = [("pid" if kind == "project" else "ownerId", owner)] if owner else []
        query = ([("size", size)] if size else []) + owned + [("avatarId", number)]
        return f"{x.base}/secure/{kind}avatar?{urllib.parse.urlencode(query)}"
    return {f"{px}x{px}": url(size)
            for px, size in ((48, None), (24, "small"), (16, "xsmall"), (32, "medium"))}


def _user(x, name):
    if x.kind == "dc":
        return {"self": f"{x.base}/rest/api/2/user?username={urllib.parse.quote(name)}",
                "key": name, "name": name, "displayName": name.title(), "active": True,
                "avatarUrls": _avatar_urls(x, "user", 11051, name)}
    host = f"{x.world.urls['elsewhere']}/{urllib.parse.quote(name)}/{x.world.cloud_id}"
    return {"self": f"{x.base}/rest/api/3/user?accountId={urllib.parse.quote(name)}",
            "accountId": name, "accountType": "atlassian", "displayName": "Somebody",
            "active": True, "avatarUrls": {f"{px}x{px}": f"{host}/{px}" for px in (48, 24, 16, 32)}}


def _project(x, key, number):
    return {"self": f"{x.base}/rest/api/2/project/{number}", "id": str(number), "key": key,
            "name": key.title(), "avatarUrls": _avatar_urls(x, "project",
                                                            avatar_of("project", number), number)}


def _issue_type(x, number):
    name, avatar = ISSUE_TYPES[number]
    if x.kind == "dc":
        url = f"{x.base}/secure/viewavatar?size=xsmall&avatarId={avatar}&avatarType=issuetype"
    else:
        url = _avatar_urls(x, "issuetype", avatar)["32x32"]
    return {"self": f"{x.base}/rest/api/2/issuetype/{number}", "id": str(number), "name": name,
            "subtask": False, "avatarId": avatar, "iconUrl": url}


def _priority(x, index):
    name = PRIORITIES[index]
    return {"self": f"{x.base}/rest/api/2/priority/{index + 1}", "id": str(index + 1),
            "name": name, "iconUrl": f"{x.base}/images/icons/priorities/{name.lower()}.svg"}


def _status(x, index):
    # The last one is new and has no icon: Jira then names the bare root of the site.
    name = STATUSES[index]
    url = f"{x.base}/" if name == "closed" else f"{x.base}/images/icons/statuses/{name}.png"
    return {"self": f"{x.base}/rest/api/2/status/{index + 1}", "id": str(index + 1),
            "name": name, "iconUrl": url}


async def tenant_info(x):
    return json_answer(200, {"cloudId": x.world.cloud_id})


async def server_info(x):
    kind = "Cloud" if x.kind != "dc" else "Server"
    version = "1001.0.0-SNAPSHOT" if kind == "Cloud" else "9.12.4"
    return json_answer(200, {"baseUrl": x.base, "version": version, "deploymentType": kind,
                             "versionNumbers": [int(n) for n in re.findall(r"\d+", version)[:3]],
                             "buildNumber": 912004, "serverTitle": "Stand-in"})


async def myself(x):
    if not x.identity.known:
        return _login_needed(x)
    return json_answer(200, _user(x, x.identity.id))


async def user(x):
    name = next((x.query[key] for key in ("accountId", "username", "key") if key in x.query), None)
    if not x.identity.known:
        return _login_needed(x)
    if name is None or name == "nosuch":
        return errors(404, "Specified user does not exist or you do not have required permissions")
    return json_answer(200, _user(x, name))


async def project(x, key):
    number = _number(key) or PROJECTS.get(key)
    if not exists(number) or not x.may_see(number):
        return errors(404, f"No project could be found with key '{key}'.")
    names = {value: name for name, value in PROJECTS.items()}
    return json_answer(200, _project(x, names.get(number, f"P{number}"), number))


async def projects(x):
    seen = [_project(x, key, number) for key, number in PROJECTS.items() if x.may_see(number)]
    if x.path.endswith("/search"):
        return json_answer(200, {"self": f"{x.base}/rest/api/3/project/search", "isLast": True,
                                 "total": len(seen), "values": seen})
    return json_answer(200, seen)


async def issue_types(x, number=None):
    return _listed(x, _issue_type, {str(n): n for n in ISSUE_TYPES}, number)


async def priorities(x, number=None):
    return _listed(x, _priority, {str(i + 1): i for i in range(len(PRIORITIES))}, number)


async def statuses(x, number=None):
    return _listed(x, _status, {str(i + 1): i for i in range(len(STATUSES))}, number)


def _listed(x, make, known, number):
    if not x.identity.known:
        return _login_needed(x)
    if number is None:
        return json_answer(200, [make(x, key) for key in known.values()])
    if number not in known:
        return errors(404, "Not found.")
    return json_answer(200, make(x, known[number]))


async def system_avatars(x, kind):
    if not x.identity.known:
        return _login_needed(x)
    kind = {"sd_reqtype": "SD_REQTYPE"}.get(kind.lower(), kind)
    if kind not in SYSTEM or kind == "priority":
        return errors(404, "The avatar type is invalid.")
    rows = [{"id": str(number), "isSystemAvatar": True, "isSelected": False, "isDeletable": False,
             "fileName": f"{number}.svg",
             "urls": {key: f"/secure/useravatar?size={size}&avatarId={number}" for key, size in
                      (("16x16", "xsmall"), ("24x24", "small"), ("32x32", "medium"),
                       ("48x48", "large"))}}
            for number in sorted(SYSTEM[kind])]
    return json_answer(200, {"system": rows})


async def accessible_resources(x):
    if not x.identity.known:
        return json_answer(401, {"code": 401, "message": "Unauthorized"})
    return json_answer(200, [{"id": x.world.cloud_id, "name": "standin",
                              "url": x.world.urls["cloud"], "scopes": ["read:jira-work"],
                              "avatarUrl": f"{x.world.urls['elsewhere']}/avatars/240/flag.png"}])


async def anything_else(x):
    """Where an attack would like to arrive: all that a known account may read."""
    if not x.identity.known:
        return _login_needed(x)
    return json_answer(200, {"issues": [{"key": "SECRET-1", "fields": {"summary": SECRET}}],
                             "path": x.path, "account": x.identity.id})


def _login_needed(x):
    if x.path.startswith("/rest/") and x.kind == "dc":
        return errors(401, "You are not authenticated. Authentication required to perform this "
                           "operation.")
    if x.path.startswith("/rest/"):
        return json_answer(401, {"message": "Client must be authenticated to access this resource.",
                                 "status-code": 401})
    if x.kind == "dc":
        wanted = urllib.parse.quote(x.path, safe="")
        return redirect(f"{x.base}/login.jsp?permissionViolation=true&os_destination={wanted}")
    return login_page(200)


def login_page(status):
    return html(status, "Log in", '<form action="/login.jsp"><input name="os_username">'
                '<input name="os_password" type="password"></form>')


_ROUTES = [(re.compile(pattern), handler) for pattern, handler in (
    (r"/rest/api/(?:2|3|latest)/universal_avatar/view/type/([^/]+)", universal),
    (r"/rest/api/(?:2|3|latest)/universal_avatar/view/type/([^/]+)/avatar/([^/]+)", universal),
    (r"/rest/api/(?:2|3|latest)/universal_avatar/view/type/([^/]+)/owner/(?P<owner>[^/]+)",
     universal),
    (r"/secure/viewavatar", view_avatar),
    (r"/servicedesk/customershim/secure/viewavatar", view_avatar),
    (r"/secure/projectavatar", project_avatar),
    (r"/secure/useravatar", user_avatar),
    (r"/images/icons/((?:[\w.-]+/){0,3}[\w.-]+)\.(png|svg|gif)", icon),
    (r"/_edge/tenant_info", tenant_info),
    (r"/rest/api/(?:2|3|latest)/serverInfo", server_info),
    (r"/rest/api/(?:2|3|latest)/myself", myself),
    (r"/rest/api/(?:2|3|latest)/user", user),
    (r"/rest/api/(?:2|3|latest)/project(?:/search)?", projects),
    (r"/rest/api/(?:2|3|latest)/project/([^/]+)", project),
    (r"/rest/api/(?:2|3|latest)/issuetype", issue_types),
    (r"/rest/api/(?:2|3|latest)/issuetype/([^/]+)", issue_types),
    (r"/rest/api/(?:2|3|latest)/priority", priorities),
    (r"/rest/api/(?:2|3|latest)/priority/([^/]+)", priorities),
    (r"/rest/api/(?:2|3|latest)/status", statuses),
    (r"/rest/api/(?:2|3|latest)/status/([^/]+)", statuses),
    (r"/rest/api/(?:2|3|latest)/avatar/([^/]+)/system", system_avatars),
)]
_CLOUD_ONLY = (tenant_info,)


async def answer(x):
    """The well-behaved answer, dressed in the headers of the face's kind."""
    if x.kind == "auth":
        return await token(x) or html(404, "Not found")
    if x.kind == "elsewhere":
        return Answer(200, [("content-type", "image/png")], picture("elsewhere", "else", 48))
    return dress(x, await token(x) or await _refused(x) or await _route(x))


_TOKEN_PATHS = {"auth": ("/oauth/token", "/oauth2/token"), "dc": ("/rest/oauth2/latest/token",)}


async def token(x):
    """What a token service answers, or None if this is none."""
    if x.path not in _TOKEN_PATHS.get(x.kind, ()):
        return None
    if x.entry["method"] != "POST":
        return json_answer(405, {"error": "invalid_request"})
    tokens, origin = x.world.tokens, x.world.urls[x.face].removesuffix(x.prefix)
    tokens.in_flight += 1
    tokens.counters["max_in_flight"] = max(tokens.counters["max_in_flight"], tokens.in_flight)
    try:
        await asyncio.sleep(tokens.slow)
        return json_answer(*tokens.answer(x.path, x.header("content-type"), x.entry["body"],
                                          origin))
    finally:
        tokens.in_flight -= 1


async def _refused(x):
    """What is said before anything is looked at."""
    if x.entry["method"] not in ("GET", "HEAD"):
        return errors(405, "Method not allowed")
    body = x.header("content-length") not in (None, "0") or x.header("transfer-encoding")
    if x.kind != "dc" and body:
        return html(400, "Bad Request", "GET with a body")
    if x.path is None:
        return html(404, "Not found", "Outside of the application")
    if x.path.startswith(("/images/icons/", "/_edge/")) or x.path == "/rest/api/2/serverInfo":
        return None
    return _REFUSALS[x.kind](x)


def _refused_by_site(x):
    if x.identity.verdict in ("unknown", "scope", "expired"):
        return errors(401, "Client must be authenticated to access this resource.")
    return None


def _refused_by_gateway(x):
    if x.identity.verdict == "scope":
        return json_answer(401, {"code": 401, "message": "Unauthorized; scope does not match"})
    if not x.identity.known:
        return json_answer(401, {"code": 401, "message": "Unauthorized"})
    return None


def _refused_by_dc(x):
    if x.identity.verdict == "captcha":
        return html(403, "Forbidden (403)",
                    "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED")
    # A token that is not known is not a failed login: its bearer is simply a stranger.
    if x.identity.verdict == "unknown" and x.header("authorization").lower().startswith("basic"):
        return login_page(401)
    return None


_REFUSALS = {"cloud": _refused_by_site, "gateway": _refused_by_gateway, "dc": _refused_by_dc}


async def _route(x):
    if x.kind == "gateway" and x.path in ("/oauth/token/accessible-resources", "/me"):
        return await accessible_resources(x)
    for pattern, handler in _ROUTES:
        found = pattern.fullmatch(x.path)
        if found and not (x.kind == "dc" and (handler in _CLOUD_ONLY or handler is universal)):
            named = found.groupdict()
            return await handler(x, *(found.groups()[:1] if named else found.groups()), **named)
    return await anything_else(x)


def dress(x, answer):
    """Adds what the face's kind always sends; headers the answer has stay."""
    for name, value in _HEADERS[x.kind](x):
        if name == "set-cookie" or answer.get(name) is None:
            answer.headers.append((name, value))
    return answer


def _cloud_headers(x):
    known, number = x.identity.known, x.entry["number"]
    trace = hashlib.md5(b"%d" % number).hexdigest()
    side = "lin" if known else "lout"
    yield "date", formatdate(usegmt=True)
    yield "server", "AtlassianEdge"
    yield "cache-control", "no-cache, no-store, no-transform"
    yield "vary", "Accept-Encoding"
    yield "set-cookie", f"atlassian.xsrf.token={trace}_{side}; Path=/; SameSite=None; Secure"
    yield "x-arequestid", trace
    yield "atl-traceid", trace
    yield "atl-request-id", trace
    if known:
        yield "x-aaccountid", x.identity.id
        yield "x-seraph-loginreason", "OK"
    elif x.identity.verdict == "unknown" and x.kind == "cloud":
        yield "x-seraph-loginreason", "AUTHENTICATED_FAILED"
    yield "timing-allow-origin", "*"
    yield "x-content-type-options", "nosniff"
    yield "x-xss-protection", "1; mode=block"
    yield "strict-transport-security", "max-age=63072000; includeSubDomains; preload"
    yield "nel", '{"failure_fraction": 0.001, "include_subdomains": true, "max_age": 600}'


def _dc_headers(x):
    identity, number = x.identity, x.entry["number"]
    trace = hashlib.md5(b"%d" % number).hexdigest()
    side = "lin" if identity.known else "lout"
    context = x.prefix or "/"
    basic = (x.header("authorization") or "").lower().startswith("basic")
    yield "date", formatdate(usegmt=True)
    yield "cache-control", "no-cache, no-store, no-transform"
    yield "vary", "User-Agent"
    yield "x-arequestid", f"{number % 1440}x{number}x1"
    yield "x-anodeid", "node1"
    yield "x-ausername", identity.id if identity.known else "anonymous"
    if identity.known:
        yield "x-asessionid", trace[:7]
        yield "x-seraph-loginreason", "OK"
    elif identity.verdict == "captcha":
        yield "x-seraph-loginreason", "AUTHENTICATION_DENIED"
        login = f"{x.base}/login.jsp"
        yield "x-authentication-denied-reason", f"CAPTCHA_CHALLENGE; login-url={login}"
    elif identity.verdict == "unknown" and basic:
        yield "x-seraph-loginreason", "AUTHENTICATED_FAILED"
    yield "set-cookie", f"JSESSIONID={trace.upper()}; Path={context}; Secure; HttpOnly"
    yield "set-cookie", f"atlassian.xsrf.token=AAAA-BBBB-CCCC-DDDD_{trace}_{side}; Path={context}"
    yield "x-content-type-options", "nosniff"
    yield "content-security-policy", "frame-ancestors 'self'"
    yield "x-frame-options", "SAMEORIGIN"


def _no_headers(x):
    return ()


_HEADERS = {"auth": _no_headers, "cloud": _cloud_headers, "gateway": _cloud_headers, "dc": _dc_headers,
            "elsewhere": _no_headers}

# SPDX-License-Identifier: Apache-2.0
"""Bad manners, one function each.

A mode gets the exchange, what comes next (the other matching rules, then the well-behaved
answer) and the arguments of its rule; it returns an answer. A mode that only changes the answer
awaits `proceed()` first, so modes combine: delay over 503, header over the normal picture.
"""

import asyncio
import gzip
import inspect
import time
from email.utils import formatdate

from . import jira, pictures
from .jira import Answer, dress, errors, html, json_answer
from .world import ANONYMOUS, Identity

MODES = {}


class Gone(Exception):
    """The connection is to end without an answer; how, says the argument."""


def mode(sentence, name=None):
    def keep(function):
        MODES[name or function.__name__] = (sentence, function)
        return function
    return keep


def check(table, name, args):
    """Raises ValueError for a mode or an argument that does not exist."""
    if name not in table:
        raise ValueError(f"no mode is called {name!r}; there are: {', '.join(sorted(table))}")
    known = [arg for arg in inspect.signature(table[name][1]).parameters
             if arg not in ("x", "proceed")]
    for arg in args:
        if arg not in known:
            raise ValueError(f"{name} has no argument {arg!r} among: {', '.join(known)}")


async def respond(x, rules):
    """The answer to x under these rules, the first one outermost."""
    if not rules:
        return await jira.answer(x)
    rule = rules[0]

    async def proceed():
        return await respond(x, rules[1:])
    if not rule.use():
        return await proceed()
    proceed.released = rule.released
    return await MODES[rule.mode][1](x, proceed, **rule.args)


def _as_stranger(x):
    x.identity = ANONYMOUS


def _location(x, base):
    return base + x.entry["target"]


def _png(x):
    return pictures.picture("mode", x.entry["target"][-5:], 48)


def _image(x, body, mime="image/png;charset=utf-8", **more):
    return dress(x, Answer(200, [("content-type", mime),
                                 ("cache-control", "private, max-age=31536000")], body, **more))


# The wrong picture, or a page, with 200

@mode("200 with the default avatar, in the name of the account: it may not see the avatar")
async def silent_default(x, proceed):
    return dress(x, jira.silent_default())


@mode("the answer a stranger gets, whatever credential came")
async def credentials_ignored(x, proceed):
    _as_stranger(x)
    return await proceed()


@mode("200 with the default avatar, as to a stranger: X-AUSERNAME anonymous, no X-AACCOUNTID")
async def anonymous_200(x, proceed):
    _as_stranger(x)
    return dress(x, jira.silent_default())


@mode("the right answer without any header that says who asked")
async def no_identity_200(x, proceed):
    answer = await proceed()
    return answer.drop("x-aaccountid", "x-ausername", "x-seraph-loginreason", "x-asessionid",
                       "set-cookie")


@mode("200 with the default avatar and X-Seraph-LoginReason AUTHENTICATED_FAILED")
async def auth_failed_200(x, proceed, reason="AUTHENTICATED_FAILED"):
    _as_stranger(x)
    return dress(x, jira.silent_default().set("x-seraph-loginreason", reason))


@mode("the right answer with a header set to a value, or without it")
async def header(x, proceed, name, value=None):
    answer = await proceed()
    return answer.drop(name.lower()) if value is None else answer.set(name, value)


@mode("200 with the HTML of the login form")
async def login_html_200(x, proceed):
    _as_stranger(x)
    return dress(x, jira.login_page(200))


@mode("200 with an HTML error page")
async def html_error_200(x, proceed):
    return dress(x, html(200, "Oops, you have found a dead link", "Something went wrong."))


@mode("200 with a JSON error collection")
async def json_200(x, proceed):
    return dress(x, errors(200, "You do not have permission to view the avatar."))


@mode("200 without a body, labelled PNG")
async def empty_200(x, proceed):
    return _image(x, b"")


# Redirects

@mode("302 to login.jsp?os_destination=")
async def login_redirect(x, proceed):
    _as_stranger(x)
    return dress(x, jira.redirect(f"{x.base}/login.jsp?os_destination=%2Fsecure%2Fviewavatar"))


@mode("302 to a single sign-on service, as id.atlassian.com does")
async def sso_redirect(x, proceed):
    _as_stranger(x)
    return dress(x, jira.redirect(f"{x.world.urls['elsewhere']}/login?continue="
                                  "https%3A%2F%2Fexample.atlassian.net%2Flogin"))


@mode("redirect to another host, same path")
async def redirect_elsewhere(x, proceed, status=302, location=None):
    answer = jira.redirect(location or _location(x, x.world.urls["elsewhere"]))
    answer.status = status
    return dress(x, answer)


@mode("302 to plain HTTP on the same host (the face dcroot listens there)")
async def redirect_http(x, proceed):
    return dress(x, jira.redirect(_location(x, x.world.urls["dcroot"])))


@mode("302 to itself, for ever")
async def redirect_loop(x, proceed):
    return dress(x, jira.redirect(x.entry["target"]))


# Errors

@mode("403 with Jira's HTML page Forbidden (403)")
async def html_403(x, proceed):
    return dress(x, html(403, "Forbidden (403)", "Encountered a \"403 - Forbidden\" error."))


@mode("403: Basic is switched off on this instance")
async def basic_disabled_403(x, proceed):
    _as_stranger(x)
    message = "Basic Authentication has been disabled on this instance."
    return dress(x, json_answer(403, {"message": message}))


@mode("403: too many failed logins, a CAPTCHA first")
async def captcha(x, proceed, status=403):
    x.identity = Identity("captcha")
    page = html(status, "Forbidden (403)",
                "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED")
    page.set("x-seraph-loginreason", "AUTHENTICATION_DENIED")
    page.set("x-authentication-denied-reason",
             f"CAPTCHA_CHALLENGE; login-url={x.base}/login.jsp")
    return dress(x, page)


@mode("401 as the site says it to an unknown token", "401_site")
async def unauthorized(x, proceed):
    x.identity = Identity("unknown")
    answer = errors(401, "Client must be authenticated to access this resource.")
    return dress(x, answer.set("x-seraph-loginreason", "AUTHENTICATED_FAILED"))


@mode("401 as the gateway says it: expired or revoked", "gw_401")
async def gateway_unauthorized(x, proceed):
    _as_stranger(x)
    return dress(x, json_answer(401, {"code": 401, "message": "Unauthorized"}))


@mode("401 as the gateway says it: a scope is missing", "gw_scope")
async def gateway_scope(x, proceed):
    _as_stranger(x)
    message = "Unauthorized; scope does not match"
    return dress(x, json_answer(401, {"code": 401, "message": message}))


@mode("403: an administrator's data security policy blocks the app")
async def policy_403(x, proceed):
    answer = errors(403, "App access is blocked.")
    return dress(x, answer.set("atlassian-datasecuritypolicy", "app_access_blocked"))


@mode("403 in JSON: no permission to view the avatar", "403_json")
async def forbidden(x, proceed):
    return dress(x, errors(403, "You do not have permission to view the avatar."))


def _error_mode(status, message):
    @mode(f"{status} with an error collection", str(status))
    async def error(x, proceed, retry_after=None):
        answer = errors(status, message)
        if retry_after is not None:
            answer.set("retry-after", str(retry_after))
        return dress(x, answer)


def _proxy_error_mode(status, title):
    @mode(f"{status} with the HTML page of a proxy", str(status))
    async def error(x, proceed, retry_after=None):
        answer = html(status, f"{status} {title}", "cloudfront")
        if retry_after is not None:
            answer.set("retry-after", str(retry_after))
        return dress(x, answer)


for _status, _text in ((400, "The request is not valid."), (404, "Avatar not found."),
                       (410, "The requested API has been removed."), (500, "Internal error."),
                       (501, "Not implemented.")):
    _error_mode(_status, _text)
for _status, _text in ((502, "Bad Gateway"), (503, "Service Unavailable"),
                       (504, "Gateway Timeout")):
    _proxy_error_mode(_status, _text)


@mode("429; retry_after in seconds, None for no header, or date_in=seconds for an HTTP date", "429")
async def too_many(x, proceed, retry_after=30, date_in=None, reset_in=None,
                   reason="jira-burst-based"):
    answer = errors(429, "Rate limit exceeded.")
    if date_in is not None:
        retry_after = formatdate(time.time() + date_in, usegmt=True)
    if retry_after is not None:
        answer.set("retry-after", str(retry_after))
    if reset_in is not None:
        reset = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(time.time() + reset_in))
        answer.set("x-ratelimit-reset", reset)
    answer.set("x-ratelimit-limit", "100").set("x-ratelimit-remaining", "0")
    return dress(x, answer.set("x-ratelimit-nearlimit", "true").set("ratelimit-reason", reason))


@mode("429 from the gateway: no Retry-After, X-Failure-Category")
async def gw_429(x, proceed):
    answer = html(429, "Too Many Requests")
    return dress(x, answer.set("x-failure-category", "FAILURE CLIENT RATE LIMITED"))


@mode("the right answer with Data Center's rate limit headers, Retry-After 0 among them")
async def dc_rate_headers(x, proceed, remaining=9):
    answer = await proceed()
    for name, value in (("x-ratelimit-limit", "50"), ("x-ratelimit-remaining", str(remaining)),
                        ("x-ratelimit-fillrate", "10"), ("x-ratelimit-interval-seconds", "60"),
                        ("retry-after", "0")):
        answer.set(name, value)
    return answer


# Statuses that are odd for a picture

@mode("204", "204")
async def no_content(x, proceed):
    return dress(x, Answer(204, length=None))


@mode("206 with half of the picture, unasked", "206")
async def partial(x, proceed):
    answer = await proceed()
    whole, answer.status = answer.body, 206
    answer.body = whole[:len(whole) // 2]
    return answer.set("content-range", f"bytes 0-{len(answer.body) - 1}/{len(whole)}")


@mode("304, unasked", "304")
async def not_modified(x, proceed):
    return dress(x, Answer(304, [("etag", '"stand-in"')], length=None))


# Bodies

@mode("Content-Length tells more than comes before the connection ends")
async def truncated(x, proceed, missing=100):
    answer = await proceed()
    answer.length, answer.cut = len(answer.body) + missing, True
    return answer


@mode("a picture cut off in the middle, with an honest Content-Length")
async def truncated_png(x, proceed, keep=0.6):
    answer = await proceed()
    answer.body = answer.body[:int(len(answer.body) * keep)]
    return answer


@mode("a picture header and then zeros, with Content-Length")
async def huge(x, proceed, megabytes=20):
    size = int(megabytes * 1048576)
    return _image(x, _flood(_png(x), size), length=size)


@mode("a picture that never ends, without Content-Length")
async def huge_chunked(x, proceed):
    return _image(x, _flood(_png(x), None), length=None)


async def _flood(start, size):
    block, sent = start[:-12], 0            # without its end chunk
    while size is None or sent < size:
        block = block if size is None else block[:size - sent]
        yield block
        sent += len(block)
        block = bytes(65536)
        await asyncio.sleep(0)


@mode("the right answer, gzipped though nobody asked")
async def gzipped(x, proceed):
    answer = await proceed()
    answer.body = gzip.compress(answer.body, mtime=0)
    return answer.set("content-encoding", "gzip")


MODES["gzip"] = MODES.pop("gzipped")


@mode("gzip bytes labelled SVG, no Content-Encoding")
async def svgz(x, proceed):
    return _image(x, pictures.svgz("mode", "svgz"), "image/svg+xml")


@mode("any body: text, or hex for bytes; type for its Content-Type")
async def body(x, proceed, text="", hex="", type="image/png"):
    return _image(x, bytes.fromhex(hex) if hex else text.encode(), type)


_SCRIPT = ('<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(2)</script>'
           '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><iframe '
           'src="https://elsewhere.test/"></iframe></body></foreignObject></svg>')


@mode("an SVG with scripts in it")
async def svg_script(x, proceed):
    return _image(x, _SCRIPT.encode(), "image/svg+xml;charset=UTF-8")


@mode("an SVG in UTF-16, which hides its root element from a search for bytes")
async def svg_utf16(x, proceed):
    declared = '<?xml version="1.0" encoding="UTF-16"?>' + _SCRIPT
    return _image(x, declared.encode("utf-16"), "image/svg+xml")


@mode("an SVG with a document type and entities that grow")
async def svg_entities(x, proceed):
    rows = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 9))
    text = (f'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY e0 "ha">{rows}'
            '<!ENTITY x SYSTEM "file:///etc/passwd">]>'
            '<svg xmlns="http://www.w3.org/2000/svg"><text>&e8;&x;</text></svg>')
    return _image(x, text.encode(), "image/svg+xml")


@mode("the right picture with another Content-Type")
async def wrong_type(x, proceed, type="text/html;charset=UTF-8"):
    return (await proceed()).set("content-type", type)


@mode("the right picture without a Content-Type")
async def no_type(x, proceed):
    return (await proceed()).drop("content-type")


# Time

@mode("everything else some milliseconds later")
async def delay(x, proceed, ms=100):
    await asyncio.sleep(ms / 1000)
    return await proceed()


@mode("everything happens at once, the answer comes some milliseconds later")
async def late_answer(x, proceed, ms):
    answer = await proceed()
    await asyncio.sleep(ms / 1000)
    return answer


@mode("headers only after some seconds")
async def slow_headers(x, proceed, seconds=3):
    await asyncio.sleep(seconds)
    return await proceed()


@mode("headers at once, then a byte now and then")
async def slow_body(x, proceed, bytes=1, every=0.5):
    answer = await proceed()
    answer.pace = (bytes, every)
    return answer


@mode("no answer; the connection ends when the rule is taken back")
async def hang(x, proceed):
    await proceed.released.wait()
    raise Gone("close")


@mode("no answer until the rule is taken back, then the right one")
async def gate(x, proceed):
    await proceed.released.wait()
    return await proceed()


# Connections

@mode("the connection closes without an answer")
async def close(x, proceed):
    raise Gone("close")


@mode("HTTP/2: the stream is reset (code 7: refused, safe to repeat); HTTP/1.1: as close")
async def reset_stream(x, proceed, code=7):
    raise Gone(f"reset {int(code)}")


@mode("HTTP/2: GOAWAY, then the connection closes; HTTP/1.1: as close")
async def goaway(x, proceed):
    raise Gone("goaway")


@mode("the right answer, and the connection closes after it")
async def close_after(x, proceed):
    answer = await proceed()
    answer.close = True
    return answer


# Headers

@mode("the right answer with very many headers")
async def many_headers(x, proceed, count=2000):
    answer = await proceed()
    answer.headers += [(f"x-filler-{n}", "x") for n in range(count)]
    return answer


@mode("the right answer with a very long header")
async def big_header(x, proceed, size=65536):
    return (await proceed()).set("x-filler", "x" * size)


@mode("the right answer with headers that servers and browsers obey")
async def hostile_headers(x, proceed):
    answer = await proceed()
    elsewhere = x.world.urls["elsewhere"]
    for name, value in (
            ("x-sendfile", "/etc/passwd"), ("x-accel-redirect", "/etc/passwd"),
            ("x-lighttpd-send-file", "/etc/passwd"), ("location", f"{elsewhere}/"),
            ("status", "302 Found"), ("refresh", f"0; url={elsewhere}/"),
            ("set-cookie", "evil=1; Path=/; Domain=localhost"),
            ("link", f"<{elsewhere}/evil.css>; rel=stylesheet"),
            ("content-disposition", 'attachment; filename="evil.html"'),
            ("content-location", f"{elsewhere}/"), ("clear-site-data", '"*"'),
            ("alt-svc", 'h3=":1"; ma=86400'), ("www-authenticate", 'Basic realm="evil"'),
            ("access-control-allow-origin", "*"), ("service-worker-allowed", "/"),
            ("x-aaccountid-evil", "1"), ("via", "1.1 evil"), ("trailer", "x-evil"),
            ("warning", '199 evil "evil"'), ("age", "999999"), ("surrogate-control", "no-store"),
            ("cache-status", "evil; hit"), ("proxy-status", "evil")):
        answer.headers.append((name, value))
    return answer


@mode("the right answer with a Date off by some seconds")
async def date_skew(x, proceed, seconds=-86400):
    return (await proceed()).set("date", formatdate(time.time() + seconds, usegmt=True))

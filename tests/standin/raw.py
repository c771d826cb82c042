# SPDX-License-Identifier: Apache-2.0
"""The face `raw`: answers on the wire that no HTTP library agrees to send.

hypercorn rightly refuses bare line feeds, NULs and lengths that lie, so this is a small TLS server
of its own, HTTP/1.1 only, that reads a request head and writes prepared pieces. A mode yields
bytes, or a number: seconds to wait; KEEP at the end leaves the connection open.
"""

import asyncio
import contextlib
import itertools
import logging
import ssl

from . import pictures

LOG = logging.getLogger("standin")
MODES = {}
KEEP = "keep"
PNG = pictures.picture("raw", "raw", 48)


def mode(sentence):
    def keep(function):
        MODES[function.__name__] = (sentence, function)
        return function
    return keep


def head(*lines, status=b"HTTP/1.1 200 OK", mime=b"Content-Type: image/png",
         length=b"Content-Length: %d" % len(PNG)):
    who = b"X-AACCOUNTID: 557058:aaaaaaaa-0000-4000-8000-000000000001"
    return b"\r\n".join([status, *filter(None, (who, mime, length)), *lines, b"", b""])


@mode("a proper answer")
def normal():
    yield head() + PNG


@mode("any bytes: text, or hex; keep leaves the connection open")
def bytes_(text="", hex="", keep=False):
    yield bytes.fromhex(hex) if hex else text.encode("latin1")
    if keep:
        yield KEEP


MODES["bytes"] = MODES.pop("bytes_")


# Header syntax

@mode("a header smuggled in behind a carriage return alone")
def bare_cr():
    yield head(mime=b"Content-Type: image/png\rX-Injected: yes") + PNG


@mode("line feeds without carriage returns")
def bare_lf():
    yield head().replace(b"\r\n", b"\n") + PNG


@mode("a Content-Type with a header and a second answer behind it")
def splitting():
    second = head(mime=b"Content-Type: text/html", length=b"Content-Length: 4") + b"evil"
    yield head(b"Content-Length: 0", b"X-Injected: yes", length=None) + second


@mode("a Content-Type folded over two lines")
def obs_fold():
    yield head(mime=b"Content-Type: image/png;\r\n X-Injected: yes") + PNG


@mode("a first header line that begins with a space")
def leading_fold():
    yield head().replace(b"OK\r\n", b"OK\r\n X-Injected: yes\r\n", 1) + PNG


@mode("a NUL in a header's value")
def nul_header():
    yield head(mime=b"Content-Type: image/png\0text/html") + PNG


@mode("control characters and bytes above 127 in values")
def odd_bytes():
    yield head(b"X-AUSERNAME: \x01\x7f\xff\xfe\x1b[31m",
               mime=b"Content-Type: image/png; x=\"\xc3\xa9\xff\"") + PNG


@mode("a space before the colon")
def space_before_colon():
    yield head(mime=b"Content-Type : image/png") + PNG


@mode("a header line without a colon")
def no_colon():
    yield head(b"this is not a header") + PNG


@mode("a header without a name")
def empty_name():
    yield head(b": empty") + PNG


@mode("two Content-Types, the second one HTML")
def two_types():
    yield head(b"Content-Type: text/html") + PNG


# Status lines

@mode("a status line that is none")
def garbage_status(line="HTTP/1.1 OK 200"):
    yield head(status=line.encode("latin1")) + PNG


@mode("no status line at all: HTTP/0.9")
def http09():
    yield PNG


@mode("HTTP/1.0, the length told by the end of the connection")
def http10():
    yield head(status=b"HTTP/1.0 200 OK", length=None) + PNG


@mode("HTTP/3.7")
def wrong_version():
    yield head(status=b"HTTP/3.7 200 OK") + PNG


@mode("another protocol: SSH")
def ssh():
    yield b"SSH-2.0-OpenSSH_9.2p1\r\n"


@mode("101 Switching Protocols, unasked")
def switching():
    yield b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n" + PNG


@mode("some early hints, then a proper answer")
def early_hints(count=3):
    yield b"HTTP/1.1 103 Early Hints\r\nLink: </evil.css>; rel=preload\r\n\r\n" * count
    yield head() + PNG


@mode("100 Continue for ever")
def endless_100():
    while True:
        yield b"HTTP/1.1 100 Continue\r\n\r\n" * 100


# Lengths

@mode("two Content-Lengths that differ")
def two_lengths():
    yield head(b"Content-Length: 10") + PNG


@mode("a Content-Length that is no number")
def bad_length(value="12abc"):
    yield head(length=b"Content-Length: " + value.encode("latin1")) + PNG


@mode("a Content-Length that is too small, the connection stays open with the rest on it")
def short_length(missing=100):
    yield head(length=b"Content-Length: %d" % (len(PNG) - missing)) + PNG
    yield KEEP


@mode("a Content-Length that is too large, then the end")
def long_length(extra=100):
    yield head(length=b"Content-Length: %d" % (len(PNG) + extra)) + PNG


@mode("Content-Length and chunks at once")
def length_and_chunked():
    yield head(b"Transfer-Encoding: chunked", length=b"Content-Length: 10") + _chunks()


@mode("a chunk size that is no number")
def bad_chunk():
    yield head(b"Transfer-Encoding: chunked", length=None) + b"zz\r\n" + PNG


@mode("a chunk size that overflows")
def chunk_overflow():
    yield head(b"Transfer-Encoding: chunked", length=None) + b"f" * 17 + b"\r\n" + PNG


@mode("chunks without the last one, then the end")
def chunk_cut():
    yield head(b"Transfer-Encoding: chunked", length=None) + _chunks()[:-5]


@mode("chunks with trailers that say who asked")
def trailers():
    tail = b"X-AUSERNAME: anonymous\r\nX-Seraph-LoginReason: AUTHENTICATED_FAILED\r\n" \
           b"Content-Type: text/html\r\n\r\n"
    yield head(b"Transfer-Encoding: chunked", b"Trailer: X-AUSERNAME", length=None)
    yield _chunks()[:-2] + tail


@mode("Transfer-Encoding: gzip, chunked")
def transfer_gzip():
    yield head(b"Transfer-Encoding: gzip, chunked", length=None) + _chunks()


@mode("the length told by the end, and the end is cut without TLS saying so")
def tls_cut():
    yield head(length=None) + PNG[:-40]


def _chunks():
    half = len(PNG) // 2
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (PNG[:half], PNG[half:], b""))


# Time and reuse

@mode("the head byte by byte")
def dribble(every=0.2):
    for byte in head():
        yield bytes([byte])
        yield every
    yield PNG


@mode("headers for ever")
def endless_headers():
    yield head()[:-2]
    for number in itertools.count():
        yield b"X-Filler-%d: %s\r\n" % (number, b"x" * 60)


@mode("one header line for ever")
def endless_line():
    yield head()[:-2] + b"X-Filler: "
    while True:
        yield b"x" * 4096


@mode("a proper answer, and behind it one that nobody asked for; the connection stays open")
def unsolicited():
    evil = b"<html>evil</html>"
    yield head() + PNG + head(mime=b"Content-Type: text/html",
                              length=b"Content-Length: %d" % len(evil)) + evil
    yield KEEP


def drop(writer):
    """Ends a connection at once. (A TLS transport of Python 3.11 that has closed cannot abort.)"""
    with contextlib.suppress(AttributeError):
        writer.transport.abort()


async def serve(world, context, host):
    """Listens on a free port; returns the server."""
    async def connected(reader, writer):
        number = world.connected("raw")
        try:
            with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError,
                                     asyncio.LimitOverrunError):
                while await _exchange(world, number, reader, writer):
                    pass
        finally:
            drop(writer)
            world.disconnected("raw")

    return await asyncio.start_server(connected, host, 0, ssl=context)


async def _exchange(world, connection, reader, writer):
    """One request; true if the connection may carry another."""
    entry = parse(await reader.readuntil(b"\r\n\r\n"), connection, writer)
    world.arrived("raw", entry)
    try:
        rules = world.matching("raw", entry["target"])
        rule = next((rule for rule in rules if rule.use()), None)
        name, args = (rule.mode, rule.args) if rule else ("normal", {})
        sender = asyncio.ensure_future(_send(MODES[name][1](**args), writer))
        gone = asyncio.ensure_future(_gone(reader, sender))
        try:
            keep = await sender
        finally:
            gone.cancel()
        world.left("raw", entry, name)
        if not keep and name != "tls_cut":
            writer.close()
            await writer.wait_closed()
        return keep
    finally:
        world.left("raw", entry)
        LOG.info("raw %s %s -> %s", entry["method"], entry["target"], entry["status"])


async def _gone(reader, sender):
    """Ends an answer without end when nobody listens any more."""
    while not reader.at_eof():
        await asyncio.sleep(0.1)
    sender.cancel()


async def _send(pieces, writer):
    for piece in pieces:
        if piece == KEEP:
            return True
        if isinstance(piece, bytes):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(piece)
    await asyncio.sleep(0.05)               # the bytes first, then the end
    return False


def parse(data, connection, writer):
    """The log entry of a request head."""
    first, *lines = data.decode("latin1").split("\r\n")[:-2]
    method, _, rest = first.partition(" ")
    target, _, version = rest.rpartition(" ")
    pairs = (line.partition(":") for line in lines)
    return {"method": method, "target": target, "status": None,
            "http_version": version.removeprefix("HTTP/"), "connection": connection,
            "client_port": writer.get_extra_info("peername")[1], "client_certificate": None,
            "body": "",
            "headers": [[name.lower(), value.strip()] for name, _, value in pairs]}

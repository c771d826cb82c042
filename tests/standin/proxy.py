# SPDX-License-Identifier: Apache-2.0
"""A small HTTP proxy: CONNECT, and requests for plain http:// URLs; to the faces only.

Whatever host is asked for, the connection goes to 127.0.0.1, so that names like site.test need no
resolver. Its log shows what a proxy may see.
"""

import asyncio
import base64
import contextlib
import logging
import urllib.parse

from . import raw

LOG = logging.getLogger("standin")


async def serve(world, name, login, host):
    """Listens on a free port; with a login ("user:password") others get 407."""
    expected = None if login is None else "Basic " + base64.b64encode(login.encode()).decode()

    async def connected(reader, writer):
        number = world.connected(name)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError,
                                     asyncio.LimitOverrunError):
                while await _exchange(world, name, expected, number, reader, writer):
                    pass
        finally:
            raw.drop(writer)
            world.disconnected(name)

    return await asyncio.start_server(connected, host, 0)


async def _exchange(world, name, expected, number, reader, writer):
    """One request; true if it was refused and the client may try again."""
    data = await reader.readuntil(b"\r\n\r\n")
    entry = raw.parse(data, number, writer)
    world.arrived(name, entry)
    try:
        shown = dict(map(tuple, entry["headers"])).get("proxy-authorization")
        if expected not in (None, shown):
            world.left(name, entry, 407)
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n"
                         b"Proxy-Authenticate: Basic realm=\"stand-in\"\r\n\r\n")
            await writer.drain()
            return True
        connect = entry["method"] == "CONNECT"
        url = urllib.parse.urlsplit(("//" if connect else "") + entry["target"])
        if url.port not in world.ports:
            world.left(name, entry, 502)
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return False
        there = await asyncio.open_connection("127.0.0.1", url.port)
        world.left(name, entry, 200)
        if connect:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            there[1].write(_origin_form(entry, url))
    finally:
        world.left(name, entry)
        LOG.info("%s %s %s -> %s", name, entry["method"], entry["target"], entry["status"])
    await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
    raw.drop(there[1])
    return False


def _origin_form(entry, url):
    """The request as the server wants it, once per connection."""
    target = url.path + ("?" + url.query if url.query else "")
    kept = [f"{name}: {value}" for name, value in entry["headers"]
            if name not in ("proxy-authorization", "proxy-connection", "connection")]
    lines = [f"{entry['method']} {target or '/'} HTTP/1.1", *kept, "connection: close", "", ""]
    return "\r\n".join(lines).encode("latin1")


async def _pump(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()

# SPDX-License-Identifier: Apache-2.0
"""The faces: hypercorn serves them, this file tells it what to say.

hypercorn.asyncio.serve() hides the connection, and bad manners need it (to close without an
answer, to reset a stream, to count), so its TCPServer is run here on servers of our own.
"""

import asyncio
import contextlib
import logging
import re
import ssl
from dataclasses import dataclass

import h2.exceptions
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Closed, RawData
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from . import modes, raw
from .jira import Exchange, tomcat_path

LOG = logging.getLogger("standin")
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Face:
    name: str
    kind: str                               # cloud, gateway, dc, elsewhere or control
    certificate: str = "server"             # None for plain HTTP
    context: str = ""
    alpn: tuple = ("h2", "http/1.1")
    client_certificate: bool = False


FACES = (
    Face("cloud", "cloud"),
    Face("gateway", "gateway"),
    Face("auth", "auth"),
    Face("dc", "dc", context="/jira", alpn=("http/1.1",)),
    Face("dcroot", "dc", certificate=None),
    Face("mtls", "cloud", client_certificate=True),
    Face("elsewhere", "elsewhere"),
    Face("expired", "cloud", certificate="expired"),
    Face("wrongname", "cloud", certificate="wrongname"),
    Face("selfsigned", "cloud", certificate="selfsigned"),
    Face("control", "control", certificate=None),
)


class _Config(Config):
    include_server_header = False
    keep_alive_timeout = 75.0

    def response_headers(self, protocol):
        return []                           # the answers bring their own Date and Server


class Connection(TCPServer):
    """A connection that can be ended badly, and that notices when the client has gone."""

    def __init__(self, face, world, app, config, reader, writer):
        super().__init__(app, asyncio.get_running_loop(), config, WorkerContext(), reader, writer)
        self.face, self.world = face, world
        self.received = b""
        self.busy = 0

    async def run(self):
        secure = self.writer.get_extra_info("ssl_object")
        self.number = self.world.connected(self.face.name, bool(secure and secure.session_reused))
        try:
            await super().run()
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            pass
        except Exception:                   # a path that is not ASCII, for one
            LOG.info("%s: refused by the library", self.face.name, exc_info=True)
            self.world.malformed(self.face.name, self.number, self.received)
        finally:
            self.world.disconnected(self.face.name)

    async def _read_data(self):
        with contextlib.suppress(OSError, ssl.SSLError):
            while not self.reader.at_eof():
                self.received = await self.reader.read(65536)
                if self.received:
                    await self.protocol.handle(RawData(self.received))
        await self.protocol.handle(Closed())

    async def protocol_send(self, event):
        refused = isinstance(event, RawData) and event.data.startswith(b"HTTP/1.1 400")
        if refused and not self.busy:
            self.world.malformed(self.face.name, self.number, self.received)
        await super().protocol_send(event)

    def abort(self):
        raw.drop(self.writer)

    async def end(self, how, stream_id):
        """close, goaway, or reset CODE."""
        http2 = getattr(self.protocol.protocol, "connection", None)
        if hasattr(http2, "reset_stream") and how != "close":
            with contextlib.suppress(h2.exceptions.ProtocolError):
                if how == "goaway":
                    http2.close_connection()
                else:
                    http2.reset_stream(stream_id, int(how.split()[1]))
            await self.protocol_send(RawData(http2.data_to_send()))
            if how != "goaway":
                return
            await asyncio.sleep(0.05)
        self.abort()


class Site:
    """The ASGI application of one face, one instance per connection."""

    def __init__(self, face, world):
        self.face, self.world = face, world
        self.connection = None

    async def __call__(self, scope, receive, send):
        entry = self._entry(scope)
        self.world.arrived(self.face.name, entry)
        self.connection.busy += 1
        gone = work = None
        try:
            # An answer before the request's end would make hypercorn 0.13 close the connection.
            entry["body"] = (await _body(receive)).decode("latin1")
            gone = asyncio.ensure_future(self._gone(receive))
            work = asyncio.ensure_future(self._respond(entry, send))
            await asyncio.wait((gone, work), return_when=asyncio.FIRST_COMPLETED)
            # The library says "disconnect" after a complete answer too, amid our last send().
            if work.done() or entry["status"]:
                await work
        except modes.Gone as how:
            await self.connection.end(str(how), send.__self__.stream_id)
        finally:
            for task in filter(None, (gone, work)):
                task.cancel()
            self.connection.busy -= 1
            self.world.left(self.face.name, entry)
            LOG.info("%s %s %s -> %s", self.face.name, entry["method"], entry["target"],
                     entry["status"])

    def _entry(self, scope):
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        return {"method": scope["method"], "target": target.decode("latin1"),
                "status": None, "body": "",
                "http_version": scope["http_version"], "connection": self.connection.number,
                "client_port": scope["client"][1],
                "client_certificate": self._client_certificate(),
                "headers": [[name.decode("latin1"), value.decode("latin1")]
                            for name, value in scope["headers"]]}

    def _client_certificate(self):
        shown = self.connection.writer.get_extra_info("peercert")
        if not shown:
            return None
        return dict(pair for part in shown["subject"] for pair in part).get("commonName")

    @staticmethod
    async def _gone(receive):
        while (await receive())["type"] != "http.disconnect":
            pass

    async def _respond(self, entry, send):
        x = self._exchange(entry)
        rules = self.world.matching(self.face.name, entry["target"])
        await self._send(await modes.respond(x, rules), entry, send)

    def _exchange(self, entry):
        path, prefix = tomcat_path(entry["target"].partition("?")[0]), self.face.context
        if self.face.kind == "gateway":
            prefix = f"/ex/jira/{self.world.cloud_id}"
            if path in ("/me", "/oauth/token/accessible-resources"):
                prefix = ""
        inside = path == prefix or path.startswith(prefix + "/")
        return Exchange(self.world, self.face.name, self.face.kind, entry, prefix,
                        (path[len(prefix):] or "/") if inside else None)

    async def _send(self, answer, entry, send):
        headers = [(name.encode("latin1"), value.encode("latin1"))
                   for name, value in answer.headers]
        length = answer.length
        if length == "auto":
            length = len(answer.body)
        if length is not None:
            headers.append((b"content-length", b"%d" % length))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        last = b""
        if entry["method"] != "HEAD":
            async for block, more in _blocks(answer):
                if more or answer.cut:
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                else:
                    last = block
        self.world.left(self.face.name, entry, answer.status)
        await send({"type": "http.response.body", "body": last, "more_body": answer.cut})
        if answer.cut or answer.close:
            await asyncio.sleep(0.1)        # the bytes must be on their way before it goes
            self.connection.abort()


async def _body(receive, keep=65536):
    """The request's body, or its beginning."""
    body, more = b"", True
    while more:
        message = await receive()
        body = (body + message.get("body", b""))[:keep]
        more = message.get("more_body", False)
    return body


async def _blocks(answer):
    """The body in pieces, each with whether more may follow."""
    if not isinstance(answer.body, bytes):
        async for block in answer.body:
            yield block, True
    elif answer.pace:
        step, seconds = answer.pace
        yield b"", True                     # sends the headers
        for start in range(0, len(answer.body), step):
            await asyncio.sleep(seconds)
            yield answer.body[start:start + step], True
    else:
        yield answer.body, False


def control(world):
    """The JSON interface that tests talk to."""
    async def log(request):
        if request.method == "DELETE":
            world.clear()
            return JSONResponse({})
        face = request.query_params.get("face")
        return JSONResponse([entry for entry in world.received if face in (None, entry["face"])])

    async def mode(request):
        if request.method == "DELETE":
            number = request.query_params.get("id")
            world.release(int(number) if number else None)
            return JSONResponse({})
        if request.method == "GET":
            return JSONResponse([rule.shown() for rule in world.rules])
        asked = await request.json()
        name, args = asked["mode"], asked.get("args") or {}
        face = asked.get("face") or "*"
        try:
            if face not in ("*", "raw", *(known.name for known in FACES)):
                raise ValueError(f"no face is called {face!r}")
            modes.check((raw if face == "raw" else modes).MODES, name, args)
            rule = world.add_rule(face, asked.get("match"), name, args, asked.get("times"))
        except (ValueError, re.error) as error:
            return PlainTextResponse(str(error), 400)
        return JSONResponse(rule.shown())

    async def accounts(request):
        if request.method == "PUT":
            world.accounts = await request.json()
        return JSONResponse(world.accounts)

    async def tokens(request):
        if request.method == "PUT":
            try:
                world.tokens.set(**await request.json())
            except (ValueError, TypeError) as error:
                return PlainTextResponse(str(error), 400)
        return JSONResponse(world.tokens.shown())

    async def counters(request):
        return JSONResponse({name: world.counters[name] for name in world.urls})

    async def names(request):
        table = {name: sentence for name, (sentence, _) in modes.MODES.items()}
        told = {"raw": {name: sentence for name, (sentence, _) in raw.MODES.items()}}
        return JSONResponse({"modes": table, **told})

    async def reset(request):
        world.reset()
        return JSONResponse({})

    return Starlette(routes=[
        Route("/log", log, methods=["GET", "DELETE"]),
        Route("/mode", mode, methods=["GET", "POST", "DELETE"]),
        Route("/accounts", accounts, methods=["GET", "PUT"]),
        Route("/tokens", tokens, methods=["GET", "PUT"]),
        Route("/counters", counters),
        Route("/modes", names),
        Route("/reset", reset, methods=["POST"]),
    ])


def tls(files, certificate, alpn, client_certificate=False):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files[certificate + "_cert"], files[certificate + "_key"])
    context.set_alpn_protocols(list(alpn))
    if client_certificate:
        context.load_verify_locations(files["ca"])
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def serve(face, world, files):
    """Listens on a free port; returns the server."""
    config = _Config()
    config.errorlog = LOG
    config.alpn_protocols = list(face.alpn)
    control_app = control(world) if face.kind == "control" else None

    async def connected(reader, writer):
        if control_app is not None:
            connection = Connection(face, world, control_app, config, reader, writer)
        else:
            site = Site(face, world)
            connection = Connection(face, world, site, config, reader, writer)
            site.connection = connection
        await connection

    context = None
    if face.certificate:
        context = tls(files, face.certificate, face.alpn, face.client_certificate)
    return await asyncio.start_server(connected, HOST, 0, ssl=context, backlog=1024)

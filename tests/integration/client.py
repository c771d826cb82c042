# SPDX-License-Identifier: Apache-2.0
"""An HTTP client that sends exactly what a test says: no normalised path, no header of its own."""

import contextlib
import http.client
import re
import socket
import threading


class Reply:
    """A parsed answer; `lost` says that the server closed without one."""

    def __init__(self, status, reason, headers, body):
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body

    def __getitem__(self, name):
        return self.headers.get(name)

    def all(self, name):
        return self.headers.get_all(name) or []

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def cache_control(self):
        """Cache-Control as a dict: {"public": None, "max-age": 3600}."""
        found = {}
        for part in ",".join(self.all("Cache-Control")).split(","):
            name, equals, value = part.strip().partition("=")
            if name:
                found[name.lower()] = int(value) if value.isdigit() else value if equals else None
        return found

    def __repr__(self):
        lines = [f"{self.status} {self.reason}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\n".join(lines) + f"\n\n{self.body[:300]!r}"


def connect(port, timeout=20, source=None):
    return socket.create_connection(
        ("127.0.0.1", port), timeout=timeout, source_address=source and (source, 0)
    )


def read_reply(sock, method="GET"):
    """Reads one answer from a socket; RemoteDisconnected or another HTTPException if none came."""
    response = http.client.HTTPResponse(sock, method=method)
    with contextlib.closing(response):
        response.begin()
        return Reply(response.status, response.reason, response.headers, response.read())


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def compose(target, method="GET", headers=None, body=None, host="localhost", version="HTTP/1.1"):
    """The bytes of a request, nothing checked or escaped. A header list may repeat names."""
    fields = list(headers.items() if isinstance(headers, dict) else headers or [])
    names = {as_bytes(name).lower() for name, _ in fields}
    if host is not None and b"host" not in names:
        fields.insert(0, ("Host", host))
    if body is not None and not names & {b"content-length", b"transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    if b"connection" not in names:
        fields.append(("Connection", "close"))
    head = b" ".join((as_bytes(method), as_bytes(target), as_bytes(version)))
    head += b"".join(b"\r\n" + as_bytes(n) + b": " + as_bytes(v) for n, v in fields)
    return head + b"\r\n\r\n" + as_bytes(body or b"")


def request(port, target, method="GET", timeout=20, source=None, **parts):
    with connect(port, timeout, source) as sock:
        sock.sendall(compose(target, method, **parts))
        return read_reply(sock, method)


def exchange(port, data, timeout=10):
    """Sends bytes, returns every byte that comes back until the server closes."""
    with connect(port, timeout) as sock:
        sock.sendall(data)
        received = b""
        with contextlib.suppress(socket.timeout, ConnectionError):
            while chunk := sock.recv(65536):
                received += chunk
        return received


def statuses(received):
    """The status codes of every answer in a byte stream."""
    return [int(code) for code in re.findall(rb"(?:^|\n)HTTP/1\.[01] (\d{3})", received)]


class Crowd:
    """As many threads as wanted, each in visit(index) until `ended` is set at the end of a `with`
    block."""

    def __init__(self, count):
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.visit, args=(i,)) for i in range(count)]

    def visit(self, index):
        raise NotImplementedError

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        for thread in self.threads:
            thread.join(30)

# SPDX-License-Identifier: Apache-2.0
"""The site that everybody asks: nginx with Lua over TLS, HTTP/2 and HTTP/1.1, and a control port.

It wants our Authorization, answers a 4 KB PNG that carries its own name, counts requests, TLS
handshakes and resumed sessions, and behaves as it is told: `ok` after a delay, `stall` until told
otherwise, `503`, `429` with Retry-After, `reset` (the connection, or the HTTP/2 stream, is torn)."""

import base64
import json
import random
import struct
import time
import urllib.parse
import urllib.request
import zlib

import trustme

import processes

USER, TOKEN = "bot@example.com", "bench-token"
AUTHORIZATION = "Basic " + base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
MODULES = "/usr/lib/nginx/modules"


def _chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def picture_around(size=4096):
    """A PNG in two parts, between which a text chunk names the avatar."""
    noise = random.Random(7)
    side = 63
    rows = b"".join(b"\0" + noise.randbytes(side) for _ in range(side))
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return head, _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


CONF = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
daemon off; master_process on; worker_processes 1; worker_rlimit_nofile 20000;
pid {root}/nginx.pid; error_log {root}/error.log warn; {user}
events {{ worker_connections 10000; }}
http {{
  access_log off; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 60s;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  reset_timedout_connection on;
  lua_shared_dict said 1m;
  init_by_lua_block {{
    require "resty.core"
    local function read(path)
      local file = io.open(path, "rb"); local text = file:read("*a"); file:close(); return text
    end
    head, tail = read("{root}/head.png"), read("{root}/tail.png")
  }}
  server {{
    listen 127.0.0.1:{port} ssl http2 backlog=4096;
    ssl_certificate {root}/server.pem; ssl_certificate_key {root}/server.key;
    ssl_session_cache shared:sessions:4m; ssl_protocols TLSv1.2 TLSv1.3;
    lua_check_client_abort on;
    location / {{ content_by_lua_block {{
      local said, var = ngx.shared.said, ngx.var
      if var.connection_requests == "1" then
        said:incr("connections", 1, 0)
        if var.ssl_session_reused == "r" then said:incr("resumed", 1, 0) end
      end
      if var.http_authorization ~= "{authorization}" then
        said:incr("strangers", 1, 0)
        return ngx.exit(401)
      end
      local id = var.uri:match("/avatar/(%w+)$")
      said:incr(id and "requests" or "questions", 1, 0)
      local mode = said:get("mode")
      if mode == "stall" then
        while said:get("mode") == "stall" do ngx.sleep(0.1) end
        mode = said:get("mode")
      end
      if mode == "503" then return ngx.exit(503) end
      if mode == "reset" then return ngx.exit(444) end
      if mode == "429" then
        ngx.header["Retry-After"] = said:get("retry_after")
        return ngx.exit(429)
      end
      if not id then return ngx.exit(404) end
      local delay = said:get("delay")
      if delay and delay > 0 then ngx.sleep(delay) end
      local text = "tEXtComment\\0avatar-" .. id .. ";"
      local len, crc = #text - 4, ngx.crc32_long(text)
      local char, floor = string.char, math.floor
      local picture = head .. char(0, 0, 0, len) .. text .. char(floor(crc / 16777216) % 256,
        floor(crc / 65536) % 256, floor(crc / 256) % 256, crc % 256) .. tail
      ngx.header["Content-Type"] = "image/png"
      ngx.header["Content-Length"] = #picture
      ngx.header["Cache-Control"] = "private, max-age=31536000"
      ngx.header["Expires"] = "Thu, 01 Jan 1970 00:00:00 GMT"
      ngx.header["X-AACCOUNTID"] = "5b10ac8d82e05b22cc7d4ef5"
      ngx.print(picture)
    }} }}
  }}
  server {{
    listen 127.0.0.1:{control};
    location = /set {{ content_by_lua_block {{
      local said, args = ngx.shared.said, ngx.req.get_uri_args()
      for _, name in ipairs {{ "delay", "retry_after" }} do
        if args[name] then said:set(name, tonumber(args[name])) end
      end
      if args.mode then said:set("mode", args.mode) end
      ngx.print("ok")
    }} }}
    location = /counts {{ content_by_lua_block {{
      local said, out = ngx.shared.said, {{}}
      for _, name in ipairs {{ "requests", "questions", "connections", "resumed", "strangers" }} do
        out[#out + 1] = string.format('"%s": %d', name, said:get(name) or 0)
      end
      ngx.print("{{" .. table.concat(out, ", ") .. "}}")
    }} }}
  }}
}}
"""


class Upstream:
    def __init__(self):
        self.root = processes.make_dir("upstream")
        self.port, self.control = processes.free_port(), processes.free_port()
        head, tail = picture_around()
        (self.root / "head.png").write_bytes(head)
        (self.root / "tail.png").write_bytes(tail)
        (self.root / "plain.png").write_bytes(head + tail)
        self.ca = self.root / "ca.pem"
        authority = trustme.CA()
        leaf = authority.issue_cert("localhost", "127.0.0.1")
        authority.cert_pem.write_to_path(self.ca)
        leaf.private_key_pem.write_to_path(self.root / "server.key")
        (self.root / "server.pem").write_bytes(b"".join(b.bytes() for b in leaf.cert_chain_pems))
        user = f"user {processes.run_user().pw_name};" if processes.run_user() else ""
        (self.root / "nginx.conf").write_text(CONF.format(
            modules=MODULES, root=self.root, user=user, port=self.port, control=self.control,
            authorization=AUTHORIZATION))
        self.process = None

    @property
    def url(self):
        return f"https://localhost:{self.port}"

    def start(self):
        self.process = processes.start(
            ["nginx", "-p", self.root, "-c", self.root / "nginx.conf"], self.root)
        processes.wait_port(self.control, self.process, self.root)
        self.set(mode="ok", delay=0, retry_after=30)

    def _ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control}{path}", timeout=5) as reply:
            return reply.read()

    def set(self, **what):
        self._ask("/set?" + urllib.parse.urlencode(what))

    def counts(self):
        """Questions about the account are requests, too."""
        counts = json.loads(self._ask("/counts"))
        counts["requests"] += counts.pop("questions")
        return counts

    def quiet(self, seconds=2.0):
        """Waits until nobody asks any more; returns the counts."""
        end = time.monotonic() + seconds
        before = self.counts()
        while True:
            time.sleep(0.15)
            now = self.counts()
            if now == before or time.monotonic() > end:
                return now
            before = now

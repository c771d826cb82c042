# SPDX-License-Identifier: Apache-2.0
"""Everybody who is measured, each configured as its experts would, with the same workers.

Each serves /avatars/ (fresh for an hour) and /short/ (fresh for a second, then stale for days) from
the upstream, /static.html from a file or from memory, in plain HTTP on a port of its own."""

import os
import pathlib
import shutil

import processes
import upstream as up

WORKERS, CHILDREN = 256, 2
THREADS = 2  # of the servers that have one per processor
STATIC = "<!doctype html><title>unrelated</title>" + "<p>A page that has nothing to do with it.\n" * 90


class Contender:
    name = key = ""
    note = ""
    herd_place = "avatars"
    only = ()  # the measures it takes part in, if not all

    def __init__(self, upstream, build):
        self.upstream = upstream
        self.build = build
        self.root = processes.make_dir(self.key)
        self.port = processes.free_port()
        self.started = []
        (self.root / "docs").mkdir()
        (self.root / "docs" / "static.html").write_text(STATIC)

    def commands(self):
        raise NotImplementedError

    def start(self):
        for command in self.commands():
            self.started.append(processes.start(command, self.root))
        processes.wait_port(self.port, self.started[-1], self.root)

    def pids(self):
        return [process.pid for process in self.started]

    def cpu(self):
        return processes.cpu_seconds(self.pids())

    def memory(self):
        return processes.memory_mib(self.pids())

    def write(self, name, text):
        (self.root / name).write_text(text)
        return self.root / name


# ---- httpd ------------------------------------------------------------------------------------

HTTPD = """
ServerRoot {root}
DefaultRuntimeDir {root}
PidFile {root}/httpd.pid
ServerName localhost
Listen 127.0.0.1:{port}
ListenBacklog 4096
{load}
{user}
StartServers {children}
ServerLimit {children}
ThreadsPerChild {threads}
ThreadLimit {threads}
MaxRequestWorkers {workers}
MinSpareThreads {workers}
MaxSpareThreads {workers}
MaxConnectionsPerChild 0
AsyncRequestWorkerFactor 16
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 30
Timeout 60
ErrorLog {root}/error.log
LogLevel {log_level}
DocumentRoot {root}/docs
TypesConfig /etc/mime.types
<Directory {root}/docs>
    Require all granted
    AllowOverride None
</Directory>
{text}
"""
BASE = "mpm_event authz_core mime headers setenvif socache_shmcb"


class Httpd(Contender):
    modules = ""
    log_level = "warn"

    def text(self):
        return ""

    def load(self):
        libexec = pathlib.Path(os.environ.get("LIBEXECDIR", "/usr/lib/apache2/modules"))
        return "\n".join(f"LoadModule {name}_module {libexec}/mod_{name}.so"
                         for name in f"{BASE} {self.modules}".split())

    def commands(self):
        user = processes.run_user()
        conf = self.write("httpd.conf", HTTPD.format(
            root=self.root, port=self.port, load=self.load(), text=self.text(),
            user=f"User #{user.pw_uid}\nGroup #{user.pw_gid}" if user else "",
            children=CHILDREN, threads=WORKERS // CHILDREN, workers=WORKERS,
            log_level=self.log_level))
        yield [os.environ.get("HTTPD", "/usr/sbin/apache2"), "-d", self.root, "-f", conf,
               "-DFOREGROUND"]


class Ours(Httpd):
    key, name = "ours", "mod_jira_avatar"
    herd_place = "herd"
    note = ("64 fetches at once per child; for the cold stampede a Location with room for 240 "
            "waiting visitors; else defaults")

    def text(self):
        token = self.write("token", up.TOKEN)
        token.chmod(0o640)
        if processes.run_user():
            os.chown(token, 0, processes.run_user().pw_gid)
        common = f"""
    SetHandler jira-avatar
    JiraAvatarSite {self.upstream.url} cloud
    JiraAvatarRoute site
    JiraAvatarCredential basic user={up.USER} secret=file:{token}
    JiraAvatarCAFile {self.upstream.ca}
    JiraAvatarCacheControl public
    JiraAvatarMaxFetches 64
"""
        return f"""
LoadModule jira_avatar_module {os.environ["MODULE"]}
<Location "/avatars/">{common}</Location>
<Location "/short/">{common}    JiraAvatarMaxAge 1s\n</Location>
<Location "/herd/">{common}    JiraAvatarMaxWaiting 120\n</Location>
"""


class OursAgain(Ours):
    key, name = "again", "mod_jira_avatar, again"
    note = "the same once more: what differs is noise"
    only = ("warm", "cold")


class Constant(Httpd):
    key, name = "constant", "a constant from memory in httpd"
    note = "the least a handler in httpd can cost"
    only = ("warm",)

    def text(self):
        return f"""
LoadModule constant_module {self.build}/mod_constant.so
ConstantFile {self.upstream.root}/plain.png
<Location "/avatars/">
    SetHandler constant
</Location>
"""


class ModCache(Httpd):
    """mod_cache keeps nothing of Jira's answers unless it is told a freshness that Jira does not
    give, here for successes only."""

    modules = "proxy proxy_http ssl cache"

    def store(self):
        raise NotImplementedError

    def location(self, path, max_age):
        return f"""
<Location "{path}">
    ProxyPass "{self.upstream.url}/" timeout=10 connectiontimeout=2 keepalive=On ttl=30
    RequestHeader set Authorization "{up.AUTHORIZATION}"
    RequestHeader unset Cookie
    Header unset Expires
    Header unset Set-Cookie
    Header set Cache-Control "public, max-age={max_age}" "expr=%{{REQUEST_STATUS}} == 200"
</Location>
"""

    def text(self):
        locks = processes.give(self.root / "locks")
        return f"""
SSLProxyEngine on
SSLProxyCACertificateFile {self.upstream.ca}
SSLProxyVerify require
CacheQuickHandler on
{self.store()}
CacheLock on
CacheLockPath {locks}
CacheLockMaxAge 10
CacheIgnoreCacheControl on
CacheIgnoreNoLastMod on
CacheStaleOnError on
CacheIgnoreHeaders Set-Cookie
{self.location("/avatars/", 3600)}{self.location("/short/", 1)}"""


class CacheDisk(ModCache):
    key, name = "disk", "httpd mod_proxy + mod_cache_disk"
    note = "quick handler, CacheLock, stale on error"
    modules = ModCache.modules + " cache_disk"

    def store(self):
        cache = processes.give(self.root / "cache")
        return (f"CacheRoot {cache}\nCacheDirLevels 2\nCacheDirLength 1\n"
                "CacheEnable disk /avatars/\nCacheEnable disk /short/")


class CacheSocache(ModCache):
    key, name = "socache", "httpd mod_proxy + mod_cache_socache"
    note = "shmcb of 32 MB"
    modules = ModCache.modules + " cache_socache"

    def store(self):
        return (f"CacheSocache shmcb:{self.root}/socache(33554432)\n"
                "CacheEnable socache /avatars/\nCacheEnable socache /short/")


# ---- nginx ------------------------------------------------------------------------------------

NGINX = """
daemon off; worker_processes {threads}; worker_rlimit_nofile 20000; pid {root}/nginx.pid;
error_log {root}/error.log crit; {user}
events {{ worker_connections 8000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 30s;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  types {{ text/html html; image/png png; }}
  open_file_cache max=10000 inactive=60s;
  proxy_cache_path {root}/cache levels=1:2 keys_zone=avatars:16m inactive=7d max_size=1g
    use_temp_path=off;
  upstream jira {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host localhost;
  proxy_set_header Authorization "{authorization}"; proxy_pass_request_headers off;
  proxy_ssl_verify on; proxy_ssl_trusted_certificate {ca}; proxy_ssl_name localhost;
  proxy_ssl_server_name on; proxy_ssl_session_reuse on;
  proxy_connect_timeout 2s; proxy_read_timeout 10s; proxy_next_upstream off;
  proxy_cache avatars; proxy_cache_key $uri;
  proxy_ignore_headers Cache-Control Expires Set-Cookie Vary X-Accel-Expires;
  proxy_hide_header Set-Cookie; proxy_hide_header Cache-Control; proxy_hide_header Expires;
  proxy_cache_lock on; proxy_cache_lock_timeout 10s; proxy_cache_lock_age 10s;
  proxy_cache_background_update on;
  proxy_cache_use_stale error timeout invalid_header updating
    http_500 http_502 http_503 http_504 http_429;
  server {{
    listen 127.0.0.1:{port} backlog=4096 reuseport;
    root {root}/docs;
    location /avatars/ {{
      proxy_pass https://jira/; proxy_cache_valid 200 1h; proxy_cache_valid 404 1m;
      add_header Cache-Control "public, max-age=3600";
    }}
    location /short/ {{
      proxy_pass https://jira/; proxy_cache_valid 200 1s; proxy_cache_valid 404 1m;
      add_header Cache-Control "public, max-age=1";
    }}
  }}
}}
"""


class Nginx(Contender):
    key, name = "nginx", "nginx proxy_cache"
    note = "lock, background update, stale on error and 429"

    def commands(self):
        processes.give(self.root / "cache")
        user = f"user {processes.run_user().pw_name};" if processes.run_user() else ""
        conf = self.write("nginx.conf", NGINX.format(
            root=self.root, user=user, threads=THREADS, port=self.port, ca=self.upstream.ca,
            upstream=self.upstream.port, authorization=up.AUTHORIZATION))
        yield ["nginx", "-p", self.root, "-c", conf]


# ---- HAProxy, alone and as Varnish's way to TLS ------------------------------------------------

HAPROXY = """
global
  nbthread {threads}
  maxconn 5000
  {user}
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 10s
  timeout http-keep-alive 30s
  option http-keep-alive
  http-reuse always
  retries 0
"""
SERVER = ("server jira localhost:{port} ssl verify required ca-file {ca} sni str(localhost) "
          "alpn http/1.1 pool-max-conn 128")
CACHE = """
cache {name}
  total-max-size 64
  max-object-size 1000000
  max-age {max_age}
backend {name}
  http-request cache-use {name}
  http-request replace-path /[a-z]+/(.*) /\\1
  http-request set-header Authorization "{authorization}"
  http-request del-header Cookie
  http-response del-header Set-Cookie
  http-response del-header Expires
  http-response set-header Cache-Control "public, max-age={max_age}" if {{ status 200 }}
  http-response cache-store {name}
  {server}
"""


class HAProxy(Contender):
    key, name = "haproxy", "HAProxy cache"
    note = "64 MB in memory"

    def head(self):
        user = processes.run_user()
        return HAPROXY.format(threads=THREADS,
                              user=f"user {user.pw_name}\n  group {user.pw_name}" if user else "")

    def server(self):
        return SERVER.format(port=self.upstream.port, ca=self.upstream.ca)

    def caches(self):
        return "".join(CACHE.format(name=name, max_age=age, authorization=up.AUTHORIZATION,
                                    server=self.server())
                       for name, age in (("avatars", 3600), ("short", 1)))

    def commands(self):
        page = self.root / "docs" / "static.html"
        conf = self.write("haproxy.cfg", f"""{self.head()}
frontend visitors
  bind 127.0.0.1:{self.port} backlog 4096
  http-request return status 200 content-type text/html file {page} if {{ path /static.html }}
  use_backend avatars if {{ path_beg /avatars/ }}
  use_backend short if {{ path_beg /short/ }}
{self.caches()}""")
        yield ["haproxy", "-db", "-f", conf]


VCL = """
vcl 4.1;
import std;
backend jira {{
  .path = "{root}/hop.sock"; .connect_timeout = 2s; .first_byte_timeout = 10s;
}}
sub vcl_recv {{
  if (req.url == "/static.html") {{ return (synth(200)); }}
  if (req.url !~ "^/(avatars|short)/rest/") {{ return (synth(404)); }}
  unset req.http.Cookie; unset req.http.Authorization;
  return (hash);
}}
sub vcl_backend_fetch {{
  set bereq.http.Short = bereq.url ~ "^/short/";
  set bereq.url = regsub(bereq.url, "^/[a-z]+/", "/");
  set bereq.http.Host = "localhost";
  set bereq.http.Authorization = "{authorization}";
}}
sub vcl_backend_response {{
  unset beresp.http.Set-Cookie; unset beresp.http.Expires;
  if (beresp.status == 200) {{
    set beresp.http.Cache-Control = "public, max-age=3600"; set beresp.ttl = 1h;
    if (bereq.http.Short == "true") {{ set beresp.ttl = 1s; }}
    set beresp.grace = 7d;
  }} elsif (beresp.status >= 500 || beresp.status == 429) {{
    if (bereq.is_bgfetch) {{ return (abandon); }}
    set beresp.ttl = 1s; set beresp.grace = 0s;
  }}
}}
sub vcl_backend_error {{
  if (bereq.is_bgfetch) {{ return (abandon); }}
  set beresp.ttl = 1s; set beresp.grace = 0s;
}}
sub vcl_synth {{
  if (resp.status == 200) {{
    set resp.http.Content-Type = "text/html";
    synthetic(std.fileread("{root}/docs/static.html"));
    return (deliver);
  }}
}}
"""


class Varnish(HAProxy):
    key, name = "varnish", "Varnish + TLS hop"
    note = "256 MB, grace of 7 days, HAProxy for TLS"

    def commands(self):
        (self.root / "vsm").mkdir()
        hop = self.write("hop.cfg", f"""{self.head()}
frontend varnish
  bind unix@{self.root}/hop.sock mode 666 backlog 4096
  default_backend jira
backend jira
  {self.server()}
""")
        vcl = self.write("avatars.vcl", VCL.format(root=self.root, authorization=up.AUTHORIZATION))
        yield ["haproxy", "-db", "-f", hop]
        command = ["varnishd", "-F", "-n", self.root / "vsm", "-a", f"127.0.0.1:{self.port}",
                   "-f", vcl, "-s", "malloc,256m", "-T", "none", "-p", "thread_pools=2",
                   "-p", "thread_pool_min=128", "-p", "thread_pool_max=4000",
                   "-p", "listen_depth=4096", "-p", "timeout_idle=30"]
        yield command if processes.run_user() else [*command, "-j", "none"]


ALL = (Ours, OursAgain, CacheDisk, CacheSocache, Nginx, Varnish, HAProxy, Constant)
PROGRAMS = ("nginx", "varnishd", "haproxy", "wrk", "h2load")


def missing_programs():
    path = "/usr/sbin:/usr/bin:/sbin:/bin:" + os.environ.get("PATH", "")
    found = [name for name in PROGRAMS if not shutil.which(name, path=path)]
    if not pathlib.Path(up.MODULES, "ngx_http_lua_module.so").exists():
        found.append("nginx's Lua module")
    return found

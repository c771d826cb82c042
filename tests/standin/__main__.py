# SPDX-License-Identifier: Apache-2.0
"""Runs the stand-in until SIGTERM."""

import argparse
import asyncio
import json
import logging
import os
import pathlib
import signal

from . import certs, proxy, raw, server
from .world import CLOUD_ID, World


def main():
    parser = argparse.ArgumentParser(prog="standin", description="A stand-in of Jira.")
    parser.add_argument("--dir", type=pathlib.Path, required=True,
                        help="where certificates, standin.json and standin.log go")
    parser.add_argument("--cloud-id", default=CLOUD_ID, help="the site's cloudId")
    parser.add_argument("--accounts", type=pathlib.Path,
                        help="JSON file in place of world.ACCOUNTS")
    parser.add_argument("--with-parent", action="store_true",
                        help="end when the process that started it ends")
    options = parser.parse_args()
    options.dir.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=options.dir / "standin.log", level=logging.INFO,
                        format="%(asctime)s %(levelname)s %(name)s %(message)s")
    accounts = json.loads(options.accounts.read_text()) if options.accounts else None
    asyncio.run(run(options, World(options.cloud_id, accounts)))


async def run(options, world):
    files = certs.make(options.dir / "certs")
    servers = {face.name: await server.serve(face, world, files) for face in server.FACES}
    context = server.tls(files, "server", ["http/1.1"])
    servers["raw"] = await raw.serve(world, context, server.HOST)
    servers["proxy"] = await proxy.serve(world, "proxy", None, server.HOST)
    servers["proxyauth"] = await proxy.serve(world, "proxyauth", "proxy:proxy-pass", server.HOST)
    ports = {name: one.sockets[0].getsockname()[1] for name, one in servers.items()}
    world.ports = set(ports.values())
    plain = {"proxy", "proxyauth", *(face.name for face in server.FACES if not face.certificate)}
    contexts = {face.name: face.context for face in server.FACES}
    world.urls = {name: f"{'http' if name in plain else 'https'}://localhost:{port}"
                        f"{contexts.get(name, '')}" for name, port in ports.items()}
    publish(options.dir / "standin.json", {
        "pid": os.getpid(), "ports": ports, "urls": world.urls, "cloud_id": world.cloud_id,
        "files": {name: files[name] for name in ("ca", "client_cert", "client_key")}})
    await ended(options.with_parent)
    # Connections that hang would be waited for; nobody needs them any more.
    logging.shutdown()
    os._exit(0)


def publish(path, value):
    whole = path.with_suffix(".new")
    whole.write_text(json.dumps(value, indent=1) + "\n")
    whole.replace(path)


async def ended(with_parent):
    stop, parent = asyncio.Event(), os.getppid()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    while not with_parent or os.getppid() == parent:
        try:
            return await asyncio.wait_for(stop.wait(), 1)
        except asyncio.TimeoutError:
            pass


main()

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh DIR: the authorization server, and what npm has for it, into a directory.
from=$(cd "$(dirname "$0")" && pwd) && mkdir -p "$1" && cd "$1" || exit 1

major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null)
if [ "${major:-0}" -lt 18 ] || ! command -v npm >/dev/null; then
    echo "check-oauth needs Node.js 18 or newer and npm; install both, on Debian with:" >&2
    echo "apt-get install nodejs npm" >&2
    exit 1
fi

cp -f "$from/package.json" "$from/package-lock.json" "$from/server.mjs" . || exit 1
cmp -s package-lock.json installed.json && exit 0
npm ci --ignore-scripts --no-audit --no-fund && cp package-lock.json installed.json

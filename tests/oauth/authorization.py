# SPDX-License-Identifier: Apache-2.0
"""The authorization server that others wrote: server.mjs in a process of its own."""

import json
import os
import subprocess

SECRETS = {name: f"{name}-secret-0123456789-0123456789-0123456789"
           for name in ("app", "dc-app", "service", "connect", "jira")}


class AuthorizationServer:
    """server.mjs says what it can be told. It runs in the directory OAUTH, where npm put what it
    needs, and ends with its input: with us."""

    def __init__(self, certificates, **options):
        options.update(cert=f"{certificates}/server.pem", key=f"{certificates}/server.key",
                       secrets=SECRETS)
        self.process = subprocess.Popen(
            ["node", "server.mjs", json.dumps(options)], cwd=os.environ["OAUTH"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.origin = self._answer()

    def _answer(self):
        return json.loads(self.process.stdout.readline())

    def tell(self, *command):
        print(json.dumps(command), file=self.process.stdin, flush=True)
        return self._answer()

    def record(self):
        """What it granted, refused, revoked, and how often a used refresh token came again."""
        return self.tell("record")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

# SPDX-License-Identifier: Apache-2.0
"""Access tokens of an authorization server that is not ours: it is asked about each (RFC 7662)."""

import http.client
import json
import ssl
import urllib.parse


class Introspection:
    def __init__(self, url, ca_file, client, secret):
        at = urllib.parse.urlsplit(url)
        self.path = at.path
        self.who = {"client_id": client, "client_secret": secret}
        self.connection = http.client.HTTPSConnection(
            at.netloc, timeout=10, context=ssl.create_default_context(cafile=ca_file))

    def find(self, token):
        """(verdict, account) of an access token."""
        form = urllib.parse.urlencode({**self.who, "token": token})
        self.connection.request("POST", self.path, form,
                                {"Content-Type": "application/x-www-form-urlencoded"})
        said = json.loads(self.connection.getresponse().read())
        if not said["active"]:
            return "expired", ""
        return "ok", said.get("sub", said["client_id"])

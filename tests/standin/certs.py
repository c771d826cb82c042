# SPDX-License-Identifier: Apache-2.0
"""The certificates of the stand-in: one to trust, three to refuse, one for a client."""

import datetime

import trustme

NAMES = ("localhost", "127.0.0.1", "site.test", "gateway.test", "jira.test", "elsewhere.test")


def make(directory):
    """Writes them below directory; returns {name: path}."""
    directory.mkdir(exist_ok=True)
    ca = trustme.CA(organization_name="Jira stand-in")
    past = datetime.datetime(2020, 1, 1)
    stranger = trustme.CA(organization_name="Signed by itself")
    files = {"ca": directory / "ca.pem"}
    ca.cert_pem.write_to_path(files["ca"])

    def keep(name, chain, key):
        files[name + "_cert"] = directory / f"{name}.pem"
        files[name + "_key"] = directory / f"{name}.key"
        files[name + "_cert"].write_bytes(chain)
        files[name + "_key"].write_bytes(key)
        # The client's key is read by an httpd that may run as somebody else.
        files[name + "_key"].chmod(0o644 if name == "client" else 0o600)

    def issue(name, *identities, **options):
        leaf = ca.issue_cert(*identities, **options)
        chain = b"".join(blob.bytes() for blob in leaf.cert_chain_pems)
        keep(name, chain, leaf.private_key_pem.bytes())

    issue("server", *NAMES)
    issue("expired", *NAMES, not_after=past)
    issue("wrongname", "somebody-else.test")
    issue("client", "avatar-client.test", common_name="avatar-client")
    keep("selfsigned", stranger.cert_pem.bytes(), stranger.private_key_pem.bytes())
    return {name: str(path) for name, path in files.items()}

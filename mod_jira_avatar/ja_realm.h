/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_realm: who is asked, as whom, and over which network.
 *
 * A realm is the unit of everything upstream: connections, the credential, breakers and stored
 * images belong to one realm and are never shared with another. Two Locations with the same
 * upstream settings are one realm.
 *
 * Threads: immutable once built; any thread.
 * Memory:  lives as long as the process (or the configuration) that built it.
 */
#ifndef JA_REALM_H
#define JA_REALM_H

#include "ja_cred.h"
#include "ja_hosts.h"
#include "ja_upstream.h"

typedef struct ja_network_t {
    const char *ca_file;     /* PEM, added to the system roots; NULL: none */
    const char *client_cert; /* PEM; NULL: none */
    const char *client_key;  /* PEM */
    ja_slice_t ca_pem;       /* the three files' contents, read at configuration time: the */
    ja_slice_t cert_pem;     /* children need not be able to */
    ja_slice_t key_pem;
    const char *proxy;         /* URL of the outbound proxy; NULL: none */
    ja_secret_t *proxy_secret; /* user:password for it; NULL: none */
    const char *user_agent;
    int64_t connect_ms;
    int64_t total_ms;
    int64_t max_bytes;   /* largest body accepted */
    int64_t max_fetches; /* in flight at once, per child */
} ja_network_t;

typedef struct ja_realm_t ja_realm_t;

struct ja_realm_t {
    int id; /* position in the list of realms of this process, from 0 */
    ja_site_t site;
    ja_cred_t *cred; /* never NULL; may be the kind `none` */
    ja_network_t network;
    const ja_realm_t *outside; /* pictures on public hosts are asked for as this realm, which
                                         shares nothing that identifies us; NULL: not at all */
    const ja_hosts_t *hosts;   /* of such a realm: whom it asks; else NULL */
    const ja_realm_t *token;  /* the service that gives its access tokens, its URL as the site; NULL
                                 if the credential has none. Realms with one grant have one digest
                                 there, so that they share the token */
    const char *name;         /* for logs: "https://example.atlassian.net as bot@example.com" */
    unsigned char digest[32]; /* SHA-256 of all of the above but numbers; the same in every process
                                 and after a reload, as long as the settings are */
};

#endif

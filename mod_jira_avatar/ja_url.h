/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_url: an absolute URL that an answer of Jira names, in pieces.
 *
 * What two parsers might read differently is refused: user information, backslashes, control
 * characters, percent-encoding in the host.
 *
 * Threads: no state, any thread.
 * Memory:  the host is copied, path and query are borrowed.
 */
#ifndef JA_URL_H
#define JA_URL_H

#include "ja_text.h"

enum { JA_URL_HOST = 256 };

typedef struct ja_url_t {
    bool tls;               /* https, not http */
    char host[JA_URL_HOST]; /* lower case; IPv6 in brackets */
    int port;               /* 443 and 80 by default */
    ja_slice_t path;        /* as written; empty, or begins with '/' */
    ja_slice_t query;       /* as written, without '?'; data is NULL if there is none */
} ja_url_t;

/** False for what is not an http(s) URL; a fragment is dropped. */
bool ja_url_parse(ja_slice_t text, ja_url_t *url);

#endif

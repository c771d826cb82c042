/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_kind: the kinds of credentials. A kind is one row of a table: its name, its pairs, and the
 * functions that write its header and ask for its access token.
 *
 * Threads: any.
 * Memory:  the table is constant; values are the caller's.
 */
#ifndef JA_KIND_H
#define JA_KIND_H

#include "ja_answer.h"
#include "ja_grant.h"
#include "ja_secret.h"

enum { JA_PAIRS_MAX = 4 };

/** What a header or a token request is made from besides the credential. */
typedef struct ja_cred_use_t {
    bool cloud;           /* the site is Jira Cloud */
    const char *base;     /* URL of the site */
    const char *url;      /* of the request that the header is for, which is a GET */
    const char *access;   /* the access token; the refresh token of a token request */
    const char *audience; /* of a token request: the origin of the token service */
    int64_t now;          /* Unix seconds */
} ja_cred_use_t;

enum {
    JA_PAIR_OPTIONAL = 1,
    JA_PAIR_SECRET = 2,
    JA_PAIR_USER = 4,
    JA_PAIR_ROTATES = 8,
    JA_PAIR_SENT = 16, /* a secret that Jira gets as it is */
    JA_PAIR_END = 32   /* a date after which it is of no use: no part of who we are */
};

typedef struct ja_pair_t {
    const char *name;
    unsigned flags;
    const char *(*check)(const char *value); /* NULL, or what is wrong, as the end of a sentence */
} ja_pair_t;

typedef struct ja_value_t {
    const char *text;    /* NULL where not given */
    ja_secret_t *secret; /* for JA_PAIR_SECRET */
} ja_value_t;

typedef struct ja_kind_t {
    const char *name;
    ja_means_t means;
    /** Writes the value of the Authorization header; false if it does not fit, or cannot be one.
     *  NULL for the kind that sends none. */
    bool (*authorize)(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out);
    ja_pair_t pairs[JA_PAIRS_MAX]; /* up to the first without a name */

    /* For kinds with access tokens; NULL for the others. */
    ja_body_t (*ask)(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out);
    const char *cloud_url;
    const char *datacenter_url; /* below the site; NULL: such a kind is for Cloud only */
    bool cloud_only;
} ja_kind_t;

/** Every kind in turn, from 0; NULL behind the last. */
const ja_kind_t *ja_kind_at(size_t index);

#endif

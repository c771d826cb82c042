/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_grant: what is said to a token service (RFC 6749), what it answers, and how long that lasts.
 *
 * Threads: no state, any thread.
 * Memory:  the caller's; copies of a token that are made on the way are wiped.
 */
#ifndef JA_GRANT_H
#define JA_GRANT_H

#include "ja_secret.h"

enum {
    JA_TOKEN_MAX = 8192,            /* an access token */
    JA_REFRESH_MAX = JA_SECRET_MAX, /* a refresh token */
    JA_GRANT_BODY_MAX = 64 * 1024,  /* a request, and an answer */
    JA_GRANT_ERROR_MAX = 48
};

/* ---- asking -------------------------------------------------------------------------------- */

/** How a body is written: one of the two forms that Atlassian's services take. */
typedef enum { JA_BODY_FORM, JA_BODY_JSON } ja_body_t;

const char *ja_body_content_type(ja_body_t type);

/** begin, any number of fields, end: a JSON object of strings, or a URL-encoded form. */
void ja_body_begin(ja_body_t type, ja_buf_t *out);
void ja_body_add(ja_body_t type, const char *name, ja_slice_t value, ja_buf_t *out);
void ja_body_end(ja_body_t type, ja_buf_t *out);

/** Adds a JSON string, quotes and all. */
void ja_json_add_string(ja_buf_t *out, ja_slice_t text);

/* ---- the answer ---------------------------------------------------------------------------- */

/** What a token service says, by the member `error` and not by its status, which differs from
 *  service to service. */
typedef enum {
    JA_GRANT_TOKEN,   /* here it is */
    JA_GRANT_DEAD,    /* the grant is over: refresh token unknown, expired, used twice, revoked */
    JA_GRANT_CLIENT,  /* the client is not known by this id and secret */
    JA_GRANT_REFUSED, /* another refusal: scope, kind of grant, a malformed assertion */
    JA_GRANT_TROUBLE  /* not an answer of a token service: say what the status says */
} ja_grant_status_t;

typedef struct ja_grant_t {
    ja_grant_status_t status;
    char token[JA_TOKEN_MAX + 1];
    char refresh[JA_REFRESH_MAX + 1]; /* "" if none came */
    int64_t lifetime;                 /* seconds, 1 to a day */
    char error[JA_GRANT_ERROR_MAX];   /* "invalid_grant", fit for a log line; "" if none */
} ja_grant_t;

/** Reads an answer; total. The caller wipes `grant`. */
void ja_grant_read(int http_status, const unsigned char *body, size_t len, ja_grant_t *grant);

/* ---- the life of an access token ----------------------------------------------------------- */

/** Unix milliseconds. */
typedef struct ja_token_life_t {
    int64_t bought_ms; /* 0: there was none yet */
    int64_t renew_ms;  /* from then on the next one is bought, */
    int64_t end_ms;    /* and from then on this one is not sent any more */
    int64_t used_ms;   /* when something was last asked with it, or with one before it */
} ja_token_life_t;

/** A token begins its life; its use goes on. `lifetime` in seconds. */
void ja_token_life_begin(ja_token_life_t *life, int64_t bought_ms, int64_t lifetime);

/** When the next one is to be bought though nobody needs it; INT64_MAX: not at all. What was used
 *  within three days is renewed in time. What is not goes to its end, but where a refresh token is
 *  behind it, the next one is bought every week: unused, that would die after 90 days. */
int64_t ja_token_life_due(const ja_token_life_t *life, bool refreshes, int64_t now_ms);

#endif

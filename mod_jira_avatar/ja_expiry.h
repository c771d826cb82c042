/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_expiry: when that ends by which Jira knows us, as far as anything tells, and from when on that
 * is worth a warning. Times are Unix seconds; the current one is an argument.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is kept.
 */
#ifndef JA_EXPIRY_H
#define JA_EXPIRY_H

#include "ja_text.h"

/** What tells it. */
typedef enum {
    JA_END_UNKNOWN,
    JA_END_CERTIFICATE, /* the certificate itself */
    JA_END_TOKEN,       /* the token itself, a JWT */
    JA_END_JIRA,        /* Jira, of a personal access token */
    JA_END_WRITTEN,     /* the administrator */
    JA_END_AGE,         /* when its file was written: an API token lives for a year at most */
    JA_END_UNUSED,      /* when it was used last: a refresh token ends if it is not used */
    JA_END_SOURCES
} ja_end_source_t;

/** The words for them, as JSON and labels have them. */
extern const char *const ja_end_sources[JA_END_SOURCES];

typedef struct ja_end_t {
    ja_end_source_t source;
    int64_t from;    /* of no use before; 0: that is not told */
    int64_t warn_at; /* the end is near */
    int64_t at;      /* of no use any more */
} ja_end_t;

typedef enum { JA_END_FAR, JA_END_NEAR, JA_END_OVER, JA_END_EARLY } ja_end_state_t;

/** FAR, too, if the end is unknown; EARLY: it is not good yet. */
ja_end_state_t ja_end_state(const ja_end_t *end, int64_t now);

/** The first certificate of a PEM file. */
bool ja_end_of_certificate(ja_slice_t pem, ja_end_t *end);

/** A JWT with a number as its claim `exp`. It is near its end when a tenth of its life is left, so
 *  that one which is renewed all the time never is; not before its end if a tenth is below an hour.
 */
bool ja_end_of_jwt(ja_slice_t token, ja_end_t *end);

enum { JA_TOKEN_NAME_MAX = 64 };

/** What Jira tells of the personal access tokens of an account. */
typedef struct ja_tokens_told_t {
    ja_end_t end;                     /* unknown: the token does not end */
    char name[JA_TOKEN_NAME_MAX + 1]; /* "" if it has none that can be shown */
    bool alone; /* false: there are several, and this is the one that was used last */
} ja_tokens_told_t;

bool ja_end_of_listed(ja_slice_t json, ja_tokens_told_t *told);

/** A date that somebody wrote down. */
ja_end_t ja_end_of_written(int64_t at);

/** An API token of Jira Cloud whose file was written then. */
ja_end_t ja_end_of_age(int64_t written_at);

/** A refresh token that was used last then. */
ja_end_t ja_end_of_unused(int64_t used_at);

/** "2027-01-31": the first second of that day, UTC. */
bool ja_expiry_read_date(ja_slice_t text, int64_t *seconds);

/** A date, or "2027-01-31T12:30:00" with fractions or without and with the zone as "Z", "+01:00"
 *  or "+0100". */
bool ja_expiry_read_time(ja_slice_t text, int64_t *seconds);

enum { JA_EXPIRY_TEXT_MAX = 40 };

/** "2027-01-31 12:30 UTC"; the first second of a day is the date alone. */
void ja_expiry_text(int64_t seconds, char out[JA_EXPIRY_TEXT_MAX]);

#endif

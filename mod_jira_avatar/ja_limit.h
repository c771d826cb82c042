/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_limit: when not to ask. Retry-After and rate-limit headers, growing pauses, and the breaker
 * that stops asking a site that fails or refuses a credential. Time is always an argument.
 *
 * Threads: pure functions over plain structs; whoever shares a struct locks it.
 * Memory:  nothing is allocated; the structs are fit for shared memory (no pointers).
 */
#ifndef JA_LIMIT_H
#define JA_LIMIT_H

#include "ja_text.h"

/** Seconds to wait by a Retry-After value (RFC 9110 10.2.3: seconds or an HTTP date), 0 to `max`;
 *  -1 if it is absent or not understood.
 *  @param now Unix seconds */
int64_t ja_limit_retry_after(const char *value, int64_t now, int64_t max);

/** Seconds until a reset time as Jira writes it: ISO 8601 with or without seconds, "Z" or offset
 *  (X-RateLimit-Reset); same range and errors as above. */
int64_t ja_limit_reset(const char *value, int64_t now, int64_t max);

/** Seconds until every quota that a RateLimit field calls used up is filled again:
 *  "name";r=0;t=30, and more of them behind commas. -1 if none is, 0 to `max` otherwise. */
int64_t ja_limit_quota(const char *value, int64_t max);

/** Pause before attempt `failures` + 1: base doubled per failure up to `cap`, then times 0.7 to
 *  1.3 by `random` (any 32 random bits). Milliseconds. */
int64_t ja_limit_backoff(unsigned failures, int64_t base_ms, int64_t cap_ms, uint32_t random);

/** A breaker for one site: closed, open until `not_before`, then half-open with one probe. */
typedef struct ja_breaker_t {
    uint32_t failures;      /* in a row */
    uint32_t reason;        /* ja_outcome_t of the last failure; for the answer while open */
    int64_t not_before_ms;  /* no request before this time; 0: closed */
    int64_t probe_until_ms; /* somebody probes until then; 0: nobody */
} ja_breaker_t;

typedef enum { JA_BREAKER_CLOSED, JA_BREAKER_PROBE, JA_BREAKER_OPEN } ja_breaker_state_t;

/** May a request be sent now? PROBE: yes, and the caller is the only one for `probe_ms`. */
ja_breaker_state_t ja_breaker_allow(ja_breaker_t *breaker, int64_t now_ms, int64_t probe_ms);

/** The site answers again. */
void ja_breaker_success(ja_breaker_t *breaker);

/** One more failure. Opens for the back-off pause once `threshold` failures came in a row. */
void ja_breaker_failure(ja_breaker_t *breaker, uint32_t reason, uint32_t threshold, int64_t now_ms,
                        uint32_t random);

/** Opens at once for `pause_ms`: Retry-After, a refused credential. */
void ja_breaker_open(ja_breaker_t *breaker, uint32_t reason, int64_t now_ms, int64_t pause_ms);

/** Milliseconds until something may be sent; 0 if now. */
int64_t ja_breaker_wait(const ja_breaker_t *breaker, int64_t now_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_diagnosis: what an upstream answer means, why, and what an administrator can do.
 *
 * Two tables: the signs (ja_diagnosis.c), of which the first that fits an answer gives the cause;
 * and the causes (ja_causes.def), each with its message, outcome and remedy.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated; texts are static.
 */
#ifndef JA_DIAGNOSIS_H
#define JA_DIAGNOSIS_H

#include "ja_answer.h"
#include "ja_grant.h"
#include "ja_image.h"
#include "ja_policy.h"

typedef enum {
#define X(id, number, outcome, level, cause, remedy) JA_CAUSE_##id,
#include "ja_causes.def"
#undef X
    JA_CAUSE_COUNT
} ja_cause_t;

/** For whom a cause is worth a line in the log: nobody but who searches, or an administrator. */
typedef enum { JA_LEVEL_DEBUG, JA_LEVEL_WARN, JA_LEVEL_ERROR } ja_level_t;

typedef struct ja_cause_row_t {
    const char *number; /* of the message: JAV1031, say; stable */
    ja_outcome_t outcome;
    ja_level_t level;
    const char *text;   /* what is the matter, without full stop */
    const char *remedy; /* sentences with placeholders; "" if there is nothing to do */
} ja_cause_row_t;

const ja_cause_row_t *ja_cause(ja_cause_t cause);

typedef struct ja_verdict_t {
    ja_outcome_t outcome; /* of the cause's row */
    ja_cause_t cause;
    const char *seen; /* a word of the answer that gave it away: "AUTHENTICATED_FAILED"; or "" */
    ja_image_t image; /* for JA_OUTCOME_IMAGE */
} ja_verdict_t;

/** The verdict that a cause is when no answer says more. */
ja_verdict_t ja_diagnosis_of(ja_cause_t cause);

/** What an upstream answer means. Total: every answer has a verdict. */
ja_verdict_t ja_diagnose(const ja_asked_t *asked, const ja_answer_t *answer);

/** The same of a token service's answer, which was read into `grant` and has no token. */
ja_verdict_t ja_diagnose_grant(const ja_asked_t *asked, const ja_answer_t *answer,
                               const ja_grant_t *grant);

/** The remedy with its placeholders filled in. */
void ja_diagnosis_remedy(ja_cause_t cause, const ja_asked_t *asked, ja_buf_t *out);

/** What is the matter, and what gave it away: "user and password are not accepted (status 401,
 *  AUTHENTICATED_FAILED): " and the transport's own words. */
void ja_diagnosis_cause(const ja_verdict_t *verdict, const ja_answer_t *answer, ja_buf_t *out);

#endif

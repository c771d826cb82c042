/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_journal: what happened, for those who look: the counters and events that the
 * status page shows, and the variables that an access log can have.
 *
 * No address of a visitor, no name of an avatar's owner and no secret is written here.
 *
 * Threads: any. A hit takes no lock.
 * Memory:  what is counted is in shared memory.
 */
#ifndef MOD_JIRA_AVATAR_JOURNAL_H
#define MOD_JIRA_AVATAR_JOURNAL_H

#include "mod_jira_avatar_private.h"

#include "ja_diagnosis.h"
#include "ja_fetch.h"
#include "ja_metrics.h"

/** How a visitor's request is answered. */
typedef struct ja_visit_t {
    const ja_realm_t *realm; /* NULL: there is none to count for */
    ja_count_t count;        /* of the requests family */
    ja_outcome_t outcome;
    bool asked; /* Jira was asked for this request, or one that it joined */
    int64_t wait_ms;
    int upstream_status; /* 0: none */
} ja_visit_t;

/** Counts a request and sets jira-avatar-outcome, -wait and -upstream in its environment. */
void ja_journal_visit(request_rec *r, const ja_visit_t *visit);

/** Sets jira-avatar-kind: "project", "user", "icon", ... */
void ja_journal_kind(request_rec *r, const ja_ref_t *ref);

/** What a request for an access token came to: `as` is of that family. @param verdict NULL if it is
 *  nothing that anybody need look at */
void ja_journal_token(const ja_order_t *order, const ja_ask_t *ask, ja_count_t as,
                      const ja_verdict_t *verdict, const ja_answer_t *answer);

/** What a question to Jira came to. */
void ja_journal_answer(const ja_order_t *order, const ja_ask_t *ask, const ja_verdict_t *verdict,
                       const ja_answer_t *answer);

/** What was settled without a question to Jira: noted if it is a failure, and not counted. */
void ja_journal_cause(const ja_order_t *order, const ja_ask_t *ask, ja_cause_t cause);

#endif

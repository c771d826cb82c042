/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_say: what the administrator is told of Jira's answers.
 *
 * Threads: the fetch thread (or the only thread) of a process.
 */
#ifndef MOD_JIRA_AVATAR_SAY_H
#define MOD_JIRA_AVATAR_SAY_H

#include "mod_jira_avatar_private.h"

#include "ja_diagnosis.h"
#include "ja_fetch.h"

/** Logs what came of an ask, with the remedy: once per cause and interval at the level that it
 *  deserves, every time at debug. */
void ja_say_verdict(const ja_order_t *order, const ja_ask_t *ask, const ja_verdict_t *verdict,
                    const ja_answer_t *answer);

/** Warns, once per interval, that for `wait` seconds nothing is asked though the ask was answered:
 * the quota is used up. Nothing to do if `wait` is not above 0, or `outcome` is a failure. */
void ja_say_used_up(const ja_order_t *order, ja_outcome_t outcome, int64_t wait);

/** The same of what is settled without an answer. */
void ja_say_cause(const ja_order_t *order, const ja_ask_t *ask, ja_cause_t cause);

/** Tells what is wrong with the sources of the realm's secrets. */
void ja_say_secrets(const ja_order_t *order);

/** Who hears it in place of the log; NULL: the log. */
typedef void ja_listener_t(const ja_ask_t *ask, const ja_verdict_t *verdict,
                           const ja_answer_t *answer);
void ja_say_to(ja_listener_t *listener);

#endif

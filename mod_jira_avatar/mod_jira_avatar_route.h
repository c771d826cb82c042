/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_route: to the site or to its gateway? Nothing shows whether an API token has
 * scopes, so the site is asked first, and the gateway after it refused; what worked is remembered
 * for all processes.
 *
 * Threads: any.
 * Memory:  none of its own; what is known is in shared memory.
 */
#ifndef MOD_JIRA_AVATAR_ROUTE_H
#define MOD_JIRA_AVATAR_ROUTE_H

#include "mod_jira_avatar_private.h"

#include "ja_diagnosis.h"
#include "ja_fetch.h"

/** Which way an ask with this secret goes, by what is known of it. */
ja_route_t ja_route_of(const ja_realm_t *realm, uint64_t mark);

/** The cloudId that the site told; false if nobody asked yet. */
bool ja_route_cloud_id(const ja_realm_t *realm, char cloud_id[JA_CLOUD_ID_LEN + 1]);
void ja_route_learn_cloud_id(const ja_realm_t *realm, const char *cloud_id);

/** The site refused or ignored the credential. True if the gateway is to be tried, which
 *  ja_route_of() says from now on; false if it is no use. */
bool ja_route_turns(const ja_order_t *order, ja_ask_t *ask, ja_outcome_t outcome,
                    const ja_answer_t *answer);

/** If the site refused the credential earlier on this flight and then the gateway cannot be asked,
 *  that refusal is what is wrong. */
ja_verdict_t ja_route_verdict(const ja_ask_t *ask, ja_verdict_t verdict);

/** Learns from what an ask came to. */
void ja_route_after(const ja_order_t *order, const ja_ask_t *ask, ja_outcome_t outcome,
                    const ja_answer_t *answer);

/** The gateway's own 404, not one of Jira behind it: true if the cloudId was forgotten, as it may
 *  have changed, and is to be asked for again. */
bool ja_route_asks_cloud_id(const ja_order_t *order, const ja_ask_t *ask,
                            const ja_answer_t *answer);

#endif

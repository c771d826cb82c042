/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_expiry: when a site's client certificate and credential end, and the warning
 * before they do.
 *
 * What can be told without asking is looked at anew each time. Jira Data Center is asked once a day
 * for the end of a personal access token, behind a picture that it gave for it.
 *
 * Threads: ja_expiry_of() any; warnings in the parent; what a flight came to in the fetch thread.
 * Memory:  none is kept but in the configuration pool.
 */
#ifndef MOD_JIRA_AVATAR_EXPIRY_H
#define MOD_JIRA_AVATAR_EXPIRY_H

#include "mod_jira_avatar_private.h"

#include "ja_expiry.h"
#include "ja_fetch.h"

typedef struct ja_ends_t {
    ja_end_t certificate; /* of JiraAvatarClientCertificate */
    ja_end_t credential;
} ja_ends_t;

/** As far as it is known in this process. */
ja_ends_t ja_expiry_of(const ja_realm_t *realm);

/** What an end is for people: "the client certificate /etc/bot.pem ends on 2027-01-31".
 *  @param realm NULL: without the file or the source
 *  @param remedy what to do about it; "" as long as it is far
 *  @return NULL if the end is unknown */
const char *ja_expiry_sentence(apr_pool_t *pool, const ja_realm_t *realm, const ja_end_t *end,
                               const char **remedy);

/** True for a credential whose end Jira is asked for. */
bool ja_expiry_is_listed(const ja_realm_t *realm);

/** The answer to JA_QUESTION_TOKENS, whatever it is, and nobody else's business. */
ja_entry_t *ja_expiry_answered(const ja_order_t *order, const ja_ask_t *ask,
                               const ja_answer_t *answer);

/** A flight ended: it may be time to ask for the token's end. */
void ja_expiry_landed(const ja_order_t *order, const ja_entry_t *entry);

/** The engine that asks. */
void ja_expiry_child_init(ja_engine_t *engine);

/** Warns of what is near its end, now and once a day. */
int ja_expiry_post_config(apr_pool_t *pconf, server_rec *server);
void ja_expiry_register_hooks(void);

#endif

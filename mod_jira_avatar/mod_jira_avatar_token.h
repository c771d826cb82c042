/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_token: the access tokens of credentials that buy them from a token service.
 *
 * All children use one token. Whoever needs a new one asks for it alone, machine-wide (a lease);
 * where the refresh token changes with every use, under the lock of its state file, too, and what
 * came is on the disk before the access token is used.
 *
 * Threads: the fetch thread.
 * Memory:  tokens are copied out of the shared memory; the caller wipes them.
 */
#ifndef MOD_JIRA_AVATAR_TOKEN_H
#define MOD_JIRA_AVATAR_TOKEN_H

#include "mod_jira_avatar_private.h"

#include "ja_diagnosis.h"
#include "ja_fetch.h"

/** The engine that renews tokens behind, and the server in whose log that is said. */
void ja_token_child_init(ja_engine_t *engine, server_rec *server);

/** From now on tokens are left to the children that stay. A signal handler, too. */
void ja_token_child_stopping(void);

/** A desk's `tend`: renews the tokens that are in use before they end, and keeps refresh tokens
 *  alive. What was never used is left alone, and so is what was refused. */
int64_t ja_token_tend(void *unused);

/** The realm's credential has access tokens, and none is good now: ja_token_ask(). */
bool ja_token_is_needed(const ja_realm_t *realm);

/** Fills the authorization and the marks of `ask`, which has its URL; lets a token be renewed
 *  behind when its end comes near.
 *  @return false if what is there cannot be sent */
bool ja_token_authorize(const ja_order_t *order, ja_ask_t *ask);

/** Jira refused a token that looked good: it was revoked, or Jira's clock is ahead of ours.
 *  @return true if another one is to be asked for: once in a flight, and not for the lack of a
 *  scope, which another one would have, too */
bool ja_token_renews(const ja_order_t *order, ja_ask_t *ask, const ja_verdict_t *verdict);

/** The next step towards a token: a desk's `next` and `answered`. NULL from the latter: the token
 *  is there, or is to be asked for again. */
ja_step_t ja_token_ask(const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                       ja_entry_t **entry);
ja_entry_t *ja_token_answered(const ja_order_t *order, ja_ask_t *ask, const ja_answer_t *answer);

/** The flight ends: nothing that it held for a token is held any longer. */
void ja_token_landed(const ja_order_t *order);

#endif

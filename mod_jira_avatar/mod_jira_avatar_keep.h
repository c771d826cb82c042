/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_keep: what is kept of the answers to an order, and for how long.
 *
 * Threads: the fetch thread (or the only thread) of a child.
 * Memory:  entries are counted.
 */
#ifndef MOD_JIRA_AVATAR_KEEP_H
#define MOD_JIRA_AVATAR_KEEP_H

#include "mod_jira_avatar_private.h"

#include "ja_fetch.h"

/** What began before was forgotten by order: it is as if it were not there. */
uint64_t ja_keep_oldest_epoch(const ja_order_t *order);

/** What is held of the order, but for an image that is too old to be served at all; or NULL. */
ja_entry_t *ja_keep_find(const ja_order_t *order);

/** What somebody else fetched since the order was placed, or found not worth asking for again yet;
 *  or NULL. */
ja_entry_t *ja_keep_settled(const ja_order_t *order);

/** Keeps what an answer came to. A failure never takes the place of a good image. */
void ja_keep(const ja_order_t *order, ja_entry_t *entry);

/** The image that is held, as if it had just come; NULL if it is gone meanwhile. */
ja_entry_t *ja_keep_confirmed(const ja_order_t *order);

#endif

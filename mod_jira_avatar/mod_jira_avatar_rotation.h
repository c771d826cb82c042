/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_rotation: the use of a refresh token that changes with every use.
 *
 * A flight that uses one holds the lock of its state file from reading it until what came is on
 * the disk. Where a credential has no such token, all of this does nothing.
 *
 * Threads: the fetch thread; ja_rotation_post_config in the parent.
 * Memory:  malloc, wiped when freed.
 */
#ifndef MOD_JIRA_AVATAR_ROTATION_H
#define MOD_JIRA_AVATAR_ROTATION_H

#include "mod_jira_avatar_private.h"

#include "ja_fetch.h"
#include "ja_state.h"

/** Makes and checks JiraAvatarStateDir if a credential of the configuration needs it. */
int ja_rotation_post_config(server_rec *server);

/** Names the state file of a token service's grant: one grant, one file, whichever of our realms
 * uses it. False if the name does not fit. */
bool ja_rotation_path(const ja_realm_t *service, char path[JA_STATE_PATH_MAX]);

/** Locks the state file of the order's credential and reads it.
 *  @return ASK: ja_rotation_refresh() is to be sent; LATER: another program has the lock; DONE:
 *  it cannot be used safely, which was logged */
ja_step_t ja_rotation_begin(const ja_order_t *order, int64_t *later_ms, ja_entry_t **entry);

/** The refresh token to be sent, "" where the order has none. */
const char *ja_rotation_refresh(const ja_order_t *order);

/** Another one came: it is on the disk when this returns true, and nothing that came with it may
 *  be used before. */
bool ja_rotation_keep(const ja_order_t *order, const char *refresh);

/** It was refused: whether there is one before it to try. A crash may have left us with the token
 *  before the last; within the leeway it is as good. */
bool ja_rotation_fall_back(const ja_order_t *order);

/** Unlocks. */
void ja_rotation_end(const ja_order_t *order);

#endif

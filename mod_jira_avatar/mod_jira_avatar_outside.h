/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_outside: pictures that are not Jira's own, on the hosts of JiraAvatarPublicHosts,
 * asked for as nobody in particular.
 *
 * Threads: the fetch thread (or the only thread) of a child.
 */
#ifndef MOD_JIRA_AVATAR_OUTSIDE_H
#define MOD_JIRA_AVATAR_OUTSIDE_H

#include "mod_jira_avatar_private.h"

#include "ja_fetch.h"

/** Asks for the picture at ask->url, which is on a listed host. */
ja_step_t ja_outside_ask(const ja_order_t *order, ja_ask_t *ask, ja_entry_t **entry);

/** The answer is a redirect. True if it is followed: Jira sends the pictures of some users to a
 *  public host, and such a host may send on once. */
bool ja_outside_follows(const ja_order_t *order, ja_ask_t *ask, const ja_answer_t *answer);

#endif

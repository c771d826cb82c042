/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_status: the state of every site, for a person, for programs, and on the pages of
 * mod_status.
 *
 * Threads: request threads.
 * Memory:  the request's pool.
 */
#ifndef MOD_JIRA_AVATAR_STATUS_H
#define MOD_JIRA_AVATAR_STATUS_H

#include "mod_jira_avatar_private.h"

/** The handler, and a place in mod_status if that is loaded. */
void ja_status_register_hooks(apr_pool_t *pool);

#endif

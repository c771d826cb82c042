/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_handler: a request, from its reference to its answer.
 *
 * Threads: request threads.
 * Memory:  the request's pool; entries are counted.
 */
#ifndef MOD_JIRA_AVATAR_HANDLER_H
#define MOD_JIRA_AVATAR_HANDLER_H

#include "mod_jira_avatar_private.h"

#include "ja_fetch.h"

/** The handler, map_to_storage, and what comes after the response. */
void ja_handler_register_hooks(apr_pool_t *pool);

/** The engine that fetches for this child. */
void ja_handler_child_init(ja_engine_t *engine);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_check: `httpd -t -D JIRA_AVATAR_CHECK`, which asks every site what it would be
 * asked for a visitor, step by step, and says what to do about the first step that fails.
 *
 * It fetches as a child does, but with a state of its own, so that a server beside it notices
 * nothing.
 *
 * Threads: the process of `httpd -t` has one.
 */
#ifndef MOD_JIRA_AVATAR_CHECK_H
#define MOD_JIRA_AVATAR_CHECK_H

#include "mod_jira_avatar_private.h"

#include <stdbool.h>

/** Checks every site of the configuration and writes a line for each step.
 *  @return false if any failed */
bool ja_check(apr_pool_t *pool, server_rec *server);

#endif

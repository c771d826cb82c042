/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_dump: `httpd -t -D DUMP_JIRA_AVATAR`, the settings that apply and who made them.
 *
 * Threads: the process of `httpd -t` has one.
 */
#ifndef MOD_JIRA_AVATAR_DUMP_H
#define MOD_JIRA_AVATAR_DUMP_H

#include "mod_jira_avatar_private.h"

/** Writes every site and Location with its effective settings; secrets as their sources. */
void ja_dump(apr_pool_t *pool);

#endif

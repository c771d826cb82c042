/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_view: the state of every site of the configuration, at this moment.
 *
 * Threads: any.
 * Memory:  the pool that is given; a report has no pointer into shared memory.
 */
#ifndef MOD_JIRA_AVATAR_VIEW_H
#define MOD_JIRA_AVATAR_VIEW_H

#include "mod_jira_avatar_private.h"

#include "ja_report.h"

/** @param with_store also what the store holds, for which the whole of it is read */
const ja_report_t *ja_view(apr_pool_t *pool, const server_rec *server, bool with_store);

#endif

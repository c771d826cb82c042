/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_purge: forgets avatars when somebody who has the token says so.
 *
 * Threads: request threads.
 * Memory:  the request's pool.
 */
#ifndef MOD_JIRA_AVATAR_PURGE_H
#define MOD_JIRA_AVATAR_PURGE_H

#include "mod_jira_avatar_private.h"

/**
 * Answers a POST to the status handler.
 * @param sentence what to tell the sender, one plain sentence
 * @return the HTTP status for it
 */
int ja_purge(request_rec *r, const char **sentence);

#endif

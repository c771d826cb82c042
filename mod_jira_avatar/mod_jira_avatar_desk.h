/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_desk: decides for a flight what is asked next, reads the answers, keeps what is
 * worth keeping, and tells the administrator what went wrong and what to do.
 *
 * Threads: the fetch thread (or the only thread) of a child.
 */
#ifndef MOD_JIRA_AVATAR_DESK_H
#define MOD_JIRA_AVATAR_DESK_H

#include "ja_fetch.h"

/** The desk to give to ja_fetch_create(). */
ja_desk_t ja_desk(void);

#endif

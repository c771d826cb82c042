/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_shared: what all processes of one server know together: who is fetching what
 * (leases), which cloudId a site has, and what was said in the log already. It outlives graceful
 * restarts, so that old and new children agree while both run.
 *
 * Threads: any; one lock between processes, held for a few instructions, never while waiting.
 * Memory:  one anonymous shared segment, of fixed size.
 */
#ifndef MOD_JIRA_AVATAR_SHARED_H
#define MOD_JIRA_AVATAR_SHARED_H

#include "mod_jira_avatar_private.h"

#include "ja_entry.h"
#include "ja_realm.h"

void ja_shared_pre_config(apr_pool_t *pconf);
int ja_shared_post_config(server_rec *server);
void ja_shared_child_init(apr_pool_t *pchild, server_rec *server);

/** Takes the right to fetch `key` for `ms` milliseconds, or keeps it. It ends earlier when it is
 *  dropped or its holder has died. `owner` tells flights of one process apart.
 *  @return false if somebody else holds it */
bool ja_lease_take(const unsigned char key[JA_KEY_LEN], const void *owner, int64_t ms);
void ja_lease_drop(const unsigned char key[JA_KEY_LEN], const void *owner);

/** The cloudId that the site told; false if nobody asked yet. */
bool ja_shared_cloud_id(const ja_realm_t *realm, char cloud_id[JA_CLOUD_ID_LEN + 1]);
void ja_shared_learn_cloud_id(const ja_realm_t *realm, const char *cloud_id);

/** True for the first who asks within the log interval about this outcome of this realm. */
bool ja_shared_may_log(const ja_realm_t *realm, ja_outcome_t outcome);

/** True for the first who ever asks, until the server is restarted. */
bool ja_shared_first_time(void);

#endif

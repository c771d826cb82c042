/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_store: what is kept of Jira's answers. In front the process's own memory, behind
 * it a socache instance that all children share.
 *
 * A store in shared memory dies with the configuration; what is in it is carried over to the next.
 *
 * Threads: lookup and keep from any thread of a child, the hooks from the parent or at child start.
 * Memory:  entries are counted (ja_entry.h).
 */
#ifndef MOD_JIRA_AVATAR_STORE_H
#define MOD_JIRA_AVATAR_STORE_H

#include "mod_jira_avatar_private.h"

#include "ja_entry.h"
#include "ja_report.h"

/** Registers the mutex. */
void ja_store_pre_config(apr_pool_t *pconf);

/** Creates the instance that JiraAvatarStore names. Without the directive and without
 *  mod_socache_shmcb every child keeps its own images, which is said in the log. */
int ja_store_post_config(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server);

void ja_store_child_init(apr_pool_t *pchild, server_rec *server);

/** How long an answer is fresh, by what it is, in milliseconds; and which count at all. */
typedef struct ja_fresh_t {
    int64_t image_ms;
    int64_t negative_ms;
    uint64_t oldest_epoch; /* what was asked for before it is forgotten */
} ja_fresh_t;

/** The entry of `key`, or NULL. One that this process has at hand and that is fresh is given
 *  without asking the store; else the newest there is, however old. */
ja_entry_t *ja_store_lookup(const unsigned char key[JA_KEY_LEN], const ja_fresh_t *fresh);

/** Milliseconds since the answer came; never below zero. */
int64_t ja_store_age(const ja_entry_t *entry);

/** Counts what the store holds of each realm (ja_record_t.realm); `realms` has `count` of them, and
 *  `held` one more, for all. Reads the whole store: not for every request.
 *  @return false if this provider cannot be read through */
bool ja_store_count(const uint64_t *realms, size_t count, ja_held_t *held);

/** Keeps `entry`, which nobody else has seen yet, for `seconds`, for all children. */
void ja_store_keep(const unsigned char key[JA_KEY_LEN], ja_entry_t *entry, int64_t seconds);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_realm: which realm a set of directives makes.
 *
 * Threads: any; the caller sees to the pool.
 * Memory:  the caller's pool; the realm borrows from the values.
 */
#ifndef MOD_JIRA_AVATAR_REALM_H
#define MOD_JIRA_AVATAR_REALM_H

#include "mod_jira_avatar_directives.h"

#include "ja_realm.h"

/** The realm of `conf`, which has a site and the defaults; its id is the caller's to give. */
ja_realm_t *ja_realm_make(apr_pool_t *pool, const ja_conf_t *conf);

/** Nothing tells the two apart but their ids. */
bool ja_realm_same(const ja_realm_t *a, const ja_realm_t *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_lookup: what the REST API said of a project, a user, a status, kept in the store
 * beside the images, so that all sizes of an avatar ask once.
 *
 * Threads: the fetch thread (or the only thread) of a child.
 * Memory:  entries are counted.
 */
#ifndef MOD_JIRA_AVATAR_LOOKUP_H
#define MOD_JIRA_AVATAR_LOOKUP_H

#include "mod_jira_avatar_private.h"

#include "ja_fetch.h"
#include "ja_lookup.h"

/** One for all sizes and formats; also of the lease for asking. */
void ja_lookups_key(const ja_order_t *order, unsigned char key[JA_KEY_LEN]);

/** What is known and still holds: an entry of the kind JA_RECORD_LOOKUP, or a negative answer;
 * NULL: to be asked. */
ja_entry_t *ja_lookups_get(const ja_order_t *order);

/** Keeps the entry for the others; failures that are not kept do nothing. */
void ja_lookups_keep(const ja_order_t *order, ja_entry_t *entry);

/** Which picture is meant, of those that a look-up names.
 *  @param ref     filled on JA_FOUND_OURS
 *  @param url     of the picture, in any case */
ja_found_t ja_lookups_follow(const ja_order_t *order, const ja_entry_t *lookup, ja_ref_t *ref,
                             char url[JA_URL_MAX]);

#endif

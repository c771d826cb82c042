/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_bucket: sends an entry's body without copying it.
 *
 * Threads: as the connection that sends it.
 * Memory:  the bucket holds a reference to the entry for as long as any filter holds the bucket.
 */
#ifndef MOD_JIRA_AVATAR_BUCKET_H
#define MOD_JIRA_AVATAR_BUCKET_H

#include <apr_buckets.h>

#include "ja_entry.h"

/** A bucket over the body of `entry`. */
apr_bucket *ja_bucket_create(ja_entry_t *entry, apr_bucket_alloc_t *list);

#endif

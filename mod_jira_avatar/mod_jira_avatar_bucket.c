/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_bucket: a shared bucket (apr_buckets.h) whose data is an entry. */
#include "mod_jira_avatar_bucket.h"

typedef struct holder_t {
    apr_bucket_refcount refcount; /* first: apr_bucket_shared_*() wants it so */
    ja_entry_t *entry;
} holder_t;

static apr_status_t read_body(apr_bucket *bucket, const char **data, apr_size_t *len,
                              apr_read_type_e block)
{
    const holder_t *holder = bucket->data;

    (void)block;
    *data = (const char *)holder->entry->body + bucket->start;
    *len = bucket->length;
    return APR_SUCCESS;
}

static void destroy(void *data)
{
    holder_t *holder = data;

    if (apr_bucket_shared_destroy(holder)) {
        ja_entry_unref(holder->entry);
        apr_bucket_free(holder);
    }
}

static const apr_bucket_type_t entry_bucket_type = {"JIRA-AVATAR",
                                                    5,
                                                    APR_BUCKET_DATA,
                                                    destroy,
                                                    read_body,
                                                    apr_bucket_setaside_noop,
                                                    apr_bucket_shared_split,
                                                    apr_bucket_shared_copy};

apr_bucket *ja_bucket_create(ja_entry_t *entry, apr_bucket_alloc_t *list)
{
    apr_bucket *bucket = apr_bucket_alloc(sizeof(*bucket), list);
    holder_t *holder = apr_bucket_alloc(sizeof(*holder), list);

    APR_BUCKET_INIT(bucket);
    bucket->free = apr_bucket_free;
    bucket->list = list;
    bucket->type = &entry_bucket_type;
    holder->entry = entry;
    ja_entry_ref(entry);
    return apr_bucket_shared_make(bucket, holder, 0, entry->record.body_len);
}

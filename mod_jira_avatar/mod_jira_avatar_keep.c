/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_keep: see mod_jira_avatar_keep.h. */
#include "mod_jira_avatar_keep.h"

#include <apr_time.h>

#include "ja_limit.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_store.h"

enum {
    FAILURE_KEPT_S = 5 * 60, /* so that children share failures and count them */
    FAILURE_PAUSE_MS = 1000, /* before an avatar that failed twice is asked for again */
    FAILURE_PAUSE_MAX_MS = 60 * 1000,
    STALE_PAUSE_MS = 2000 /* before a failed refresh is tried again: nobody waits for it */
};

uint64_t ja_keep_oldest_epoch(const ja_order_t *order)
{
    ja_tags_t tags = ja_tags(ja_shared_realm_tag(order->realm), &order->ref);

    return ja_shared_oldest_epoch(order->realm, &tags);
}

static ja_entry_t *held(const ja_order_t *order)
{
    const ja_fresh_t ask_the_store = {.oldest_epoch = ja_keep_oldest_epoch(order)};

    return ja_store_lookup(order->key, &ask_the_store);
}

ja_entry_t *ja_keep_find(const ja_order_t *order)
{
    ja_entry_t *entry = held(order);

    if (entry != NULL && ja_store_age(entry) / 1000 >= order->keep_image) {
        ja_entry_unref(entry);
        return NULL;
    }
    return entry;
}

ja_entry_t *ja_keep_settled(const ja_order_t *order)
{
    ja_entry_t *entry = ja_keep_find(order);

    if (entry != NULL && entry->record.stored_at_ms < order->asked_at_ms &&
        entry->record.not_before_ms <= ja_now_ms()) {
        ja_entry_unref(entry);
        return NULL;
    }
    return entry;
}

/* A good image is never replaced by a failure: it only learns when to be fetched again. One that is
 * too old for this order stays as it is: another Location may keep images longer. */
static void keep_image_despite(const ja_order_t *order, const ja_entry_t *image)
{
    ja_entry_t *copy = ja_entry_copy(image);
    int64_t left_s = order->keep_image - ja_store_age(image) / 1000;

    if (copy != NULL && left_s > 0) {
        copy->record.failures++;
        copy->record.not_before_ms =
            ja_now_ms() + ja_limit_backoff(copy->record.failures, STALE_PAUSE_MS,
                                           FAILURE_PAUSE_MAX_MS, (uint32_t)ja_now_ms());
        ja_store_keep(order->key, copy, left_s);
    }
    ja_entry_unref(copy);
}

/* The first failure of an avatar may be a chance; more of them are asked about ever less often. */
static void keep_failure(const ja_order_t *order, ja_entry_t *failure)
{
    ja_entry_t *before = held(order);

    if (before != NULL && ja_entry_outcome(before) == JA_OUTCOME_IMAGE) {
        keep_image_despite(order, before);
    } else {
        uint32_t failures = before != NULL ? before->record.failures + 1 : 1;
        failure->record.failures = failures;
        failure->record.not_before_ms =
            ja_now_ms() + ja_limit_backoff(failures - 1, FAILURE_PAUSE_MS, FAILURE_PAUSE_MAX_MS,
                                           (uint32_t)ja_now_ms());
        ja_store_keep(order->key, failure, FAILURE_KEPT_S);
    }
    ja_entry_unref(before);
}

void ja_keep(const ja_order_t *order, ja_entry_t *entry)
{
    switch (ja_policy_outcome(ja_entry_outcome(entry))->keep) {
    case JA_KEEP_IMAGE:
        ja_store_keep(order->key, entry, order->keep_image);
        break;
    case JA_KEEP_SHORT:
        ja_store_keep(order->key, entry, order->keep_negative);
        break;
    case JA_KEEP_NOT:
        keep_failure(order, entry);
        break;
    }
}

ja_entry_t *ja_keep_confirmed(const ja_order_t *order)
{
    ja_entry_t *held = ja_keep_find(order);
    ja_entry_t *copy =
        held != NULL && ja_entry_outcome(held) == JA_OUTCOME_IMAGE ? ja_entry_copy(held) : NULL;

    ja_entry_unref(held);
    if (copy != NULL) {
        copy->record.stored_at_ms = ja_now_ms();
        copy->record.not_before_ms = 0;
        copy->record.failures = 0;
        ja_store_keep(order->key, copy, order->keep_image);
    }
    return copy;
}

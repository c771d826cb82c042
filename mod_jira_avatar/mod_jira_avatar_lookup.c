/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_lookup: see mod_jira_avatar_lookup.h. */
#include "mod_jira_avatar_lookup.h"

#include <openssl/sha.h>
#include <string.h>

#include "mod_jira_avatar_keep.h"
#include "mod_jira_avatar_store.h"

enum { LOOKUP_TEXT = JA_REF_TEXT + 64 };

void ja_lookups_key(const ja_order_t *order, unsigned char key[JA_KEY_LEN])
{
    char text[sizeof(order->realm->digest) + LOOKUP_TEXT];
    ja_buf_t buf = ja_buf(text + sizeof(order->realm->digest), LOOKUP_TEXT);

    memcpy(text, order->realm->digest, sizeof(order->realm->digest));
    ja_buf_add(&buf, "look-up\n"); /* no key of a reference begins so and goes on so */
    ja_buf_add(&buf, ja_type_name(order->ref.type));
    ja_buf_add(&buf, "\n\n");
    ja_buf_add(&buf, order->ref.owner);
    SHA256((const unsigned char *)text, sizeof(order->realm->digest) + buf.len, key);
}

/* What came after the order was placed answers it, however short it is kept. */
static bool holds(const ja_order_t *order, const ja_entry_t *entry)
{
    bool is_found = ja_entry_outcome(entry) == JA_OUTCOME_IMAGE;
    int64_t seconds = is_found ? order->fresh : order->keep_negative;

    return (!is_found || entry->record.kind == JA_RECORD_LOOKUP) &&
           (entry->record.stored_at_ms >= order->asked_at_ms ||
            ja_store_age(entry) < seconds * 1000);
}

ja_entry_t *ja_lookups_get(const ja_order_t *order)
{
    const ja_fresh_t ask_the_store = {.oldest_epoch = ja_keep_oldest_epoch(order)};
    unsigned char key[JA_KEY_LEN];

    ja_lookups_key(order, key);
    ja_entry_t *entry = ja_store_lookup(key, &ask_the_store);
    if (entry != NULL && !holds(order, entry)) {
        ja_entry_unref(entry);
        return NULL;
    }
    return entry;
}

void ja_lookups_keep(const ja_order_t *order, ja_entry_t *entry)
{
    unsigned char key[JA_KEY_LEN];

    ja_lookups_key(order, key);
    switch (ja_policy_outcome(ja_entry_outcome(entry))->keep) {
    case JA_KEEP_IMAGE:
        ja_store_keep(key, entry, order->fresh);
        break;
    case JA_KEEP_SHORT:
        ja_store_keep(key, entry, order->keep_negative);
        break;
    case JA_KEEP_NOT:
    default:
        break;
    }
}

ja_found_t ja_lookups_follow(const ja_order_t *order, const ja_entry_t *lookup, ja_ref_t *ref,
                             char url[JA_URL_MAX])
{
    const ja_realm_t *outside = order->realm->outside;
    ja_slice_t pictures = {(const char *)lookup->body, lookup->record.body_len};
    ja_slice_t picture = ja_lookup_pick(pictures, order->ref.size);
    ja_buf_t copy = ja_buf(url, JA_URL_MAX);

    ja_buf_add_slice(&copy, picture);
    return ja_lookup_resolve(&order->realm->site, outside != NULL ? outside->hosts : NULL, picture,
                             &order->ref, ref);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_desk: from an order to questions for Jira, and from answers to an entry. */
#include "mod_jira_avatar_desk.h"

#include <httpd.h>
#include <http_log.h>

#include <jansson.h>
#include <string.h>

#include "ja_limit.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_store.h"

APLOG_USE_MODULE(jira_avatar);

enum { STEP_IMAGE, STEP_CLOUD_ID };

enum {
    LATER_MS = 5,                 /* how soon to look again whether another child is done */
    TENANT_BYTES_MAX = 64 * 1024, /* of /_edge/tenant_info, which is some hundred */
    RETRY_AFTER_MAX = 24 * 60 * 60
};

/* ---- asking -------------------------------------------------------------------------------- */

/* As long as one fetch may take, so that a lease never ends under its holder. */
static int64_t lease_ms(const ja_realm_t *realm)
{
    return realm->network.connect_ms + realm->network.total_ms;
}

static ja_entry_t *stored_since(const ja_order_t *order)
{
    static const ja_fresh_t ask_the_store = {0, 0};
    ja_entry_t *entry = ja_store_lookup(order->key, &ask_the_store);

    if (entry != NULL && entry->record.stored_at_ms < order->asked_at_ms) {
        ja_entry_unref(entry);
        return NULL;
    }
    return entry;
}

static bool authorize(const ja_realm_t *realm, ja_ask_t *ask)
{
    ja_buf_t value = ja_buf(ask->authorization, sizeof(ask->authorization));

    return ja_cred_authorization(realm->cred, &value) && !value.overflow;
}

static ja_step_t ask_image(const ja_order_t *order, const ja_target_t *target, ja_ask_t *ask,
                           ja_entry_t **entry)
{
    const ja_realm_t *realm = order->realm;

    memcpy(ask->url, target->url, sizeof(ask->url));
    ask->realm = realm;
    ask->step = STEP_IMAGE;
    ask->accept = "image/*";
    ask->max_bytes = realm->network.max_bytes;
    ask->authorization[0] = '\0';
    if (target->credential && !authorize(realm, ask)) {
        *entry =
            ja_entry_failure(JA_OUTCOME_INTERNAL, "the secret cannot be sent as a header", NULL);
        return JA_STEP_DONE;
    }
    ask->asked.kind = realm->site.kind;
    ask->asked.credential = ask->authorization[0] != '\0';
    ask->asked.identity = target->identity;
    return JA_STEP_ASK;
}

/* One question about the site serves every child and every avatar: its lease has a key of its own.
 */
static void cloud_id_lease(const ja_realm_t *realm, unsigned char key[JA_KEY_LEN])
{
    memcpy(key, realm->digest, JA_KEY_LEN);
    key[0] ^= STEP_CLOUD_ID;
}

static ja_step_t ask_cloud_id(const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms)
{
    unsigned char key[JA_KEY_LEN];
    ja_target_t target;

    cloud_id_lease(order->realm, key);
    if (!ja_lease_take(key, order, lease_ms(order->realm))) {
        *later_ms = LATER_MS;
        return JA_STEP_LATER;
    }
    ja_upstream_tenant_info(&order->realm->site, &target);
    memcpy(ask->url, target.url, sizeof(ask->url));
    ask->realm = order->realm;
    ask->step = STEP_CLOUD_ID;
    ask->accept = "application/json";
    ask->max_bytes = TENANT_BYTES_MAX;
    ask->authorization[0] = '\0';
    memset(&ask->asked, 0, sizeof(ask->asked));
    return JA_STEP_ASK;
}

static ja_step_t next(void *self, const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                      ja_entry_t **entry)
{
    char learnt[JA_CLOUD_ID_LEN + 1];
    ja_target_t target;

    (void)self;
    if (!ja_lease_take(order->key, order, lease_ms(order->realm))) {
        *entry = stored_since(order);
        *later_ms = LATER_MS;
        return *entry != NULL ? JA_STEP_DONE : JA_STEP_LATER;
    }
    *entry = stored_since(order); /* the former holder of the lease may have stored it */
    if (*entry != NULL) {
        return JA_STEP_DONE;
    }
    bool known = ja_shared_cloud_id(order->realm, learnt);
    switch (ja_upstream_target(&order->realm->site, &order->ref, known ? learnt : NULL, &target)) {
    case JA_URL_OK:
        return ask_image(order, &target, ask, entry);
    case JA_URL_NEEDS_CLOUD_ID:
        return ask_cloud_id(order, ask, later_ms);
    case JA_URL_OTHER_CLOUD_ID:
        *entry = ja_entry_failure(JA_OUTCOME_UNKNOWN_PATH, "the address names another site", NULL);
        return JA_STEP_DONE;
    case JA_URL_NEEDS_LOOKUP:
    default:
        *entry = ja_entry_failure(JA_OUTCOME_UNKNOWN_PATH, "the name needs a look-up", NULL);
        return JA_STEP_DONE;
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

static int log_level(ja_outcome_t outcome)
{
    switch (outcome) {
    case JA_OUTCOME_IMAGE:
    case JA_OUTCOME_NOT_FOUND:
    case JA_OUTCOME_UNKNOWN_PATH:
        return APLOG_DEBUG;
    case JA_OUTCOME_FORBIDDEN:
    case JA_OUTCOME_RATE_LIMITED:
    case JA_OUTCOME_UNAVAILABLE:
    case JA_OUTCOME_TIMEOUT:
        return APLOG_WARNING;
    default:
        return APLOG_ERR;
    }
}

/* Once per outcome and interval as it deserves, every time at debug. */
static void log_verdict(const ja_order_t *order, const ja_ask_t *ask, const ja_verdict_t *verdict,
                        const ja_answer_t *answer)
{
    int level = log_level(verdict->outcome);

    if (level < APLOG_DEBUG && !ja_shared_may_log(order->realm, verdict->outcome)) {
        level = APLOG_DEBUG;
    }
    ap_log_error(APLOG_MARK, level, 0, order->origin, "JAV0301: %s: %s for %s: %s%s%s%s%s",
                 order->realm->name, ja_policy_outcome(verdict->outcome)->name, ask->url,
                 verdict->cause, answer->detail[0] != '\0' ? ": " : "", answer->detail,
                 verdict->remedy[0] != '\0' ? ". " : "", verdict->remedy);
}

static ja_entry_t *entry_of(const ja_verdict_t *verdict, const ja_answer_t *answer)
{
    int64_t now = apr_time_as_msec(apr_time_now());
    ja_entry_t *entry = verdict->outcome == JA_OUTCOME_IMAGE
                            ? ja_entry_image(verdict->image.type, answer->body, answer->body_len)
                            : ja_entry_failure(verdict->outcome, verdict->cause, answer->detail);

    if (entry != NULL) {
        entry->record.stored_at_ms = now;
        entry->record.upstream_status = answer->status;
        entry->record.retry_after = (int32_t)ja_limit_retry_after(
            answer->header[JA_HEADER_RETRY_AFTER], now / 1000, RETRY_AFTER_MAX);
    }
    return entry;
}

static void keep(const ja_order_t *order, ja_entry_t *entry)
{
    switch (ja_policy_outcome(ja_entry_outcome(entry))->keep) {
    case JA_KEEP_IMAGE:
        ja_store_keep(order->key, entry, order->keep_image);
        break;
    case JA_KEEP_SHORT:
        ja_store_keep(order->key, entry, order->keep_negative);
        break;
    case JA_KEEP_NOT:
        break;
    }
}

static ja_entry_t *image_answered(const ja_order_t *order, const ja_ask_t *ask,
                                  const ja_answer_t *answer)
{
    ja_verdict_t verdict = ja_policy_judge(&ask->asked, answer);
    ja_entry_t *entry = entry_of(&verdict, answer);

    log_verdict(order, ask, &verdict, answer);
    if (entry != NULL) {
        keep(order, entry);
        return entry;
    }
    return ja_entry_failure(JA_OUTCOME_INTERNAL, "out of memory", NULL);
}

static bool learn_cloud_id(const ja_realm_t *realm, const ja_answer_t *answer)
{
    json_t *root =
        answer->net == JA_NET_OK && answer->status == 200
            ? json_loadb((const char *)answer->body, answer->body_len, JSON_REJECT_DUPLICATES, NULL)
            : NULL;
    const char *id = json_string_value(json_object_get(root, "cloudId"));
    bool valid = id != NULL && ja_ref_is_cloud_id(ja_slice(id));

    if (valid) {
        ja_shared_learn_cloud_id(realm, id);
    }
    json_decref(root);
    return valid;
}

/* What the site says of itself; anything but a cloudId is a failure of the whole flight. */
static ja_entry_t *cloud_id_answered(const ja_order_t *order, const ja_ask_t *ask,
                                     const ja_answer_t *answer)
{
    unsigned char key[JA_KEY_LEN];

    cloud_id_lease(order->realm, key);
    bool learnt = learn_cloud_id(order->realm, answer);
    ja_lease_drop(key, order);
    if (learnt) {
        return NULL;
    }
    ja_verdict_t verdict = ja_policy_judge(&ask->asked, answer);
    if (verdict.outcome == JA_OUTCOME_IMAGE || ja_policy_outcome(verdict.outcome)->status < 500) {
        verdict.outcome = JA_OUTCOME_UPSTREAM_ERROR;
        verdict.cause = "the site does not tell its cloudId";
    }
    verdict.remedy = "Set JiraAvatarCloudId if the site is reached by another name than its own";
    log_verdict(order, ask, &verdict, answer);
    return entry_of(&verdict, answer);
}

static ja_entry_t *answered(void *self, const ja_order_t *order, const ja_ask_t *ask,
                            const ja_answer_t *answer)
{
    (void)self;
    return ask->step == STEP_CLOUD_ID ? cloud_id_answered(order, ask, answer)
                                      : image_answered(order, ask, answer);
}

static void landed(void *self, const ja_order_t *order, const ja_entry_t *entry)
{
    (void)self;
    (void)entry;
    ja_lease_drop(order->key, order);
}

ja_desk_t ja_desk(void)
{
    ja_desk_t desk = {.self = NULL, .next = next, .answered = answered, .landed = landed};
    return desk;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_desk: from an order to questions for Jira, and from answers to an entry. */
#include "mod_jira_avatar_desk.h"

#include <httpd.h>
#include <http_log.h>

#include <jansson.h>
#include <string.h>

#include "ja_limit.h"
#include "mod_jira_avatar_gate.h"
#include "mod_jira_avatar_journal.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_store.h"

APLOG_USE_MODULE(jira_avatar);

/* What a flight asks, one after the other if need be. */
enum { STEP_IMAGE, STEP_CLOUD_ID, STEP_IDENTITY };

enum {
    LATER_MS = 5,               /* how soon to look again whether another child is done */
    JSON_BYTES_MAX = 64 * 1024, /* of what is told about the site and the account */
    RETRY_AFTER_MAX_S = 24 * 60 * 60,
    FAILURE_KEPT_S = 5 * 60, /* so that children share failures and count them */
    FAILURE_PAUSE_MS = 1000, /* before an avatar that failed twice is asked for again */
    FAILURE_PAUSE_MAX_MS = 60 * 1000,
    STALE_PAUSE_MS = 2000 /* before a failed refresh is tried again: nobody waits for it */
};

static int64_t now_ms(void)
{
    return apr_time_as_msec(apr_time_now());
}

/* As long as one fetch may take, so that a lease never ends under its holder. */
static int64_t lease_ms(const ja_realm_t *realm)
{
    return realm->network.connect_ms + realm->network.total_ms;
}

/* ---- the store ----------------------------------------------------------------------------- */

static uint64_t oldest_epoch(const ja_order_t *order)
{
    ja_tags_t tags = ja_tags(ja_shared_realm_tag(order->realm), &order->ref);

    return ja_shared_oldest_epoch(order->realm, &tags);
}

/* What is held of the order, but for an image that is too old to be served at all. */
static ja_entry_t *look_up(const ja_order_t *order)
{
    const ja_fresh_t ask_the_store = {.oldest_epoch = oldest_epoch(order)};
    ja_entry_t *entry = ja_store_lookup(order->key, &ask_the_store);

    if (entry != NULL && ja_store_age(entry) / 1000 >= order->keep_image) {
        ja_entry_unref(entry);
        return NULL;
    }
    return entry;
}

/* What somebody else fetched since the order was placed, or found not worth asking for again yet.
 */
static ja_entry_t *settled_by_others(const ja_order_t *order)
{
    ja_entry_t *entry = look_up(order);

    if (entry != NULL && entry->record.stored_at_ms < order->asked_at_ms &&
        entry->record.not_before_ms <= now_ms()) {
        ja_entry_unref(entry);
        return NULL;
    }
    return entry;
}

/* A good image is never replaced by a failure: it only learns when to be fetched again. */
static void keep_image_despite(const ja_order_t *order, const ja_entry_t *image)
{
    ja_entry_t *copy = ja_entry_copy(image);
    int64_t left_s = order->keep_image - ja_store_age(image) / 1000;

    if (copy != NULL && left_s > 0) {
        copy->record.failures++;
        copy->record.not_before_ms =
            now_ms() + ja_limit_backoff(copy->record.failures, STALE_PAUSE_MS, FAILURE_PAUSE_MAX_MS,
                                        (uint32_t)now_ms());
        ja_store_keep(order->key, copy, left_s);
    }
    ja_entry_unref(copy);
}

/* The first failure of an avatar may be a chance; more of them are asked about ever less often. */
static void keep_failure(const ja_order_t *order, ja_entry_t *failure)
{
    ja_entry_t *before = look_up(order);

    if (before != NULL && ja_entry_outcome(before) == JA_OUTCOME_IMAGE) {
        keep_image_despite(order, before);
    } else {
        uint32_t failures = before != NULL ? before->record.failures + 1 : 1;
        failure->record.failures = failures;
        failure->record.not_before_ms =
            now_ms() + ja_limit_backoff(failures - 1, FAILURE_PAUSE_MS, FAILURE_PAUSE_MAX_MS,
                                        (uint32_t)now_ms());
        ja_store_keep(order->key, failure, FAILURE_KEPT_S);
    }
    ja_entry_unref(before);
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
        keep_failure(order, entry);
        break;
    }
}

/* ---- the log ------------------------------------------------------------------------------- */

static int log_level(ja_outcome_t outcome, const ja_answer_t *answer)
{
    if (answer->net == JA_NET_ABORTED) {
        return APLOG_DEBUG;
    }
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
    int level = log_level(verdict->outcome, answer);

    if (level < APLOG_DEBUG && !ja_shared_may_log(order->realm, verdict->outcome)) {
        level = APLOG_DEBUG;
    }
    ap_log_error(APLOG_MARK, level, 0, order->origin, "JAV0301: %s: %s for %s: %s%s%s%s%s",
                 order->realm->name, ja_policy_outcome(verdict->outcome)->name, ask->url,
                 verdict->cause, answer->detail[0] != '\0' ? ": " : "", answer->detail,
                 verdict->remedy[0] != '\0' ? ". " : "", verdict->remedy);
}

static void log_frozen_secret(const ja_order_t *order)
{
    const char *source = ja_cred_frozen_source(order->realm->cred);

    if (source != NULL) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, order->origin,
                     "JAV0302: %s: the children may not read %s, so a change of it is only seen at "
                     "the next reload; chgrp it to the server's group and chmod 0640 to have it "
                     "seen at once",
                     order->realm->name, source);
    }
}

/* ---- asking -------------------------------------------------------------------------------- */

/* Tells secrets apart without keeping them: 0 for none. */
static uint64_t mark_of(const ja_ask_t *ask)
{
    unsigned char digest[JA_KEY_LEN];
    uint64_t mark;

    if (ask->authorization[0] == '\0') {
        return 0;
    }
    ja_digest(ask->authorization, strlen(ask->authorization), digest);
    memcpy(&mark, digest, sizeof(mark));
    return mark | 1;
}

static bool authorize(const ja_order_t *order, ja_ask_t *ask)
{
    ja_buf_t value = ja_buf(ask->authorization, sizeof(ask->authorization));
    bool fits = ja_cred_authorization(order->realm->cred, &value) && !value.overflow;

    log_frozen_secret(order);
    ask->mark = fits ? mark_of(ask) : 0;
    return fits;
}

static ja_step_t done(ja_entry_t **entry, ja_entry_t *with)
{
    *entry = with;
    return JA_STEP_DONE;
}

static ja_step_t held_back(const ja_gate_t *gate, ja_entry_t **entry)
{
    ja_entry_t *failure = ja_entry_failure(gate->why, "not asked again yet", NULL);

    if (failure != NULL) {
        failure->record.stored_at_ms = now_ms();
        failure->record.retry_after = (int32_t)((gate->wait_ms + 999) / 1000);
    }
    return done(entry, failure);
}

/* Fills what every ask has, and passes the gate. */
static ja_step_t ask_for(const ja_order_t *order, const ja_target_t *target, ja_ask_t *ask,
                         ja_entry_t **entry)
{
    const ja_realm_t *realm = order->realm;

    memcpy(ask->url, target->url, sizeof(ask->url));
    ask->realm = realm;
    ask->epoch = ja_shared_epoch();
    ask->sent_ms = now_ms();
    ask->authorization[0] = '\0';
    ask->mark = 0;
    if (target->credential && !authorize(order, ask)) {
        return done(entry, ja_entry_failure(JA_OUTCOME_INTERNAL,
                                            "the secret cannot be sent as a header", NULL));
    }
    ask->asked.kind = realm->site.kind;
    ask->asked.credential = ask->mark != 0;
    ask->asked.identity = target->identity && !ja_identity_is_known(realm, ask->mark);
    ja_gate_t gate = ja_gate_enter(realm, ask->mark, lease_ms(realm));
    return gate.open ? JA_STEP_ASK : held_back(&gate, entry);
}

/* Asks only whether it has changed, if Jira gave us something to ask by. */
static void ask_by_validators(const ja_order_t *order, ja_ask_t *ask)
{
    ja_entry_t *held = look_up(order);

    memset(&ask->held, 0, sizeof(ask->held));
    if (held != NULL && ja_entry_outcome(held) == JA_OUTCOME_IMAGE) {
        ask->held = held->record.upstream;
    }
    ja_entry_unref(held);
}

static ja_step_t ask_image(const ja_order_t *order, const ja_target_t *target, ja_ask_t *ask,
                           ja_entry_t **entry)
{
    ask->step = STEP_IMAGE;
    ask->accept = "image/*";
    ask_by_validators(order, ask);
    ask->max_bytes = order->realm->network.max_bytes;
    return ask_for(order, target, ask, entry);
}

/* One question about the site or the account serves every child and every avatar: its lease has a
 * key of its own. */
static void realm_lease(const ja_realm_t *realm, int step, unsigned char key[JA_KEY_LEN])
{
    memcpy(key, realm->digest, JA_KEY_LEN);
    key[0] ^= (unsigned char)step;
}

static ja_step_t ask_realm(const ja_order_t *order, int step, ja_ask_t *ask, int64_t *later_ms,
                           ja_entry_t **entry)
{
    unsigned char key[JA_KEY_LEN];
    ja_target_t target;

    realm_lease(order->realm, step, key);
    if (!ja_lease_take(key, order, lease_ms(order->realm))) {
        *later_ms = LATER_MS;
        return JA_STEP_LATER;
    }
    if (step == STEP_CLOUD_ID) {
        ja_upstream_tenant_info(&order->realm->site, &target);
    } else {
        ja_upstream_myself(&order->realm->site, &target);
    }
    ask->step = step;
    memset(&ask->held, 0, sizeof(ask->held));
    ask->accept = "application/json";
    ask->max_bytes = JSON_BYTES_MAX;
    return ask_for(order, &target, ask, entry);
}

static ja_step_t ask_what_is_needed(const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                                    ja_entry_t **entry)
{
    char learnt[JA_CLOUD_ID_LEN + 1];
    ja_target_t target;
    bool known = ja_shared_cloud_id(order->realm, learnt);

    switch (ja_upstream_target(&order->realm->site, &order->ref, known ? learnt : NULL, &target)) {
    case JA_URL_OK:
        return ask->step == STEP_IDENTITY && !ja_identity_is_settled(order->realm, ask->mark)
                   ? ask_realm(order, STEP_IDENTITY, ask, later_ms, entry)
                   : ask_image(order, &target, ask, entry);
    case JA_URL_NEEDS_CLOUD_ID:
        return ask_realm(order, STEP_CLOUD_ID, ask, later_ms, entry);
    case JA_URL_OTHER_CLOUD_ID:
        return done(entry,
                    ja_entry_failure(JA_OUTCOME_UNKNOWN_PATH, "another site's cloudId", NULL));
    case JA_URL_NEEDS_LOOKUP:
    default:
        return done(entry,
                    ja_entry_failure(JA_OUTCOME_UNKNOWN_PATH, "the name needs a look-up", NULL));
    }
}

static ja_step_t next(void *self, const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                      ja_entry_t **entry)
{
    (void)self;
    bool is_mine = ja_lease_take(order->key, order, lease_ms(order->realm));

    *entry = settled_by_others(order); /* by who holds the lease, or held it before */
    if (*entry != NULL) {
        return JA_STEP_DONE;
    }
    if (!is_mine) {
        *later_ms = LATER_MS;
        return JA_STEP_LATER;
    }
    return ask_what_is_needed(order, ask, later_ms, entry);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* What Jira asks to wait, in its several ways of saying so; -1: it does not. */
static int64_t retry_after(const ja_answer_t *answer)
{
    int64_t now = now_ms() / 1000;
    int64_t wait =
        ja_limit_retry_after(answer->header[JA_HEADER_RETRY_AFTER], now, RETRY_AFTER_MAX_S);

    return wait >= 0 ? wait
                     : ja_limit_reset(answer->header[JA_HEADER_RATE_RESET], now, RETRY_AFTER_MAX_S);
}

/* What is too long to be kept is not sent back cut. */
static void keep_validator(char kept[JA_VALIDATOR_MAX], const char *value)
{
    if (strlen(value) < JA_VALIDATOR_MAX) {
        memcpy(kept, value, strlen(value) + 1);
    }
}

static ja_entry_t *entry_of(const ja_verdict_t *verdict, const ja_answer_t *answer)
{
    ja_entry_t *entry = verdict->outcome == JA_OUTCOME_IMAGE
                            ? ja_entry_image(verdict->image.type, answer->body, answer->body_len)
                            : ja_entry_failure(verdict->outcome, verdict->cause, answer->detail);

    if (entry == NULL) {
        entry = ja_entry_failure(JA_OUTCOME_INTERNAL, "out of memory", NULL);
    }
    if (entry != NULL) {
        entry->record.stored_at_ms = now_ms();
        entry->record.upstream_status = answer->status;
        entry->record.retry_after = (int32_t)retry_after(answer);
        keep_validator(entry->record.upstream.etag, answer->header[JA_HEADER_ETAG]);
        keep_validator(entry->record.upstream.last_modified,
                       answer->header[JA_HEADER_LAST_MODIFIED]);
    }
    return entry;
}

/* Logs, tells the gate, and keeps what the flight came to. */
static ja_entry_t *conclude(const ja_order_t *order, const ja_ask_t *ask,
                            const ja_verdict_t *verdict, const ja_answer_t *answer)
{
    ja_entry_t *entry = entry_of(verdict, answer);

    log_verdict(order, ask, verdict, answer);
    ja_journal_answer(order, ask, verdict, answer);
    if (answer->net != JA_NET_ABORTED) {
        ja_gate_report(order->realm, ask->mark, verdict->outcome, retry_after(answer));
        if (entry != NULL) {
            entry->record.epoch = ask->epoch;
            entry->record.realm = ja_shared_realm_tag(order->realm);
            keep(order, entry);
        }
    }
    return entry;
}

/* Cloud did not say whom it took us for: the image may be the default one, the refusal may be meant
 * for strangers. Whether it ever says so is found out once, by asking who we are. */
static bool needs_identity(const ja_order_t *order, const ja_ask_t *ask, const ja_answer_t *answer)
{
    return ask->asked.identity && ask->asked.credential && ask->asked.kind == JA_SITE_CLOUD &&
           answer->net == JA_NET_OK && answer->header[JA_HEADER_ACCOUNT_ID][0] == '\0' &&
           (answer->status == 200 || answer->status == 403 || answer->status == 404) &&
           !ja_identity_is_settled(order->realm, ask->mark);
}

/* The image that is held, as if it had just come; NULL if it is gone meanwhile. */
static ja_entry_t *confirmed(const ja_order_t *order)
{
    ja_entry_t *held = look_up(order);
    ja_entry_t *copy =
        held != NULL && ja_entry_outcome(held) == JA_OUTCOME_IMAGE ? ja_entry_copy(held) : NULL;

    ja_entry_unref(held);
    if (copy != NULL) {
        copy->record.stored_at_ms = now_ms();
        copy->record.not_before_ms = 0;
        copy->record.failures = 0;
        ja_store_keep(order->key, copy, order->keep_image);
    }
    return copy;
}

static bool is_not_modified(const ja_ask_t *ask, const ja_verdict_t *verdict,
                            const ja_answer_t *answer)
{
    bool asked = ask->held.etag[0] != '\0' || ask->held.last_modified[0] != '\0';

    return asked && answer->status == 304 && verdict->outcome == JA_OUTCOME_REDIRECTED;
}

static ja_entry_t *image_answered(const ja_order_t *order, ja_ask_t *ask, const ja_answer_t *answer)
{
    ja_verdict_t verdict = ja_policy_judge(&ask->asked, answer);
    bool is_open = verdict.outcome == JA_OUTCOME_ANONYMOUS ||
                   verdict.outcome == JA_OUTCOME_FORBIDDEN ||
                   verdict.outcome == JA_OUTCOME_NOT_FOUND;

    if (is_open && needs_identity(order, ask, answer)) {
        ask->step = STEP_IDENTITY;
        return NULL;
    }
    bool is_same = is_not_modified(ask, &verdict, answer);
    if ((is_same || verdict.outcome == JA_OUTCOME_IMAGE) && ask->epoch < oldest_epoch(order)) {
        ja_gate_report(order->realm, ask->mark, JA_OUTCOME_IMAGE, -1);
        return NULL; /* forgotten while it was on its way: Jira may have a newer one */
    }
    ja_entry_t *unchanged = is_same ? confirmed(order) : NULL;
    if (unchanged != NULL) {
        verdict.outcome = JA_OUTCOME_IMAGE;
        ja_journal_answer(order, ask, &verdict, answer);
        ja_gate_report(order->realm, ask->mark, JA_OUTCOME_IMAGE, -1);
        return unchanged;
    }
    return conclude(order, ask, &verdict, answer);
}

static json_t *json_of(const ja_answer_t *answer)
{
    return answer->net == JA_NET_OK && answer->status == 200
               ? json_loadb((const char *)answer->body, answer->body_len, JSON_REJECT_DUPLICATES,
                            NULL)
               : NULL;
}

static bool learn_cloud_id(const ja_realm_t *realm, const ja_answer_t *answer)
{
    json_t *root = json_of(answer);
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
    if (learn_cloud_id(order->realm, answer)) {
        return NULL;
    }
    ja_verdict_t verdict = ja_policy_judge(&ask->asked, answer);
    if (ja_policy_outcome(verdict.outcome)->status < 500) {
        verdict.outcome = JA_OUTCOME_UPSTREAM_ERROR;
        verdict.cause = "the site does not tell its cloudId";
    }
    verdict.remedy = "Set JiraAvatarCloudId if the site is reached by another name than its own";
    return conclude(order, ask, &verdict, answer);
}

/* Who we are to the site. If it knows us but does not name us in its header fields, their absence
 * proves nothing; if it names us here, it would have named us with the image. */
static ja_entry_t *identity_answered(const ja_order_t *order, const ja_ask_t *ask,
                                     const ja_answer_t *answer)
{
    json_t *root = json_of(answer);
    bool knows_us = json_is_string(json_object_get(root, "accountId"));
    bool names_us = answer->header[JA_HEADER_ACCOUNT_ID][0] != '\0';
    ja_verdict_t verdict = ja_policy_judge(&ask->asked, answer);

    json_decref(root);
    if (answer->net == JA_NET_OK && verdict.outcome != JA_OUTCOME_CREDENTIAL_REFUSED) {
        ja_identity_learn(order->realm, ask->mark, knows_us && !names_us);
        return NULL;
    }
    return conclude(order, ask, &verdict, answer);
}

static ja_entry_t *answered(void *self, const ja_order_t *order, ja_ask_t *ask,
                            const ja_answer_t *answer)
{
    unsigned char key[JA_KEY_LEN];
    ja_entry_t *entry;

    (void)self;
    if (ask->step == STEP_IMAGE) {
        return image_answered(order, ask, answer);
    }
    entry = ask->step == STEP_CLOUD_ID ? cloud_id_answered(order, ask, answer)
                                       : identity_answered(order, ask, answer);
    realm_lease(order->realm, ask->step, key);
    ja_lease_drop(key, order);
    return entry;
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

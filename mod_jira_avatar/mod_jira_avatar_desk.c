/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_desk: from an order to questions for Jira, and from answers to an entry. */
#include "mod_jira_avatar_desk.h"

#include <httpd.h>
#include <http_log.h>

#include <jansson.h>
#include <string.h>

#include "ja_lookup.h"
#include "mod_jira_avatar_expiry.h"
#include "mod_jira_avatar_gate.h"
#include "mod_jira_avatar_journal.h"
#include "mod_jira_avatar_keep.h"
#include "mod_jira_avatar_lookup.h"
#include "mod_jira_avatar_outside.h"
#include "mod_jira_avatar_route.h"
#include "mod_jira_avatar_say.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_token.h"

APLOG_USE_MODULE(jira_avatar);

/* What a flight asks, one after the other if need be. */
enum {
    STEP_IMAGE,
    STEP_CLOUD_ID,
    STEP_IDENTITY,
    STEP_LOOKUP,
    STEP_TRIAL /* no question: the first with a secret */
};

enum {
    LATER_MS = 5,              /* how soon to look again whether another child is done, */
    LATER_MAX_MS = 100,        /* and how late; */
    LATER_PART = 16,           /* between them after a part of what was waited already */
    JSON_BYTES_MAX = 64 * 1024 /* of what is told about the site and the account */
};

/* As long as one fetch may take, so that a lease never ends under its holder. */
static int64_t lease_ms(const ja_realm_t *realm)
{
    return realm->network.connect_ms + realm->network.total_ms;
}

/* Whoever waits for somebody else looks often at first, and rarely where Jira is slow. */
static int64_t pause_ms(const ja_order_t *order)
{
    int64_t pause = (ja_now_ms() - order->asked_at_ms) / LATER_PART;

    return pause < LATER_MS ? LATER_MS : pause < LATER_MAX_MS ? pause : LATER_MAX_MS;
}

/* ---- asking -------------------------------------------------------------------------------- */

static bool authorize(const ja_order_t *order, ja_ask_t *ask)
{
    ja_say_secrets(order);
    return ja_token_authorize(order, ask);
}

static ja_step_t done(ja_entry_t **entry, ja_entry_t *with)
{
    *entry = with;
    return JA_STEP_DONE;
}

/* Without asking anybody. */
static ja_step_t say_and_end(const ja_order_t *order, const ja_ask_t *ask, ja_cause_t cause,
                             ja_entry_t **entry)
{
    ja_say_cause(order, ask, cause);
    ja_journal_cause(order, ask, cause);
    return done(entry, ja_entry_failure(ja_cause(cause)->outcome));
}

/* For the diagnosis of what will be answered. */
static void describe_ask(const ja_order_t *order, const ja_target_t *target, ja_ask_t *ask)
{
    static const ja_asked_what_t whats[] = {[STEP_IMAGE] = JA_ASKED_IMAGE,
                                            [STEP_CLOUD_ID] = JA_ASKED_CLOUD_ID,
                                            [STEP_IDENTITY] = JA_ASKED_OBJECT,
                                            [STEP_LOOKUP] = JA_ASKED_OBJECT};
    const ja_realm_t *realm = order->realm;
    bool is_user = ask->step == STEP_LOOKUP && order->ref.type == JA_TYPE_USER &&
                   order->question == JA_QUESTION_NONE;

    ask->asked = (ja_asked_t){
        .what = is_user ? JA_ASKED_USER : whats[ask->step],
        .kind = realm->site.kind,
        .means = ask->mark != 0 ? ja_cred_means(realm->cred) : JA_MEANS_NONE,
        .identity = target->identity && !ja_identity_is_known(realm, ask->mark),
        .gateway = target->gateway,
        .alternative = realm->site.route == JA_ROUTE_AUTO,
        .scope = target->scope,
        .directive = target->gateway ? "JiraAvatarGatewayURL" : "JiraAvatarSite",
        .account = ja_cred_user(realm->cred),
        .now = ask->sent_ms / 1000,
    };
}

/* Fills what every ask has, and passes the gate. */
static ja_step_t ask_for(const ja_order_t *order, const ja_target_t *target, ja_ask_t *ask,
                         ja_entry_t **entry)
{
    const ja_realm_t *realm = order->realm;

    memcpy(ask->url, target->url, sizeof(ask->url));
    ask->realm = realm;
    ask->epoch = ja_shared_epoch();
    ask->sent_ms = ja_now_ms();
    ask->authorization[0] = '\0';
    ask->mark = 0;
    ask->gateway = target->gateway;
    if (target->credential && !authorize(order, ask)) {
        return say_and_end(order, ask, JA_CAUSE_UNSENDABLE, entry);
    }
    describe_ask(order, target, ask);
    if (ask->mark != 0 && ask->mark == ask->passed_mark) {
        return JA_STEP_ASK;
    }
    if (!ja_gate_is_tried(realm, ask->mark) &&
        !ja_realm_lease_take(realm, STEP_TRIAL, order, lease_ms(realm))) {
        return JA_STEP_LATER;
    }
    ja_gate_t gate = ja_gate_enter(realm, ask->mark, lease_ms(realm));
    ask->passed_mark = gate.open ? ask->mark : 0;
    return gate.open ? JA_STEP_ASK : done(entry, ja_gate_failure(&gate));
}

/* Asks only whether it has changed, if Jira gave us something to ask by. */
static void ask_by_validators(const ja_order_t *order, ja_ask_t *ask)
{
    ja_entry_t *held = ja_keep_find(order);

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

static ja_step_t ask_lookup(const ja_order_t *order, const ja_target_t *target, ja_ask_t *ask,
                            ja_entry_t **entry)
{
    ask->step = STEP_LOOKUP;
    ask->accept = "application/json";
    ask->max_bytes = JA_LOOKUP_BYTES;
    return ask_for(order, target, ask, entry);
}

static ja_step_t ask_realm(const ja_order_t *order, int step, ja_ask_t *ask, int64_t *later_ms,
                           ja_entry_t **entry)
{
    ja_target_t target;

    if (!ja_realm_lease_take(order->realm, step, order, lease_ms(order->realm))) {
        *later_ms = pause_ms(order);
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

static ja_url_status_t target_of(const ja_order_t *order, ja_route_t route, const ja_ref_t *ref,
                                 ja_target_t *target)
{
    char learnt[JA_CLOUD_ID_LEN + 1];
    const char *cloud_id = ja_route_cloud_id(order->realm, learnt) ? learnt : NULL;

    if (order->question != JA_QUESTION_NONE) {
        return ja_upstream_question(&order->realm->site, route, order->question, cloud_id, target);
    }
    return (ref->form == JA_REF_LOOKUP ? ja_upstream_lookup : ja_upstream_target)(
        &order->realm->site, route, ref, cloud_id, target);
}

static ja_step_t ask_ref(const ja_order_t *order, const ja_ref_t *ref, ja_ask_t *ask,
                         int64_t *later_ms, ja_entry_t **entry)
{
    ja_target_t target;

    ask->mark = ja_cred_mark(order->realm->cred);
    ja_route_t route = ja_route_of(order->realm, ask->mark);
    switch (target_of(order, route, ref, &target)) {
    case JA_URL_OK:
        if (target.credential && ja_token_is_needed(order->realm)) {
            return ja_token_ask(order, ask, later_ms, entry);
        }
        if (ask->step == STEP_IDENTITY && !ja_identity_is_settled(order->realm, ask->mark)) {
            return ask_realm(order, STEP_IDENTITY, ask, later_ms, entry);
        }
        return ref->form == JA_REF_LOOKUP ? ask_lookup(order, &target, ask, entry)
                                          : ask_image(order, &target, ask, entry);
    case JA_URL_NEEDS_CLOUD_ID:
        return ask_realm(order, STEP_CLOUD_ID, ask, later_ms, entry);
    case JA_URL_OTHER_CLOUD_ID:
        return say_and_end(order, ask, JA_CAUSE_OTHER_SITE, entry);
    case JA_URL_NEEDS_LOOKUP:
    case JA_URL_NO_LOOKUP:
    default:
        return say_and_end(order, ask, JA_CAUSE_NO_ADDRESS, entry);
    }
}

/* ---- names --------------------------------------------------------------------------------- */

/* Without asking anybody: what the REST API said settles it. */
static ja_step_t settle(const ja_order_t *order, ja_ask_t *ask, ja_cause_t cause,
                        ja_entry_t **entry)
{
    ja_step_t step = say_and_end(order, ask, cause, entry);

    if (*entry != NULL) {
        (*entry)->record.stored_at_ms = ja_now_ms();
        (*entry)->record.epoch = ja_shared_epoch();
        (*entry)->record.realm = ja_shared_realm_tag(order->realm);
        ja_keep(order, *entry);
    }
    return step;
}

static ja_step_t use_lookup(const ja_order_t *order, const ja_entry_t *known, ja_ask_t *ask,
                            int64_t *later_ms, ja_entry_t **entry)
{
    ja_ref_t ref;

    switch (ja_lookups_follow(order, known, &ref, ask->url)) {
    case JA_FOUND_OURS:
        return ask_ref(order, &ref, ask, later_ms, entry);
    case JA_FOUND_PUBLIC:
        ask->step = STEP_IMAGE;
        return ja_outside_ask(order, ask, entry);
    case JA_FOUND_NOTHING:
        return settle(order, ask, JA_CAUSE_NO_PICTURE, entry);
    case JA_FOUND_ELSEWHERE:
    default:
        return settle(order, ask, JA_CAUSE_FOREIGN_PICTURE, entry);
    }
}

static ja_step_t ask_by_name(const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                             ja_entry_t **entry)
{
    unsigned char key[JA_KEY_LEN];
    ja_step_t step;

    ja_lookups_key(order, key);
    bool is_mine = ja_lease_take(key, order, lease_ms(order->realm));
    ja_entry_t *known = ja_lookups_get(order);
    if (known != NULL && ja_entry_outcome(known) != JA_OUTCOME_IMAGE) {
        ja_keep(order, known);
        return done(entry, known);
    }
    if (known != NULL) {
        ja_lease_drop(key, order);
        step = use_lookup(order, known, ask, later_ms, entry);
        ja_entry_unref(known);
        return step;
    }
    if (!is_mine) {
        *later_ms = pause_ms(order);
        return JA_STEP_LATER;
    }
    return ask_ref(order, &order->ref, ask, later_ms, entry);
}

static ja_step_t ask_what_is_needed(const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                                    ja_entry_t **entry)
{
    memset(&ask->held, 0, sizeof(ask->held));
    if (ask->outside) {
        ask->step = STEP_IMAGE;
        return ja_outside_ask(order, ask, entry);
    }
    return order->ref.form == JA_REF_LOOKUP && order->question == JA_QUESTION_NONE
               ? ask_by_name(order, ask, later_ms, entry)
               : ask_ref(order, &order->ref, ask, later_ms, entry);
}

static ja_step_t next(void *self, const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                      ja_entry_t **entry)
{
    (void)self;
    *later_ms = pause_ms(order);
    if (order->errand) {
        return ja_token_ask(order, ask, later_ms, entry);
    }
    bool is_mine = ja_lease_take(order->key, order, lease_ms(order->realm));

    *entry = ja_keep_settled(order); /* by who holds the lease, or held it before */
    if (*entry != NULL) {
        return JA_STEP_DONE;
    }
    if (!is_mine) {
        return JA_STEP_LATER;
    }
    return ask_what_is_needed(order, ask, later_ms, entry);
}

/* ---- answers ------------------------------------------------------------------------------- */

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
                            : ja_entry_failure(verdict->outcome);

    if (entry == NULL) {
        entry = ja_entry_failure(JA_OUTCOME_INTERNAL);
    }
    if (entry != NULL) {
        entry->record.stored_at_ms = ja_now_ms();
        entry->record.upstream_status = answer->status;
        entry->record.retry_after = (int32_t)ja_gate_wait_wanted(answer);
        keep_validator(entry->record.upstream.etag, answer->header[JA_HEADER_ETAG]);
        keep_validator(entry->record.upstream.last_modified,
                       answer->header[JA_HEADER_LAST_MODIFIED]);
    }
    return entry;
}

/* Logs, tells the gate, and keeps what the flight came to. */
static ja_entry_t *conclude(const ja_order_t *order, const ja_ask_t *ask,
                            const ja_verdict_t *judged, const ja_answer_t *answer)
{
    ja_verdict_t verdict = ja_route_verdict(ask, *judged);
    uint64_t mark = ask->mark != 0 ? ask->mark : ask->refused_mark;
    ja_entry_t *entry = entry_of(&verdict, answer);

    if (entry != NULL && (ask->outside || order->ref.form == JA_REF_LOOKUP)) {
        memset(&entry->record.upstream, 0, sizeof(entry->record.upstream)); /* of which address? */
    }
    ja_say_verdict(order, ask, &verdict, answer);
    ja_journal_answer(order, ask, &verdict, answer);
    if (answer->net != JA_NET_ABORTED) {
        ja_route_after(order, ask, verdict.outcome, answer);
        ja_gate_report(ask->realm, mark, verdict.outcome, ja_gate_wait_after(&verdict, answer));
        ja_say_used_up(order, verdict.outcome, ja_gate_wait_wanted(answer));
        if (entry != NULL) {
            entry->record.epoch = ask->epoch;
            entry->record.realm = ja_shared_realm_tag(order->realm);
            ja_keep(order, entry);
        }
    }
    return entry;
}

/* Cloud did not say whom it took us for: the image may be the default one, the refusal may be meant
 * for strangers. Whether it ever says so is found out once, by asking who we are. */
static bool needs_identity(const ja_order_t *order, const ja_ask_t *ask, const ja_answer_t *answer)
{
    return ask->asked.identity && ask->asked.means != JA_MEANS_NONE &&
           ask->asked.kind == JA_SITE_CLOUD && answer->net == JA_NET_OK &&
           answer->header[JA_HEADER_ACCOUNT_ID][0] == '\0' &&
           (answer->status == 200 || answer->status == 403 || answer->status == 404) &&
           !ja_identity_is_settled(order->realm, ask->mark);
}

static bool is_not_modified(const ja_ask_t *ask, const ja_verdict_t *verdict,
                            const ja_answer_t *answer)
{
    bool asked = ask->held.etag[0] != '\0' || ask->held.last_modified[0] != '\0';

    return asked && answer->status == 304 && verdict->outcome == JA_OUTCOME_REDIRECTED;
}

/* The site may not know a credential that its gateway knows. */
static bool turns_to_gateway(const ja_order_t *order, ja_ask_t *ask, ja_outcome_t outcome,
                             const ja_answer_t *answer)
{
    if (!ja_route_turns(order, ask, outcome, answer)) {
        return false;
    }
    ask->step = STEP_IMAGE;
    return true;
}

/* What the REST API said: the pictures that it names, or all of it if that was the question. */
static ja_entry_t *told(const ja_order_t *order, const ja_ask_t *ask, ja_slice_t body,
                        const ja_answer_t *answer)
{
    ja_entry_t *entry = ja_entry_lookup(body);

    if (entry != NULL) {
        entry->record.stored_at_ms = ja_now_ms();
        entry->record.epoch = ask->epoch;
        entry->record.realm = ja_shared_realm_tag(order->realm);
    }
    ja_route_after(order, ask, JA_OUTCOME_IMAGE, answer);
    ja_gate_report(ask->realm, ask->mark, JA_OUTCOME_IMAGE, ja_gate_wait_wanted(answer));
    return entry;
}

/* NULL if the REST API named pictures, which are kept for every size. */
static ja_entry_t *lookup_answered(const ja_order_t *order, const ja_ask_t *ask,
                                   ja_verdict_t *verdict, const ja_answer_t *answer)
{
    char text[JA_LOOKUP_PICTURES];
    ja_buf_t pictures = ja_buf(text, sizeof(text));
    ja_slice_t body = {(const char *)answer->body, answer->body_len};
    bool is_told =
        verdict->outcome == JA_OUTCOME_NOT_AN_IMAGE || verdict->outcome == JA_OUTCOME_IMAGE;

    if (is_told && order->question != JA_QUESTION_NONE) {
        return told(order, ask, body, answer);
    }
    if (is_told) {
        const char *fault = ja_lookup_read(body, &pictures);
        is_told = fault == NULL;
        *verdict = ja_diagnosis_of(JA_CAUSE_NOT_AN_OBJECT);
        verdict->seen = is_told ? "" : fault;
    }
    ja_entry_t *entry = is_told ? told(order, ask, (ja_slice_t){text, pictures.len}, answer)
                                : conclude(order, ask, verdict, answer);
    if (entry == NULL) {
        return ja_entry_failure(JA_OUTCOME_INTERNAL);
    }
    ja_lookups_keep(order, entry);
    if (is_told) {
        ja_entry_unref(entry);
        return NULL;
    }
    return entry;
}

static ja_entry_t *image_answered(const ja_order_t *order, ja_ask_t *ask, const ja_answer_t *answer)
{
    if (ja_route_asks_cloud_id(order, ask, answer)) {
        return NULL;
    }
    ja_verdict_t verdict = ja_diagnose(&ask->asked, answer);
    bool is_open = verdict.outcome == JA_OUTCOME_ANONYMOUS ||
                   verdict.outcome == JA_OUTCOME_FORBIDDEN ||
                   verdict.outcome == JA_OUTCOME_NOT_FOUND;

    if (ja_token_renews(order, ask, &verdict)) {
        return NULL;
    }
    if (is_open && needs_identity(order, ask, answer)) {
        ask->step = STEP_IDENTITY;
        return NULL;
    }
    bool is_same = is_not_modified(ask, &verdict, answer);
    if ((is_same || verdict.outcome == JA_OUTCOME_IMAGE) &&
        ask->epoch < ja_keep_oldest_epoch(order)) {
        ja_gate_report(ask->realm, ask->mark, JA_OUTCOME_IMAGE, -1);
        return NULL; /* forgotten while it was on its way: Jira may have a newer one */
    }
    ja_entry_t *unchanged = is_same ? ja_keep_confirmed(order) : NULL;
    if (unchanged != NULL) {
        verdict = ja_diagnosis_of(JA_CAUSE_IMAGE);
        ja_journal_answer(order, ask, &verdict, answer);
        ja_gate_report(ask->realm, ask->mark, JA_OUTCOME_IMAGE, ja_gate_wait_wanted(answer));
        return unchanged;
    }
    if (turns_to_gateway(order, ask, verdict.outcome, answer) ||
        (verdict.outcome == JA_OUTCOME_REDIRECTED && ja_outside_follows(order, ask, answer))) {
        return NULL;
    }
    return ask->step == STEP_LOOKUP ? lookup_answered(order, ask, &verdict, answer)
                                    : conclude(order, ask, &verdict, answer);
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
        ja_route_learn_cloud_id(realm, id);
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
    ja_verdict_t verdict = ja_diagnose(&ask->asked, answer);
    return conclude(order, ask, &verdict, answer);
}

/* Who we are to the site. If it knows us but does not name us in its header fields, their absence
 * proves nothing; if it names us here, it would have named us with the image. */
static ja_entry_t *identity_answered(const ja_order_t *order, ja_ask_t *ask,
                                     const ja_answer_t *answer)
{
    json_t *root = json_of(answer);
    bool knows_us = json_is_string(json_object_get(root, "accountId"));
    bool names_us = answer->header[JA_HEADER_ACCOUNT_ID][0] != '\0';
    ja_verdict_t verdict = ja_diagnose(&ask->asked, answer);

    json_decref(root);
    if (ja_token_renews(order, ask, &verdict)) {
        return NULL;
    }
    if (answer->net == JA_NET_OK && verdict.outcome != JA_OUTCOME_CREDENTIAL_REFUSED) {
        ja_identity_learn(order->realm, ask->mark, knows_us && !names_us);
        return NULL;
    }
    if (turns_to_gateway(order, ask, verdict.outcome, answer)) {
        return NULL;
    }
    return conclude(order, ask, &verdict, answer);
}

static ja_entry_t *answered(void *self, const ja_order_t *order, ja_ask_t *ask,
                            const ja_answer_t *answer)
{
    const ja_realm_t *asked = ask->realm;
    int step = ask->step;

    (void)self;
    if (ask->for_token) {
        return ja_token_answered(order, ask, answer);
    }
    if (step == STEP_LOOKUP && order->question == JA_QUESTION_TOKENS) {
        return ja_expiry_answered(order, ask, answer);
    }
    ja_entry_t *entry = step == STEP_CLOUD_ID   ? cloud_id_answered(order, ask, answer)
                        : step == STEP_IDENTITY ? identity_answered(order, ask, answer)
                                                : image_answered(order, ask, answer);
    if (step == STEP_CLOUD_ID || step == STEP_IDENTITY) {
        ja_realm_lease_drop(order->realm, step, order);
    }
    if (entry == NULL) { /* the next question may pass the gate, too */
        ja_gate_report(asked, 0, JA_OUTCOME_IMAGE, -1);
    }
    return entry;
}

static void landed(void *self, const ja_order_t *order, const ja_entry_t *entry)
{
    unsigned char key[JA_KEY_LEN];

    (void)self;
    if (order->ref.form == JA_REF_LOOKUP && order->question == JA_QUESTION_NONE) {
        ja_lookups_key(order, key);
        ja_lease_drop(key, order);
    }
    ja_realm_lease_drop(order->realm, STEP_TRIAL, order);
    ja_lease_drop(order->key, order);
    ja_token_landed(order);
    ja_expiry_landed(order, entry);
}

ja_desk_t ja_desk(void)
{
    ja_desk_t desk = {.next = next, .answered = answered, .landed = landed, .tend = ja_token_tend};
    return desk;
}

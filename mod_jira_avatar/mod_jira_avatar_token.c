/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_token: who buys a token, when, and how it is not lost. */
#include "mod_jira_avatar_token.h"

#include <stdlib.h>
#include <string.h>

#include <http_log.h>
#include <openssl/crypto.h>

#include "ja_limit.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_gate.h"
#include "mod_jira_avatar_journal.h"
#include "mod_jira_avatar_rotation.h"
#include "mod_jira_avatar_say.h"
#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

enum {
    LATER_MS = 5,             /* how soon to look again whether another child has the token */
    REFUSED_PAUSE_MS = 30000, /* a refusal within that of the one before is not the token's fault */
    UNSAVED_PAUSE_S = 30,
    LOOK_MS = 10 * 60 * 1000, /* how often a process looks whether another one bought a token, */
    AGAIN_PART = 64,          /* and after which part of its life whether it was renewed, */
    AGAIN_MIN_MS = 1000,      /* but not sooner */
    AGAIN_MAX_MS = 60 * 1000, /* and not later than that */
    RETRY_AFTER_MAX_S = 60 * 60
};

/* For errands: what nobody waits for. */
static struct {
    ja_engine_t *engine;
    server_rec *server;
    int64_t look_ms; /* when the tokens are looked at next; the fetch thread's */
    bool stopping;   /* atomic */
} errands;

static int64_t lease_ms(const ja_realm_t *service)
{
    return service->network.connect_ms + service->network.total_ms;
}

/* ---- the token that all share -------------------------------------------------------------- */

static bool knows_mark(const ja_token_slot_t *slot, uint64_t mark)
{
    bool known = slot->mark == mark;

    for (size_t i = 0; i < JA_TOKEN_MARKS; i++) {
        known = known || slot->older[i] == mark;
    }
    return known;
}

typedef struct access_t {
    uint32_t version; /* 0: the credential has no access tokens, or none is good */
    bool due;         /* it is time to fetch the next one */
    int64_t end_ms;
    char text[JA_TOKEN_MAX + 1];
} access_t;

typedef struct reading_t {
    uint64_t mark;
    access_t *access;
    bool uses;
    bool good;
} reading_t;

static void read_token(ja_token_slot_t *slot, void *context)
{
    reading_t *reading = context;
    int64_t now = ja_now_ms();

    reading->good = slot->version != 0 && now < slot->life.end_ms;
    if (reading->uses) {
        slot->life.used_ms = now;
    }
    if (reading->good) {
        memcpy(reading->access->text, slot->text, sizeof(slot->text));
        reading->access->version = slot->version;
        reading->access->end_ms = slot->life.end_ms;
        reading->access->due = now >= slot->life.renew_ms || !knows_mark(slot, reading->mark);
    }
}

/* The token to be sent now; false if one is needed and none is good. */
static bool get(const ja_realm_t *realm, bool uses, access_t *access)
{
    reading_t reading = {.access = access, .uses = uses};

    access->version = 0;
    access->due = false;
    access->end_ms = 0;
    access->text[0] = '\0';
    if (realm->token == NULL) {
        return true;
    }
    reading.mark = ja_cred_mark(realm->cred);
    (void)ja_shared_token(realm->token, read_token, &reading);
    return reading.good;
}

typedef struct refusal_t {
    uint32_t version;
    bool again;
} refusal_t;

/* A token that is new and refused again is not what is wrong: buying ever more would not help. */
static void take_refusal(ja_token_slot_t *slot, void *context)
{
    refusal_t *refusal = context;
    int64_t now = ja_now_ms();
    int64_t lifetime = slot->life.end_ms - slot->life.bought_ms;
    int64_t pause = lifetime < REFUSED_PAUSE_MS ? lifetime : REFUSED_PAUSE_MS;

    refusal->again = true;
    if (slot->version != refusal->version || now >= slot->life.end_ms) {
        return; /* there is another one already, or will be */
    }
    refusal->again = now - slot->refused_ms >= pause;
    if (refusal->again) {
        slot->refused_ms = now;
        slot->life.end_ms = 0;
        OPENSSL_cleanse(slot->text, sizeof(slot->text));
    }
}

typedef struct publication_t {
    uint64_t mark;
    int64_t sent_ms;
    const ja_grant_t *grant;
} publication_t;

static void write_token(ja_token_slot_t *slot, void *context)
{
    const publication_t *publication = context;

    if (!knows_mark(slot, publication->mark)) {
        memmove(slot->older + 1, slot->older, sizeof(slot->older) - sizeof(slot->older[0]));
        slot->older[0] = slot->mark;
        slot->mark = publication->mark;
    }
    OPENSSL_cleanse(slot->text, sizeof(slot->text));
    memcpy(slot->text, publication->grant->token, sizeof(slot->text));
    slot->version += slot->version == UINT32_MAX ? 2 : 1;
    ja_token_life_begin(&slot->life, publication->sent_ms, publication->grant->lifetime);
}

/* ---- using it ------------------------------------------------------------------------------ */

bool ja_token_is_needed(const ja_realm_t *realm)
{
    access_t access;
    bool good = get(realm, false, &access);

    OPENSSL_cleanse(&access, sizeof(access));
    return !good;
}

/* A flight of its own, so that nobody waits: what there is is good for a while. */
static void renew_behind(const ja_realm_t *realm, void *origin)
{
    ja_order_t errand = {
        .realm = realm, .errand = true, .asked_at_ms = ja_now_ms(), .origin = origin};

    memcpy(errand.key, realm->token->digest, JA_KEY_LEN);
    ja_fetch_visitor_refresh(errands.engine, &errand);
}

bool ja_token_authorize(const ja_order_t *order, ja_ask_t *ask)
{
    const ja_realm_t *realm = order->realm;
    ja_buf_t value = ja_buf(ask->authorization, sizeof(ask->authorization));
    access_t access;
    ja_cred_use_t use = {.cloud = realm->site.kind == JA_SITE_CLOUD,
                         .base = realm->site.base.url,
                         .url = ask->url,
                         .access = access.text,
                         .now = ja_now_ms() / 1000};

    (void)get(realm, true, &access);
    if (access.due) {
        renew_behind(realm, order->origin);
    }
    ask->mark = ja_cred_mark(realm->cred);
    ask->access = access.version;
    ask->access_end_ms = access.end_ms;
    bool fits = ja_cred_authorization(realm->cred, &use, &value) && !value.overflow;
    OPENSSL_cleanse(&access, sizeof(access));
    return fits;
}

bool ja_token_renews(const ja_order_t *order, ja_ask_t *ask, const ja_verdict_t *verdict)
{
    bool refused =
        verdict->outcome == JA_OUTCOME_CREDENTIAL_REFUSED ||
        (verdict->outcome == JA_OUTCOME_ANONYMOUS && order->realm->site.kind == JA_SITE_DATACENTER);

    if (!refused || ask->outside || ask->access == 0 || verdict->cause == JA_CAUSE_SCOPE) {
        return false;
    }
    if (ja_now_ms() >= ask->access_end_ms) {
        return true; /* it came to its end on the way: that says nothing about the next one */
    }
    if (ask->renewed) {
        return false;
    }
    refusal_t refusal = {ask->access, false};
    ask->renewed = true;
    (void)ja_shared_token(order->realm->token, take_refusal, &refusal);
    return refusal.again;
}

/* ---- asking -------------------------------------------------------------------------------- */

static ja_step_t done(ja_entry_t **entry, ja_entry_t *with)
{
    *entry = with;
    return JA_STEP_DONE;
}

/* Nobody waits for an errand: what it comes to is of no interest. */
static ja_step_t leave(const ja_order_t *order, int64_t later, int64_t *later_ms,
                       ja_entry_t **entry)
{
    if (order->errand) {
        return done(entry, ja_entry_failure(JA_OUTCOME_INTERNAL));
    }
    *later_ms = later;
    return JA_STEP_LATER;
}

static bool is_needed(const ja_order_t *order)
{
    access_t access;
    bool good = get(order->realm, false, &access);

    OPENSSL_cleanse(&access, sizeof(access));
    return !good || (access.due && order->errand);
}

/* scheme://host[:port] without its path */
static void add_audience(const ja_origin_t *service, ja_buf_t *out)
{
    ja_buf_add_slice(out, (ja_slice_t){service->url, strlen(service->url) - strlen(service->path)});
}

static bool write_request(const ja_order_t *order, ja_ask_t *ask)
{
    const ja_realm_t *realm = order->realm;
    char audience[JA_URL_MAX];
    ja_buf_t origin = ja_buf(audience, sizeof(audience));
    ja_cred_use_t use = {
        .cloud = realm->site.kind == JA_SITE_CLOUD,
        .base = realm->site.base.url,
        .access = ja_rotation_refresh(order),
        .audience = audience,
        .now = ja_now_ms() / 1000,
    };
    char *storage = calloc(1, JA_GRANT_BODY_MAX);

    if (storage == NULL) {
        return false;
    }
    ja_buf_t body = ja_buf(storage, JA_GRANT_BODY_MAX);
    add_audience(&realm->token->site.base, &origin);
    ask->content_type = ja_cred_token_request(realm->cred, &use, &body);
    ask->body = storage;
    ask->body_len = body.len;
    return ask->content_type != NULL && !origin.overflow;
}

static ja_step_t send_request(const ja_order_t *order, ja_ask_t *ask, ja_entry_t **entry)
{
    const ja_realm_t *service = order->realm->token;
    ja_buf_t url = ja_buf(ask->url, sizeof(ask->url));

    ask->mark = ja_cred_mark(service->cred);
    ja_gate_t gate = ja_gate_enter(service, ask->mark, lease_ms(service));
    if (!gate.open) {
        return done(entry, ja_gate_failure(&gate));
    }
    ask->realm = service;
    ask->for_token = true;
    ask->authorization[0] = '\0';
    ask->accept = "application/json";
    ask->max_bytes = JA_GRANT_BODY_MAX;
    memset(&ask->held, 0, sizeof(ask->held));
    ask->asked = (ja_asked_t){.what = JA_ASKED_TOKEN,
                              .kind = service->site.kind,
                              .means = ja_cred_means(service->cred),
                              .directive = "JiraAvatarTokenURL",
                              .account = ja_cred_user(service->cred),
                              .now = ja_now_ms() / 1000};
    ask->sent_ms = ja_now_ms();
    ja_buf_add(&url, service->site.base.url);
    if (!write_request(order, ask) || url.overflow) {
        free(ask->body);
        ask->body = NULL;
        ja_say_cause(order, ask, JA_CAUSE_UNSENDABLE);
        ja_journal_cause(order, ask, JA_CAUSE_UNSENDABLE);
        return done(entry, ja_entry_failure(JA_OUTCOME_INTERNAL));
    }
    return JA_STEP_ASK;
}

ja_step_t ja_token_ask(const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                       ja_entry_t **entry)
{
    const ja_realm_t *service = order->realm->token;

    if (!ja_lease_take(service->digest, order, lease_ms(service))) {
        return leave(order, LATER_MS, later_ms, entry);
    }
    if (!is_needed(order)) {
        ja_token_landed(order);
        return leave(order, 0, later_ms, entry);
    }
    if (ja_cred_refresh_token(service->cred) != NULL) {
        ja_step_t step = ja_rotation_begin(order, later_ms, entry);
        if (step != JA_STEP_ASK) {
            return step;
        }
    }
    return send_request(order, ask, entry);
}

void ja_token_landed(const ja_order_t *order)
{
    if (order->realm->token != NULL) {
        ja_rotation_end(order);
        ja_lease_drop(order->realm->token->digest, order);
    }
}

/* ---- without being asked ------------------------------------------------------------------- */

typedef struct due_t {
    const ja_realm_t *realm;
    uint64_t mark;
    int64_t at_ms;    /* INT64_MAX: never */
    int64_t again_ms; /* how long after that to look what came of it */
} due_t;

static void read_due(ja_token_slot_t *slot, void *context)
{
    due_t *due = context;
    bool refreshes = ja_cred_refresh_token(due->realm->cred) != NULL;
    int64_t again = (slot->life.renew_ms - slot->life.bought_ms) / AGAIN_PART;

    due->at_ms = ja_token_life_due(&slot->life, refreshes, ja_now_ms());
    if (due->at_ms != INT64_MAX && !knows_mark(slot, due->mark)) {
        due->at_ms = 0; /* the secret was changed: before it is needed we know whether it works */
    }
    due->again_ms = again < AGAIN_MIN_MS   ? AGAIN_MIN_MS
                    : again > AGAIN_MAX_MS ? AGAIN_MAX_MS
                                           : again;
}

/* Renews the realm's token if it is due. @return when to look at it again */
static int64_t tend_realm(const ja_realm_t *realm, int64_t now)
{
    due_t due = {realm, ja_cred_mark(realm->cred), INT64_MAX, 0};

    (void)ja_shared_token(realm->token, read_due, &due);
    if (due.at_ms > now) {
        return due.at_ms;
    }
    int64_t rest = ja_gate_rest(realm->token, due.mark);
    if (rest == 0) {
        renew_behind(realm, errands.server);
        return now + due.again_ms;
    }
    return rest < 0 ? INT64_MAX : now + rest;
}

static int64_t tend_all(int64_t now)
{
    const apr_array_header_t *realms = ja_conf_realms();
    int64_t first = INT64_MAX;

    for (int i = 0; i < realms->nelts; i++) {
        const ja_realm_t *realm = APR_ARRAY_IDX(realms, i, const ja_realm_t *);
        if (realm->token != NULL) {
            int64_t at = tend_realm(realm, now);
            first = at < first ? at : first;
            first = first < now + LOOK_MS ? first : now + LOOK_MS;
        }
    }
    return first;
}

int64_t ja_token_tend(void *unused)
{
    int64_t now = ja_now_ms();
    bool is_set_back = errands.look_ms != INT64_MAX && errands.look_ms > now + LOOK_MS;

    (void)unused;
    if (__atomic_load_n(&errands.stopping, __ATOMIC_RELAXED)) {
        return -1;
    }
    if (now >= errands.look_ms || is_set_back) {
        errands.look_ms = tend_all(now);
    }
    return errands.look_ms == INT64_MAX ? -1 : errands.look_ms - now;
}

void ja_token_child_init(ja_engine_t *engine, server_rec *server)
{
    errands.engine = engine;
    errands.server = server;
}

void ja_token_child_stopping(void)
{
    __atomic_store_n(&errands.stopping, true, __ATOMIC_RELAXED);
}

/* ---- answers ------------------------------------------------------------------------------- */

static ja_verdict_t judge(const ja_ask_t *ask, const ja_answer_t *answer, ja_grant_t *grant)
{
    bool whole = answer->net == JA_NET_OK;

    ja_grant_read(answer->status, answer->body, whole ? answer->body_len : 0, grant);
    return grant->status == JA_GRANT_TOKEN ? ja_diagnosis_of(JA_CAUSE_IMAGE)
                                           : ja_diagnose_grant(&ask->asked, answer, grant);
}

static void log_answer(const ja_order_t *order, const ja_ask_t *ask, ja_verdict_t *verdict,
                       const ja_answer_t *answer, const ja_grant_t *grant)
{
    if (verdict->outcome == JA_OUTCOME_IMAGE) {
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, order->origin,
                     "JAV0604: %s: an access token for %" APR_INT64_T_FMT " s%s", ask->realm->name,
                     grant->lifetime, grant->refresh[0] != '\0' ? ", and a refresh token" : "");
        return;
    }
    verdict->seen = grant->error;
    ja_say_verdict(order, ask, verdict, answer);
}

static void publish(const ja_order_t *order, const ja_ask_t *ask, const ja_grant_t *grant)
{
    publication_t publication = {ask->mark, ask->sent_ms, grant};

    (void)ja_shared_token(order->realm->token, write_token, &publication);
    errands.look_ms = 0;
}

/* What was answered, and what came of it. */
static ja_count_t count_of(ja_outcome_t answered, ja_outcome_t outcome)
{
    return outcome == JA_OUTCOME_IMAGE                ? JA_COUNT_TOKEN_BOUGHT
           : answered == JA_OUTCOME_IMAGE             ? JA_COUNT_TOKEN_UNSAVED
           : outcome == JA_OUTCOME_CREDENTIAL_REFUSED ? JA_COUNT_TOKEN_REFUSED
                                                      : JA_COUNT_TOKEN_FAILED;
}

/* Counts, tells the gate, keeps and publishes what came. */
static ja_entry_t *conclude(const ja_order_t *order, const ja_ask_t *ask,
                            const ja_verdict_t *verdict, const ja_answer_t *answer,
                            const ja_grant_t *grant)
{
    int64_t wait = ja_limit_retry_after(answer->header[JA_HEADER_RETRY_AFTER], ja_now_ms() / 1000,
                                        RETRY_AFTER_MAX_S);
    ja_outcome_t outcome = verdict->outcome;

    if (grant->refresh[0] != '\0' && !ja_rotation_keep(order, grant->refresh)) {
        outcome = JA_OUTCOME_UNAVAILABLE;
        wait = UNSAVED_PAUSE_S;
    }
    ja_journal_token(order, ask, count_of(verdict->outcome, outcome), verdict, answer);
    if (answer->net != JA_NET_ABORTED) {
        ja_gate_report(order->realm->token, ask->mark, outcome, wait);
    }
    if (outcome == JA_OUTCOME_IMAGE) {
        publish(order, ask, grant);
        return NULL;
    }
    ja_entry_t *failure = ja_entry_failure(outcome);
    if (failure != NULL) {
        failure->record.stored_at_ms = ja_now_ms();
        failure->record.upstream_status = answer->status;
        failure->record.retry_after = (int32_t)wait;
    }
    return failure;
}

ja_entry_t *ja_token_answered(const ja_order_t *order, ja_ask_t *ask, const ja_answer_t *answer)
{
    ja_grant_t grant;
    ja_verdict_t verdict = judge(ask, answer, &grant);
    ja_entry_t *entry = NULL;

    if (grant.status != JA_GRANT_DEAD || !ja_rotation_fall_back(order)) {
        log_answer(order, ask, &verdict, answer, &grant);
        entry = conclude(order, ask, &verdict, answer, &grant);
        ja_token_landed(order);
    } else {
        ja_journal_token(order, ask, JA_COUNT_TOKEN_REFUSED, NULL, answer);
    }
    ask->for_token = false;
    OPENSSL_cleanse(&grant, sizeof(grant));
    return entry;
}

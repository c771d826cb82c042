/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_expiry: one table of what is said of an end. */
#include "mod_jira_avatar_expiry.h"

#include <apr_strings.h>
#include <http_log.h>
#include <mpm_common.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ja_state.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_gate.h"
#include "mod_jira_avatar_rotation.h"
#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

enum { DAY_MS = 24 * 60 * 60 * 1000 };

static const int64_t day_s = DAY_MS / 1000;

/* ---- what is known ------------------------------------------------------------------------- */

static ja_end_t of_token(ja_secret_t *secret)
{
    char storage[JA_SECRET_MAX + 1];
    ja_buf_t token = ja_buf(storage, sizeof(storage));
    ja_end_t end = {.source = JA_END_UNKNOWN};

    ja_secret_reveal(secret, &token);
    (void)ja_end_of_jwt((ja_slice_t){token.data, token.len}, &end);
    OPENSSL_cleanse(storage, sizeof(storage));
    return end;
}

static ja_end_t of_state_file(const ja_realm_t *service)
{
    char path[JA_STATE_PATH_MAX];
    ja_end_t end = {.source = JA_END_UNKNOWN};
    ja_state_t state;

    if (ja_rotation_path(service, path) && ja_state_load(path, &state) == JA_STATE_OK) {
        end = state.rotated_at > 0 ? ja_end_of_unused(state.rotated_at) : end;
        OPENSSL_cleanse(&state, sizeof(state));
    }
    return end;
}

typedef struct listed_t {
    uint64_t mark; /* of the secret that it is about */
    ja_end_t end;
} listed_t;

static void read_listed(ja_slot_t *slot, void *context)
{
    listed_t *listed = context;

    if (slot->listed_mark == listed->mark) {
        listed->end = slot->listed;
    }
}

static ja_end_t of_list(const ja_realm_t *realm)
{
    listed_t listed = {ja_cred_mark(realm->cred), {.source = JA_END_UNKNOWN}};

    (void)ja_shared_slot(realm, read_listed, &listed);
    return listed.end;
}

static bool is_by(const ja_realm_t *realm, ja_means_t means)
{
    return ja_cred_means(realm->cred) == means;
}

bool ja_expiry_is_listed(const ja_realm_t *realm)
{
    return realm->site.kind == JA_SITE_DATACENTER && is_by(realm, JA_MEANS_TOKEN);
}

/* By who is to be believed most. */
static ja_end_t of_credential(const ja_realm_t *realm)
{
    ja_secret_t *secret = ja_cred_sent_secret(realm->cred);
    int64_t written = ja_cred_expires(realm->cred);
    ja_end_t end = {.source = JA_END_UNKNOWN};

    (void)ja_cred_version(realm->cred); /* its files may have changed */
    int64_t changed = secret != NULL ? ja_secret_changed_at(secret) : 0;
    if (is_by(realm, JA_MEANS_TOKEN)) {
        end = of_token(secret);
    }
    if (end.source == JA_END_UNKNOWN && ja_expiry_is_listed(realm)) {
        end = of_list(realm);
    }
    if (end.source == JA_END_UNKNOWN && written != 0) {
        end = ja_end_of_written(written);
    }
    if (end.source == JA_END_UNKNOWN && changed > day_s && is_by(realm, JA_MEANS_PASSWORD) &&
        realm->site.kind == JA_SITE_CLOUD) {
        end = ja_end_of_age(changed);
    }
    if (ja_cred_refresh_token(realm->cred) != NULL && realm->token != NULL) {
        end = of_state_file(realm->token);
    }
    return end;
}

ja_ends_t ja_expiry_of(const ja_realm_t *realm)
{
    ja_ends_t ends = {.credential = of_credential(realm)};

    (void)ja_end_of_certificate(realm->network.cert_pem, &ends.certificate);
    return ends;
}

/* ---- words --------------------------------------------------------------------------------- */

typedef struct notice_t {
    int level;
    const char *id, *ends, *reason, *remedy;
} notice_t;

static const char *const subjects[JA_END_SOURCES] = {
    [JA_END_CERTIFICATE] = "the client certificate",
    [JA_END_TOKEN] = "the token",
    [JA_END_JIRA] = "the personal access token",
    [JA_END_WRITTEN] = "the secret",
    [JA_END_AGE] = "the API token",
    [JA_END_UNUSED] = "the refresh token",
};

#define NEW_CERTIFICATE "Put a new one there, with its key, and reload the server"
#define NEW_SECRET      "Put a new one there and correct expires= in JiraAvatarCredential"
#define NEW_API_TOKEN   "Make a new one, put it there, and write its end into expires="
#define A_YEAR          ": that is a year after its file was written, and none lives longer"
#define UNUSED          ", ninety days after it was used last"

static const notice_t notices[JA_END_SOURCES][4] = {
    [JA_END_CERTIFICATE] =
        {
            [JA_END_EARLY] = {APLOG_ERR, "JAV0801", "is not valid before", "",
                              "Look at this machine's clock, or put the right one there and reload "
                              "the server"},
            [JA_END_OVER] = {APLOG_ERR, "JAV0802", "ended on", "", NEW_CERTIFICATE},
            [JA_END_NEAR] = {APLOG_WARNING, "JAV0803", "ends on", "", NEW_CERTIFICATE},
        },
    [JA_END_TOKEN] =
        {
            [JA_END_OVER] = {APLOG_ERR, "JAV0804", "ended on", ", as it says itself",
                             "See to what renews it, or put a new one there"},
            [JA_END_NEAR] = {APLOG_WARNING, "JAV0805", "ends on", ", as it says itself",
                             "See to it that it is renewed, or put a new one there"},
        },
    [JA_END_JIRA] =
        {
            [JA_END_OVER] = {APLOG_ERR, "JAV0806", "ended on", ", as Jira said",
                             "Make a new one in the account's profile and put it there"},
            [JA_END_NEAR] = {APLOG_WARNING, "JAV0807", "ends on", ", as Jira says",
                             "Make a new one in the account's profile and put it there"},
        },
    [JA_END_WRITTEN] =
        {
            [JA_END_OVER] = {APLOG_WARNING, "JAV0808", "ended on", ", as expires= says",
                             NEW_SECRET},
            [JA_END_NEAR] = {APLOG_WARNING, "JAV0809", "ends on", ", as expires= says", NEW_SECRET},
        },
    [JA_END_AGE] =
        {
            [JA_END_OVER] = {APLOG_WARNING, "JAV0810", "ended by", A_YEAR, NEW_API_TOKEN},
            [JA_END_NEAR] = {APLOG_WARNING, "JAV0811", "ends by", A_YEAR, NEW_API_TOKEN},
        },
    [JA_END_UNUSED] =
        {
            [JA_END_OVER] = {APLOG_WARNING, "JAV0812", "ended on", UNUSED,
                             "If Jira refuses it, authorise the app again and put the new refresh "
                             "token there"},
            [JA_END_NEAR] = {APLOG_WARNING, "JAV0813", "ends on", UNUSED,
                             "Ask for an avatar that is not held: each use gives it another ninety "
                             "days"},
        },
};

static const char *place_of(apr_pool_t *pool, const ja_realm_t *realm, const ja_end_t *end)
{
    ja_secret_t *secret = end->source == JA_END_UNUSED ? ja_cred_refresh_token(realm->cred)
                                                       : ja_cred_sent_secret(realm->cred);

    return end->source == JA_END_CERTIFICATE
               ? apr_pstrcat(pool, " ", realm->network.client_cert, NULL)
               : apr_pstrcat(pool, " from ", ja_secret_source(secret), NULL);
}

const char *ja_expiry_sentence(apr_pool_t *pool, const ja_realm_t *realm, const ja_end_t *end,
                               const char **remedy)
{
    ja_end_state_t state = ja_end_state(end, ja_now_ms() / 1000);
    const notice_t *notice = &notices[end->source][state == JA_END_FAR ? JA_END_NEAR : state];
    char when[JA_EXPIRY_TEXT_MAX];

    *remedy = state == JA_END_FAR ? "" : notice->remedy;
    if (end->source == JA_END_UNKNOWN) {
        return NULL;
    }
    ja_expiry_text(state == JA_END_EARLY ? end->from : end->at, when);
    return apr_pstrcat(pool, subjects[end->source], realm != NULL ? place_of(pool, realm, end) : "",
                       " ", notice->ends, " ", when, notice->reason, NULL);
}

/* ---- warnings: the parent, for all children ------------------------------------------------- */

typedef struct said_t {
    int64_t certificate[4]; /* when, by state; Unix seconds */
    int64_t credential[4];
} said_t;

static said_t *said; /* by realm */

static void warn(apr_pool_t *pool, server_rec *server, const ja_realm_t *realm, const ja_end_t *end,
                 int64_t *when)
{
    int64_t now = ja_now_ms() / 1000;
    ja_end_state_t state = ja_end_state(end, now);
    const char *remedy = "";

    if (state == JA_END_FAR || now - when[state] < day_s) {
        return;
    }
    const notice_t *notice = &notices[end->source][state];
    when[state] = now;
    ap_log_error(APLOG_MARK, notice->level, 0, server, "%s: %s: %s. %s", notice->id, realm->name,
                 ja_expiry_sentence(pool, realm, end, &remedy), notice->remedy);
}

/* Realms that differ in numbers alone have one digest. */
static bool is_first(const apr_array_header_t *realms, int index)
{
    const ja_realm_t *realm = APR_ARRAY_IDX(realms, index, const ja_realm_t *);
    int i = 0;

    while (memcmp(APR_ARRAY_IDX(realms, i, const ja_realm_t *)->digest, realm->digest,
                  sizeof(realm->digest)) != 0) {
        i++;
    }
    return i == index;
}

static int watch(apr_pool_t *unused, server_rec *server)
{
    const apr_array_header_t *realms = ja_conf_realms();
    apr_pool_t *pool;

    (void)unused;
    if (said == NULL || apr_pool_create(&pool, realms->pool) != APR_SUCCESS) {
        return DECLINED;
    }
    for (int i = 0; i < realms->nelts; i++) {
        const ja_realm_t *realm = APR_ARRAY_IDX(realms, i, const ja_realm_t *);
        if (is_first(realms, i)) {
            ja_ends_t ends = ja_expiry_of(realm);
            warn(pool, server, realm, &ends.certificate, said[i].certificate);
            warn(pool, server, realm, &ends.credential, said[i].credential);
        }
    }
    apr_pool_destroy(pool);
    return DECLINED;
}

int ja_expiry_post_config(apr_pool_t *pconf, server_rec *server)
{
    said = apr_pcalloc(pconf, sizeof(*said) * ((size_t)ja_conf_realms()->nelts + 1));
    (void)watch(pconf, server);
    return OK;
}

void ja_expiry_register_hooks(void)
{
    ap_hook_monitor(watch, NULL, NULL, APR_HOOK_MIDDLE);
}

/* ---- asking Jira --------------------------------------------------------------------------- */

static ja_engine_t *engine; /* NULL: nobody asks */

void ja_expiry_child_init(ja_engine_t *the_engine)
{
    engine = the_engine;
}

typedef struct due_t {
    uint64_t mark;
    bool is_due;
} due_t;

/* Whether it comes to an answer or not, for a day nobody else asks. */
static void take_turn(ja_slot_t *slot, void *context)
{
    due_t *due = context;
    int64_t now = ja_now_ms();

    due->is_due = slot->listed_mark != due->mark || now - slot->listed_at_ms >= DAY_MS;
    if (slot->listed_mark != due->mark) {
        slot->listed = (ja_end_t){.source = JA_END_UNKNOWN};
    }
    if (due->is_due) {
        slot->listed_mark = due->mark;
        slot->listed_at_ms = now;
    }
}

void ja_expiry_landed(const ja_order_t *order, const ja_entry_t *entry)
{
    static const char purpose[] = "tokens";
    bool is_picture = entry != NULL && ja_entry_outcome(entry) == JA_OUTCOME_IMAGE &&
                      order->question == JA_QUESTION_NONE;

    if (engine == NULL || !is_picture || !ja_expiry_is_listed(order->realm)) {
        return;
    }
    due_t due = {ja_cred_mark(order->realm->cred), false};
    if (!ja_shared_slot(order->realm, take_turn, &due) || !due.is_due) {
        return;
    }
    ja_order_t question = {.realm = order->realm,
                           .ref = {.form = JA_REF_LOOKUP},
                           .question = JA_QUESTION_TOKENS,
                           .asked_at_ms = ja_now_ms(),
                           .origin = order->origin};
    ja_digest(purpose, sizeof(purpose), question.key);
    for (size_t i = 0; i < JA_KEY_LEN; i++) {
        question.key[i] ^= order->realm->digest[i];
    }
    ja_fetch_visitor_refresh(engine, &question);
}

static void write_listed(ja_slot_t *slot, void *context)
{
    const listed_t *listed = context;

    slot->listed_mark = listed->mark;
    slot->listed_at_ms = ja_now_ms();
    slot->listed = listed->end;
}

/* An instance may refuse this one question; what it says to others is not told by that. */
static void report(const ja_ask_t *ask, const ja_answer_t *answer)
{
    if (answer->net == JA_NET_OK && answer->status < 500) {
        ja_gate_report(ask->realm, 0,
                       answer->status == 429 ? JA_OUTCOME_RATE_LIMITED : JA_OUTCOME_IMAGE,
                       ja_gate_wait_wanted(answer));
    }
}

ja_entry_t *ja_expiry_answered(const ja_order_t *order, const ja_ask_t *ask,
                               const ja_answer_t *answer)
{
    ja_slice_t body = {(const char *)answer->body, answer->body_len};
    ja_tokens_told_t told;

    report(ask, answer);
    if (answer->net != JA_NET_OK || answer->status != 200 || !ja_end_of_listed(body, &told)) {
        return ja_entry_failure(JA_OUTCOME_NOT_FOUND);
    }
    listed_t listed = {ask->mark, told.end};
    (void)ja_shared_slot(order->realm, write_listed, &listed);
    return ja_entry_lookup(body);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_route: see mod_jira_avatar_route.h. */
#include "mod_jira_avatar_route.h"

#include <apr_time.h>
#include <http_log.h>
#include <string.h>

#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

enum {
    KNOWN_MS = 60 * 60 * 1000, /* after the last answer that proved it */
    TRY_MS = 30 * 1000,        /* for the gateway to prove it */
    CLOUD_ID_MS = 2000         /* a cloudId is not asked for again sooner */
};

typedef struct query_t {
    uint64_t mark;
    ja_route_t route;
} query_t;

static bool is_known(const ja_way_t *way, uint64_t mark, int64_t now)
{
    return way->mark == mark && way->until_ms > now;
}

static void read_way(ja_slot_t *slot, void *context)
{
    query_t *query = context;

    if (is_known(&slot->way, query->mark, ja_now_ms())) {
        query->route = slot->way.route;
    }
}

ja_route_t ja_route_of(const ja_realm_t *realm, uint64_t mark)
{
    query_t query = {mark, JA_ROUTE_SITE};

    if (realm->site.route != JA_ROUTE_AUTO) {
        return realm->site.route;
    }
    (void)ja_shared_slot(realm, read_way, &query);
    return query.route;
}

static void write_way(ja_slot_t *slot, void *context)
{
    const query_t *query = context;

    slot->way =
        (ja_way_t){.mark = query->mark, .route = query->route, .until_ms = ja_now_ms() + KNOWN_MS};
}

static void learn(const ja_realm_t *realm, uint64_t mark, ja_route_t route)
{
    query_t query = {mark, route};

    if (realm->site.route == JA_ROUTE_AUTO && mark != 0) {
        (void)ja_shared_slot(realm, write_way, &query);
    }
}

/* A secret that the site accepted before has no scopes: its refusal is not for the gateway. */
static void turn_way(ja_slot_t *slot, void *context)
{
    query_t *query = context;
    ja_way_t *way = &slot->way;
    int64_t now = ja_now_ms();

    if (is_known(way, query->mark, now)) {
        query->route = way->route;
        return;
    }
    *way = (ja_way_t){.mark = query->mark, .route = JA_ROUTE_GATEWAY, .until_ms = now + TRY_MS};
    query->route = JA_ROUTE_GATEWAY;
}

static bool turn(const ja_realm_t *realm, uint64_t mark)
{
    query_t query = {mark, JA_ROUTE_SITE};

    return realm->site.route == JA_ROUTE_AUTO && mark != 0 &&
           ja_shared_slot(realm, turn_way, &query) && query.route == JA_ROUTE_GATEWAY;
}

static void forget_way(ja_slot_t *slot, void *context)
{
    const query_t *query = context;

    if (slot->way.mark == query->mark) {
        slot->way = (ja_way_t){.mark = 0};
    }
}

static void forget(const ja_realm_t *realm, uint64_t mark)
{
    query_t query = {mark, JA_ROUTE_SITE};

    if (realm->site.route == JA_ROUTE_AUTO) {
        (void)ja_shared_slot(realm, forget_way, &query);
    }
}

/* ---- the cloudId --------------------------------------------------------------------------- */

static void read_cloud_id(ja_slot_t *slot, void *cloud_id)
{
    memcpy(cloud_id, slot->cloud_id, sizeof(slot->cloud_id));
}

bool ja_route_cloud_id(const ja_realm_t *realm, char cloud_id[JA_CLOUD_ID_LEN + 1])
{
    cloud_id[0] = '\0';
    return ja_shared_slot(realm, read_cloud_id, cloud_id) && cloud_id[0] != '\0';
}

static void write_cloud_id(ja_slot_t *slot, void *cloud_id)
{
    ja_buf_t buf = ja_buf(slot->cloud_id, sizeof(slot->cloud_id));

    ja_buf_add(&buf, cloud_id);
    slot->cloud_id_at_ms = ja_now_ms();
}

void ja_route_learn_cloud_id(const ja_realm_t *realm, const char *cloud_id)
{
    char copy[JA_CLOUD_ID_LEN + 1];
    ja_buf_t buf = ja_buf(copy, sizeof(copy));

    ja_buf_add(&buf, cloud_id);
    (void)ja_shared_slot(realm, write_cloud_id, copy);
}

static void drop_cloud_id(ja_slot_t *slot, void *context)
{
    bool *is_old = context;

    *is_old = ja_now_ms() - slot->cloud_id_at_ms >= CLOUD_ID_MS;
    if (*is_old) {
        slot->cloud_id[0] = '\0';
    }
}

static bool forget_cloud_id(const ja_realm_t *realm)
{
    bool is_old = false;

    (void)ja_shared_slot(realm, drop_cloud_id, &is_old);
    return is_old;
}

/* ---- asking -------------------------------------------------------------------------------- */

static bool is_refusal(ja_outcome_t outcome)
{
    return outcome == JA_OUTCOME_CREDENTIAL_REFUSED || outcome == JA_OUTCOME_ANONYMOUS;
}

/* A token in the wrong place is as one that does not exist. Other refusals are about the account.
 */
static bool is_unknown(ja_outcome_t outcome, const ja_answer_t *answer)
{
    return outcome == JA_OUTCOME_ANONYMOUS ||
           (outcome == JA_OUTCOME_CREDENTIAL_REFUSED &&
            (answer->status == 401 ||
             strstr(answer->header[JA_HEADER_LOGIN_REASON], "AUTHENTICATED_FAILED") != NULL));
}

bool ja_route_turns(const ja_order_t *order, ja_ask_t *ask, ja_outcome_t outcome,
                    const ja_answer_t *answer)
{
    if (!is_unknown(outcome, answer) || ask->gateway || !turn(order->realm, ask->mark)) {
        return false;
    }
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, order->origin,
                 "JAV0650: %s: the site does not accept the token; one with scopes is for the "
                 "gateway, which is asked now",
                 order->realm->name);
    ask->refused_mark = ask->mark;
    return true;
}

ja_verdict_t ja_route_verdict(const ja_ask_t *ask, ja_verdict_t verdict)
{
    if (ask->refused_mark != 0 && verdict.outcome != JA_OUTCOME_CREDENTIAL_REFUSED &&
        ja_policy_outcome(verdict.outcome)->status >= 500) {
        verdict = ja_diagnosis_of(JA_CAUSE_GATEWAY_UNREACHED);
    }
    return verdict;
}

void ja_route_after(const ja_order_t *order, const ja_ask_t *ask, ja_outcome_t outcome,
                    const ja_answer_t *answer)
{
    const ja_realm_t *realm = order->realm;

    if (realm->site.route != JA_ROUTE_AUTO || ask->mark == 0) {
        return;
    }
    if (is_refusal(outcome)) {
        forget(realm, ask->mark);
    } else if (ask->gateway && ja_policy_outcome(outcome)->status < 500) {
        learn(realm, ask->mark, JA_ROUTE_GATEWAY);
    } else if (!ask->gateway && (answer->header[JA_HEADER_ACCOUNT_ID][0] != '\0' ||
                                 ja_identity_is_known(realm, ask->mark))) {
        learn(realm, ask->mark, JA_ROUTE_SITE);
    }
}

bool ja_route_asks_cloud_id(const ja_order_t *order, const ja_ask_t *ask, const ja_answer_t *answer)
{
    static const char from_jira[] = "errorMessages";

    return ask->gateway && answer->net == JA_NET_OK && answer->status == 404 &&
           order->realm->site.cloud_id == NULL &&
           (answer->body == NULL ||
            memmem(answer->body, answer->body_len, from_jira, sizeof(from_jira) - 1) == NULL) &&
           forget_cloud_id(order->realm);
}

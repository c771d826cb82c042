/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_view: copies what the processes share, and says what it means. */
#include "mod_jira_avatar_view.h"

#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_expiry.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_store.h"

enum { ID_BYTES = 4 };

/* Realms that differ in nothing but numbers are one site for people, and have one slot. */
static bool is_known(const ja_realm_t *const *realms, size_t count, const ja_realm_t *realm)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(realms[i]->digest, realm->digest, sizeof(realm->digest)) == 0) {
            return true;
        }
    }
    return false;
}

static size_t list_realms(apr_pool_t *pool, const ja_realm_t ***found)
{
    const apr_array_header_t *all = ja_conf_realms();
    size_t count = 0;

    *found = apr_palloc(pool, sizeof(**found) * ((size_t)all->nelts + 1));
    for (int i = 0; i < all->nelts; i++) {
        const ja_realm_t *realm = APR_ARRAY_IDX(all, i, const ja_realm_t *);
        if (!is_known(*found, count, realm)) {
            (*found)[count++] = realm;
        }
    }
    return count;
}

/* ---- one site ------------------------------------------------------------------------------ */

static int64_t seconds_left(const ja_breaker_t *breaker, int64_t now_ms)
{
    return (ja_breaker_wait(breaker, now_ms) + 999) / 1000;
}

static ja_site_state_t site_state(const ja_slot_t *slot, const ja_site_report_t *site)
{
    return site->pause_s > 0                                       ? JA_SITE_RESTING
           : slot->site.failures > 0                               ? JA_SITE_TROUBLED
           : ja_metrics_sum(&site->metrics, JA_FAMILY_FETCHES) > 0 ? JA_SITE_WORKS
                                                                   : JA_SITE_UNASKED;
}

static ja_credential_state_t credential_state(const ja_realm_t *realm, const ja_journal_t *journal)
{
    return ja_cred_is_none(realm->cred)                       ? JA_CREDENTIAL_NONE
           : journal->refused_at_ms > journal->accepted_at_ms ? JA_CREDENTIAL_REFUSED
           : journal->accepted_at_ms > 0                      ? JA_CREDENTIAL_ACCEPTED
                                                              : JA_CREDENTIAL_UNTRIED;
}

static const char *route_name(ja_route_t route)
{
    return route == JA_ROUTE_GATEWAY ? "gateway" : route == JA_ROUTE_SITE ? "site" : "auto";
}

typedef struct viewing_t {
    apr_pool_t *pool;
    const ja_realm_t *realm;
    ja_site_report_t *site;
    int64_t now_ms;
} viewing_t;

/* Under the lock. */
static void copy_slot(ja_slot_t *slot, void *context)
{
    viewing_t *viewing = context;
    ja_site_report_t *site = viewing->site;

    ja_metrics_tick(&slot->metrics, viewing->now_ms / 1000);
    ja_metrics_copy(&site->metrics, &slot->metrics);
    site->journal = slot->journal;
    site->pause_s = seconds_left(&slot->site, viewing->now_ms);
    site->in_a_row = slot->site.failures;
    site->reason = (ja_outcome_t)slot->site.reason;
    site->state = site_state(slot, site);
    if (viewing->realm->site.route == JA_ROUTE_AUTO && slot->way.until_ms > viewing->now_ms) {
        site->route = route_name(slot->way.route); /* as it was found out */
    }
    site->credential_state = credential_state(viewing->realm, &slot->journal);
    if (site->credential_state == JA_CREDENTIAL_REFUSED) {
        site->credential_pause_s = seconds_left(&slot->credential, viewing->now_ms);
    }
    if (site->cloud_id == NULL && slot->cloud_id[0] != '\0') {
        site->cloud_id = apr_pstrdup(viewing->pool, slot->cloud_id);
    }
}

static void copy_token(ja_token_slot_t *slot, void *context)
{
    ja_site_report_t *site = context;

    site->token_end_ms = slot->version > 0 ? slot->life.end_ms : 0;
}

/* What the token service refused is not sent to it before a pause of its own. */
static void copy_service(ja_slot_t *service, void *context)
{
    viewing_t *viewing = context;
    int64_t pause_s = seconds_left(&service->credential, viewing->now_ms);

    if (pause_s > viewing->site->credential_pause_s) {
        viewing->site->credential_pause_s = pause_s;
    }
}

static ja_end_report_t end_report(apr_pool_t *pool, const ja_end_t *end)
{
    ja_end_report_t report = {.end = *end};

    report.sentence = ja_expiry_sentence(pool, NULL, end, &report.remedy);
    return report;
}

static void view_site(apr_pool_t *pool, const ja_realm_t *realm, int64_t now_ms,
                      ja_site_report_t *site)
{
    viewing_t viewing = {pool, realm, site, now_ms};

    ja_text_hex(realm->digest, ID_BYTES, site->id);
    site->url = realm->site.base.url;
    site->kind = realm->site.kind == JA_SITE_CLOUD ? "cloud" : "datacenter";
    site->route = route_name(realm->site.route);
    site->cloud_id = realm->site.cloud_id;
    site->credential = ja_cred_kind_name(realm->cred);
    site->user = ja_cred_user(realm->cred);
    (void)ja_shared_slot(realm, copy_slot, &viewing);
    ja_ends_t ends = ja_expiry_of(realm);
    site->credential_end = end_report(pool, &ends.credential);
    site->certificate_end = end_report(pool, &ends.certificate);
    if (realm->token != NULL) {
        (void)ja_shared_token(realm->token, copy_token, site);
    }
    if (realm->token != NULL && site->credential_state == JA_CREDENTIAL_REFUSED) {
        (void)ja_shared_slot(realm->token, copy_service, &viewing);
    }
}

/* ---- all of them --------------------------------------------------------------------------- */

static void count_store(apr_pool_t *pool, const ja_realm_t *const *realms, size_t count,
                        ja_report_t *report, ja_site_report_t *sites)
{
    uint64_t *tags = apr_palloc(pool, sizeof(*tags) * (count + 1));
    ja_held_t *held = apr_palloc(pool, sizeof(*held) * (count + 1));

    for (size_t i = 0; i < count; i++) {
        tags[i] = ja_shared_realm_tag(realms[i]);
    }
    (void)ja_store_count(tags, count, held);
    for (size_t i = 0; i < count; i++) {
        sites[i].held = held[i];
    }
    report->held = held[count];
}

const ja_report_t *ja_view(apr_pool_t *pool, const server_rec *server, bool with_store)
{
    const ja_realm_t **realms;
    size_t count = list_realms(pool, &realms);
    ja_site_report_t *sites = apr_pcalloc(pool, sizeof(*sites) * (count + 1));
    ja_report_t *report = apr_pcalloc(pool, sizeof(*report));

    report->version = JA_VERSION;
    report->server = server->server_hostname != NULL ? server->server_hostname : "";
    report->now_ms = apr_time_as_msec(apr_time_now());
    report->since_ms = ja_shared_since();
    report->processes = ja_shared_processes(&report->at_hand, &report->at_hand_bytes);
    report->sites = sites;
    report->site_count = count;
    for (size_t i = 0; i < count; i++) {
        view_site(pool, realms[i], report->now_ms, &sites[i]);
    }
    if (with_store) {
        count_store(pool, realms, count, report, sites);
    }
    return report;
}

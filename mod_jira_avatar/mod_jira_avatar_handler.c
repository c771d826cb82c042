/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_handler: reference, store, flight, answer; nothing on this way goes back. */
#include "mod_jira_avatar_handler.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>

#include "mod_jira_avatar_access.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_gate.h"
#include "mod_jira_avatar_journal.h"
#include "mod_jira_avatar_location.h"
#include "mod_jira_avatar_response.h"
#include "mod_jira_avatar_sections.h"
#include "mod_jira_avatar_route.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_store.h"

APLOG_USE_MODULE(jira_avatar);

enum { KEY_TEXT = 1024 + 32 + JA_CLOUD_ID_LEN };

static ja_engine_t *engine;
static int max_waiting_default; /* 0: no bound */

/* ---- what is asked ------------------------------------------------------------------------- */

/* The cloudId tells the site apart only as long as nobody knows which one is the site's own. */
static bool names_unknown_site(const ja_realm_t *realm, const ja_ref_t *ref)
{
    char learnt[JA_CLOUD_ID_LEN + 1];

    return ref->cloud_id[0] != '\0' && realm->site.cloud_id == NULL &&
           !ja_route_cloud_id(realm, learnt);
}

/* Few addresses name a site; what the own one is called takes the lock that all processes share. */
static bool names_other_site(const ja_realm_t *realm, const ja_ref_t *ref)
{
    char learnt[JA_CLOUD_ID_LEN + 1];
    const char *own = realm->site.cloud_id;

    if (ref->cloud_id[0] == '\0') {
        return false;
    }
    if (own == NULL && ja_route_cloud_id(realm, learnt)) {
        own = learnt;
    }
    return own != NULL && !ja_slice_is_nocase(ja_slice(ref->cloud_id), own);
}

static void make_key(const ja_realm_t *realm, const ja_ref_t *ref, unsigned char key[JA_KEY_LEN])
{
    char text[sizeof(realm->digest) + KEY_TEXT];
    ja_buf_t buf = ja_buf(text + sizeof(realm->digest), KEY_TEXT);

    memcpy(text, realm->digest, sizeof(realm->digest));
    ja_ref_key(ref, &buf);
    ja_buf_add(&buf, "#"); /* what one Location accepts another one may find too large */
    ja_buf_add_number(&buf, (uint64_t)realm->network.max_bytes);
    if (names_unknown_site(realm, ref)) {
        ja_buf_add(&buf, ref->cloud_id);
    }
    ja_digest(text, sizeof(realm->digest) + buf.len, key);
}

/* JiraAvatarFormat is for those who do not say what they want, where Jira can do it. */
static void apply_format(const ja_settings_t *settings, ja_ref_t *ref)
{
    bool can = ref->form == JA_REF_VIEW_AVATAR || ref->form == JA_REF_VIEW_OWNER ||
               ref->form == JA_REF_VIEW_DEFAULT || ref->form == JA_REF_LOOKUP;

    if (can && ref->format == JA_FORMAT_NONE) {
        ref->format = settings->format;
    }
}

static void make_order(request_rec *r, const ja_settings_t *settings, const ja_ref_t *ref,
                       ja_order_t *order)
{
    memset(order, 0, sizeof(*order));
    order->realm = settings->realm;
    order->ref = *ref;
    order->asked_at_ms = apr_time_as_msec(r->request_time);
    order->fresh = settings->max_age;
    order->keep_image = settings->max_age + settings->stale_age;
    order->keep_negative = settings->negative_max_age;
    order->errand = false;
    order->origin = r->server;
    make_key(settings->realm, ref, order->key);
}

/* ---- who may see the answer ---------------------------------------------------------------- */

static void say_why_private(request_rec *r)
{
    if (ja_shared_first_time()) {
        ap_log_rerror(
            APLOG_MARK, APLOG_NOTICE, 0, r,
            "JAV0401: access to %s is restricted, so avatars are answered with "
            "Cache-Control: private and kept out of mod_cache; set JiraAvatarCacheControl "
            "public if everybody may see them, or private to silence this",
            r->uri);
    }
}

static void decide_visibility(request_rec *r, ja_reply_t *reply)
{
    ja_cache_control_t wanted = reply->settings->cache_control;
    bool open = wanted != JA_CACHE_CONTROL_PRIVATE && ja_access_is_public(r);

    reply->is_public =
        wanted == JA_CACHE_CONTROL_PUBLIC || (wanted == JA_CACHE_CONTROL_AUTO && open);
    if (wanted == JA_CACHE_CONTROL_AUTO && !open) {
        say_why_private(r);
        reply->keep_out_of_cache = true;
    }
    /* The quick handler serves before authorization: what is restricted is never left to it. */
    if (!open && ja_response_is_quick_cached(r)) {
        reply->keep_out_of_cache = true;
    }
}

/* ---- the answer ---------------------------------------------------------------------------- */

static int64_t max_waiting(const ja_settings_t *settings)
{
    return max_waiting_default == 0    ? 0
           : settings->max_waiting > 0 ? settings->max_waiting
                                       : max_waiting_default;
}

/* The visitor's side of trouble; Jira's side is logged where its answer is read. */
static void log_wait(request_rec *r, const ja_reply_t *reply, ja_outcome_t outcome)
{
    const ja_realm_t *realm = reply->settings->realm;
    int what = outcome == JA_OUTCOME_BUSY ? JA_SAID_BUSY : JA_SAID_LATE;
    int level = ja_shared_may_log(realm, what) ? APLOG_WARNING : APLOG_DEBUG;

    if (outcome == JA_OUTCOME_BUSY) {
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      "JAV0403: %s: already %" APR_INT64_T_FMT
                      " requests wait for Jira, so this one is told to come back; Jira is slow, or "
                      "JiraAvatarMaxWaiting is too low",
                      realm->name, max_waiting(reply->settings));
    } else {
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      "JAV0404: %s: no answer within %" APR_INT64_T_FMT
                      " ms; Jira is slow, or the wait of JiraAvatarTimeout is too short",
                      realm->name, reply->settings->wait_ms);
    }
}

static int fetch_and_answer(request_rec *r, ja_reply_t *reply, const ja_order_t *order)
{
    ja_entry_t *entry;
    apr_time_t began = apr_time_now();
    ja_gate_t gate = ja_gate_look(order->realm);

    if (!gate.open) {
        reply->retry_after_s = (gate.wait_ms + 999) / 1000;
        return ja_response_outcome(r, reply, gate.why, NULL);
    }
    ja_wait_t wait = ja_fetch_visitor_get(engine, order, reply->settings->wait_ms,
                                          max_waiting(reply->settings), &entry);

    reply->wait_ms = apr_time_as_msec(apr_time_now() - began);

    switch (wait) {
    case JA_WAIT_FULL:
        log_wait(r, reply, JA_OUTCOME_BUSY);
        return ja_response_outcome(r, reply, JA_OUTCOME_BUSY, NULL);
    case JA_WAIT_LATE:
        log_wait(r, reply, JA_OUTCOME_TIMEOUT);
        reply->came = JA_CAME_FETCHED;
        return ja_response_outcome(r, reply, JA_OUTCOME_TIMEOUT, NULL);
    case JA_WAIT_LEADER:
    case JA_WAIT_JOINED:
    default:
        break;
    }
    reply->came = wait == JA_WAIT_JOINED ? JA_CAME_COLLAPSED : JA_CAME_FETCHED;
    int status = ja_response_entry(r, reply, entry);
    ja_entry_unref(entry);
    return status;
}

static int answer_held(request_rec *r, ja_reply_t *reply, ja_entry_t *entry, ja_came_t came)
{
    reply->came = came;
    int status = ja_response_entry(r, reply, entry);
    ja_entry_unref(entry);
    return status;
}

static bool is_too_soon(const ja_entry_t *entry)
{
    return apr_time_as_msec(apr_time_now()) < entry->record.not_before_ms;
}

static ja_freshness_t freshness(const ja_settings_t *settings, const ja_entry_t *entry,
                                int64_t age_s)
{
    if (entry == NULL) {
        return JA_EXPIRED;
    }
    switch (ja_policy_outcome(ja_entry_outcome(entry))->keep) {
    case JA_KEEP_IMAGE:
        return ja_policy_freshness(age_s, settings->max_age, settings->stale_age);
    case JA_KEEP_SHORT:
        return ja_policy_freshness(age_s, settings->negative_max_age, 0);
    case JA_KEEP_NOT:
    default:
        return is_too_soon(entry) ? JA_FRESH : JA_EXPIRED;
    }
}

static int answer_stale(request_rec *r, ja_reply_t *reply, ja_entry_t *entry,
                        const ja_order_t *order)
{
    if (!is_too_soon(entry) && ja_gate_look(order->realm).open) {
        ja_fetch_visitor_refresh(engine, order);
    }
    return answer_held(r, reply, entry, JA_CAME_STALE);
}

static int answer(request_rec *r, ja_reply_t *reply, const ja_ref_t *ref)
{
    const ja_settings_t *settings = reply->settings;
    ja_tags_t tags = ja_tags(ja_shared_realm_tag(settings->realm), ref);
    ja_fresh_t fresh = {settings->max_age * 1000, settings->negative_max_age * 1000,
                        ja_shared_oldest_epoch(settings->realm, &tags)};
    ja_order_t order;

    make_order(r, settings, ref, &order);
    ja_entry_t *entry = ja_store_lookup(order.key, &fresh);
    reply->age_s = entry != NULL ? ja_store_age(entry) / 1000 : 0;
    switch (freshness(settings, entry, reply->age_s)) {
    case JA_FRESH:
        return answer_held(r, reply, entry, JA_CAME_HIT);
    case JA_STALE:
        return answer_stale(r, reply, entry, &order);
    case JA_EXPIRED:
    default:
        ja_entry_unref(entry);
        reply->age_s = 0;
        return fetch_and_answer(r, reply, &order);
    }
}

/* ---- the request --------------------------------------------------------------------------- */

/* OK, or the status that ends the request here. */
static int check_method(request_rec *r)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_OPTIONS, -1);
    if (r->method_number == M_OPTIONS) {
        return ap_send_http_options(r);
    }
    if (r->method_number != M_GET) { /* HEAD is a GET, too */
        return HTTP_METHOD_NOT_ALLOWED;
    }
    return ap_discard_request_body(r);
}

static bool is_ours(request_rec *r)
{
    return r->handler != NULL && strcmp(r->handler, JA_HANDLER_NAME) == 0;
}

static ja_ref_status_t read_reference(request_rec *r, const ja_site_t *site, ja_ref_t *ref,
                                      const char **reason)
{
    ja_ref_status_t status = JA_REF_UNKNOWN_PATH;

    for (ja_reading_t i = JA_READING_FIRST; i <= JA_READING_LAST && status == JA_REF_UNKNOWN_PATH;
         i++) {
        status =
            ja_ref_parse(site->kind, site->base.path, ja_location_rest(r, i), r->args, ref, reason);
    }
    return status;
}

static int parse(request_rec *r, const ja_settings_t *settings, ja_ref_t *ref, const char **reason)
{
    switch (read_reference(r, &settings->realm->site, ref, reason)) {
    case JA_REF_OK:
        break;
    case JA_REF_UNKNOWN_PATH:
        return JA_OUTCOME_UNKNOWN_PATH;
    case JA_REF_BAD_VALUE:
    default:
        return JA_OUTCOME_BAD_VALUE;
    }
    if (names_other_site(settings->realm, ref)) {
        *reason = "This address names another Jira site.";
        return JA_OUTCOME_UNKNOWN_PATH;
    }
    apply_format(settings, ref);
    return JA_OUTCOME_IMAGE;
}

static int handle(request_rec *r)
{
    ja_settings_t settings;
    ja_reply_t reply = {.settings = &settings, .came = JA_CAME_LOCAL};
    ja_ref_t ref;
    const char *reason = NULL;

    if (!is_ours(r)) {
        return DECLINED;
    }
    ja_response_begin(r);
    int status = check_method(r);
    if (status != OK || r->method_number == M_OPTIONS) {
        return status;
    }
    ja_conf_settings(r, &settings);
    if (settings.realm == NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "JAV0402: no JiraAvatarSite applies to %s; set it where the handler is set",
                      r->uri);
        return ja_response_outcome(r, &reply, JA_OUTCOME_INTERNAL, NULL);
    }
    decide_visibility(r, &reply);
    ja_outcome_t outcome = parse(r, &settings, &ref, &reason);
    if (outcome != JA_OUTCOME_IMAGE) {
        return ja_response_outcome(r, &reply, outcome, reason);
    }
    ja_journal_kind(r, &ref);
    reply.keep_out_of_cache = reply.keep_out_of_cache || ref.extra_params;
    return answer(r, &reply, &ref);
}

/* ---- around the handler -------------------------------------------------------------------- */

/* Nothing of ours is a file: without walking the file system a hit costs nearly half. httpd has not
 * merged its sections yet (it resets them before this hook), so the tree is asked. */
static int skip_file_system(request_rec *r)
{
    return ja_sections_surely_ours(r) ? OK : DECLINED;
}

static int before_handler(request_rec *r)
{
    if (is_ours(r)) {
        ja_response_note_quick_cache(r);
    }
    return DECLINED;
}

/* Where a filter ends the answer with an error, as for a range that no picture has, httpd begins
 * again without any field. */
static void before_error(request_rec *r)
{
    if (is_ours(r) && apr_table_get(r->err_headers_out, "Content-Security-Policy") == NULL) {
        ja_response_begin(r);
    }
}

/* Without threads, refreshes wait until the visitor has his answer. */
static int after_response(request_rec *r)
{
    (void)r; /* perhaps not ours: a page that includes avatars, an error that shows one */
    if (max_waiting_default == 0) {
        ja_fetch_visitor_settle(engine);
    }
    return DECLINED;
}

void ja_handler_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_map_to_storage(skip_file_system, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_fixups(before_handler, NULL, NULL, APR_HOOK_LAST);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(before_error, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_log_transaction(after_response, NULL, NULL, APR_HOOK_REALLY_LAST);
}

void ja_handler_child_init(ja_engine_t *the_engine)
{
    int threaded = 0, threads = 0;

    engine = the_engine;
    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    max_waiting_default = threaded == AP_MPMQ_NOT_SUPPORTED ? 0 : threads > 1 ? threads / 2 : 1;
}

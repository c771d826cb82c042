/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_response: status, header fields and body of every answer. */
#include "mod_jira_avatar_response.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <http_request.h>
#include <util_filter.h>

#include "mod_jira_avatar_bucket.h"
#include "mod_jira_avatar_journal.h"

#define CACHE_NAME "jira-avatar"
#define QUICK_NOTE "jira-avatar-quick"

enum { HEADER_TEXT = 256, BUSY_RETRY_S = 1, UNAVAILABLE_RETRY_S = 5 };

/* ---- mod_cache ----------------------------------------------------------------------------- */

static bool has_cache_save(const request_rec *r)
{
    for (const ap_filter_t *f = r->output_filters; f != NULL; f = f->next) {
        if (strncmp(f->frec->name, "cache_save", 10) == 0) { /* ..._subreq, too */
            return true;
        }
    }
    return false;
}

/* Before the handler runs, only the quick handler can have put its filter there. */
void ja_response_note_quick_cache(request_rec *r)
{
    if (has_cache_save(r)) {
        apr_table_setn(r->notes, QUICK_NOTE, "1");
    }
}

bool ja_response_is_quick_cached(request_rec *r)
{
    return apr_table_get(r->notes, QUICK_NOTE) != NULL;
}

/* ---- header fields ------------------------------------------------------------------------- */

void ja_response_begin(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->err_headers_out, "Content-Security-Policy", JA_CONTENT_SECURITY_POLICY);
    apr_table_setn(r->err_headers_out, "Cache-Status", CACHE_NAME);
}

static void set_cache_control(request_rec *r, const ja_reply_t *reply, ja_keep_t keep)
{
    const ja_settings_t *settings = reply->settings;
    char *text = apr_palloc(r->pool, HEADER_TEXT);
    ja_buf_t value = ja_buf(text, HEADER_TEXT);

    switch (keep) {
    case JA_KEEP_IMAGE:
        ja_policy_cache_control(reply->is_public, settings->max_age, settings->stale_age, &value);
        break;
    case JA_KEEP_SHORT:
        ja_policy_negative_cache_control(reply->is_public, settings->negative_max_age, &value);
        break;
    case JA_KEEP_NOT:
        ja_buf_add(&value, "no-store");
        break;
    }
    apr_table_setn(r->headers_out, "Cache-Control", text);
    if (keep != JA_KEEP_NOT && (reply->came == JA_CAME_HIT || reply->came == JA_CAME_STALE)) {
        apr_table_setn(r->headers_out, "Age", apr_ltoa(r->pool, (long)reply->age_s));
    }
    if (reply->keep_out_of_cache) { /* not r->no_cache, which adds an Expires field for everybody */
        apr_table_setn(r->subprocess_env, "no-cache", "1");
    } else if (has_cache_save(r)) { /* mod_cache would give one visitor's cookie to all */
        apr_table_unset(r->headers_out, "Set-Cookie");
        apr_table_unset(r->err_headers_out, "Set-Cookie");
    }
}

static void add_ttl(ja_buf_t *value, const ja_reply_t *reply, ja_keep_t keep)
{
    const ja_settings_t *settings = reply->settings;
    int64_t lifetime = keep == JA_KEEP_IMAGE ? settings->max_age : settings->negative_max_age;
    int64_t ttl = lifetime - reply->age_s;

    if (keep != JA_KEEP_NOT) {
        ja_buf_add(value, ttl < 0 ? "; ttl=-" : "; ttl=");
        ja_buf_add_number(value, (uint64_t)(ttl < 0 ? -ttl : ttl));
    }
}

static void add_number(ja_buf_t *value, const char *name, int64_t number)
{
    if (number > 0) {
        ja_buf_add(value, name);
        ja_buf_add_number(value, (uint64_t)number);
    }
}

/* RFC 9211. */
static void set_cache_status(request_rec *r, const ja_reply_t *reply, ja_outcome_t outcome,
                             int upstream_status)
{
    const ja_outcome_row_t *row = ja_policy_outcome(outcome);
    bool is_held = reply->came == JA_CAME_HIT || reply->came == JA_CAME_STALE;
    bool is_fetched = reply->came == JA_CAME_FETCHED || reply->came == JA_CAME_COLLAPSED;
    char *text = apr_palloc(r->pool, HEADER_TEXT);
    ja_buf_t value = ja_buf(text, HEADER_TEXT);

    ja_buf_add(&value, CACHE_NAME);
    if (is_held) {
        ja_buf_add(&value, "; hit");
        add_ttl(&value, reply, row->keep);
    }
    if (is_fetched) {
        ja_buf_add(&value, "; fwd=uri-miss");
        add_number(&value, "; fwd-status=", upstream_status);
        ja_buf_add(&value, row->keep != JA_KEEP_NOT ? "; stored" : "");
        ja_buf_add(&value, reply->came == JA_CAME_COLLAPSED ? "; collapsed" : "");
    }
    if (reply->came == JA_CAME_STALE || outcome != JA_OUTCOME_IMAGE) {
        ja_buf_add(&value, "; detail=");
        ja_buf_add(&value, outcome == JA_OUTCOME_IMAGE ? "refreshing" : row->name);
    }
    apr_table_setn(r->err_headers_out, "Cache-Status", text);
}

/* RFC 9209: the harmless part of what the error log says. */
static void set_proxy_status(request_rec *r, const ja_outcome_row_t *row, int upstream_status)
{
    const char *received =
        upstream_status > 0 ? apr_psprintf(r->pool, "; received-status=%d", upstream_status) : "";

    if (row->proxy_error != NULL) {
        apr_table_setn(r->headers_out, "Proxy-Status",
                       apr_psprintf(r->pool, CACHE_NAME "; error=%s; details=\"%s\"%s",
                                    row->proxy_error, row->sentence, received));
    }
}

static int64_t retry_after(const ja_reply_t *reply, ja_outcome_t outcome, const ja_entry_t *entry)
{
    int64_t seconds = outcome == JA_OUTCOME_BUSY ? BUSY_RETRY_S : UNAVAILABLE_RETRY_S;

    if (entry != NULL && entry->record.retry_after >= 0) {
        seconds = entry->record.retry_after - reply->age_s;
    } else if (reply->retry_after_s > 0) {
        seconds = reply->retry_after_s;
    }
    return seconds > 1 ? seconds : 1;
}

/* ---- bodies -------------------------------------------------------------------------------- */

static int send_brigade(request_rec *r, apr_bucket *body)
{
    apr_bucket_alloc_t *list = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, list);

    if (body != NULL) {
        APR_BRIGADE_INSERT_TAIL(brigade, body);
    }
    /* With its end in the same brigade mod_cache commits before the client can ask again. */
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(list));
    apr_status_t rv = ap_pass_brigade(r->output_filters, brigade);
    return rv == APR_SUCCESS || r->connection->aborted || r->status != HTTP_OK ? OK
                                                                               : AP_FILTER_ERROR;
}

/* mod_deflate appends "-gzip" to our ETag and clients bring it back: it still names our bytes.
 * Only the one that matches counts, so the rest of a list is passed on as it is. */
static void accept_suffixed_etag(request_rec *r, const char *etag)
{
    static const char *const suffixes[] = {"-gzip\"", "-br\""};
    const char *asked = apr_table_get(r->headers_in, "If-None-Match");
    const char *stem = apr_pstrmemdup(r->pool, etag, strlen(etag) - 1);

    for (size_t i = 0; asked != NULL && i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        const char *suffixed = apr_pstrcat(r->pool, stem, suffixes[i], NULL);
        if (strstr(asked, suffixed) != NULL) {
            apr_table_setn(r->headers_in, "If-None-Match", etag);
        }
    }
}

/* A 304 under mod_cache would freshen, empty or delete its entry; it makes its own 304s from a 200.
 */
static int conditional_status(request_rec *r, const char *etag)
{
    if (has_cache_save(r)) {
        return OK;
    }
    accept_suffixed_etag(r, etag);
    return ap_meets_conditions(r);
}

static int send_image(request_rec *r, const ja_reply_t *reply, ja_entry_t *entry)
{
    set_cache_control(r, reply, JA_KEEP_IMAGE);
    set_cache_status(r, reply, JA_OUTCOME_IMAGE, entry->record.upstream_status);
    apr_table_setn(r->headers_out, "ETag", apr_pstrdup(r->pool, entry->record.etag));
    ap_set_content_type(r, ja_image_content_type((ja_image_type_t)entry->record.image_type));

    int status = conditional_status(r, entry->record.etag);
    if (status == HTTP_NOT_MODIFIED) {
        r->status = status;
        return send_brigade(r, NULL);
    }
    if (status != OK) {
        return status;
    }
    ap_set_content_length(r, entry->record.body_len);
    return send_brigade(r, ja_bucket_create(entry, r->connection->bucket_alloc));
}

static int send_bytes(request_rec *r, const char *type, const char *body, apr_size_t len)
{
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)len);
    return send_brigade(r, apr_bucket_immortal_create(body, len, r->connection->bucket_alloc));
}

/* Through the filters with r->status set, not by returning the status: so mod_cache sees the
 * header fields and a negative answer may be kept. */
static int send_failure(request_rec *r, const ja_reply_t *reply, ja_outcome_t outcome,
                        const char *sentence, const ja_entry_t *entry)
{
    const ja_outcome_row_t *row = ja_policy_outcome(outcome);
    const ja_fallback_t *fallback = ja_conf_fallback(reply->settings, row->status);
    int upstream_status = entry != NULL ? entry->record.upstream_status : 0;

    r->status = fallback != NULL && reply->settings->fallback_ok ? HTTP_OK : row->status;
    set_cache_control(r, reply, row->keep);
    set_cache_status(r, reply, outcome, upstream_status);
    set_proxy_status(r, row, upstream_status);
    if (row->status == HTTP_SERVICE_UNAVAILABLE) {
        apr_table_setn(
            r->headers_out, "Retry-After",
            apr_psprintf(r->pool, "%" APR_INT64_T_FMT, retry_after(reply, outcome, entry)));
    }
    if (fallback != NULL) {
        return send_bytes(r, ja_image_content_type(fallback->type), (const char *)fallback->body,
                          fallback->len);
    }
    const char *body =
        apr_pstrcat(r->pool, sentence != NULL ? sentence : row->sentence, "\n", NULL);
    return send_bytes(r, "text/plain; charset=utf-8", body, strlen(body));
}

/* ---- what is told to the administrator ------------------------------------------------------- */

static ja_count_t count_of(const ja_reply_t *reply, ja_outcome_t outcome, const ja_entry_t *entry)
{
    static const ja_count_t of_came[] = {
        [JA_CAME_LOCAL] = JA_COUNT_REFUSED,    [JA_CAME_HIT] = JA_COUNT_HIT,
        [JA_CAME_STALE] = JA_COUNT_STALE,      [JA_CAME_FETCHED] = JA_COUNT_MISS,
        [JA_CAME_COLLAPSED] = JA_COUNT_JOINED,
    };

    if (ja_policy_outcome(outcome)->status < HTTP_INTERNAL_SERVER_ERROR) {
        return of_came[reply->came];
    }
    return entry != NULL                   ? JA_COUNT_FAILED
           : outcome == JA_OUTCOME_BUSY    ? JA_COUNT_BUSY
           : outcome == JA_OUTCOME_TIMEOUT ? JA_COUNT_LATE
                                           : JA_COUNT_FAILED;
}

static void note(request_rec *r, const ja_reply_t *reply, ja_outcome_t outcome,
                 const ja_entry_t *entry)
{
    bool asked = reply->came == JA_CAME_FETCHED || reply->came == JA_CAME_COLLAPSED;
    ja_visit_t visit = {.realm = reply->settings->realm,
                        .count = count_of(reply, outcome, entry),
                        .outcome = outcome,
                        .asked = asked,
                        .wait_ms = reply->wait_ms,
                        .upstream_status =
                            asked && entry != NULL ? entry->record.upstream_status : 0};

    ja_journal_visit(r, &visit);
}

int ja_response_entry(request_rec *r, const ja_reply_t *reply, ja_entry_t *entry)
{
    ja_outcome_t outcome = ja_entry_outcome(entry);

    note(r, reply, outcome, entry);
    return outcome == JA_OUTCOME_IMAGE ? send_image(r, reply, entry)
                                       : send_failure(r, reply, outcome, NULL, entry);
}

int ja_response_outcome(request_rec *r, const ja_reply_t *reply, ja_outcome_t outcome,
                        const char *sentence)
{
    note(r, reply, outcome, NULL);
    return send_failure(r, reply, outcome, sentence, NULL);
}

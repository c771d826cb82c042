/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_status: what is shown names accounts and sites, so it is closed until the
 * configuration says who may see it.
 */
#include "mod_jira_avatar_status.h"

#include <apr_optional_hooks.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_core.h>
#include <mod_status.h>
#include <string.h>

#include "ja_page.h"
#include "mod_jira_avatar_access.h"
#include "mod_jira_avatar_purge.h"
#include "mod_jira_avatar_view.h"

APLOG_USE_MODULE(jira_avatar);

static void write_to_client(void *self, const char *bytes, size_t len)
{
    (void)ap_rwrite(bytes, (int)len, self);
}

static ja_out_t client(request_rec *r)
{
    return (ja_out_t){write_to_client, r};
}

/* ---- the handler --------------------------------------------------------------------------- */

static const struct format_t {
    const char *query; /* NULL: anything else */
    const char *type;
    void (*render)(const ja_report_t *report, const ja_out_t *out);
} formats[] = {
    {"json", "application/json", ja_report_json},
    {"metrics", "text/plain; version=0.0.4; charset=utf-8", ja_report_prometheus},
    {NULL, "text/html; charset=utf-8", ja_page},
};

/* By the first parameter's name: a scraper that was given "metrics" writes "metrics=". */
static const struct format_t *find_format(const char *query)
{
    ja_slice_t rest = ja_slice(query);
    ja_slice_t parameter = ja_text_piece(&rest, '&');
    ja_slice_t name = ja_text_piece(&parameter, '=');
    const struct format_t *format = formats;

    while (format->query != NULL && !ja_slice_is(name, format->query)) {
        format++;
    }
    return format;
}

static void set_header_fields(request_rec *r)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "Content-Security-Policy", JA_PAGE_SECURITY_POLICY);
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->err_headers_out, "Referrer-Policy", "no-referrer");
}

static int say(request_rec *r, int status, const char *sentence)
{
    r->status = status;
    ap_set_content_type(r, "text/plain; charset=utf-8");
    ap_rputs(sentence, r);
    ap_rputs("\n", r);
    return OK;
}

static int show(request_rec *r)
{
    const struct format_t *format = find_format(r->args);
    ja_out_t out = client(r);

    if (!ja_access_is_restricted(r)) {
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      "JAV0701: the state of the sites is not shown at %s, because everybody may "
                      "reach it; write Require local (or whom you mean) in its <Location>",
                      r->uri);
        return say(r, HTTP_FORBIDDEN,
                   "Everybody may reach this address, so nothing is shown here. Write "
                   "\"Require local\", or whom you mean, in its <Location>.");
    }
    ap_set_content_type(r, format->type);
    if (!r->header_only) {
        format->render(ja_view(r->pool, r->server, true), &out);
    }
    return OK;
}

static int handle(request_rec *r)
{
    const char *sentence = "";

    if (r->handler == NULL || strcmp(r->handler, JA_STATUS_HANDLER_NAME) != 0) {
        return DECLINED;
    }
    set_header_fields(r);
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_POST, M_OPTIONS, -1);
    switch (r->method_number) {
    case M_OPTIONS:
        return ap_send_http_options(r);
    case M_POST: {
        int status = ja_purge(r, &sentence);
        return say(r, status, sentence);
    }
    case M_GET: { /* HEAD, too */
        int status = ap_discard_request_body(r);
        return status == OK ? show(r) : status;
    }
    default:
        return HTTP_METHOD_NOT_ALLOWED;
    }
}

/* ---- mod_status ---------------------------------------------------------------------------- */

static int add_to_server_status(request_rec *r, int flags)
{
    const ja_report_t *report = ja_view(r->pool, r->server, false);
    ja_out_t out = client(r);

    if (report->site_count > 0) {
        (flags & AP_STATUS_SHORT ? ja_report_lines : ja_page_section)(report, &out);
    }
    return OK;
}

void ja_status_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, add_to_server_status, NULL, NULL, APR_HOOK_MIDDLE);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_check: the steps to an avatar, one line each. */
#include "mod_jira_avatar_check.h"

#include <apr_file_io.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ja_curl.h"
#include "ja_lookup.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_desk.h"
#include "mod_jira_avatar_expiry.h"
#include "mod_jira_avatar_rotation.h"
#include "mod_jira_avatar_say.h"
#include "mod_jira_avatar_route.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_store.h"
#include "mod_jira_avatar_token.h"

enum { STEP_WIDTH = 11, KEPT_S = 3600 };

typedef struct check_t {
    apr_pool_t *pool;
    apr_file_t *out;
    server_rec *server;
    ja_engine_t *engine;
    const ja_realm_t *realm;
    int64_t began_ms; /* of the step */
    bool failed;
    const char *default_etag; /* of the picture that every project has at first; "": not known */
} check_t;

/* What the desk would have logged of the last ask. */
static struct {
    ja_cause_t cause;
    char text[JA_EVENT_CAUSE];
    char remedy[JA_EVENT_REMEDY];
    bool gateway; /* it was asked */
} heard;

static void hear(const ja_ask_t *ask, const ja_verdict_t *verdict, const ja_answer_t *answer)
{
    ja_buf_t text = ja_buf(heard.text, sizeof(heard.text));
    ja_buf_t remedy = ja_buf(heard.remedy, sizeof(heard.remedy));

    heard.cause = verdict->cause;
    heard.gateway = ask->gateway;
    ja_diagnosis_cause(verdict, answer, &text);
    ja_diagnosis_remedy(verdict->cause, &ask->asked, &remedy);
}

/* What no ask says. */
static void hear_cause(ja_cause_t cause)
{
    static const ja_answer_t no_answer;
    static const ja_ask_t no_ask;
    ja_verdict_t verdict = ja_diagnosis_of(cause);

    hear(&no_ask, &verdict, &no_answer);
}

/* What was not asked for the sake of an answer before has that answer's cause; what else was not
 * asked, as where a file is in the way, is in the log. */
static void hear_unsaid(const ja_entry_t *entry)
{
    if (entry == NULL) {
        hear_cause(JA_CAUSE_TIMEOUT);
    } else if (ja_entry_outcome(entry) != ja_cause(heard.cause)->outcome) {
        ja_buf_t text = ja_buf(heard.text, sizeof(heard.text));
        heard.cause = JA_CAUSE_IMAGE;
        heard.remedy[0] = '\0';
        ja_buf_add(&text, ja_policy_outcome(ja_entry_outcome(entry))->sentence);
    }
}

static int64_t now_ms(void)
{
    return apr_time_as_msec(apr_time_now());
}

/* ---- lines --------------------------------------------------------------------------------- */

static void line(const check_t *check, const char *step, const char *word, const char *text)
{
    apr_file_printf(check->out, "  %-*s %-7s %6" APR_INT64_T_FMT " ms  %s\n", STEP_WIDTH, step,
                    word, now_ms() - check->began_ms, text);
}

static bool passed(const check_t *check, const char *step, const char *text)
{
    line(check, step, "ok", text);
    return true;
}

static bool fail(check_t *check, const char *step, const char *text, const char *remedy)
{
    check->failed = true;
    line(check, step, "FAILED", text);
    if (*remedy != '\0') {
        apr_file_printf(check->out, "  %-*s %s\n", STEP_WIDTH, "", remedy);
    }
    return false;
}

/* It works, and is worth a look. */
static bool warn(const check_t *check, const char *step, const char *text, const char *remedy)
{
    line(check, step, "WARNING", text);
    apr_file_printf(check->out, "  %-*s %s\n", STEP_WIDTH, "", remedy);
    return true;
}

/* By what the desk heard of the ask. */
static bool fail_as_heard(check_t *check, const char *step)
{
    return fail(check, step, heard.text, heard.remedy);
}

/* ---- asking -------------------------------------------------------------------------------- */

static ja_entry_t *ask(check_t *check, ja_order_t *order)
{
    static uint64_t number;
    const ja_network_t *network = &check->realm->network;
    ja_entry_t *entry = NULL;

    number++;
    memcpy(order->key, &number, sizeof(number)); /* no two asks are one */
    order->realm = check->realm;
    order->origin = check->server;
    order->asked_at_ms = now_ms();
    order->fresh = order->keep_image = order->keep_negative = KEPT_S;
    check->began_ms = now_ms();
    (void)ja_fetch_visitor_get(check->engine, order, network->connect_ms + network->total_ms, 0,
                               &entry);
    hear_unsaid(entry);
    return entry;
}

/* The answer to a question, or NULL. */
static json_t *question(check_t *check, ja_question_t what, ja_outcome_t *outcome)
{
    ja_order_t order = {.question = what, .ref = {.form = JA_REF_LOOKUP}};
    ja_entry_t *entry = ask(check, &order);
    json_t *root = NULL;

    *outcome = entry != NULL ? ja_entry_outcome(entry) : JA_OUTCOME_TIMEOUT;
    if (*outcome == JA_OUTCOME_IMAGE) {
        root = json_loadb((const char *)entry->body, entry->record.body_len, JSON_REJECT_DUPLICATES,
                          NULL);
        if (root == NULL) {
            *outcome = JA_OUTCOME_NOT_AN_IMAGE;
            hear_cause(JA_CAUSE_NOT_AN_OBJECT);
        }
    }
    ja_entry_unref(entry);
    return root;
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL && ja_text_is_plain(ja_slice(text)) ? text : "";
}

/* ---- the steps ----------------------------------------------------------------------------- */

static bool check_name(check_t *check)
{
    const ja_origin_t *base = &check->realm->site.base;
    apr_sockaddr_t *found = NULL;
    char text[64] = "";

    check->began_ms = now_ms();
    if (check->realm->network.proxy != NULL) {
        return passed(check, "name", "left to the proxy");
    }
    const char *host = base->host[0] == '['
                           ? apr_pstrmemdup(check->pool, base->host + 1, strlen(base->host) - 2)
                           : base->host;
    if (apr_sockaddr_info_get(&found, host, APR_UNSPEC, (apr_port_t)base->port, 0, check->pool) !=
        APR_SUCCESS) {
        return fail(check, "name", apr_pstrcat(check->pool, host, " has no address", NULL),
                    "Check the host in JiraAvatarSite, and the name service of this machine");
    }
    (void)apr_sockaddr_ip_getbuf(text, sizeof(text), found);
    return passed(check, "name", apr_pstrcat(check->pool, host, " is ", text, NULL));
}

static bool is_network(ja_outcome_t outcome)
{
    return outcome == JA_OUTCOME_NO_NAME || outcome == JA_OUTCOME_NO_CONNECTION ||
           outcome == JA_OUTCOME_CONNECT_TIMEOUT || outcome == JA_OUTCOME_TLS ||
           outcome == JA_OUTCOME_CERTIFICATE || outcome == JA_OUTCOME_TIMEOUT;
}

/* Before the connection, which fails without saying why. */
static bool check_certificate(check_t *check)
{
    const char *remedy;

    check->began_ms = now_ms();
    ja_end_t end = ja_expiry_of(check->realm).certificate;
    const char *text = ja_expiry_sentence(check->pool, check->realm, &end, &remedy);
    switch (ja_end_state(&end, now_ms() / 1000)) {
    case JA_END_OVER:
    case JA_END_EARLY:
        return fail(check, "certificate", text, remedy);
    case JA_END_NEAR:
        return warn(check, "certificate", text, remedy);
    case JA_END_FAR:
    default:
        return text == NULL || passed(check, "certificate", text);
    }
}

/* Whatever is answered to a stranger: that there is an answer is what counts. */
static bool check_connection(check_t *check)
{
    const ja_site_t *site = &check->realm->site;
    const char *step = strcmp(site->base.scheme, "https") == 0 ? "TLS" : "connection";
    ja_outcome_t outcome;
    json_t *root = question(check, JA_QUESTION_SERVER, &outcome);
    const char *kind = text_of(root, "deploymentType");
    const char *version = text_of(root, "version");
    bool is_cloud = strcmp(kind, "Cloud") == 0;
    bool ok = true;

    if (is_network(outcome)) {
        ok = fail_as_heard(check, step);
    } else if (*kind != '\0' && is_cloud != (site->kind == JA_SITE_CLOUD)) {
        ok = fail(check, step, apr_pstrcat(check->pool, "the site is ", kind, NULL),
                  is_cloud ? "Write cloud behind the URL of JiraAvatarSite"
                           : "Write datacenter behind the URL of JiraAvatarSite");
    } else {
        (void)passed(check, step,
                     *kind == '\0' ? "connected"
                                   : apr_pstrcat(check->pool, "connected to Jira ", kind, " ",
                                                 version, NULL));
    }
    json_decref(root);
    return ok;
}

/* A token for avatars alone may not ask who it is; whether it serves, the avatar shows. */
static bool check_account(check_t *check)
{
    ja_outcome_t outcome;

    check->began_ms = now_ms();
    if (ja_cred_is_none(check->realm->cred)) {
        return passed(check, "credential", "none: only what Jira shows to everybody");
    }
    json_t *root = question(check, JA_QUESTION_MYSELF, &outcome);
    if (root == NULL && outcome == JA_OUTCOME_CREDENTIAL_REFUSED && heard.cause == JA_CAUSE_SCOPE) {
        ja_shared_alone(check->pool);
        (void)passed(check, "credential", ja_cred_describe(check->realm->cred));
        return passed(check, "who am I", "the token may not ask (read:jira-user), no matter");
    }
    if (root == NULL) {
        return fail_as_heard(check, "credential");
    }
    const char *id = text_of(root, "accountId");
    id = *id != '\0' ? id : text_of(root, "name");
    (void)passed(check, "credential", ja_cred_describe(check->realm->cred));
    (void)passed(check, "who am I",
                 *id == '\0'
                     ? "Jira does not say"
                     : apr_pstrcat(check->pool, text_of(root, "displayName"), " (", id, ")", NULL));
    json_decref(root);
    return true;
}

static void say_route(const check_t *check)
{
    const ja_site_t *site = &check->realm->site;
    char learnt[JA_CLOUD_ID_LEN + 1];
    const char *cloud_id = site->cloud_id != NULL                    ? site->cloud_id
                           : ja_route_cloud_id(check->realm, learnt) ? learnt
                                                                     : "unknown";
    (void)passed(check, "route",
                 heard.gateway ? apr_pstrcat(check->pool, "through ", site->gateway.url,
                                             ", cloudId ", cloud_id, NULL)
                               : "the site itself");
}

/* By the picture that needs no permission, which the next step tells from others. What else may be
 * wrong with it is left to that step, too. */
static bool check_scope(check_t *check)
{
    ja_order_t order = {.ref = {.form = JA_REF_VIEW_DEFAULT, .type = JA_TYPE_PROJECT}};

    check->default_etag = "";
    if (check->realm->site.kind != JA_SITE_CLOUD || ja_cred_is_none(check->realm->cred)) {
        return true;
    }
    ja_entry_t *entry = ask(check, &order);
    if (entry != NULL && ja_entry_outcome(entry) == JA_OUTCOME_IMAGE) {
        check->default_etag = apr_pstrdup(check->pool, entry->record.etag);
        say_route(check);
        (void)passed(check, "scope", "it may read avatars");
    }
    ja_entry_unref(entry);
    if (heard.cause == JA_CAUSE_SCOPE) {
        say_route(check);
        return fail_as_heard(check, "scope");
    }
    return true;
}

/* What Jira lists besides: the name, by which the token is found in the account's profile. */
static const char *ask_for_end(check_t *check, ja_end_t *end)
{
    ja_outcome_t outcome;
    ja_tokens_told_t told;
    json_t *root = question(check, JA_QUESTION_TOKENS, &outcome);
    char *text = json_dumps(root, 0);
    const char *name = NULL;

    if (text != NULL && ja_end_of_listed(ja_slice(text), &told)) {
        *end = told.end;
        name = apr_pstrcat(check->pool, " (", told.alone ? "" : "probably ", "\"", told.name, "\")",
                           told.end.source == JA_END_UNKNOWN ? " does not end" : "", NULL);
    }
    free(text);
    json_decref(root);
    return name;
}

/* Jira has just taken the credential, so nothing of this is a failure. */
static bool check_end(check_t *check)
{
    static const char step[] = "token ends";
    const char *name = NULL;
    const char *remedy;

    check->began_ms = now_ms();
    ja_end_t end = ja_expiry_of(check->realm).credential;
    if (end.source != JA_END_TOKEN && ja_expiry_is_listed(check->realm)) {
        name = ask_for_end(check, &end);
    }
    const char *text = ja_expiry_sentence(check->pool, check->realm, &end, &remedy);
    if (name != NULL) {
        text = text != NULL ? apr_pstrcat(check->pool, text, name, NULL)
                            : apr_pstrcat(check->pool, "the personal access token", name, NULL);
    }
    if (text == NULL) {
        return true;
    }
    return *remedy != '\0' ? warn(check, step, text, remedy) : passed(check, step, text);
}

/* The first project of either kind's list, as a reference to its avatar. */
static bool avatar_of(const check_t *check, json_t *list, ja_ref_t *ref)
{
    static const ja_ref_t wanted = {.form = JA_REF_LOOKUP};
    json_t *values = json_is_array(list) ? list : json_object_get(list, "values");
    char *text = json_dumps(json_array_get(values, 0), 0);
    char storage[JA_LOOKUP_PICTURES];
    ja_buf_t pictures = ja_buf(storage, sizeof(storage));
    bool found =
        text != NULL && ja_lookup_read(ja_slice(text), &pictures) == NULL &&
        ja_lookup_resolve(&check->realm->site, NULL,
                          ja_lookup_pick((ja_slice_t){storage, pictures.len}, JA_SIZE_NONE),
                          &wanted, ref) == JA_FOUND_OURS;

    free(text);
    return found;
}

static bool check_picture(check_t *check, const ja_ref_t *ref, const char *whose)
{
    ja_order_t order = {.ref = *ref};
    ja_entry_t *entry = ask(check, &order);

    if (entry == NULL || ja_entry_outcome(entry) != JA_OUTCOME_IMAGE) {
        ja_entry_unref(entry);
        return fail_as_heard(check, "avatar");
    }
    (void)passed(check, "avatar",
                 apr_psprintf(check->pool, "%s: %s, %u bytes", whose,
                              ja_image_content_type((ja_image_type_t)entry->record.image_type),
                              entry->record.body_len));
    const char *etag = check->default_etag;
    if (ref->form != JA_REF_VIEW_DEFAULT && *etag != '\0') {
        (void)passed(check, "default",
                     strcmp(etag, entry->record.etag) == 0
                         ? "it is the default picture, which may be right for this project"
                         : "it is not the default picture");
    }
    ja_entry_unref(entry);
    return true;
}

static bool check_avatar(check_t *check)
{
    ja_ref_t ref = {.form = JA_REF_VIEW_DEFAULT, .type = JA_TYPE_PROJECT};
    bool is_cloud = check->realm->site.kind == JA_SITE_CLOUD;
    ja_outcome_t outcome = JA_OUTCOME_NOT_FOUND;
    json_t *list = NULL;

    if (!ja_cred_is_none(check->realm->cred)) {
        list = question(check, JA_QUESTION_PROJECTS, &outcome);
    }
    json_t *values = json_is_array(list) ? list : json_object_get(list, "values");
    bool sees_none = list != NULL && json_array_size(values) == 0;
    const char *key = apr_pstrdup(check->pool, text_of(json_array_get(values, 0), "key"));
    bool found = list != NULL && avatar_of(check, list, &ref);
    json_decref(list);
    if (sees_none) {
        return fail(check, "avatar", "the account sees no project",
                    "Give the account the permission Browse projects, at least for one project");
    }
    if (outcome == JA_OUTCOME_CREDENTIAL_REFUSED) {
        ja_shared_alone(check->pool); /* a token for avatars alone may not ask this */
    }
    if (found) {
        return check_picture(check, &ref, apr_pstrcat(check->pool, "project ", key, NULL));
    }
    if (!is_cloud) {
        return passed(check, "avatar", "not looked at: no project to look at was told");
    }
    return check_picture(check, &ref, "the default project");
}

/* ---- all ----------------------------------------------------------------------------------- */

static void say_whose(const check_t *check)
{
    const apr_array_header_t *sections = ja_conf_sections();

    apr_file_printf(check->out, "%s\n", check->realm->name);
    for (int i = 0; i < sections->nelts; i++) {
        const ja_conf_section_t *section = &APR_ARRAY_IDX(sections, i, ja_conf_section_t);
        if (section->realm == check->realm) {
            apr_file_printf(check->out, "  for %s\n", section->name);
        }
    }
}

static void check_realm(check_t *check)
{
    static bool (*const steps[])(check_t *) = {check_name,    check_certificate, check_connection,
                                               check_account, check_end,         check_scope,
                                               check_avatar};
    bool ok = true;

    ja_shared_alone(check->pool);
    say_whose(check);
    for (size_t i = 0; ok && i < sizeof(steps) / sizeof(steps[0]); i++) {
        ok = steps[i](check);
    }
}

static void check_realms(check_t *check, ja_curl_t *transport)
{
    const apr_array_header_t *realms = ja_conf_realms();
    ja_engine_params_t params = {.desk = ja_desk(), .transport = ja_curl_transport(transport)};

    check->engine = ja_fetch_create(&params);
    ja_token_child_init(check->engine, check->server);
    ja_say_to(hear);
    for (int i = 0; check->engine != NULL && i < realms->nelts; i++) {
        check->realm = APR_ARRAY_IDX(realms, i, const ja_realm_t *);
        check_realm(check);
    }
    ja_say_to(NULL);
    if (check->engine != NULL) {
        ja_fetch_visitor_settle(check->engine); /* a token that is being renewed is kept */
        ja_fetch_destroy(check->engine);
    }
}

bool ja_check(apr_pool_t *pool, server_rec *server)
{
    check_t check = {.pool = pool, .server = server};
    const char *reason;

    if (apr_file_open_stdout(&check.out, pool) != APR_SUCCESS) {
        return false;
    }
    if (!ja_curl_global_init(&reason)) {
        apr_file_printf(check.out, "%s\n", reason);
        return false;
    }
    ja_shared_alone(pool);
    if (ja_rotation_post_config(server) != OK) { /* it said why */
        return false;
    }
    ja_store_child_init(pool, server);
    ja_curl_t *transport = ja_curl_create();
    if (transport != NULL) {
        check_realms(&check, transport);
        ja_curl_destroy(transport);
    }
    ja_curl_global_cleanup();
    return transport != NULL && !check.failed;
}

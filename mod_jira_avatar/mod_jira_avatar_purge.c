/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_purge: who asks, what is meant, and the new epoch for it. */
#include "mod_jira_avatar_purge.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <string.h>

#include "ja_query.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

enum { BODY_MAX = 1024 * 1024, CHUNK = 8192 };

#define SIGNATURE_FIELD  "X-Hub-Signature"
#define SIGNATURE_PREFIX "sha256="

/* ---- who asks ------------------------------------------------------------------------------ */

typedef struct body_t {
    unsigned char *bytes;
    size_t len;
} body_t;

/* Reads the body, which a webhook's signature is over. OK, or the status that it earns. */
static int read_body(request_rec *r, body_t *body)
{
    int status = ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK);
    long got = 0;

    body->bytes = apr_palloc(r->pool, 1);
    body->len = 0;
    if (status != OK || !ap_should_client_block(r)) {
        return status;
    }
    body->bytes = apr_palloc(r->pool, BODY_MAX + CHUNK);
    while (body->len <= BODY_MAX &&
           (got = ap_get_client_block(r, (char *)body->bytes + body->len, CHUNK)) > 0) {
        body->len += (size_t)got;
    }
    return got < 0 ? HTTP_BAD_REQUEST : body->len > BODY_MAX ? HTTP_REQUEST_ENTITY_TOO_LARGE : OK;
}

static bool is_bearer(request_rec *r, const ja_buf_t *token)
{
    ja_slice_t given = ja_slice(apr_table_get(r->headers_in, "Authorization"));

    if (given.len < 7 || strncasecmp(given.data, "Bearer ", 7) != 0) {
        return false;
    }
    given = ja_slice_trim((ja_slice_t){given.data + 7, given.len - 7});
    return given.len == token->len && ja_text_equal_ct(given.data, token->data, token->len);
}

/* Jira's webhooks cannot send a header of ours, but sign their body with a secret. */
static bool is_signed(request_rec *r, const ja_buf_t *token, const body_t *body)
{
    ja_slice_t given = ja_slice(apr_table_get(r->headers_in, SIGNATURE_FIELD));
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned len = 0;

    if (!ja_text_take(&given, SIGNATURE_PREFIX) ||
        HMAC(EVP_sha256(), token->data, (int)token->len, body->bytes, body->len, digest, &len) ==
            NULL) {
        return false;
    }
    ja_text_hex(digest, len, hex);
    return given.len == 2 * (size_t)len && ja_text_equal_ct(given.data, hex, given.len);
}

static bool is_trusted(request_rec *r, ja_secret_t *secret, const body_t *body)
{
    char bytes[JA_SECRET_MAX + 1];
    ja_buf_t token = ja_buf(bytes, sizeof(bytes));

    (void)ja_secret_refresh(secret);
    ja_secret_reveal(secret, &token);
    bool trusted =
        !token.overflow && token.len > 0 && (is_bearer(r, &token) || is_signed(r, &token, body));
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return trusted;
}

/* ---- what is meant ------------------------------------------------------------------------- */

typedef struct wish_t {
    const char *site;
    const char *avatar;
    const char *project;
    bool all;
} wish_t;

static const char *read_wish(request_rec *r, wish_t *wish)
{
    ja_query_t query;
    ja_slice_t name, value;
    const char *wrong = NULL;

    ja_query_start(&query, r->args);
    while (wrong == NULL && ja_query_next(&query, &name, &value, &wrong)) {
        const char *text = apr_pstrmemdup(r->pool, value.data, value.len);
        if (ja_slice_is(name, "site")) {
            wish->site = text;
        } else if (ja_slice_is(name, "avatar")) {
            wish->avatar = text;
        } else if (ja_slice_is(name, "project")) {
            wish->project = text;
        } else if (ja_slice_is(name, "all")) {
            wish->all = true;
        } else {
            wrong = "The parameters are site, and one of avatar, project and all.";
        }
    }
    if (wrong == NULL && (wish->avatar != NULL) + (wish->project != NULL) + wish->all != 1) {
        wrong = "Say what to forget: avatar=ADDRESS, project=ID or all.";
    }
    return wrong == NULL && wish->project != NULL && *wish->project == '\0'
               ? "project= needs the project's id or key."
               : wrong;
}

/* The canonical URL of the site that is meant. */
static const char *find_site(request_rec *r, const wish_t *wish, const char **url)
{
    const apr_array_header_t *realms = ja_conf_realms();
    ja_origin_t origin = {.url = NULL};

    if (wish->site != NULL && ja_origin_parse(r->pool, wish->site, &origin) != NULL) {
        return "site= is not the URL of a site.";
    }
    *url = origin.url;
    for (int i = 0; i < realms->nelts; i++) {
        const char *one = APR_ARRAY_IDX(realms, i, const ja_realm_t *)->site.base.url;
        if (wish->site != NULL && strcmp(one, origin.url) == 0) {
            return NULL;
        }
        if (wish->site == NULL && *url != NULL && strcmp(one, *url) != 0) {
            return "There is more than one site; say which with site=URL.";
        }
        *url = wish->site == NULL ? one : *url;
    }
    return *url == NULL || wish->site != NULL ? "No such site is configured here." : NULL;
}

/* An avatar's address as it stands behind the Location, or as Jira gives it. */
static const char *parse_avatar(request_rec *r, const ja_realm_t *realm, const char *address,
                                ja_ref_t *ref)
{
    const char *reason = "This is not an avatar address.";
    ja_slice_t rest = ja_slice(address);

    (void)ja_text_take(&rest, realm->site.base.url);
    (void)ja_text_take(&rest, "/");
    char *path = apr_pstrmemdup(r->pool, rest.data, rest.len);
    char *query = strchr(path, '?');
    if (query != NULL) {
        *query++ = '\0';
    }
    if (ap_unescape_url(path) != OK || !ja_text_is_utf8(ja_slice(path))) {
        return "This address is not properly encoded.";
    }
    return ja_ref_parse(realm->site.kind, realm->site.base.path, path, query, ref, &reason) ==
                   JA_REF_OK
               ? NULL
               : reason;
}

/* ---- forgetting ---------------------------------------------------------------------------- */

static const char *no_memory = "The processes of this server share no memory.";

typedef struct forgotten_t {
    const wish_t *wish;
    ja_ref_t ref; /* of wish->avatar */
} forgotten_t;

static uint64_t tag_of(uint64_t realm, const void *context)
{
    const forgotten_t *forgotten = context;

    if (forgotten->wish->avatar != NULL) {
        ja_tags_t tags = ja_tags(realm, &forgotten->ref);
        return tags.picture != 0 ? tags.picture : tags.owner;
    }
    return forgotten->wish->project != NULL
               ? ja_tag_owner(realm, JA_TYPE_PROJECT, forgotten->wish->project)
               : 0;
}

/* NULL, or why not. */
static const char *forget(request_rec *r, const wish_t *wish, const char *url)
{
    const apr_array_header_t *realms = ja_conf_realms();
    forgotten_t forgotten = {.wish = wish};
    const char *wrong = NULL;

    for (int i = 0; wrong == NULL && i < realms->nelts; i++) {
        const ja_realm_t *realm = APR_ARRAY_IDX(realms, i, const ja_realm_t *);
        if (strcmp(realm->site.base.url, url) == 0) {
            (void)ja_shared_metrics(realm); /* it has a place, even if nobody asked it yet */
            wrong =
                wish->avatar != NULL ? parse_avatar(r, realm, wish->avatar, &forgotten.ref) : NULL;
        }
    }
    if (wrong != NULL) {
        return wrong;
    }
    ja_count_t count = wish->avatar != NULL    ? JA_COUNT_PURGED_AVATAR
                       : wish->project != NULL ? JA_COUNT_PURGED_PROJECT
                                               : JA_COUNT_PURGED_ALL;
    return ja_shared_forget(url, tag_of, &forgotten, count) ? NULL : no_memory;
}

static int purge(request_rec *r, const char **sentence)
{
    wish_t wish = {.site = NULL};
    const char *url = NULL;

    *sentence = read_wish(r, &wish);
    if (*sentence == NULL) {
        *sentence = find_site(r, &wish, &url);
    }
    if (*sentence == NULL) {
        *sentence = forget(r, &wish, url);
    }
    if (*sentence != NULL) {
        return *sentence == no_memory ? HTTP_SERVICE_UNAVAILABLE : HTTP_BAD_REQUEST;
    }
    const char *what = wish.avatar != NULL    ? "one avatar"
                       : wish.project != NULL ? "a project's avatars"
                                              : "everything";
    ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r, "JAV0703: %s: forgot %s, as asked", url, what);
    *sentence = apr_psprintf(r->pool, "Forgot %s of %s.", what, url);
    return HTTP_OK;
}

int ja_purge(request_rec *r, const char **sentence)
{
    ja_settings_t settings;
    body_t body;

    ja_conf_settings(r, &settings);
    if (settings.purge_token == NULL) {
        *sentence = "Nothing can be forgotten here: JiraAvatarPurgeToken is not set.";
        return HTTP_FORBIDDEN;
    }
    int status = read_body(r, &body);
    if (status != OK) {
        *sentence = "The body of this request is too large or broken.";
        return status;
    }
    if (!is_trusted(r, settings.purge_token, &body)) {
        ap_log_rerror(
            APLOG_MARK, APLOG_NOTICE, 0, r,
            "JAV0702: refused to forget avatars: neither Authorization: Bearer nor " SIGNATURE_FIELD
            " fits JiraAvatarPurgeToken");
        *sentence = "The token is missing or wrong.";
        return HTTP_FORBIDDEN;
    }
    return purge(r, sentence);
}

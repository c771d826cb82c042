/* SPDX-License-Identifier: Apache-2.0 */
/* ja_upstream: see ja_upstream.h. */
#include "ja_upstream.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <string.h>

/* So that the longest URL, of a user whose two names are percent-encoded throughout, fits
 * JA_URL_MAX. */
enum { ORIGIN_MAX = 300, HOST_MAX = 253, LABEL_MAX = 63, ACCOUNT_ID_MAX = 128 };

/* ---- origins ------------------------------------------------------------------------------ */

/* What makes a URL ambiguous between parsers has no place anywhere in it. */
static const char *suspicious(ja_slice_t url)
{
    static const struct {
        char byte;
        const char *reason;
    } rows[] = {
        {'\\', "has a backslash"}, {'%', "has percent-encoding"}, {'@', "has user information"},
        {'?', "has a query"},      {'#', "has a fragment"},
    };

    for (size_t i = 0; i < url.len; i++) {
        unsigned char byte = (unsigned char)url.data[i];

        if (byte <= ' ' || byte == 0x7f) {
            return "has a space or a control character";
        }
        if (byte > 0x7f) {
            return "has a character outside ASCII (write an international name as xn--...)";
        }
        for (size_t j = 0; j < sizeof(rows) / sizeof(rows[0]); j++) {
            if (url.data[i] == rows[j].byte) {
                return rows[j].reason;
            }
        }
    }
    return NULL;
}

static bool take_scheme(ja_slice_t *url, ja_origin_t *origin)
{
    ja_slice_t rest = *url;
    ja_slice_t scheme = ja_text_piece(&rest, ':');
    bool tls = ja_slice_is_nocase(scheme, "https");

    if ((!tls && !ja_slice_is_nocase(scheme, "http")) || !ja_text_take(&rest, "//")) {
        return false;
    }
    origin->scheme = tls ? "https" : "http";
    origin->port = tls ? 443 : 80;
    *url = rest;
    return true;
}

static bool is_host_name(ja_slice_t host)
{
    if (host.len > HOST_MAX) {
        return false;
    }
    while (host.data) {
        ja_slice_t label = ja_text_piece(&host, '.');

        if (label.len > LABEL_MAX || !ja_text_is_word(label, "-_") || label.data[0] == '-' ||
            label.data[label.len - 1] == '-') {
            return false;
        }
    }
    return true;
}

static const char *parse_name(apr_pool_t *pool, ja_slice_t name, ja_origin_t *origin)
{
    if (name.len && name.data[name.len - 1] == '.') {
        name.len--;
    }
    if (!is_host_name(name)) {
        return "has a bad host name";
    }
    char *host = apr_pstrmemdup(pool, name.data, name.len);

    ja_text_lower(host);
    origin->host = host;
    return NULL;
}

/* What stands in brackets; written in its one canonical form, so that texts can be compared. */
static const char *parse_ipv6(apr_pool_t *pool, ja_slice_t text, ja_origin_t *origin)
{
    char canonical[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (inet_pton(AF_INET6, apr_pstrmemdup(pool, text.data, text.len), &address) != 1 ||
        !inet_ntop(AF_INET6, &address, canonical, sizeof(canonical))) {
        return "has a bad IPv6 address";
    }
    origin->host = apr_pstrcat(pool, "[", canonical, "]", NULL);
    return NULL;
}

static const char *parse_port(ja_slice_t text, ja_origin_t *origin)
{
    uint64_t port;

    if (!ja_text_number(text, 65535, &port) || port == 0) {
        return "has a bad port";
    }
    origin->port = (int)port;
    return NULL;
}

/* "host:8080" and "[::1]:8080"; without a port its data is NULL. */
static bool split_authority(ja_slice_t authority, ja_slice_t *host, ja_slice_t *port)
{
    *port = authority;
    if (!ja_text_take(port, "[")) {
        *host = ja_text_piece(port, ':');
        return true;
    }
    *host = ja_text_piece(port, ']');
    if (port->data && port->len == 0) {
        port->data = NULL;
        return true;
    }
    return ja_text_take(port, ":");
}

static const char *parse_authority(apr_pool_t *pool, ja_slice_t authority, ja_origin_t *origin)
{
    ja_slice_t host, port;
    const char *reason;

    if (authority.len == 0) {
        return "has no host";
    }
    if (!split_authority(authority, &host, &port)) {
        return "has a bad IPv6 address";
    }
    reason =
        authority.data[0] == '[' ? parse_ipv6(pool, host, origin) : parse_name(pool, host, origin);
    return reason || !port.data ? reason : parse_port(port, origin);
}

static const char *parse_path(apr_pool_t *pool, ja_slice_t path, ja_origin_t *origin)
{
    if (path.len > 1 && path.data[path.len - 1] == '/') {
        path.len--;
    }
    origin->path = path.len ? apr_psprintf(pool, "/%.*s", (int)path.len, path.data) : "";
    if (path.len == 0) {
        return NULL;
    }
    while (path.data) {
        ja_slice_t segment = ja_text_piece(&path, '/');

        if (ja_slice_is(segment, ".") || ja_slice_is(segment, "..")) {
            return "has a dot segment";
        }
        if (!ja_text_is_word(segment, "-._~")) {
            return "has a path that is not of letters, digits, '-', '.', '_' and '~'";
        }
    }
    return NULL;
}

static const char *canonical_url(apr_pool_t *pool, const ja_origin_t *origin)
{
    int default_port = strcmp(origin->scheme, "https") == 0 ? 443 : 80;
    const char *port = origin->port == default_port ? "" : apr_psprintf(pool, ":%d", origin->port);

    return apr_pstrcat(pool, origin->scheme, "://", origin->host, port, origin->path, NULL);
}

const char *ja_origin_parse(apr_pool_t *pool, const char *url, ja_origin_t *origin)
{
    ja_origin_t found = {.scheme = NULL};
    ja_slice_t rest = ja_slice(url);
    const char *reason = suspicious(rest);

    if (reason) {
        return reason;
    }
    if (rest.len > ORIGIN_MAX) {
        return "is longer than 300 characters";
    }
    if (!take_scheme(&rest, &found)) {
        return "does not begin with https:// or http://";
    }
    reason = parse_authority(pool, ja_text_piece(&rest, '/'), &found);
    if (!reason) {
        reason = parse_path(pool, rest, &found);
    }
    if (reason) {
        return reason;
    }
    found.url = canonical_url(pool, &found);
    *origin = found;
    return NULL;
}

bool ja_origin_equal(const ja_origin_t *a, const ja_origin_t *b)
{
    return strcmp(a->scheme, b->scheme) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port;
}

ja_site_kind_t ja_upstream_guess_kind(const ja_origin_t *origin)
{
    static const char *const domains[] = {".atlassian.net", ".jira-dev.com"};
    size_t len = strlen(origin->host);

    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        size_t tail = strlen(domains[i]);

        if (strcmp(origin->host, domains[i] + 1) == 0 ||
            (len > tail && strcmp(origin->host + len - tail, domains[i]) == 0)) {
            return JA_SITE_CLOUD;
        }
    }
    return JA_SITE_DATACENTER;
}

/* ---- endpoints ---------------------------------------------------------------------------- */

/* The base URL has no query, so the first '?' is ours. */
static void add_param(ja_buf_t *url, const char *name, const char *value)
{
    if (value[0] == '\0') {
        return;
    }
    ja_buf_add(url, strchr(url->data, '?') ? "&" : "?");
    ja_buf_add(url, name);
    ja_buf_add(url, "=");
    ja_buf_add_percent(url, ja_slice(value));
}

static void add_id(ja_buf_t *url, const char *name, bool has, uint64_t id)
{
    char digits[24];
    ja_buf_t text = ja_buf(digits, sizeof(digits));

    if (has) {
        ja_buf_add_number(&text, id);
    }
    add_param(url, name, digits);
}

static void add_view(ja_buf_t *url, const ja_ref_t *ref)
{
    ja_buf_add(url, "/rest/api/3/universal_avatar/view/type/");
    ja_buf_add(url, ja_type_name(ref->type));
    if (ref->form == JA_REF_VIEW_AVATAR) {
        ja_buf_add(url, "/avatar/");
        ja_buf_add_number(url, ref->avatar_id);
    } else if (ref->form == JA_REF_VIEW_OWNER) {
        ja_buf_add(url, "/owner/");
        ja_buf_add_percent(url, ja_slice(ref->owner));
    }
    add_param(url, "size", ja_size_name(ref->size));
    add_param(url, "format", ja_format_name(ref->format));
}

static void add_viewavatar(ja_buf_t *url, const ja_ref_t *ref)
{
    ja_buf_add(url, "/secure/viewavatar");
    add_param(url, "size", ja_size_name(ref->size));
    add_id(url, "avatarId", ref->has_avatar_id, ref->avatar_id);
    add_param(url, "avatarType", ja_type_name(ref->type));
    add_param(url, "format", ja_format_name(ref->format));
}

static void add_projectavatar(ja_buf_t *url, const ja_ref_t *ref)
{
    ja_buf_add(url, "/secure/projectavatar");
    add_param(url, "size", ja_size_name(ref->size));
    add_id(url, "pid", ref->has_pid, ref->pid);
    add_id(url, "avatarId", ref->has_avatar_id, ref->avatar_id);
}

static void add_useravatar(ja_buf_t *url, const ja_ref_t *ref)
{
    static const char *const no_redirect[] = {
        [JA_REDIRECT_UNSET] = "", [JA_REDIRECT_NO] = "true", [JA_REDIRECT_YES] = "false"};

    ja_buf_add(url, "/secure/useravatar");
    add_param(url, "size", ja_size_name(ref->size));
    add_param(url, "ownerId", ref->owner);
    add_param(url, "username", ref->username);
    add_id(url, "avatarId", ref->has_avatar_id, ref->avatar_id);
    add_param(url, "avatarType", ja_type_name(ref->type));
    add_param(url, "noRedirect", no_redirect[ref->no_redirect]);
}

static void add_icon(ja_buf_t *url, const ja_ref_t *ref)
{
    ja_slice_t path = ja_slice(ref->icon);

    ja_buf_add(url, "/images/icons");
    while (path.data) {
        ja_buf_add(url, "/");
        ja_buf_add_percent(url, ja_text_piece(&path, '/'));
    }
}

/* Which function writes a form, by kind; what has none cannot be asked. */
typedef void writer_t(ja_buf_t *url, const ja_ref_t *ref);

static writer_t *const writers[][2] = {
    [JA_REF_VIEW_AVATAR] = {[JA_SITE_CLOUD] = add_view, [JA_SITE_DATACENTER] = add_viewavatar},
    [JA_REF_VIEW_OWNER] = {[JA_SITE_CLOUD] = add_view},
    [JA_REF_VIEW_DEFAULT] = {[JA_SITE_CLOUD] = add_view},
    [JA_REF_PROJECT] = {[JA_SITE_DATACENTER] = add_projectavatar},
    [JA_REF_USER] = {add_useravatar, add_useravatar},
    [JA_REF_ICON] = {add_icon, add_icon},
    [JA_REF_LOOKUP] = {NULL, NULL},
};

/* ---- targets ------------------------------------------------------------------------------ */

/* What Atlassian's OpenAPI document says of each address; of the granular ones all are needed. */
static const char view_scope[] = "read:jira-work (classic) or read:avatar:jira (granular)";
static const char account_scope[] = "read:jira-user";
static const char project_scope[] = "read:jira-work";
static const char status_scope[] = "read:jira-work (classic) or read:status:jira (granular)";

static bool same_text(const char *a, const char *b)
{
    return ja_slice_is_nocase(ja_slice(a), b);
}

/* What a Cloud site's gateway has is the REST API alone. */
static ja_url_status_t begin_url(const ja_site_t *site, bool through, const ja_ref_t *ref,
                                 const char *cloud_id, ja_buf_t *url)
{
    const char *own = site->cloud_id ? site->cloud_id : cloud_id;

    if ((through || ref->cloud_id[0]) && (!own || !ja_ref_is_cloud_id(ja_slice(own)))) {
        return JA_URL_NEEDS_CLOUD_ID;
    }
    if (ref->cloud_id[0] && !same_text(ref->cloud_id, own)) {
        return JA_URL_OTHER_CLOUD_ID;
    }
    ja_buf_add(url, through ? site->gateway.url : site->base.url);
    if (through) {
        ja_buf_add(url, "/ex/jira/");
        ja_buf_add(url, own);
    }
    return JA_URL_OK;
}

ja_url_status_t ja_upstream_target(const ja_site_t *site, ja_route_t route, const ja_ref_t *ref,
                                   const char *cloud_id, ja_target_t *target)
{
    writer_t *write = writers[ref->form][site->kind];
    bool gateway = site->kind == JA_SITE_CLOUD && route == JA_ROUTE_GATEWAY;
    bool through = gateway && write == add_view;
    ja_buf_t url = ja_buf(target->url, sizeof(target->url));

    if (!write) {
        return JA_URL_NEEDS_LOOKUP;
    }
    ja_url_status_t status = begin_url(site, through, ref, cloud_id, &url);
    if (status != JA_URL_OK) {
        return status;
    }
    write(&url, ref);
    if (url.overflow) {
        return JA_URL_NEEDS_LOOKUP; /* cannot be while ORIGIN_MAX holds; never half a URL */
    }
    target->credential = through || !gateway;
    target->gateway = through;
    target->identity = !through && ref->form != JA_REF_ICON;
    target->scope = write == add_view ? view_scope : NULL;
    return JA_URL_OK;
}

/* Where a type's objects are; what has no row has none, or needs no look-up. */
static const struct lookup_t {
    const char *path[2];
    const char *scope;
} lookups[] = {
    [JA_TYPE_NONE] = {{NULL, NULL}, NULL},
    [JA_TYPE_PROJECT] = {{"/rest/api/3/project/", "/rest/api/2/project/"}, project_scope},
    [JA_TYPE_ISSUETYPE] = {{NULL, "/rest/api/2/issuetype/"}, NULL},
    [JA_TYPE_PRIORITY] = {{NULL, "/rest/api/2/priority/"}, NULL},
    [JA_TYPE_SD_REQTYPE] = {{NULL, NULL}, NULL},
    [JA_TYPE_USER] = {{"/rest/api/3/user?accountId=", NULL}, account_scope},
    [JA_TYPE_STATUS] = {{"/rest/api/3/status/", "/rest/api/2/status/"}, status_scope},
};

/* "5b10ac8d82e05b22cc7d4ef5", "557058:" and a UUID, "qm:" and two of them; keys and ids were read
 * as words before. */
static bool is_lookup_name(const ja_ref_t *ref)
{
    ja_slice_t name = ja_slice(ref->owner);

    return ref->type == JA_TYPE_USER ? name.len <= ACCOUNT_ID_MAX && ja_text_is_word(name, ":-_")
                                     : name.len > 0;
}

ja_url_status_t ja_upstream_lookup(const ja_site_t *site, ja_route_t route, const ja_ref_t *ref,
                                   const char *cloud_id, ja_target_t *target)
{
    const char *path = lookups[ref->type].path[site->kind];
    bool through = site->kind == JA_SITE_CLOUD && route == JA_ROUTE_GATEWAY;
    ja_buf_t url = ja_buf(target->url, sizeof(target->url));

    if (!path || !is_lookup_name(ref)) {
        return JA_URL_NO_LOOKUP;
    }
    ja_url_status_t status = begin_url(site, through, ref, cloud_id, &url);
    if (status != JA_URL_OK) {
        return status;
    }
    ja_buf_add(&url, path);
    ja_buf_add_percent(&url, ja_slice(ref->owner));
    target->credential = true;
    target->gateway = through;
    target->identity = !through;
    target->scope = lookups[ref->type].scope;
    return url.overflow ? JA_URL_NO_LOOKUP : JA_URL_OK;
}

ja_url_status_t ja_upstream_question(const ja_site_t *site, ja_route_t route,
                                     ja_question_t question, const char *cloud_id,
                                     ja_target_t *target)
{
    static const struct {
        const char *path[2];
        const char *scope;
    } rows[] = {
        [JA_QUESTION_NONE] = {{"", ""}, NULL},
        [JA_QUESTION_SERVER] = {{"/rest/api/3/serverInfo", "/rest/api/2/serverInfo"}, NULL},
        [JA_QUESTION_MYSELF] = {{"/rest/api/3/myself", "/rest/api/2/myself"}, account_scope},
        [JA_QUESTION_PROJECTS] = {{"/rest/api/3/project/search?maxResults=1",
                                   "/rest/api/2/project"},
                                  project_scope},
        [JA_QUESTION_TOKENS] = {{"/rest/pat/latest/tokens", "/rest/pat/latest/tokens"}, NULL},
    };
    static const ja_ref_t no_ref;
    bool is_open = question == JA_QUESTION_SERVER;
    bool through = site->kind == JA_SITE_CLOUD && route == JA_ROUTE_GATEWAY && !is_open;
    ja_buf_t url = ja_buf(target->url, sizeof(target->url));
    ja_url_status_t status = begin_url(site, through, &no_ref, cloud_id, &url);

    ja_buf_add(&url, rows[question].path[site->kind]);
    target->credential = !is_open;
    target->gateway = through;
    target->identity = !through && !is_open;
    target->scope = rows[question].scope;
    return status;
}

static void target_of_site(const ja_site_t *site, const char *path, ja_target_t *target)
{
    ja_buf_t url = ja_buf(target->url, sizeof(target->url));

    ja_buf_add(&url, site->base.url);
    ja_buf_add(&url, path);
    target->credential = false;
    target->gateway = false;
    target->identity = false;
    target->scope = NULL;
}

void ja_upstream_tenant_info(const ja_site_t *site, ja_target_t *target)
{
    target_of_site(site, "/_edge/tenant_info", target);
}

void ja_upstream_myself(const ja_site_t *site, ja_target_t *target)
{
    target_of_site(site, "/rest/api/3/myself", target);
    target->credential = true;
    target->scope = account_scope;
}

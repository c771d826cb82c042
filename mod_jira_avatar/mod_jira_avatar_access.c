/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_access: reads the configuration tree for what restricts access. In doubt a URL
 * counts as restricted: a false "private" costs a cache entry, a false "public" a secret.
 */
#include "mod_jira_avatar_access.h"

#include <stdbool.h>

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <util_cfgtree.h>

APLOG_USE_MODULE(jira_avatar);

/* Where a directive applies: a <Location>, as httpd matches it, or every URL of the server. */
typedef struct section_t {
    const ap_directive_t *node;
    const char *path; /* prefix or wildcard */
    ap_regex_t *regex;
    bool wildcard;
    bool anywhere;
    bool warned; /* once, not for every virtual host that inherits it */
} section_t;

/* What one server knows; a virtual host begins with a copy of the main server's. */
typedef struct access_t {
    server_rec *server;
    apr_array_header_t *ours;       /* of section_t: they set our handler */
    apr_array_header_t *restricted; /* of section_t */
    apr_array_header_t *cached;     /* of section_t: CacheEnable */
    apr_array_header_t *uncached;   /* of section_t: CacheDisable */
    bool quick;                     /* CacheQuickHandler */
} access_t;

static apr_hash_t *servers; /* server_rec * -> access_t * */

/* ---- which directives restrict -------------------------------------------------------------- */

/* By name, with the one value that restricts nothing, written without spaces. Order has no row:
 * without Allow or Deny it lets in everybody or nobody. */
static const struct restriction_t {
    const char *name;
    const char *harmless;
} restrictions[] = {
    {"Require", "allgranted"},    {"<RequireNone", NULL},
    {"Allow", "fromall"},         {"Deny", NULL},
    {"Satisfy", "all"},           {"AuthType", "none"},
    {"SSLVerifyClient", "none"},  {"SSLRequire", NULL},
    {"SSLRequireSSL", NULL},      {"LuaHookAccessChecker", NULL},
    {"LuaHookAuthChecker", NULL}, {"PerlAccessHandler", NULL},
    {"PerlAuthenHandler", NULL},  {"PerlAuthzHandler", NULL},
};

/* Modules that log visitors in; outside of a section these only configure. */
static const char *const login_prefixes[] = {"Auth", "OIDC", "Mellon", "Shib"};

static bool restricts_itself(apr_pool_t *ptemp, const ap_directive_t *node, bool in_section)
{
    for (size_t i = 0; i < sizeof(restrictions) / sizeof(restrictions[0]); i++) {
        const struct restriction_t *row = &restrictions[i];
        if (strcasecmp(node->directive, row->name) == 0) {
            char *args = apr_pstrdup(ptemp, node->args);
            apr_collapse_spaces(args, args);
            return !row->harmless || strcasecmp(args, row->harmless) != 0;
        }
    }
    for (size_t i = 0; in_section && i < sizeof(login_prefixes) / sizeof(login_prefixes[0]); i++) {
        if (strncasecmp(node->directive, login_prefixes[i], strlen(login_prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool content_restricts(apr_pool_t *ptemp, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        if (restricts_itself(ptemp, node, true) || content_restricts(ptemp, node->first_child)) {
            return true;
        }
    }
    return false;
}

/* ---- sections ------------------------------------------------------------------------------- */

static bool is_prefix(const char *prefix, const char *uri)
{
    size_t len = strlen(prefix);

    return strncmp(prefix, uri, len) == 0 &&
           (len == 0 || prefix[len - 1] == '/' || uri[len] == '/' || uri[len] == '\0');
}

/* As ap_location_walk() matches: patterns see the URI as it is, paths see it without "//". */
static bool matches(const section_t *section, const char *uri, const char *merged)
{
    if (section->anywhere) {
        return true;
    }
    if (section->regex) {
        return ap_regexec(section->regex, uri, 0, NULL, 0) == 0;
    }
    if (section->wildcard) {
        return apr_fnmatch(section->path, merged, APR_FNM_PATHNAME) == APR_SUCCESS;
    }
    return is_prefix(section->path, merged);
}

static bool any_matches(const apr_array_header_t *sections, const char *uri, const char *merged)
{
    for (int i = 0; i < sections->nelts; i++) {
        if (matches(&APR_ARRAY_IDX(sections, i, section_t), uri, merged)) {
            return true;
        }
    }
    return false;
}

static bool is_pattern(const section_t *section)
{
    return section->regex || section->wildcard;
}

/* For warnings only: two patterns may overlap, so they are taken to. */
static bool overlaps(const section_t *a, const section_t *b)
{
    return a->anywhere || b->anywhere || (is_pattern(a) && is_pattern(b)) ||
           matches(a, b->path, b->path) || matches(b, a->path, a->path);
}

static const section_t *first_overlap(const apr_array_header_t *sections, const section_t *section)
{
    for (int i = 0; i < sections->nelts; i++) {
        if (overlaps(&APR_ARRAY_IDX(sections, i, section_t), section)) {
            return &APR_ARRAY_IDX(sections, i, section_t);
        }
    }
    return NULL;
}

static section_t everywhere(const ap_directive_t *node)
{
    return (section_t){.node = node, .path = "", .anywhere = true};
}

/* `<Location PATH>`, `<Location ~ REGEX>`, `<LocationMatch REGEX>`; the ">" is still there. */
static section_t location(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *end = strrchr(node->args, '>');
    const char *args =
        end ? apr_pstrmemdup(pool, node->args, (apr_size_t)(end - node->args)) : node->args;
    const char *path = ap_getword_conf(pool, &args);
    bool regex = strcasecmp(node->directive, "<LocationMatch") == 0;
    section_t section = {.node = node, .path = path};

    if (!regex && strcmp(path, "~") == 0) {
        section.path = ap_getword_conf(pool, &args);
        regex = true;
    }
    if (regex) {
        section.regex = ap_pregcomp(pool, section.path, AP_REG_EXTENDED);
        section.anywhere = section.regex == NULL;
    } else {
        section.wildcard = apr_fnmatch_test(path) != 0;
    }
    return section;
}

/* ---- reading the tree ----------------------------------------------------------------------- */

static void remember(apr_array_header_t *sections, section_t section)
{
    APR_ARRAY_PUSH(sections, section_t) = section;
}

static bool sets_our_handler(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *args = node->args;

    return strcasecmp(node->directive, "SetHandler") == 0 &&
           strcmp(ap_getword_conf(pool, &args), JA_HANDLER_NAME) == 0;
}

static void read_location(apr_pool_t *pool, access_t *access, const ap_directive_t *node)
{
    section_t section = location(pool, node);

    if (content_restricts(pool, node->first_child)) {
        remember(access->restricted, section);
    }
    for (const ap_directive_t *child = node->first_child; child; child = child->next) {
        if (sets_our_handler(pool, child)) {
            remember(access->ours, section);
        }
    }
}

/* <If> is asked for every URL. Our handler set in one is not counted as ours, because the file
 * system's sections apply there. */
static void read_condition(apr_pool_t *pool, access_t *access, const ap_directive_t *node)
{
    if (content_restricts(pool, node->first_child)) {
        remember(access->restricted, everywhere(node));
    }
}

/* What is about files, proxied URLs or providers does not apply to a <Location> of ours, which
 * never gets as far as the file system. Virtual hosts have their turn later. */
static void read_nothing(apr_pool_t *pool, access_t *access, const ap_directive_t *node)
{
    (void)pool;
    (void)access;
    (void)node;
}

static void read_cache_enable(apr_pool_t *pool, access_t *access, const ap_directive_t *node)
{
    const char *args = node->args;
    const char *type = ap_getword_conf(pool, &args);
    section_t section = {.node = node, .path = ap_getword_conf(pool, &args)};

    section.anywhere = *type && !*section.path;
    remember(access->cached, section);
}

static void read_cache_disable(apr_pool_t *pool, access_t *access, const ap_directive_t *node)
{
    const char *args = node->args;

    remember(access->uncached, (section_t){.node = node, .path = ap_getword_conf(pool, &args)});
}

static void read_cache_quick(apr_pool_t *pool, access_t *access, const ap_directive_t *node)
{
    const char *args = node->args;

    access->quick = strcasecmp(ap_getword_conf(pool, &args), "off") != 0;
}

static const struct reader_t {
    const char *directive;
    void (*read)(apr_pool_t *pool, access_t *access, const ap_directive_t *node);
} readers[] = {
    {"<Location", read_location},
    {"<LocationMatch", read_location},
    {"<If", read_condition},
    {"<ElseIf", read_condition},
    {"<Else", read_condition},
    {"<VirtualHost", read_nothing},
    {"<Directory", read_nothing},
    {"<DirectoryMatch", read_nothing},
    {"<Files", read_nothing},
    {"<FilesMatch", read_nothing},
    {"<Proxy", read_nothing},
    {"<ProxyMatch", read_nothing},
    {"<AuthnProviderAlias", read_nothing},
    {"<AuthzProviderAlias", read_nothing},
    {"CacheEnable", read_cache_enable},
    {"CacheDisable", read_cache_disable},
    {"CacheQuickHandler", read_cache_quick},
};

static const struct reader_t *find_reader(const ap_directive_t *node)
{
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (strcasecmp(node->directive, readers[i].directive) == 0) {
            return &readers[i];
        }
    }
    return NULL;
}

static void read_server(apr_pool_t *pool, access_t *access, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        const struct reader_t *reader = find_reader(node);
        if (reader) {
            reader->read(pool, access, node);
            continue;
        }
        if (sets_our_handler(pool, node)) {
            remember(access->ours, everywhere(node));
        }
        if (restricts_itself(pool, node, false)) {
            remember(access->restricted, everywhere(node));
        }
        read_server(pool, access, node->first_child);
    }
}

static access_t *make_access(apr_pool_t *pool, server_rec *server, const access_t *base)
{
    access_t *access = apr_pcalloc(pool, sizeof(*access));
    apr_array_header_t *none = apr_array_make(pool, 1, sizeof(section_t));

    access->server = server;
    access->ours = apr_array_copy(pool, base ? base->ours : none);
    access->restricted = apr_array_copy(pool, base ? base->restricted : none);
    access->cached = apr_array_copy(pool, base ? base->cached : none);
    access->uncached = apr_array_copy(pool, base ? base->uncached : none);
    access->quick = base ? base->quick : true;
    apr_hash_set(servers, &access->server, sizeof(access->server), access);
    return access;
}

/* A virtual host's section is known by the place httpd remembers for it. */
static const ap_directive_t *find_virtual_host(const server_rec *server)
{
    for (const ap_directive_t *node = ap_conftree; node; node = node->next) {
        if (strcasecmp(node->directive, "<VirtualHost") == 0 && server->defn_name &&
            node->line_num == (int)server->defn_line_number &&
            strcmp(node->filename, server->defn_name) == 0) {
            return node;
        }
    }
    return NULL;
}

/* ---- warnings ------------------------------------------------------------------------------- */

static const char *where(apr_pool_t *ptemp, const ap_directive_t *node)
{
    return apr_psprintf(ptemp, "%s %s (%s:%d)", node->directive, node->args, node->filename,
                        node->line_num);
}

static bool is_uncached(const access_t *access, const section_t *section)
{
    return any_matches(access->uncached, section->path, section->path);
}

static void warn_of_quick_handler(apr_pool_t *ptemp, const access_t *access)
{
    for (int i = 0; access->quick && i < access->ours->nelts; i++) {
        section_t *ours = &APR_ARRAY_IDX(access->ours, i, section_t);
        const section_t *restricted = first_overlap(access->restricted, ours);
        const section_t *cached = first_overlap(access->cached, ours);
        if (restricted && cached && !ours->warned && !is_uncached(access, ours)) {
            ours->warned = true;
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, access->server,
                         "JAV0101: access to %s is restricted by %s, but mod_cache's quick handler "
                         "answers before access is checked, because of %s; set CacheQuickHandler "
                         "off",
                         where(ptemp, ours->node), where(ptemp, restricted->node),
                         where(ptemp, cached->node));
        }
    }
}

/* ---- the two that others call --------------------------------------------------------------- */

int ja_access_post_config(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *main_server)
{
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK;
    }
    servers = apr_hash_make(pconf);
    access_t *base = make_access(pconf, main_server, NULL);
    read_server(pconf, base, ap_conftree);
    warn_of_quick_handler(ptemp, base);
    for (server_rec *server = main_server->next; server; server = server->next) {
        access_t *access = make_access(pconf, server, base);
        const ap_directive_t *node = find_virtual_host(server);
        if (node) {
            read_server(pconf, access, node->first_child);
        } else {
            remember(access->restricted, everywhere(ap_conftree));
        }
        warn_of_quick_handler(ptemp, access);
    }
    return OK;
}

int ja_access_is_public(request_rec *r)
{
    const access_t *access = servers ? apr_hash_get(servers, &r->server, sizeof(r->server)) : NULL;
    const char *merged = r->uri;

    if (!access || r->user || r->ap_auth_type) {
        return 0;
    }
    if (strstr(r->uri, "//")) {
        char *copy = apr_pstrdup(r->pool, r->uri);
        ap_no2slash(copy);
        merged = copy;
    }
    return any_matches(access->ours, r->uri, merged) &&
           !any_matches(access->restricted, r->uri, merged);
}

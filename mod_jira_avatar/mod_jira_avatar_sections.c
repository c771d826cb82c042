/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_sections: reads the configuration tree. In doubt a URL counts as restricted: a
 * false "private" costs a cache entry, a false "public" a secret.
 */
#include "mod_jira_avatar_sections.h"

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>

static apr_hash_t *servers; /* server_rec * -> ja_sections_t * */

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
bool ja_section_matches(const ja_section_t *section, const char *uri, const char *merged)
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

static ja_section_t everywhere(const ap_directive_t *node)
{
    return (ja_section_t){.node = node, .path = "", .anywhere = true};
}

/* `<Location PATH>`, `<Location ~ REGEX>`, `<LocationMatch REGEX>`; the ">" is still there. */
static ja_section_t location(apr_pool_t *pool, const ap_directive_t *node)
{
    const char *end = strrchr(node->args, '>');
    const char *args =
        end ? apr_pstrmemdup(pool, node->args, (apr_size_t)(end - node->args)) : node->args;
    const char *path = ap_getword_conf(pool, &args);
    bool regex = strcasecmp(node->directive, "<LocationMatch") == 0;
    ja_section_t section = {.node = node, .path = path};

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

static void remember(apr_array_header_t *sections, ja_section_t section)
{
    APR_ARRAY_PUSH(sections, ja_section_t) = section;
}

/* Remembers `section` if the directive sets a handler there. */
static void read_handler(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node,
                         ja_section_t section)
{
    const char *args = node->args;

    if (strcasecmp(node->directive, "SetHandler") == 0) {
        section.ours = strcmp(ap_getword_conf(pool, &args), JA_HANDLER_NAME) == 0;
        remember(sections->handled, section);
    }
}

static bool sets_our_handler_within(apr_pool_t *pool, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        const char *args = node->args;
        if ((strcasecmp(node->directive, "SetHandler") == 0 &&
             strcmp(ap_getword_conf(pool, &args), JA_HANDLER_NAME) == 0) ||
            sets_our_handler_within(pool, node->first_child)) {
            return true;
        }
    }
    return false;
}

static void read_location(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node)
{
    ja_section_t section = location(pool, node);

    if (content_restricts(pool, node->first_child)) {
        remember(sections->restricted, section);
    }
    for (const ap_directive_t *child = node->first_child; child; child = child->next) {
        read_handler(pool, sections, child, section);
        if (sets_our_handler_within(pool, child->first_child)) {
            section.ours = section.within = true;
            remember(sections->handled, section);
        }
    }
}

/* Only for where the avatar's part of a file's path begins: that everybody may reach it is not
 * proven here. */
static void read_directory(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node)
{
    ja_section_t section = location(pool, node);
    char *path;

    if (sets_our_handler_within(pool, node->first_child) && !section.wildcard &&
        apr_filepath_merge(&path, NULL, section.path, APR_FILEPATH_TRUENAME, pool) == APR_SUCCESS) {
        section.path = path;
        remember(sections->below, section);
    }
}

/* <If> is asked for every URL. Our handler set in one is not counted as ours, because the file
 * system's sections apply there. */
static void read_condition(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node)
{
    if (content_restricts(pool, node->first_child)) {
        remember(sections->restricted, everywhere(node));
    }
}

/* What is about files, proxied URLs or providers does not apply to a <Location> of ours, which
 * never gets as far as the file system. Virtual hosts have their turn later. */
static void read_nothing(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node)
{
    (void)pool;
    (void)sections;
    (void)node;
}

static void read_cache_enable(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node)
{
    const char *args = node->args;
    const char *type = ap_getword_conf(pool, &args);
    ja_section_t section = {.node = node, .path = ap_getword_conf(pool, &args)};

    section.anywhere = *type && !*section.path;
    remember(sections->cached, section);
}

static void read_cache_disable(apr_pool_t *pool, ja_sections_t *sections,
                               const ap_directive_t *node)
{
    const char *args = node->args;

    remember(sections->uncached,
             (ja_section_t){.node = node, .path = ap_getword_conf(pool, &args)});
}

static void read_cache_quick(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node)
{
    const char *args = node->args;

    sections->quick = strcasecmp(ap_getword_conf(pool, &args), "off") != 0;
}

static const struct reader_t {
    const char *directive;
    void (*read)(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node);
} readers[] = {
    {"<Location", read_location},
    {"<LocationMatch", read_location},
    {"<If", read_condition},
    {"<ElseIf", read_condition},
    {"<Else", read_condition},
    {"<VirtualHost", read_nothing},
    {"<Directory", read_directory},
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

static void read_server(apr_pool_t *pool, ja_sections_t *sections, const ap_directive_t *node)
{
    for (; node; node = node->next) {
        const struct reader_t *reader = find_reader(node);
        if (reader) {
            reader->read(pool, sections, node);
            continue;
        }
        read_handler(pool, sections, node, everywhere(node));
        if (restricts_itself(pool, node, false)) {
            remember(sections->restricted, everywhere(node));
        }
        read_server(pool, sections, node->first_child);
    }
}

static ja_sections_t *make_sections(apr_pool_t *pool, server_rec *server, const ja_sections_t *base)
{
    ja_sections_t *sections = apr_pcalloc(pool, sizeof(*sections));
    apr_array_header_t *none = apr_array_make(pool, 1, sizeof(ja_section_t));

    sections->server = server;
    sections->handled = apr_array_copy(pool, base ? base->handled : none);
    sections->below = apr_array_copy(pool, base ? base->below : none);
    sections->restricted = apr_array_copy(pool, base ? base->restricted : none);
    sections->cached = apr_array_copy(pool, base ? base->cached : none);
    sections->uncached = apr_array_copy(pool, base ? base->uncached : none);
    sections->quick = base ? base->quick : true;
    apr_hash_set(servers, &sections->server, sizeof(sections->server), sections);
    return sections;
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

/* ---- what others call ----------------------------------------------------------------------- */

int ja_sections_post_config(apr_pool_t *pconf, server_rec *main_server)
{
    servers = apr_hash_make(pconf);
    ja_sections_t *base = make_sections(pconf, main_server, NULL);
    read_server(pconf, base, ap_conftree);
    for (server_rec *server = main_server->next; server; server = server->next) {
        ja_sections_t *sections = make_sections(pconf, server, base);
        const ap_directive_t *node = find_virtual_host(server);
        if (node) {
            read_server(pconf, sections, node->first_child);
        } else {
            remember(sections->restricted, everywhere(ap_conftree));
        }
    }
    return OK;
}

const ja_sections_t *ja_sections_of(const server_rec *server)
{
    return servers ? apr_hash_get(servers, &server, sizeof(server)) : NULL;
}

ja_section_t *ja_sections_match(const apr_array_header_t *list, request_rec *r)
{
    const char *merged = r->uri;

    if (list->nelts > 0 && strstr(r->uri, "//")) {
        char *copy = apr_pstrdup(r->pool, r->uri);
        ap_no2slash(copy);
        merged = copy;
    }
    for (int i = list->nelts - 1; i >= 0; i--) {
        ja_section_t *section = &APR_ARRAY_IDX(list, i, ja_section_t);
        if (ja_section_matches(section, r->uri, merged)) {
            return section;
        }
    }
    return NULL;
}

const ja_section_t *ja_sections_ours(request_rec *r)
{
    const ja_sections_t *sections = ja_sections_of(r->server);
    const ja_section_t *last = sections ? ja_sections_match(sections->handled, r) : NULL;

    return last && last->ours ? last : NULL;
}

bool ja_sections_surely_ours(request_rec *r)
{
    const ja_section_t *ours = ja_sections_ours(r);

    return ours && !ours->within;
}

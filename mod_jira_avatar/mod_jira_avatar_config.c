/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the directives come to: the realms of the configuration, the settings of a request, and
 * the mistakes that only several lines together make.
 */
#include "mod_jira_avatar_config.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include <http_core.h>
#include <http_log.h>
#include <http_main.h>

#include "mod_jira_avatar_directives.h"
#include "mod_jira_avatar_realm.h"

APLOG_USE_MODULE(jira_avatar);

/* One combination of upstream directives that a request can meet, and the realm that it makes. */
typedef struct upstream_t {
    const ja_conf_t *conf; /* without defaults */
    const ja_realm_t *realm;
} upstream_t;

/* Built anew for every configuration; in the children only `late` changes. */
static struct {
    const ja_conf_t *defaults;
    const char *store;
    const char *generation;
    const char *state_dir;
    apr_array_header_t *sections;  /* of ja_conf_section_t */
    apr_array_header_t *realms;    /* of const ja_realm_t * */
    apr_array_header_t *known;     /* of upstream_t: what is found at start */
    apr_array_header_t *late;      /* of upstream_t: what a request meets first */
    apr_thread_mutex_t *late_lock; /* protects `late` and its pool */
} house;

/* ---- realms --------------------------------------------------------------------------------- */

static ja_realm_t *make_realm(apr_pool_t *pool, const ja_conf_t *own)
{
    ja_conf_t conf;
    ja_conf_overlay(&conf, house.defaults, own);
    return ja_realm_make(pool, &conf);
}

static const ja_realm_t *equal_realm(const apr_array_header_t *upstreams, const ja_realm_t *wanted)
{
    for (int i = 0; i < upstreams->nelts; i++) {
        const ja_realm_t *realm = APR_ARRAY_IDX(upstreams, i, upstream_t).realm;
        if (ja_realm_same(realm, wanted)) {
            return realm;
        }
    }
    return NULL;
}

static const ja_realm_t *find_realm(const apr_array_header_t *upstreams, const ja_conf_t *conf)
{
    for (int i = 0; i < upstreams->nelts; i++) {
        const upstream_t *upstream = &APR_ARRAY_IDX(upstreams, i, upstream_t);
        if (ja_conf_same_upstream(upstream->conf, conf)) {
            return upstream->realm;
        }
    }
    return NULL;
}

/* ---- every section of the configuration ----------------------------------------------------- */

static const ja_realm_t *add_known(const ja_conf_t *conf)
{
    const ja_realm_t *known = find_realm(house.known, conf);
    if (!conf->site.place || known) {
        return known;
    }
    ja_realm_t *made = make_realm(house.known->pool, conf);
    const ja_realm_t *realm = equal_realm(house.known, made);
    if (!realm) {
        made->id = house.realms->nelts;
        APR_ARRAY_PUSH(house.realms, const ja_realm_t *) = realm = made;
    }
    APR_ARRAY_PUSH(house.known, upstream_t) = (upstream_t){conf, realm};
    return realm;
}

/* What encloses a line of `conf`: a section rather than its server, which it inherits from. */
static const ap_directive_t *enclosing(const ja_conf_t *conf)
{
    const ap_directive_t *found = NULL;
#define JA_VALUE(type, member)                                                                     \
    if (conf->member.place && conf->member.place->parent) {                                        \
        found = conf->member.place->parent;                                                        \
    }
#define JA_ROW(kind, member, ...) JA_VALUES_##kind(member)
#include "ja_settings.def"
#undef JA_VALUE
    return found;
}

/* A server that only inherits, and a section that neither says anything of ours nor sets a handler,
 * are not worth a name. */
static void note_section(const core_dir_config *core, const ja_conf_t *inner,
                         const ja_conf_t *merged, const ja_realm_t *realm)
{
    const ap_directive_t *place = enclosing(inner);
    bool is_server = !core || !core->d;
    const char *name =
        place       ? apr_pstrcat(house.known->pool, place->directive, " ", place->args, NULL)
        : is_server ? "server config"
                    : core->d;
    if (!realm || (!place && !is_server && !core->expr_handler && !core->handler)) {
        return;
    }
    for (int i = 0; i < house.sections->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(house.sections, i, ja_conf_section_t).name, name) == 0 &&
            APR_ARRAY_IDX(house.sections, i, ja_conf_section_t).place == place) {
            return;
        }
    }
    APR_ARRAY_PUSH(house.sections, ja_conf_section_t) =
        (ja_conf_section_t){name, place, merged, realm};
}

static void add_section(ap_conf_vector_t *section, const ja_conf_t *outer);

static void add_sections(const apr_array_header_t *sections, const ja_conf_t *outer)
{
    for (int i = 0; sections && i < sections->nelts; i++) {
        add_section(APR_ARRAY_IDX(sections, i, ap_conf_vector_t *), outer);
    }
}

/* What a section makes of what is outside of it, and the <Files> and <If> within. Sections beside
 * each other may meet in a request, too; add_late() sees to those. */
static void add_section(ap_conf_vector_t *section, const ja_conf_t *outer)
{
    const core_dir_config *core = ap_get_core_module_config(section);
    const ja_conf_t *inner = ap_get_module_config(section, &jira_avatar_module);
    if (inner) {
        ja_conf_t *merged = apr_palloc(house.known->pool, sizeof(*merged));
        ja_conf_overlay(merged, outer, inner);
        note_section(core, inner, merged, add_known(merged));
        outer = merged;
    }
    if (core) {
        add_sections(core->sec_file, outer);
        add_sections(core->sec_if, outer);
    }
}

static void add_server(const server_rec *server)
{
    static const ja_conf_t nothing;
    const core_server_config *core = ap_get_core_module_config(server->module_config);
    const ja_conf_t *conf = ap_get_module_config(server->lookup_defaults, &jira_avatar_module);
    add_section(server->lookup_defaults, &nothing);
    add_sections(core->sec_dir, conf ? conf : &nothing);
    add_sections(core->sec_url, conf ? conf : &nothing);
}

/* ---- mistakes that only several lines make -------------------------------------------------- */

static int complain(const char *code, const ap_directive_t *place, const char *sentence)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, NULL,
                 "%s: Configuration error on line %d of %s: %s", code, place->line_num,
                 place->filename, sentence);
    return 1;
}

/* The first word of a container's or a directive's arguments, without the closing bracket. */
static const char *first_word(apr_pool_t *pool, const ap_directive_t *place)
{
    const char *args = apr_pstrdup(pool, place->args);
    char *bracket = place->directive[0] == '<' ? strrchr(args, '>') : NULL;
    if (bracket) {
        *bracket = '\0';
    }
    return ap_getword_conf(pool, &args);
}

typedef struct scope_t {
    const ap_directive_t *vhost;   /* NULL: the main server */
    const ap_directive_t *section; /* the outermost; NULL: none */
} scope_t;

static scope_t scope_of(const ap_directive_t *place)
{
    scope_t scope = {NULL, NULL};
    for (const ap_directive_t *each = place->parent; each; each = each->parent) {
        if (strcasecmp(each->directive, "<VirtualHost") == 0) {
            scope.vhost = each;
        } else {
            scope.section = each;
        }
    }
    return scope;
}

static bool path_within(const char *path, const char *outer)
{
    const size_t len = strlen(outer);
    return strncmp(path, outer, len) == 0 &&
           (len == 0 || outer[len - 1] == '/' || path[len] == '/' || path[len] == '\0');
}

/* Can two sections apply to one request? Only of plain paths of one kind it can be said that they
 * cannot. */
static bool sections_meet(apr_pool_t *pool, const ap_directive_t *a, const ap_directive_t *b)
{
    if (!a || !b || a == b || strcasecmp(a->directive, b->directive) != 0 ||
        (strcasecmp(a->directive, "<Location") != 0 &&
         strcasecmp(a->directive, "<Directory") != 0)) {
        return true;
    }
    const char *path_a = first_word(pool, a);
    const char *path_b = first_word(pool, b);
    return strpbrk(path_a, "*?[~") || strpbrk(path_b, "*?[~") || path_within(path_a, path_b) ||
           path_within(path_b, path_a);
}

static bool places_meet(apr_pool_t *pool, const ap_directive_t *a, const ap_directive_t *b)
{
    const scope_t in_a = scope_of(a);
    const scope_t in_b = scope_of(b);
    return (!in_a.vhost || !in_b.vhost || in_a.vhost == in_b.vhost) &&
           sections_meet(pool, in_a.section, in_b.section);
}

static bool is_needy(const char *word, const char *wanted)
{
    return wanted ? strcasecmp(word, wanted) == 0 : strcasecmp(word, "none") != 0;
}

/* What does nothing without a JiraAvatarSite. */
static const struct {
    const char *directive;
    const char *word; /* NULL: any but `none` */
    const char *code;
    const char *sentence;
} needs_site[] = {
    {"SetHandler", JA_HANDLER_NAME, "JAV0001",
     "SetHandler jira-avatar is set where no JiraAvatarSite applies; "
     "write JiraAvatarSite and the URL of the Jira site beside it"},
    {"JiraAvatarCredential", NULL, "JAV0003",
     "JiraAvatarCredential is given where no JiraAvatarSite applies; "
     "write JiraAvatarSite and the URL of the site that the credential is for beside it"},
};

static void find_sites(const ap_directive_t *tree, apr_array_header_t *sites)
{
    for (const ap_directive_t *each = tree; each; each = each->next) {
        if (strcasecmp(each->directive, "JiraAvatarSite") == 0) {
            APR_ARRAY_PUSH(sites, const ap_directive_t *) = each;
        }
        find_sites(each->first_child, sites);
    }
}

static bool has_site(const apr_array_header_t *sites, const ap_directive_t *place)
{
    for (int i = 0; i < sites->nelts; i++) {
        if (places_meet(sites->pool, place, APR_ARRAY_IDX(sites, i, const ap_directive_t *))) {
            return true;
        }
    }
    return false;
}

static int check_tree(const ap_directive_t *tree, const apr_array_header_t *sites)
{
    int errors = 0;
    for (const ap_directive_t *each = tree; each; each = each->next) {
        for (size_t i = 0; i < sizeof(needs_site) / sizeof(needs_site[0]); i++) {
            if (strcasecmp(each->directive, needs_site[i].directive) == 0 &&
                is_needy(first_word(sites->pool, each), needs_site[i].word) &&
                !has_site(sites, each)) {
                errors += complain(needs_site[i].code, each, needs_site[i].sentence);
            }
        }
        errors += check_tree(each->first_child, sites);
    }
    return errors;
}

/* Access tokens and what buys them never travel in the clear. */
static int check_token_service(apr_pool_t *pool, const upstream_t *upstream)
{
    const ja_realm_t *realm = upstream->realm;
    const ja_conf_t *conf = upstream->conf;
    bool cloud = realm->site.kind == JA_SITE_CLOUD;
    if (!ja_cred_token_url(realm->cred, cloud) || realm->token) {
        return 0;
    }
    return complain("JAV0602", conf->credential.place ? conf->credential.place : conf->site.place,
                    apr_psprintf(pool,
                                 "access tokens for %s would be asked for without encryption; "
                                 "write the site with https://, or JiraAvatarTokenURL",
                                 realm->site.base.url));
}

/* What a Data Center does not have. */
static int check_upstream(apr_pool_t *pool, const upstream_t *upstream)
{
    const ja_conf_t *conf = upstream->conf;
    int errors = check_token_service(pool, upstream);
    if (conf->site.value->kind == JA_SITE_CLOUD) {
        return errors;
    }
    if (ja_cred_is_cloud_only(upstream->realm->cred)) {
        errors += complain("JAV0601", conf->credential.place,
                           apr_psprintf(pool,
                                        "the kind %s applies to %s, and a Data Center knows no "
                                        "Connect apps; use bearer or oauth-refresh there, or write "
                                        "cloud behind the URL if this is a Cloud site",
                                        ja_cred_kind_name(upstream->realm->cred),
                                        conf->site.value->origin.url));
    }
    if (conf->route.place && conf->route.value == JA_ROUTE_GATEWAY) {
        errors += complain("JAV0004", conf->route.place,
                           apr_psprintf(pool,
                                        "JiraAvatarRoute gateway applies to %s, and a Data Center "
                                        "has no gateway; write JiraAvatarRoute auto there, or "
                                        "cloud behind the URL if this is a Cloud site",
                                        conf->site.value->origin.url));
    }
    if (conf->cloud_id.place && conf->cloud_id.value) {
        errors += complain("JAV0005", conf->cloud_id.place,
                           apr_psprintf(pool,
                                        "JiraAvatarCloudId applies to %s, and a Data Center has "
                                        "no cloudId; write JiraAvatarCloudId auto there, or cloud "
                                        "behind the URL if this is a Cloud site",
                                        conf->site.value->origin.url));
    }
    return errors;
}

/* ---- mistakes that may be meant ------------------------------------------------------------- */

/* Where the credential of `conf` stands beside another site than that of `conf`. */
static const ja_conf_t *credential_home(const ja_conf_t *conf)
{
    for (int i = 0; i < house.known->nelts; i++) {
        const ja_conf_t *other = APR_ARRAY_IDX(house.known, i, upstream_t).conf;
        if (other->credential.place == conf->credential.place &&
            other->site.place->parent == other->credential.place->parent &&
            !ja_origin_equal(&other->site.value->origin, &conf->site.value->origin)) {
            return other;
        }
    }
    return NULL;
}

static void warn_of_shared_credential(const ja_conf_t *conf)
{
    const ja_conf_t *home = conf->credential.place ? credential_home(conf) : NULL;
    if (!home || ja_cred_is_none(conf->credential.value) ||
        conf->site.place->parent == conf->credential.place->parent) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "JAV0002: the credential \"%s\" on line %d of %s is sent to both %s and %s, "
                 "which line %d of %s asks; if that is meant, repeat JiraAvatarCredential there, "
                 "else give that site its own",
                 ja_cred_describe(conf->credential.value), conf->credential.place->line_num,
                 conf->credential.place->filename, home->site.value->origin.url,
                 conf->site.value->origin.url, conf->site.place->line_num,
                 conf->site.place->filename);
}

static void warn_of_plain_text(const ja_realm_t *realm)
{
    const ja_origin_t *base = &realm->site.base;
    if (ja_cred_is_none(realm->cred) || strcmp(base->scheme, "http") != 0 ||
        ja_conf_is_loopback(base->host)) {
        return;
    }
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                 "JAV0006: the credential for %s travels unencrypted; write the site with https://",
                 realm->name);
}

/* ---- hooks ---------------------------------------------------------------------------------- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog, (void)ptemp;
    memset(&house, 0, sizeof(house));
    house.defaults = ja_conf_defaults(pconf);
    return house.defaults ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

static int check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                        server_rec *main_server)
{
    (void)plog;
    ja_conf_t global;
    ja_conf_overlay(&global, house.defaults,
                    ap_get_module_config(main_server->lookup_defaults, &jira_avatar_module));
    house.store = global.store.value;
    house.generation = global.generation.value;
    house.state_dir = global.state_dir.value;
    house.sections = apr_array_make(pconf, 4, sizeof(ja_conf_section_t));
    house.realms = apr_array_make(pconf, 4, sizeof(const ja_realm_t *));
    house.known = apr_array_make(pconf, 4, sizeof(upstream_t));
    for (const server_rec *server = main_server; server; server = server->next) {
        add_server(server);
    }
    apr_array_header_t *sites = apr_array_make(ptemp, 4, sizeof(const ap_directive_t *));
    find_sites(ap_conftree, sites);
    int errors = check_tree(ap_conftree, sites);
    for (int i = 0; i < house.known->nelts; i++) {
        errors += check_upstream(ptemp, &APR_ARRAY_IDX(house.known, i, upstream_t));
    }
    return errors ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

void ja_conf_register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_check_config(check_config, NULL, NULL, APR_HOOK_FIRST);
}

/* Requests get a pool of their own: its allocator belongs to nobody else, so that `late_lock`
 * is all it needs. */
static apr_status_t prepare_late(apr_pool_t *pconf)
{
    apr_allocator_t *allocator = NULL;
    apr_pool_t *pool = NULL;
    apr_status_t rv = apr_allocator_create(&allocator);
    if (rv == APR_SUCCESS) {
        rv = apr_pool_create_ex(&pool, pconf, NULL, allocator);
    }
    if (rv == APR_SUCCESS) {
        apr_allocator_owner_set(allocator, pool);
        apr_pool_tag(pool, "jira_avatar_late");
        house.late = apr_array_make(pool, 4, sizeof(upstream_t));
        rv = apr_thread_mutex_create(&house.late_lock, APR_THREAD_MUTEX_DEFAULT, pconf);
    }
    return rv;
}

int ja_conf_post_config(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *main_server)
{
    (void)ptemp;
    apr_status_t rv = prepare_late(pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, main_server, "JAV0008: no memory for settings");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (int i = 0; i < house.known->nelts; i++) {
        warn_of_shared_credential(APR_ARRAY_IDX(house.known, i, upstream_t).conf);
    }
    for (int i = 0; i < house.realms->nelts; i++) {
        warn_of_plain_text(APR_ARRAY_IDX(house.realms, i, const ja_realm_t *));
    }
    return OK;
}

/* ---- what applies to a request -------------------------------------------------------------- */

/* Sections that stand beside each other met. Each such combination comes here once per child. */
static const ja_realm_t *add_late(const ja_conf_t *conf)
{
    apr_pool_t *pool = house.late->pool;
    ja_realm_t *made = make_realm(pool, conf);
    const ja_realm_t *realm = equal_realm(house.known, made);
    if (!realm) {
        realm = equal_realm(house.late, made);
    }
    if (!realm) {
        made->id = house.realms->nelts + house.late->nelts;
        realm = made;
        warn_of_shared_credential(conf);
        warn_of_plain_text(realm);
    }
    APR_ARRAY_PUSH(house.late, upstream_t) =
        (upstream_t){apr_pmemdup(pool, conf, sizeof(*conf)), realm};
    return realm;
}

static const ja_realm_t *late_realm(const ja_conf_t *conf)
{
    apr_thread_mutex_lock(house.late_lock);
    const ja_realm_t *realm = find_realm(house.late, conf);
    if (!realm) {
        realm = add_late(conf);
    }
    apr_thread_mutex_unlock(house.late_lock);
    return realm;
}

static const ja_realm_t *realm_of(const ja_conf_t *conf)
{
    if (!conf->site.place) {
        return NULL;
    }
    const ja_realm_t *realm = find_realm(house.known, conf);
    return realm ? realm : late_realm(conf);
}

void ja_conf_settings(request_rec *r, ja_settings_t *settings)
{
    const ja_conf_t *own = ap_get_module_config(r->per_dir_config, &jira_avatar_module);
    ja_conf_t conf;
    ja_conf_overlay(&conf, house.defaults, own);
    *settings = (ja_settings_t){.realm = realm_of(own),
                                .max_age = conf.max_age.value,
                                .stale_age = conf.stale_age.value,
                                .negative_max_age = conf.negative_max_age.value,
                                .wait_ms = conf.wait_ms.value,
                                .max_waiting = conf.max_waiting.value,
                                .cache_control = (ja_cache_control_t)conf.cache_control.value,
                                .format = (ja_format_t)conf.format.value,
                                .purge_token = conf.purge_token.value,
                                .fallback_ok = conf.fallback_status.value != 0,
#define X(status) .fallback_##status = conf.fallback_##status.value,
                                JA_FALLBACK_STATUSES(X)
#undef X
    };
}

const ja_fallback_t *ja_conf_fallback(const ja_settings_t *settings, int status)
{
    switch (status) {
#define X(number)                                                                                  \
    case number:                                                                                   \
        return settings->fallback_##number;
        JA_FALLBACK_STATUSES(X)
#undef X
    default:
        return NULL;
    }
}

const char *ja_conf_store(void)
{
    return house.store;
}

const char *ja_conf_generation(void)
{
    return house.generation;
}

const char *ja_conf_state_dir(void)
{
    return house.state_dir;
}

const apr_array_header_t *ja_conf_realms(void)
{
    return house.realms;
}

const apr_array_header_t *ja_conf_sections(void)
{
    return house.sections;
}

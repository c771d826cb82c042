/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directives: one parser per kind of value, one table of rows, one function that httpd calls.
 *
 * A parser gets a line and stores its value with its place, or returns what is wrong as a
 * sentence that goes behind "JiraAvatarX: ".
 */
#include "mod_jira_avatar_directives.h"

#include <limits.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include <ap_provider.h>
#include <ap_socache.h>
#include <http_core.h>
#include <http_log.h>

#include "ja_amount.h"

APLOG_USE_MODULE(jira_avatar);

#ifndef JA_STATE_DIR
#define JA_STATE_DIR "/var/lib/apache2/jira_avatar"
#endif

enum { USER_AGENT_MAX = 256 };

/* ---- how a line is read --------------------------------------------------------------------- */

typedef struct row_t row_t;

/* One directive as it was written. */
typedef struct line_t {
    const row_t *row;
    apr_pool_t *pool; /* the configuration's */
    const ap_directive_t *place;
    int argc;
    const char *const *argv; /* in `pool` */
    ja_conf_t *conf;
    void *value; /* of the row in `conf` */
} line_t;

typedef struct kind_t {
    const char *(*parse)(const line_t *line); /* NULL, or what is wrong as a sentence */
    int args[2];                              /* how many words, at least and at most */
    const ja_measure_t *measure;              /* of a quantity */
    int64_t divisor;                          /* from the smallest unit to the one that is stored */
} kind_t;

struct row_t {
    const char *name;
    const kind_t *kind;
    size_t offset; /* of its first value in ja_conf_t */
    const char *standard;
    const char *domain;
};

#define STORE(type, line, what)                                                                    \
    (*(type *)(line)->value = (type){.place = (line)->place, .value = (what)}, (const char *)NULL)

#define COMPLAIN(line, ...) apr_psprintf((line)->pool, __VA_ARGS__)

/* ---- quantities and words ------------------------------------------------------------------- */

/* An amount within "low..high". */
static const char *parse_within(const line_t *line, const char *text, const ja_measure_t *measure,
                                const char *domain, int64_t *amount)
{
    const char *dots = strstr(domain, "..");
    int64_t low = 0;
    int64_t high = 0;
    if (!dots || !ja_amount_parse((ja_slice_t){domain, (size_t)(dots - domain)}, measure, &low) ||
        !ja_amount_parse(ja_slice(dots + 2), measure, &high)) {
        return COMPLAIN(line, "its range %s is not well formed (an error of the module)", domain);
    }
    if (!ja_amount_parse(ja_slice(text), measure, amount)) {
        return COMPLAIN(line, "\"%s\" is not understood; %s", text, measure->help);
    }
    if (*amount < low || *amount > high) {
        return COMPLAIN(line, "%s is out of range, which is %.*s to %s", text, (int)(dots - domain),
                        domain, dots + 2);
    }
    return NULL;
}

static const char *parse_quantity(const line_t *line)
{
    const kind_t *kind = line->row->kind;
    int64_t amount = 0;
    const char *wrong =
        parse_within(line, line->argv[0], kind->measure, line->row->domain, &amount);
    if (wrong) {
        return wrong;
    }
    if (amount % kind->divisor) {
        return COMPLAIN(line, "%s is not a whole number of seconds", line->argv[0]);
    }
    return STORE(ja_number_value_t, line, amount / kind->divisor);
}

/* The position of a word in "a|b|c", or -1. */
static int word_index(const char *words, const char *word)
{
    ja_slice_t rest = ja_slice(words);
    for (int index = 0; rest.data; index++) {
        const ja_slice_t each = ja_text_piece(&rest, '|');
        if (ja_slice_is_nocase(each, word)) {
            return index;
        }
    }
    return -1;
}

static const char *parse_choice(const line_t *line)
{
    const int index = word_index(line->row->domain, line->argv[0]);
    if (index < 0) {
        return COMPLAIN(line, "\"%s\" is not one of %s", line->argv[0], line->row->domain);
    }
    return STORE(ja_number_value_t, line, index);
}

static bool is_none(const line_t *line)
{
    return line->argc == 1 && strcasecmp(line->argv[0], "none") == 0;
}

static const char *parse_text(const line_t *line)
{
    const char *text = line->argv[0];
    const size_t len = strlen(text);
    if (len == 0 || len > USER_AGENT_MAX) {
        return COMPLAIN(line, "the text must have 1 to %d characters", USER_AGENT_MAX);
    }
    for (const char *c = text; *c; c++) {
        if (!apr_isascii(*c) || apr_iscntrl(*c)) {
            return "only printable ASCII characters are allowed";
        }
    }
    return STORE(ja_text_value_t, line, text);
}

/* ---- addresses ------------------------------------------------------------------------------ */

bool ja_conf_is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (strncmp(host, "127.", 4) == 0 && host[strspn(host, "0123456789.")] == '\0');
}

/* The URL is not repeated in messages: it may hold a password where none belongs. */
static const char *parse_origin(const line_t *line, ja_origin_t *origin)
{
    const char *wrong = ja_origin_parse(line->pool, line->argv[0], origin);
    return wrong ? COMPLAIN(line, "the URL %s", wrong) : NULL;
}

static const char *parse_site(const line_t *line)
{
    ja_base_t *site = apr_pcalloc(line->pool, sizeof(*site));
    const char *wrong = parse_origin(line, &site->origin);
    if (wrong) {
        return wrong;
    }
    site->kind = ja_upstream_guess_kind(&site->origin);
    if (line->argc == 2) {
        const int index = word_index("cloud|datacenter", line->argv[1]);
        if (index < 0) {
            return COMPLAIN(line, "\"%s\" is neither cloud nor datacenter", line->argv[1]);
        }
        site->kind = index ? JA_SITE_DATACENTER : JA_SITE_CLOUD;
    }
    if (site->kind == JA_SITE_CLOUD && *site->origin.path) {
        return COMPLAIN(line,
                        "a Cloud site has no path; leave \"%s\" out, or write datacenter behind "
                        "the URL if it is a Data Center",
                        site->origin.path);
    }
    return STORE(ja_site_value_t, line, site);
}

static const char *parse_url(const line_t *line)
{
    ja_origin_t *origin = apr_pcalloc(line->pool, sizeof(*origin));
    const char *wrong = parse_origin(line, origin);
    if (wrong) {
        return wrong;
    }
    if (strcmp(origin->scheme, "https") != 0 && !ja_conf_is_loopback(origin->host)) {
        return "the URL must begin with https://, a credential is sent there";
    }
    return STORE(ja_origin_value_t, line, origin);
}

static const char *parse_cloud_id(const line_t *line)
{
    if (strcasecmp(line->argv[0], "auto") == 0) {
        return STORE(ja_text_value_t, line, NULL);
    }
    if (!ja_ref_is_cloud_id(ja_slice(line->argv[0]))) {
        return COMPLAIN(line,
                        "\"%s\" is neither auto nor a UUID; the site tells its own at "
                        "/_edge/tenant_info",
                        line->argv[0]);
    }
    char *id = apr_pstrdup(line->pool, line->argv[0]);
    ap_str_tolower(id);
    return STORE(ja_text_value_t, line, id);
}

/* curl's default ports of proxies are not what people expect: the port must be written. */
static bool has_port(const char *authority)
{
    const char *colon = strrchr(authority, ':');
    return colon && apr_isdigit(colon[1]) && !strchr(colon, ']');
}

static const char *parse_proxy_url(const line_t *line, const char **url)
{
    static const char *const schemes[] = {"http", "https", "socks5h"};
    const char *given = line->argv[0];
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        ja_slice_t rest = ja_slice(given);
        if (!ja_text_take(&rest, schemes[i]) || !ja_text_take(&rest, "://")) {
            continue;
        }
        ja_origin_t origin;
        const char *wrong = ja_origin_parse(
            line->pool, apr_pstrcat(line->pool, "http://", rest.data, NULL), &origin);
        if (wrong) {
            return COMPLAIN(line, "the URL %s%s", wrong,
                            strchr(given, '@') ? "; give user:password as secret=file:PATH" : "");
        }
        if (*origin.path) {
            return "the URL of a proxy has no path";
        }
        if (!has_port(rest.data)) {
            return "the URL needs a port, as in http://proxy.example.com:3128";
        }
        *url = apr_psprintf(line->pool, "%s://%s:%d", schemes[i], origin.host, origin.port);
        return NULL;
    }
    return "the URL must begin with http://, https:// or socks5h://";
}

static const char *parse_proxy(const line_t *line)
{
    if (is_none(line)) {
        return STORE(ja_proxy_value_t, line, NULL);
    }
    ja_proxy_t *proxy = apr_pcalloc(line->pool, sizeof(*proxy));
    const char *wrong = parse_proxy_url(line, &proxy->url);
    if (!wrong && line->argc == 2) {
        ja_slice_t source = ja_slice(line->argv[1]);
        (void)ja_text_take(&source, "secret=");
        wrong = ja_secret_parse(line->pool, source.data, &proxy->secret);
    }
    return wrong ? wrong : STORE(ja_proxy_value_t, line, proxy);
}

static const char *parse_hosts(const line_t *line)
{
    if (is_none(line)) {
        return STORE(ja_hosts_value_t, line, NULL);
    }
    ja_hosts_t *hosts = apr_pcalloc(line->pool, sizeof(*hosts));
    ja_host_t *list = apr_palloc(line->pool, sizeof(*list) * (size_t)line->argc);
    hosts->text = "";
    for (hosts->list = list; hosts->count < (size_t)line->argc; hosts->count++) {
        const char *word = line->argv[hosts->count];
        const char *wrong = ja_host_parse(line->pool, word, &list[hosts->count]);
        if (wrong) {
            return COMPLAIN(line, "\"%s\" %s", word, wrong);
        }
        hosts->text = apr_pstrcat(line->pool, hosts->text, " ", word, NULL);
    }
    return STORE(ja_hosts_value_t, line, hosts);
}

static const char *parse_secret(const line_t *line)
{
    if (is_none(line)) {
        return STORE(ja_secret_value_t, line, NULL);
    }
    ja_secret_t *secret = NULL;
    ja_slice_t source = ja_slice(line->argv[0]);
    (void)ja_text_take(&source, "secret=");
    const char *wrong = ja_secret_parse(line->pool, source.data, &secret);
    return wrong ? wrong : STORE(ja_secret_value_t, line, secret);
}

/* ---- files ---------------------------------------------------------------------------------- */

static const char *parse_path(const line_t *line)
{
    const char *path = ap_server_root_relative(line->pool, line->argv[0]);
    return path ? STORE(ja_text_value_t, line, path)
                : COMPLAIN(line, "\"%s\" is not a path", line->argv[0]);
}

static const char *parse_ca_file(const line_t *line)
{
    if (is_none(line)) {
        return STORE(ja_pem_value_t, line, NULL);
    }
    ja_pem_t *pem = apr_pcalloc(line->pool, sizeof(*pem));
    const char *wrong = ja_file_certificates(line->pool, line->argv[0], pem);
    return wrong ? wrong : STORE(ja_pem_value_t, line, pem);
}

static const char *parse_certificate(const line_t *line)
{
    if (is_none(line)) {
        return STORE(ja_certificate_value_t, line, NULL);
    }
    if (line->argc != 2) {
        return "write two files, first the certificate and then its key";
    }
    ja_certificate_t *pair = apr_pcalloc(line->pool, sizeof(*pair));
    const char *wrong = ja_file_key_pair(line->pool, line->argv[0], line->argv[1], pair);
    return wrong ? wrong : STORE(ja_certificate_value_t, line, pair);
}

/* ---- the others ----------------------------------------------------------------------------- */

static const char *parse_credential(const line_t *line)
{
    ja_cred_t *cred = NULL;
    const char *wrong = ja_cred_parse(line->pool, line->argc, line->argv, &cred);
    return wrong ? wrong : STORE(ja_cred_value_t, line, cred);
}

static const char *parse_span(const line_t *line, const char *pair)
{
    static const struct {
        const char *name;
        size_t offset;
    } spans[] = {{"connect", offsetof(ja_conf_t, connect_ms)},
                 {"total", offsetof(ja_conf_t, total_ms)},
                 {"wait", offsetof(ja_conf_t, wait_ms)}};
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        ja_slice_t text = ja_slice(pair);
        ja_number_value_t *value = (void *)((char *)line->conf + spans[i].offset);
        if (!ja_text_take(&text, spans[i].name) || !ja_text_take(&text, "=")) {
            continue;
        }
        if (value->place == line->place) {
            return COMPLAIN(line, "%s is given twice", spans[i].name);
        }
        value->place = line->place;
        const char *wrong =
            parse_within(line, text.data, &ja_measure_duration, "1ms..10min", &value->value);
        return wrong ? COMPLAIN(line, "%s: %s", spans[i].name, wrong) : NULL;
    }
    return COMPLAIN(line, "\"%s\" is not understood; write %s", pair, line->row->domain);
}

static const char *parse_timeout(const line_t *line)
{
    const char *wrong = NULL;
    for (int i = 0; i < line->argc && !wrong; i++) {
        wrong = parse_span(line, line->argv[i]);
    }
    return wrong;
}

static const char *parse_fallback(const line_t *line)
{
    static const struct {
        const char *status;
        size_t offset;
    } slots[] = {
#define X(number) {#number, offsetof(ja_conf_t, fallback_##number)},
        JA_FALLBACK_STATUSES(X)
#undef X
    };
    const char *status = line->argc == 2 ? line->argv[0] : NULL;
    const char *path = line->argv[line->argc - 1];
    ja_fallback_t *fallback = NULL;
    if (strcasecmp(path, "none") != 0) {
        fallback = apr_pcalloc(line->pool, sizeof(*fallback));
        const char *wrong = ja_file_fallback(line->pool, path, fallback);
        if (wrong) {
            return wrong;
        }
    }
    bool known = false;
    for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
        if (!status || strcmp(status, slots[i].status) == 0) {
            ja_fallback_value_t *value = (void *)((char *)line->conf + slots[i].offset);
            *value = (ja_fallback_value_t){line->place, fallback};
            known = true;
        }
    }
    return known ? NULL : COMPLAIN(line, "\"%s\" is not one of 403, 404, 502, 503, 504", status);
}

static const char *parse_provider(const line_t *line, const char *given)
{
    ja_slice_t arguments = ja_slice(given);
    const ja_slice_t provider = ja_text_piece(&arguments, ':');
    const char *name = apr_pstrmemdup(line->pool, provider.data, provider.len);
    if (!ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, name, AP_SOCACHE_PROVIDER_VERSION)) {
        return COMPLAIN(line, "there is no socache provider \"%s\"; load mod_socache_%s", name,
                        name);
    }
    uint64_t number = 0;
    if (strcmp(name, "shmcb") == 0 && ja_text_number(arguments, UINT64_MAX, &number)) {
        return COMPLAIN(line,
                        "shmcb takes a lone number for a file name; write shmcb:jira-avatar(%s)",
                        arguments.data);
    }
    return STORE(ja_text_value_t, line, given);
}

/* The default provider may have a generation, too: either of the words may be missing. */
static const char *parse_store(const line_t *line)
{
    ja_slice_t word = ja_slice(line->argv[line->argc - 1]);
    const bool has_word = ja_text_take(&word, "generation=");
    if (has_word ? word.len == 0 : line->argc == 2) {
        return COMPLAIN(line, "\"%s\" is not generation=WORD", line->argv[line->argc - 1]);
    }
    line->conf->generation = (ja_text_value_t){line->place, has_word ? word.data : NULL};
    return has_word && line->argc == 1 ? STORE(ja_text_value_t, line, NULL)
                                       : parse_provider(line, line->argv[0]);
}

/* ---- the table ------------------------------------------------------------------------------ */

#define KIND(name, ...) static const kind_t kind_##name = {__VA_ARGS__}
KIND(site, .parse = parse_site, .args = {1, 2});
KIND(credential, .parse = parse_credential, .args = {1, INT_MAX});
KIND(cloud_id, .parse = parse_cloud_id, .args = {1, 1});
KIND(choice, .parse = parse_choice, .args = {1, 1});
KIND(url, .parse = parse_url, .args = {1, 1});
KIND(ca_file, .parse = parse_ca_file, .args = {1, 1});
KIND(certificate, .parse = parse_certificate, .args = {1, 2});
KIND(proxy, .parse = parse_proxy, .args = {1, 2});
KIND(hosts, .parse = parse_hosts, .args = {1, INT_MAX});
KIND(secret, .parse = parse_secret, .args = {1, 1});
KIND(timeout, .parse = parse_timeout, .args = {1, 3});
KIND(bytes, .parse = parse_quantity, .args = {1, 1}, .measure = &ja_measure_bytes, .divisor = 1);
KIND(count, .parse = parse_quantity, .args = {1, 1}, .measure = &ja_measure_count, .divisor = 1);
KIND(seconds, .parse = parse_quantity, .args = {1, 1}, .measure = &ja_measure_duration,
     .divisor = 1000);
KIND(text, .parse = parse_text, .args = {1, 1});
KIND(fallback, .parse = parse_fallback, .args = {1, 2});
KIND(store, .parse = parse_store, .args = {1, 2});
KIND(path, .parse = parse_path, .args = {1, 1});

enum {
#define JA_ROW(kind, member, ...) ROW_##member,
#include "ja_settings.def"
};

static const row_t rows[] = {
#define JA_ROW(kind, member, name, standard, domain, help)                                         \
    {name, &kind_##kind, offsetof(ja_conf_t, member), standard, domain},
#include "ja_settings.def"
};

static const char *parse_line(const line_t *line)
{
    const row_t *row = line->row;
    if (line->argc < row->kind->args[0] || line->argc > row->kind->args[1]) {
        return COMPLAIN(line, "%s: write %s %s", row->name, row->name, row->domain);
    }
    const char *wrong = row->kind->parse(line);
    return wrong ? COMPLAIN(line, "%s: %s", row->name, wrong) : NULL;
}

static const char *set_row(cmd_parms *cmd, void *conf, int argc, char *const argv[])
{
    const row_t *row = cmd->info;
    const char *misplaced =
        cmd->cmd->req_override & ACCESS_CONF ? NULL : ap_check_cmd_context(cmd, GLOBAL_ONLY);
    if (misplaced) {
        return misplaced;
    }
    const char **words = apr_palloc(cmd->pool, sizeof(*words) * ((size_t)argc + 1));
    for (int i = 0; i < argc; i++) {
        words[i] = apr_pstrdup(cmd->pool, argv[i]);
    }
    const line_t line = {.row = row,
                         .pool = cmd->pool,
                         .place = cmd->directive,
                         .argc = argc,
                         .argv = words,
                         .conf = conf,
                         .value = (char *)conf + row->offset};
    return parse_line(&line);
}

const command_rec ja_conf_commands[] = {
#define COMMAND(member, name, domain, help, where)                                                 \
    AP_INIT_TAKE_ARGV(name, set_row, (void *)&rows[ROW_##member], where, domain " - " help),
#define JA_ROW(kind, member, name, standard, domain, help)                                         \
    COMMAND(member, name, domain, help, RSRC_CONF | ACCESS_CONF)
#define JA_GLOBAL(kind, member, name, standard, domain, help)                                      \
    COMMAND(member, name, domain, help, RSRC_CONF)
#include "ja_settings.def"
    {.name = NULL}};

/* ---- layers --------------------------------------------------------------------------------- */

const ja_conf_t *ja_conf_defaults(apr_pool_t *pool)
{
    static const ap_directive_t nowhere = {.filename = "(defaults)"};
    ja_conf_t *conf = apr_pcalloc(pool, sizeof(*conf));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *words = rows[i].standard;
        const char *argv[8];
        line_t line = {.row = &rows[i],
                       .pool = pool,
                       .place = &nowhere,
                       .argv = argv,
                       .conf = conf,
                       .value = (char *)conf + rows[i].offset};
        while (words && *words && line.argc < (int)(sizeof(argv) / sizeof(argv[0]))) {
            argv[line.argc++] = ap_getword_conf(pool, &words);
        }
        const char *wrong = words ? parse_line(&line) : NULL;
        if (wrong) {
            ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_CRIT, 0, NULL, "JAV0007: default of %s",
                         wrong);
            return NULL;
        }
    }
    return conf;
}

void *ja_conf_create(apr_pool_t *pool, char *path)
{
    (void)path;
    return apr_pcalloc(pool, sizeof(ja_conf_t));
}

void ja_conf_overlay(ja_conf_t *to, const ja_conf_t *outer, const ja_conf_t *inner)
{
#define JA_VALUE(type, member)    to->member = inner->member.place ? inner->member : outer->member;
#define JA_ROW(kind, member, ...) JA_VALUES_##kind(member)
#include "ja_settings.def"
#undef JA_VALUE
}

void *ja_conf_merge(apr_pool_t *pool, void *base, void *add)
{
    ja_conf_t *merged = apr_palloc(pool, sizeof(*merged));
    ja_conf_overlay(merged, base, add);
    return merged;
}

bool ja_conf_same_upstream(const ja_conf_t *a, const ja_conf_t *b)
{
    return true
#define JA_VALUE(type, member)         &&a->member.place == b->member.place
#define JA_UPSTREAM(kind, member, ...) JA_VALUES_##kind(member)
#define JA_ROW(kind, member, ...)
#include "ja_settings.def"
#undef JA_VALUE
        ;
}

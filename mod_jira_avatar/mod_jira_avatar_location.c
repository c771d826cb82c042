/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_location: httpd merges sections and forgets where one began; we remember. */
#include "mod_jira_avatar_location.h"

#include <apr_fnmatch.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <http_core.h>

static apr_hash_t *sections_of_server; /* server_rec * -> array of const core_dir_config * */

static apr_array_header_t *our_sections(apr_pool_t *pool, server_rec *server)
{
    core_server_config *core = ap_get_core_module_config(server->module_config);
    apr_array_header_t *ours = apr_array_make(pool, 2, sizeof(const core_dir_config *));

    for (int i = 0; i < core->sec_url->nelts; i++) {
        ap_conf_vector_t *section = APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *);
        const core_dir_config *dir = ap_get_core_module_config(section);
        if (dir->handler != NULL && strcmp(dir->handler, JA_HANDLER_NAME) == 0) {
            APR_ARRAY_PUSH(ours, const core_dir_config *) = dir;
        }
    }
    return ours;
}

int ja_location_post_config(apr_pool_t *pconf, server_rec *main_server)
{
    sections_of_server = apr_hash_make(pconf);
    for (server_rec *server = main_server; server != NULL; server = server->next) {
        server_rec **key = apr_pmemdup(pconf, &server, sizeof(server));
        apr_hash_set(sections_of_server, key, sizeof(*key), our_sections(pconf, server));
    }
    return OK;
}

/* A regular expression may go on far into the avatar's part ("^/avatars/.*"): its literal beginning
 * is the Location, if it has one; else what it matched, up to the last slash. */
static apr_size_t regex_end(const core_dir_config *dir, const char *uri)
{
    static const char *const meta = "\\^$.|?*+()[]{}";
    ap_regmatch_t match[1];

    if (ap_regexec(dir->r, uri, 1, match, 0) != 0) {
        return 0;
    }
    apr_size_t end = (apr_size_t)match[0].rm_eo;
    if (dir->d[0] == '^') {
        apr_size_t literal = strcspn(dir->d + 1, meta);
        while (literal > 0 && dir->d[literal] != '/') {
            literal--;
        }
        end = literal > 1 ? literal : end;
    }
    while (end > 0 && uri[end - 1] != '/' && uri[end] != '/') {
        end--;
    }
    return end;
}

/* As many segments as the pattern has. */
static apr_size_t wildcard_end(const core_dir_config *dir, const char *uri)
{
    int slashes = 0;
    const char *end = uri;

    if (apr_fnmatch(dir->d, uri, APR_FNM_PATHNAME) != APR_SUCCESS &&
        apr_fnmatch(dir->d, uri, 0) != APR_SUCCESS) {
        return 0;
    }
    for (const char *c = dir->d; *c != '\0'; c++) {
        slashes += *c == '/';
    }
    for (; *end != '\0' && slashes > 0; end++) {
        slashes -= *end == '/';
    }
    return (apr_size_t)(end - uri);
}

static apr_size_t prefix_end(const core_dir_config *dir, const char *uri)
{
    apr_size_t len = strlen(dir->d);

    if (strncmp(uri, dir->d, len) != 0 ||
        (len > 0 && dir->d[len - 1] != '/' && uri[len] != '/' && uri[len] != '\0')) {
        return 0;
    }
    return len;
}

static apr_size_t section_end(const core_dir_config *dir, const char *uri)
{
    return dir->r != NULL      ? regex_end(dir, uri)
           : dir->d_is_fnmatch ? wildcard_end(dir, uri)
                               : prefix_end(dir, uri);
}

static const char *without_slashes(const char *path)
{
    return path + strspn(path, "/");
}

/* In a <Directory> the file system tells: what is below the directory is the avatar. */
static const char *below_directory(request_rec *r)
{
    const core_dir_config *dir = ap_get_core_module_config(r->per_dir_config);
    apr_size_t len = dir->d != NULL ? strlen(dir->d) : 0;

    if (len > 1 && r->filename != NULL && strncmp(r->filename, dir->d, len) == 0) {
        return apr_pstrcat(r->pool, r->filename + len, r->path_info, NULL);
    }
    return r->uri;
}

const char *ja_location_rest(request_rec *r)
{
    const apr_array_header_t *ours =
        apr_hash_get(sections_of_server, &r->server, sizeof(r->server));

    for (int i = ours != NULL ? ours->nelts - 1 : -1; i >= 0; i--) { /* the last one wins */
        apr_size_t end = section_end(APR_ARRAY_IDX(ours, i, const core_dir_config *), r->uri);
        if (end > 0) {
            return without_slashes(r->uri + end);
        }
    }
    return without_slashes(below_directory(r));
}

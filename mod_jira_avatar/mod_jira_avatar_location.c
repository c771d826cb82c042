/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_location: finds where the section that sets our handler ends in a URI. */
#include "mod_jira_avatar_location.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_core.h>

#include "mod_jira_avatar_sections.h"

/* A regular expression may go on far into the avatar's part ("^/avatars/.*"): its literal beginning
 * is the Location, if it has one; else what it matched, up to the last slash. */
static apr_size_t regex_end(const ja_section_t *section, const char *uri)
{
    static const char *const meta = "\\^$.|?*+()[]{}";
    ap_regmatch_t match[1];

    if (ap_regexec(section->regex, uri, 1, match, 0) != 0) {
        return 0;
    }
    apr_size_t end = (apr_size_t)match[0].rm_eo;
    if (section->path[0] == '^') {
        apr_size_t literal = strcspn(section->path + 1, meta);
        while (literal > 0 && section->path[literal] != '/') {
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
static apr_size_t wildcard_end(const ja_section_t *section, const char *uri)
{
    int slashes = 0;
    const char *end = uri;

    if (apr_fnmatch(section->path, uri, APR_FNM_PATHNAME) != APR_SUCCESS &&
        apr_fnmatch(section->path, uri, 0) != APR_SUCCESS) {
        return 0;
    }
    for (const char *c = section->path; *c != '\0'; c++) {
        slashes += *c == '/';
    }
    for (; *end != '\0' && slashes > 0; end++) {
        slashes -= *end == '/';
    }
    return (apr_size_t)(end - uri);
}

static apr_size_t prefix_end(const ja_section_t *section, const char *uri)
{
    apr_size_t len = strlen(section->path);

    if (strncmp(uri, section->path, len) != 0 ||
        (len > 0 && section->path[len - 1] != '/' && uri[len] != '/' && uri[len] != '\0')) {
        return 0;
    }
    return len;
}

static apr_size_t section_end(const ja_section_t *section, const char *uri)
{
    return section->regex != NULL ? regex_end(section, uri)
           : section->wildcard    ? wildcard_end(section, uri)
                                  : prefix_end(section, uri);
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
    const ja_section_t *ours = ja_sections_ours(r);

    return without_slashes(ours && !ours->anywhere ? r->uri + section_end(ours, r->uri)
                                                   : below_directory(r));
}

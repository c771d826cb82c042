/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_location: finds where the section that sets our handler ends in a URI. */
#include "mod_jira_avatar_location.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <http_core.h>

#include "mod_jira_avatar_sections.h"

/* Back to a slash: the Location ends between two segments. */
static apr_size_t back_to_slash(const char *uri, apr_size_t end)
{
    while (end > 0 && uri[end - 1] != '/' && uri[end] != '/') {
        end--;
    }
    return end;
}

/* A regular expression may stand for the Location ("^/[a-z]+/avatars/") or go on far into the
 * avatar's part ("^/avatars/.*"): it may end with its literal beginning or with what it matched. */
static apr_size_t regex_end(const ja_section_t *section, const char *uri, ja_reading_t reading)
{
    static const char *const meta = "\\^$.|?*+()[]{}";
    ap_regmatch_t match[1];

    if (ap_regexec(section->regex, uri, 1, match, 0) != 0) {
        return 0;
    }
    if (reading == JA_READING_LAST) {
        return back_to_slash(uri, (apr_size_t)match[0].rm_eo);
    }
    apr_size_t literal = section->path[0] == '^' ? strcspn(section->path + 1, meta) : 0;
    return back_to_slash(uri, literal < strlen(uri) ? literal : strlen(uri));
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

static apr_size_t section_end(const ja_section_t *section, const char *uri, ja_reading_t reading)
{
    return section->regex != NULL ? regex_end(section, uri, reading)
           : section->wildcard    ? wildcard_end(section, uri)
                                  : prefix_end(section, uri);
}

static const char *without_slashes(const char *path)
{
    return path + strspn(path, "/");
}

/* In a <Directory> the file system tells: what is below the innermost is the avatar. */
static const char *below_directory(request_rec *r, const apr_array_header_t *directories)
{
    apr_size_t end = 0;

    for (int i = 0; r->filename != NULL && i < directories->nelts; i++) {
        apr_size_t len = strlen(APR_ARRAY_IDX(directories, i, ja_section_t).path);
        if (len > end && prefix_end(&APR_ARRAY_IDX(directories, i, ja_section_t), r->filename)) {
            end = len;
        }
    }
    return end > 0 ? apr_pstrcat(r->pool, r->filename + end, r->path_info, NULL) : r->uri;
}

const char *ja_location_rest(request_rec *r, ja_reading_t reading)
{
    const ja_sections_t *sections = ja_sections_of(r->server);
    const ja_section_t *ours = ja_sections_ours(r);

    if (ours != NULL && !ours->anywhere) {
        return without_slashes(r->uri + section_end(ours, r->uri, reading));
    }
    return without_slashes(sections != NULL ? below_directory(r, sections->below) : r->uri);
}

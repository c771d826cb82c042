/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_access: public is what a section of ours answers and no section restricts. */
#include "mod_jira_avatar_access.h"

#include <apr_strings.h>
#include <http_log.h>

#include "mod_jira_avatar_sections.h"

APLOG_USE_MODULE(jira_avatar);

static bool any_matches(const apr_array_header_t *sections, const char *uri, const char *merged)
{
    for (int i = 0; i < sections->nelts; i++) {
        if (ja_section_matches(&APR_ARRAY_IDX(sections, i, ja_section_t), uri, merged)) {
            return true;
        }
    }
    return false;
}

static bool is_pattern(const ja_section_t *section)
{
    return section->regex || section->wildcard;
}

/* For warnings only: two patterns may overlap, so they are taken to. */
static bool overlaps(const ja_section_t *a, const ja_section_t *b)
{
    return a->anywhere || b->anywhere || (is_pattern(a) && is_pattern(b)) ||
           ja_section_matches(a, b->path, b->path) || ja_section_matches(b, a->path, a->path);
}

static const ja_section_t *first_overlap(const apr_array_header_t *sections,
                                         const ja_section_t *section)
{
    for (int i = 0; i < sections->nelts; i++) {
        if (overlaps(&APR_ARRAY_IDX(sections, i, ja_section_t), section)) {
            return &APR_ARRAY_IDX(sections, i, ja_section_t);
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

static bool is_uncached(const ja_sections_t *sections, const ja_section_t *section)
{
    return any_matches(sections->uncached, section->path, section->path);
}

static void warn_of_quick_handler(apr_pool_t *ptemp, const ja_sections_t *sections)
{
    for (int i = 0; sections->quick && i < sections->handled->nelts; i++) {
        ja_section_t *ours = &APR_ARRAY_IDX(sections->handled, i, ja_section_t);
        const ja_section_t *restricted = first_overlap(sections->restricted, ours);
        const ja_section_t *cached = first_overlap(sections->cached, ours);
        if (ours->ours && restricted && cached && !ours->warned && !is_uncached(sections, ours)) {
            ours->warned = true;
            ap_log_error(APLOG_MARK, APLOG_WARNING, 0, sections->server,
                         "JAV0101: access to %s is restricted by %s, but mod_cache's quick handler "
                         "answers before access is checked, because of %s; set CacheQuickHandler "
                         "off",
                         where(ptemp, ours->node), where(ptemp, restricted->node),
                         where(ptemp, cached->node));
        }
    }
}

/* ---- what others call ----------------------------------------------------------------------- */

int ja_access_post_config(apr_pool_t *ptemp, server_rec *main_server)
{
    for (server_rec *server = main_server; server; server = server->next) {
        warn_of_quick_handler(ptemp, ja_sections_of(server));
    }
    return OK;
}

int ja_access_is_public(request_rec *r)
{
    const ja_sections_t *sections = ja_sections_of(r->server);

    return sections && !r->user && !r->ap_auth_type && ja_sections_surely_ours(r) &&
           !ja_sections_match(sections->restricted, r);
}

int ja_access_is_restricted(request_rec *r)
{
    const ja_sections_t *sections = ja_sections_of(r->server);

    return r->user || r->ap_auth_type || (sections && ja_sections_match(sections->restricted, r));
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_dump: every row of the settings, as it was written where it counts. */
#include "mod_jira_avatar_dump.h"

#include <apr_file_io.h>
#include <http_main.h>
#include <string.h>

#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_directives.h"
#include "mod_jira_avatar_expiry.h"

enum { PLACES_MAX = 8, DIRECTIVE_WIDTH = 26 };

/* Where the values of one row were written: several lines may each say a part. */
typedef struct places_t {
    const ap_directive_t *list[PLACES_MAX];
    size_t count;
    bool has_default; /* a part of it was written nowhere */
} places_t;

static void add_place(places_t *places, const ap_directive_t *place)
{
    for (size_t i = 0; i < places->count; i++) {
        if (places->list[i] == place) {
            return;
        }
    }
    if (place == NULL) {
        places->has_default = true;
    } else if (places->count < PLACES_MAX) {
        places->list[places->count++] = place;
    }
}

static void dump_row(apr_file_t *out, const char *name, const char *standard,
                     const places_t *places)
{
    if (places->has_default && standard != NULL) {
        apr_file_printf(out, "    %-*s %s  # default\n", DIRECTIVE_WIDTH, name, standard);
    }
    for (size_t i = 0; i < places->count; i++) {
        const ap_directive_t *place = places->list[i];
        apr_file_printf(out, "    %-*s %s  # %s:%d\n", DIRECTIVE_WIDTH, name, place->args,
                        place->filename, place->line_num);
    }
}

/* Every row of a kind, by what JA_ROW is made of at the time. */
#define JA_VALUE(type, member) add_place(&places, conf->member.place);
#define DUMP_ROW(kind, member, name, standard)                                                     \
    {                                                                                              \
        places_t places = {.count = 0};                                                            \
        JA_VALUES_##kind(member) dump_row(out, name, standard, &places);                           \
    }

static void dump_local(apr_file_t *out, const ja_conf_t *conf)
{
#define JA_ROW(kind, member, name, standard, ...) DUMP_ROW(kind, member, name, standard)
#define JA_GLOBAL(...)
#include "ja_settings.def"
}

static void dump_global(apr_file_t *out, const ja_conf_t *conf)
{
#define JA_GLOBAL(kind, member, name, standard, ...) DUMP_ROW(kind, member, name, standard)
#define JA_ROW(...)
#include "ja_settings.def"
}

static void dump_end(apr_pool_t *pool, apr_file_t *out, const ja_realm_t *realm,
                     const ja_end_t *end)
{
    const char *remedy;
    const char *sentence = ja_expiry_sentence(pool, realm, end, &remedy);

    if (sentence != NULL) {
        apr_file_printf(out, "    # %s\n", sentence);
    }
}

static void dump_section(apr_pool_t *pool, apr_file_t *out, const ja_conf_section_t *section)
{
    apr_file_printf(out, "%s", section->name);
    if (section->place != NULL) {
        apr_file_printf(out, "  # %s:%d", section->place->filename, section->place->line_num);
    }
    apr_file_printf(out, "\n    # asks %s\n", section->realm->name);
    ja_ends_t ends = ja_expiry_of(section->realm);
    dump_end(pool, out, section->realm, &ends.certificate);
    dump_end(pool, out, section->realm, &ends.credential);
    dump_local(out, section->conf);
}

void ja_dump(apr_pool_t *pool)
{
    const apr_array_header_t *sections = ja_conf_sections();
    apr_file_t *out;

    if (apr_file_open_stdout(&out, pool) != APR_SUCCESS) {
        return;
    }
    apr_file_printf(out, "Settings of mod_jira_avatar:\n");
    dump_global(out, ap_get_module_config(ap_server_conf->lookup_defaults, &jira_avatar_module));
    for (int i = 0; i < sections->nelts; i++) {
        dump_section(pool, out, &APR_ARRAY_IDX(sections, i, ja_conf_section_t));
    }
}

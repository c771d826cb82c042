/* SPDX-License-Identifier: Apache-2.0 */
/* ja_out: one table of replacements per language. */
#include "ja_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct escape_t {
    char byte;
    const char *with;
} escape_t;

static const escape_t html[] = {{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},
                                {'"', "&quot;"}, {'\'', "&#39;"}, {0, NULL}};
static const escape_t json[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'<', "\\u003c"}, {0, NULL}};
static const escape_t label[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {0, NULL}};
static const escape_t help[] = {{'\\', "\\\\"}, {'\n', "\\n"}, {0, NULL}};

void ja_out(const ja_out_t *out, const char *constant)
{
    out->write(out->self, constant, strlen(constant));
}

static const char *find(const escape_t *table, char byte)
{
    for (; table->with != NULL; table++) {
        if (table->byte == byte) {
            return table->with;
        }
    }
    return NULL;
}

/* Control characters have no place in a report, and no language lets all of them in. */
static const char *replacement(const escape_t *table, const char *at)
{
    const char *with = find(table, *at);

    return with == NULL && ((unsigned char)*at < 0x20 || *at == 0x7F) ? " " : with;
}

static void escaped(const ja_out_t *out, const char *text, const escape_t *table)
{
    const char *begun = text;

    if (!ja_text_is_utf8(ja_slice(text))) {
        begun = text = "(not UTF-8)";
    }
    for (; *text != '\0'; text++) {
        const char *with = replacement(table, text);
        if (with != NULL) {
            out->write(out->self, begun, (size_t)(text - begun));
            ja_out(out, with);
            begun = text + 1;
        }
    }
    out->write(out->self, begun, (size_t)(text - begun));
}

void ja_out_number(const ja_out_t *out, int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    ja_out(out, text);
}

void ja_out_seconds(const ja_out_t *out, uint64_t ms)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
    ja_out(out, text);
}

void ja_out_time(const ja_out_t *out, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    char text[40] = "";
    struct tm utc;

    if (gmtime_r(&seconds, &utc) != NULL) {
        (void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    ja_out(out, text);
}

void ja_out_html(const ja_out_t *out, const char *text)
{
    escaped(out, text, html);
}

static void quoted(const ja_out_t *out, const char *text, const escape_t *table)
{
    ja_out(out, "\"");
    escaped(out, text, table);
    ja_out(out, "\"");
}

void ja_out_json(const ja_out_t *out, const char *text)
{
    if (text == NULL) {
        ja_out(out, "null");
    } else {
        quoted(out, text, json);
    }
}

void ja_out_label(const ja_out_t *out, const char *text)
{
    quoted(out, text, label);
}

void ja_out_help(const ja_out_t *out, const char *text)
{
    escaped(out, text, help);
}

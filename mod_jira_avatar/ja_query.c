/* SPDX-License-Identifier: Apache-2.0 */
/* ja_query: see ja_query.h. */
#include "ja_query.h"

#include <string.h>

void ja_query_start(ja_query_t *query, const char *text)
{
    query->rest = ja_slice(text);
    query->count = 0;
    query->used = 0;
}

/* Decodes a name behind the ones before it. */
static const char *read_name(ja_query_t *query, ja_slice_t encoded, ja_slice_t *name)
{
    char *text = query->names + query->used;
    size_t room = sizeof(query->names) - query->used;

    if (query->count == JA_QUERY_PARAMS) {
        return "There are too many parameters.";
    }
    if (!ja_text_decode(encoded, true, text, room)) {
        return "A parameter's name is too long or not properly encoded.";
    }
    for (const char *seen = query->names; seen < text; seen += strlen(seen) + 1) {
        if (strcmp(seen, text) == 0) {
            return "A parameter is given twice.";
        }
    }
    *name = ja_slice(text);
    query->used += name->len + 1;
    query->count++;
    return NULL;
}

static const char *read_value(ja_query_t *query, ja_slice_t encoded, ja_slice_t *value)
{
    if (!ja_text_decode(encoded, true, query->value, sizeof(query->value))) {
        return "A parameter's value is too long or not properly encoded.";
    }
    *value = ja_slice(query->value);
    return NULL;
}

bool ja_query_next(ja_query_t *query, ja_slice_t *name, ja_slice_t *value, const char **reason)
{
    ja_slice_t piece = {NULL, 0};

    while (query->rest.data && piece.len == 0) {
        piece = ja_text_piece(&query->rest, '&');
    }
    if (piece.len == 0) {
        return false;
    }
    const char *bad = read_name(query, ja_text_piece(&piece, '='), name);

    if (!bad) {
        bad = read_value(query, piece, value);
    }
    if (bad) {
        *reason = bad;
    }
    return !bad;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_query: the parameters of a query string, decoded, and none of them twice.
 *
 * A name is what it is after decoding, and given twice it is refused even if the values are
 * equal: nobody can hide a second value behind a spelling.
 *
 * Threads: no state but the caller's, any thread.
 * Memory:  about 5 KB, wherever the caller puts it; the text is borrowed.
 */
#ifndef JA_QUERY_H
#define JA_QUERY_H

#include "ja_text.h"

/* More than any avatar URL has; they bound the search for duplicates. */
enum { JA_QUERY_PARAMS = 32, JA_QUERY_NAMES = 1024, JA_QUERY_VALUE = 4096 };

typedef struct ja_query_t {
    ja_slice_t rest;
    size_t count;
    size_t used;
    char names[JA_QUERY_NAMES]; /* so far, one after the other, each with its NUL */
    char value[JA_QUERY_VALUE]; /* of the last one */
} ja_query_t;

/** Starts at the head of `text`: still encoded, NULL if there is no query. */
void ja_query_start(ja_query_t *query, const char *text);

/** The next parameter; empty pieces ("&&") are skipped, '+' is a space. Name and value are plain
 *  text (ja_text_is_plain) and lie in `query`, the value until the next call.
 *  @param reason one plain sentence for the visitor if the query is bad, else untouched
 *  @return false at the end and for a bad query */
bool ja_query_next(ja_query_t *query, ja_slice_t *name, ja_slice_t *value, const char **reason);

#endif

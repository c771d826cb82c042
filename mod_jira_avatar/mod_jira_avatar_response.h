/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_response: what a visitor gets: status, header fields, body.
 *
 * Threads: request threads.
 * Memory:  the request's pool; a body is sent from its entry without a copy.
 */
#ifndef MOD_JIRA_AVATAR_RESPONSE_H
#define MOD_JIRA_AVATAR_RESPONSE_H

#include "mod_jira_avatar_config.h"

#include "ja_entry.h"

/** How an answer came about, for Cache-Status (RFC 9211). */
typedef enum {
    JA_CAME_LOCAL,    /* nobody was asked */
    JA_CAME_HIT,      /* held and fresh */
    JA_CAME_STALE,    /* held, and being refreshed */
    JA_CAME_FETCHED,  /* fetched for this request */
    JA_CAME_COLLAPSED /* fetched for another request, which this one joined */
} ja_came_t;

typedef struct ja_reply_t {
    const ja_settings_t *settings;
    ja_came_t came;
    bool is_public;
    bool keep_out_of_cache; /* of mod_cache */
    int64_t age_s;          /* of what is held */
    int64_t retry_after_s;  /* when to come back, if nobody else says; 0: nothing is known */
    int64_t wait_ms;        /* for a fetch */
} ja_reply_t;

/** The fields that every answer has, errors of httpd included. */
void ja_response_begin(request_rec *r);

/** Sends an entry: its image, or the picture or sentence for its failure. */
int ja_response_entry(request_rec *r, const ja_reply_t *reply, ja_entry_t *entry);

/** Sends an outcome that no entry stands for; `sentence` NULL: the outcome's own. */
int ja_response_outcome(request_rec *r, const ja_reply_t *reply, ja_outcome_t outcome,
                        const char *sentence);

/** At fixups: remembers whether mod_cache's quick handler stores this answer. */
void ja_response_note_quick_cache(request_rec *r);
bool ja_response_is_quick_cached(request_rec *r);

#endif

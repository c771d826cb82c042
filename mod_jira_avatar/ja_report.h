/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_report: the state of every site, for programs: JSON, Prometheus, lines of text.
 *
 * What is reported is a copy of one moment, ja_report_t; renderers only read it. No visitor, no
 * owner of an avatar and no secret is in it, so none can get out.
 *
 * Threads: any.
 * Memory:  a report belongs to whoever made it.
 */
#ifndef JA_REPORT_H
#define JA_REPORT_H

#include "ja_expiry.h"
#include "ja_metrics.h"
#include "ja_out.h"

typedef enum {
    JA_SITE_UNASKED, /* nothing came from it yet */
    JA_SITE_WORKS,
    JA_SITE_TROUBLED, /* the last answers were failures */
    JA_SITE_RESTING,  /* left alone for a while */
    JA_SITE_STATES
} ja_site_state_t;

typedef enum {
    JA_CREDENTIAL_NONE, /* there is none */
    JA_CREDENTIAL_UNTRIED,
    JA_CREDENTIAL_ACCEPTED,
    JA_CREDENTIAL_REFUSED,
    JA_CREDENTIAL_STATES
} ja_credential_state_t;

/** The words for them, as JSON and labels have them. */
extern const char *const ja_site_states[JA_SITE_STATES];
extern const char *const ja_credential_states[JA_CREDENTIAL_STATES];

/** What is held of Jira's answers. */
typedef struct ja_held_t {
    bool known; /* not every provider of a store can tell */
    uint64_t images, negatives, bytes;
} ja_held_t;

/** When something ends, and what that is for people. */
typedef struct ja_end_report_t {
    ja_end_t end;
    const char *sentence; /* without a full stop; NULL: the end is unknown */
    const char *remedy;   /* "" as long as it is far */
} ja_end_report_t;

typedef struct ja_site_report_t {
    char id[9];             /* of the realm: the same after a reload, as long as its settings are */
    const char *url;        /* of the site */
    const char *kind;       /* "cloud", "datacenter" */
    const char *route;      /* "site", "gateway"; "auto": not found out yet */
    const char *cloud_id;   /* NULL: unknown, or none */
    const char *credential; /* its kind */
    const char *user;       /* that was configured; "" if the kind names nobody */
    ja_site_state_t state;
    ja_outcome_t reason; /* of rest or trouble */
    uint32_t in_a_row;   /* failures */
    int64_t pause_s;     /* until the site is asked again */
    ja_credential_state_t credential_state;
    int64_t token_end_ms;       /* of the access token that is sent; 0: there is none */
    int64_t credential_pause_s; /* until a refused credential is tried again */
    ja_end_report_t credential_end, certificate_end;
    ja_held_t held;
    ja_metrics_t metrics;
    ja_journal_t journal;
} ja_site_report_t;

typedef struct ja_report_t {
    const char *version; /* of the module */
    const char *server;  /* its name; "" if unknown */
    int64_t now_ms, since_ms;
    size_t processes;
    uint64_t at_hand, at_hand_bytes; /* entries in the memory of all processes */
    ja_held_t held;                  /* in the store, of all sites; sites of old included */
    const ja_site_report_t *sites;
    size_t site_count;
} ja_report_t;

/** Documented in docs/status.md; fields are added, never renamed or given another meaning. */
void ja_report_json(const ja_report_t *report, const ja_out_t *out);

/** Prometheus text exposition, version 0.0.4. */
void ja_report_prometheus(const ja_report_t *report, const ja_out_t *out);

/** "JiraAvatarRequestsHit: 12", the sums over all sites; for mod_status ?auto. */
void ja_report_lines(const ja_report_t *report, const ja_out_t *out);

/** Something that needs an administrator's eye: a site at rest or in trouble, or a refused
 *  credential. */
bool ja_report_is_bad(const ja_site_report_t *site);

#endif

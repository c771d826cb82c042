/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_metrics: what is counted. Counters from one list, histograms of durations, the last hour by
 * minutes, and the last failures.
 *
 * Threads: any, and any process, for what is counted: relaxed atomics, so that a hit pays one
 *          addition. A reader sees each number right, not all of one moment. ja_journal_t is for
 *          whoever holds the lock of what it is in.
 * Memory:  plain structs without pointers, fit for shared memory; all zero is the beginning.
 */
#ifndef JA_METRICS_H
#define JA_METRICS_H

#include "ja_policy.h"

/* ---- counters ------------------------------------------------------------------------------ */

typedef enum {
#define JA_FAMILY(id, name, label, help) JA_FAMILY_##id,
#include "ja_counters.def"
    JA_FAMILY_COUNT
} ja_family_t;

typedef enum {
#define JA_COUNTER(id, family, word, help) JA_COUNT_##id,
#include "ja_counters.def"
    JA_COUNT_COUNT
} ja_count_t;

typedef struct ja_family_row_t {
    const char *name, *label, *help;
} ja_family_row_t;

typedef struct ja_count_row_t {
    ja_family_t family;
    const char *word, *help;
} ja_count_row_t;

extern const ja_family_row_t ja_families[JA_FAMILY_COUNT];
extern const ja_count_row_t ja_counts[JA_COUNT_COUNT];

/* ---- durations ----------------------------------------------------------------------------- */

enum { JA_BOUNDS = 12 };

/** Upper bounds of the buckets, milliseconds, inclusive; the last bucket has none. */
extern const int64_t ja_bounds_ms[JA_BOUNDS];

typedef struct ja_histogram_t {
    uint64_t bucket[JA_BOUNDS + 1];
    uint64_t sum_ms;
} ja_histogram_t;

/* ---- the last hour ------------------------------------------------------------------------- */

enum { JA_MINUTES = 60 };

/** What a plot shows: each is a sum of counters. */
typedef enum {
    JA_SERIES_HIT,
    JA_SERIES_STALE,
    JA_SERIES_MISS,
    JA_SERIES_FAILED,
    JA_SERIES_COUNT
} ja_series_t;

extern const char *const ja_series_names[JA_SERIES_COUNT];

/* The totals at the beginning of each minute. Nothing is added up per minute on the hit path. */
typedef struct ja_ring_t {
    int64_t minute; /* the youngest that has begun, since 1970; 0: none yet */
    uint64_t begun[JA_MINUTES + 1][JA_SERIES_COUNT];
} ja_ring_t;

typedef struct ja_metrics_t {
    uint64_t count[JA_COUNT_COUNT];
    ja_histogram_t fetch; /* from question to answer */
    ja_histogram_t wait;  /* of visitors whose request was not answered at once */
    ja_ring_t ring;
} ja_metrics_t;

/** A copy of one moment, as far as there is one. */
void ja_metrics_copy(ja_metrics_t *to, const ja_metrics_t *from);

static inline void ja_metrics_add(ja_metrics_t *metrics, ja_count_t id, uint64_t amount)
{
    __atomic_fetch_add(&metrics->count[id], amount, __ATOMIC_RELAXED);
}

uint64_t ja_metrics_get(const ja_metrics_t *metrics, ja_count_t id);

/** The sum of the counters that a series is made of. */
uint64_t ja_metrics_series(const ja_metrics_t *metrics, ja_series_t series);

/** The sum of a family. */
uint64_t ja_metrics_sum(const ja_metrics_t *metrics, ja_family_t family);

void ja_histogram_add(ja_histogram_t *histogram, int64_t ms);
uint64_t ja_histogram_count(const ja_histogram_t *histogram);

/** The duration that `percent` (1 to 100) of all stay within, guessed within its bucket as if
 *  they were evenly spread there; -1 if there are none. What is over the last bound counts as that
 *  bound. */
int64_t ja_histogram_percentile(const ja_histogram_t *histogram, int percent);

void ja_metrics_begin_minute(ja_metrics_t *metrics, int64_t minute);

/** To be called before something is counted; `now_s` since 1970. */
static inline void ja_metrics_tick(ja_metrics_t *metrics, int64_t now_s)
{
    if (now_s / 60 > __atomic_load_n(&metrics->ring.minute, __ATOMIC_RELAXED)) {
        ja_metrics_begin_minute(metrics, now_s / 60);
    }
}

/** The last minutes, oldest first; the last one is still under way. */
void ja_metrics_minutes(const ja_metrics_t *metrics, uint64_t minutes[JA_MINUTES][JA_SERIES_COUNT]);

/* ---- what happened ------------------------------------------------------------------------- */

enum { JA_FAILURES = 16, JA_EVENT_WHAT = 48, JA_EVENT_CAUSE = 240, JA_EVENT_REMEDY = 448 };

/** A failure, and as often as it came again without another one in between. */
typedef struct ja_failure_t {
    int64_t at_ms; /* the last time */
    uint32_t times;
    int32_t status; /* that Jira gave; 0: none */
    ja_outcome_t outcome;
    char what[JA_EVENT_WHAT]; /* form and type of the address, never whose it is */
    char cause[JA_EVENT_CAUSE];
} ja_failure_t;

typedef struct ja_journal_t {
    uint32_t failed; /* written so far; the ring holds the last ones */
    ja_failure_t failures[JA_FAILURES];
    int64_t accepted_at_ms; /* an answer was given to our credential; 0: never */
    int64_t refused_at_ms;  /* the last refusal; 0: never */
    ja_outcome_t refusal;
    char refusal_cause[JA_EVENT_CAUSE];
    char refusal_remedy[JA_EVENT_REMEDY];
    char account[80]; /* whom Jira takes us for; "" if it does not say */
} ja_journal_t;

/** Notes a failure; `what` and `cause` are cut to fit. */
void ja_journal_failure(ja_journal_t *journal, const ja_failure_t *failure, const char *what,
                        const char *cause);

/** The last failures, youngest first. @return how many */
size_t ja_journal_failures(const ja_journal_t *journal, const ja_failure_t *found[JA_FAILURES]);

/** Cuts `text` to `cap` bytes, NUL included, between characters. */
void ja_journal_text(char *to, size_t cap, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_metrics: numbers that many processes add to and few read. */
#include "ja_metrics.h"

#include <string.h>

const ja_family_row_t ja_families[JA_FAMILY_COUNT] = {
#define JA_FAMILY(id, name, label, help) {name, label, help},
#include "ja_counters.def"
};

const ja_count_row_t ja_counts[JA_COUNT_COUNT] = {
#define JA_COUNTER(id, family, word, help) {JA_FAMILY_##family, word, help},
#include "ja_counters.def"
};

const int64_t ja_bounds_ms[JA_BOUNDS] = {5,   10,   20,   50,   100,   200,
                                         500, 1000, 2000, 5000, 10000, 30000};

const char *const ja_series_names[JA_SERIES_COUNT] = {"hit", "stale", "miss", "failed"};

/* ---- counters ------------------------------------------------------------------------------ */

static uint64_t load(const uint64_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

/* All numbers are of 64 bits. */
void ja_metrics_copy(ja_metrics_t *to, const ja_metrics_t *from)
{
    const uint64_t *number = (const uint64_t *)(const void *)from;

    _Static_assert(sizeof(*from) % sizeof(*number) == 0, "all numbers are of 64 bits");
    for (size_t i = 0; i < sizeof(*from) / sizeof(*number); i++) {
        uint64_t copy = load(&number[i]);
        memcpy((char *)to + i * sizeof(copy), &copy, sizeof(copy));
    }
}

uint64_t ja_metrics_get(const ja_metrics_t *metrics, ja_count_t id)
{
    return load(&metrics->count[id]);
}

uint64_t ja_metrics_sum(const ja_metrics_t *metrics, ja_family_t family)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < JA_COUNT_COUNT; i++) {
        if (ja_counts[i].family == family) {
            sum += ja_metrics_get(metrics, (ja_count_t)i);
        }
    }
    return sum;
}

/* ---- durations ----------------------------------------------------------------------------- */

void ja_histogram_add(ja_histogram_t *histogram, int64_t ms)
{
    size_t i = 0;

    ms = ms < 0 ? 0 : ms; /* the clock was set back */
    while (i < JA_BOUNDS && ms > ja_bounds_ms[i]) {
        i++;
    }
    __atomic_fetch_add(&histogram->bucket[i], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&histogram->sum_ms, (uint64_t)ms, __ATOMIC_RELAXED);
}

uint64_t ja_histogram_count(const ja_histogram_t *histogram)
{
    uint64_t count = 0;

    for (size_t i = 0; i <= JA_BOUNDS; i++) {
        count += load(&histogram->bucket[i]);
    }
    return count;
}

int64_t ja_histogram_percentile(const ja_histogram_t *histogram, int percent)
{
    uint64_t count = ja_histogram_count(histogram);
    uint64_t rank = (count * (uint64_t)percent + 99) / 100;
    uint64_t before = 0;

    if (count == 0) {
        return -1;
    }
    for (size_t i = 0; i < JA_BOUNDS; i++) {
        uint64_t here = load(&histogram->bucket[i]);
        if (here > 0 && before + here >= rank) {
            int64_t low = i > 0 ? ja_bounds_ms[i - 1] : 0;
            uint64_t width = (uint64_t)(ja_bounds_ms[i] - low);
            return low + (int64_t)((2 * (rank - before) - 1) * width / (2 * here));
        }
        before += here;
    }
    return ja_bounds_ms[JA_BOUNDS - 1];
}

/* ---- the last hour ------------------------------------------------------------------------- */

/* Which series a counter belongs to; JA_SERIES_COUNT: none. */
static ja_series_t series_of(ja_count_t id)
{
    switch (id) {
    case JA_COUNT_HIT:
        return JA_SERIES_HIT;
    case JA_COUNT_STALE:
        return JA_SERIES_STALE;
    case JA_COUNT_MISS:
    case JA_COUNT_JOINED:
        return JA_SERIES_MISS;
    case JA_COUNT_FAILED:
    case JA_COUNT_BUSY:
    case JA_COUNT_LATE:
        return JA_SERIES_FAILED;
    default:
        return JA_SERIES_COUNT;
    }
}

uint64_t ja_metrics_series(const ja_metrics_t *metrics, ja_series_t series)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < JA_COUNT_COUNT; i++) {
        if (series_of((ja_count_t)i) == series) {
            sum += ja_metrics_get(metrics, (ja_count_t)i);
        }
    }
    return sum;
}

static void totals(const ja_metrics_t *metrics, uint64_t total[JA_SERIES_COUNT])
{
    for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
        total[i] = ja_metrics_series(metrics, (ja_series_t)i);
    }
}

/* Minutes in which nothing was asked began with the same totals. */
void ja_metrics_begin_minute(ja_metrics_t *metrics, int64_t minute)
{
    ja_ring_t *ring = &metrics->ring;
    int64_t last = __atomic_load_n(&ring->minute, __ATOMIC_RELAXED);
    uint64_t total[JA_SERIES_COUNT];

    if (minute <= last || !__atomic_compare_exchange_n(&ring->minute, &last, minute, false,
                                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return; /* somebody else begins it */
    }
    totals(metrics, total);
    int64_t first = minute - last > JA_MINUTES ? minute - JA_MINUTES : last + 1;
    for (int64_t each = first; each <= minute; each++) {
        for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
            __atomic_store_n(&ring->begun[each % (JA_MINUTES + 1)][i], total[i], __ATOMIC_RELAXED);
        }
    }
}

void ja_metrics_minutes(const ja_metrics_t *metrics, uint64_t minutes[JA_MINUTES][JA_SERIES_COUNT])
{
    int64_t last = __atomic_load_n(&metrics->ring.minute, __ATOMIC_RELAXED);
    uint64_t next[JA_SERIES_COUNT];

    memset(minutes, 0, sizeof(uint64_t[JA_MINUTES][JA_SERIES_COUNT]));
    totals(metrics, next);
    for (int back = 0; back < JA_MINUTES && last > back; back++) {
        const uint64_t *begun = metrics->ring.begun[(last - back) % (JA_MINUTES + 1)];
        for (size_t i = 0; i < JA_SERIES_COUNT; i++) {
            uint64_t at = load(&begun[i]);
            minutes[JA_MINUTES - 1 - back][i] = next[i] > at ? next[i] - at : 0;
            next[i] = at;
        }
    }
}

/* ---- what happened ------------------------------------------------------------------------- */

void ja_journal_text(char *to, size_t cap, const char *text)
{
    size_t len = strlen(text);

    if (len >= cap) {
        len = cap - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    memmove(to, text, len);
    to[len] = '\0';
}

static bool is_same(const ja_failure_t *a, const ja_failure_t *b)
{
    return a->outcome == b->outcome && a->status == b->status && strcmp(a->what, b->what) == 0 &&
           strcmp(a->cause, b->cause) == 0;
}

void ja_journal_failure(ja_journal_t *journal, const ja_failure_t *failure, const char *what,
                        const char *cause)
{
    ja_failure_t *last = &journal->failures[(journal->failed - 1) % JA_FAILURES];
    ja_failure_t note = *failure;

    ja_journal_text(note.what, sizeof(note.what), what);
    ja_journal_text(note.cause, sizeof(note.cause), cause);
    if (journal->failed > 0 && is_same(last, &note)) {
        last->times++;
        last->at_ms = note.at_ms;
        return;
    }
    note.times = 1;
    journal->failures[journal->failed++ % JA_FAILURES] = note;
}

size_t ja_journal_failures(const ja_journal_t *journal, const ja_failure_t *found[JA_FAILURES])
{
    size_t count = journal->failed < JA_FAILURES ? journal->failed : JA_FAILURES;

    for (size_t i = 0; i < count; i++) {
        found[i] = &journal->failures[(journal->failed - 1 - i) % JA_FAILURES];
    }
    return count;
}

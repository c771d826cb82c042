/* SPDX-License-Identifier: Apache-2.0 */
/* ja_policy: the rows of the outcomes, and Cache-Control. */
#include "ja_policy.h"

const ja_outcome_row_t *ja_policy_outcome(ja_outcome_t outcome)
{
    static const ja_outcome_row_t rows[JA_OUTCOME_COUNT] = {
#define X(id, name, status, keep, error, sentence)                                                 \
    [JA_OUTCOME_##id] = {name, status, keep, error, sentence},
        JA_OUTCOMES(X)
#undef X
    };
    bool known = (size_t)outcome < JA_OUTCOME_COUNT;
    return &rows[known ? outcome : JA_OUTCOME_INTERNAL];
}

/* ---- freshness ---------------------------------------------------------------------------- */

static int64_t at_least_zero(int64_t seconds)
{
    return seconds > 0 ? seconds : 0;
}

ja_freshness_t ja_policy_freshness(int64_t age, int64_t max_age, int64_t stale_age)
{
    age = at_least_zero(age);
    max_age = at_least_zero(max_age);
    if (age < max_age) {
        return JA_FRESH;
    }
    return age - max_age < at_least_zero(stale_age) ? JA_STALE : JA_EXPIRED;
}

static void add_seconds(ja_buf_t *out, const char *name, int64_t seconds)
{
    ja_buf_add(out, name);
    ja_buf_add_number(out, (uint64_t)at_least_zero(seconds));
}

static void add_max_age(ja_buf_t *out, bool is_public, int64_t seconds)
{
    add_seconds(out, is_public ? "public, max-age=" : "private, max-age=", seconds);
}

void ja_policy_cache_control(bool is_public, int64_t max_age, int64_t stale_age, ja_buf_t *out)
{
    add_max_age(out, is_public, max_age);
    if (stale_age > 0) {
        add_seconds(out, ", stale-while-revalidate=", stale_age);
        add_seconds(out, ", stale-if-error=", stale_age);
    }
}

void ja_policy_negative_cache_control(bool is_public, int64_t max_age, ja_buf_t *out)
{
    if (max_age > 0) {
        add_max_age(out, is_public, max_age);
    } else {
        ja_buf_add(out, "no-store");
    }
}

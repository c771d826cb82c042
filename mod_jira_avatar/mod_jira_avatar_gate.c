/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_gate: which outcome closes which breaker, and for how long. */
#include "mod_jira_avatar_gate.h"

#include <apr_general.h>
#include <apr_time.h>

#include "mod_jira_avatar_shared.h"

enum {
    LOGIN_PAUSE_MS = 60 * 1000,          /* a refused credential is tried again after that, */
    LOGIN_PAUSE_MAX_MS = 60 * 60 * 1000, /* and after ever longer pauses; */
    PASSWORD_PAUSE_S = 60 * 60, /* a password, of which three wrong ones end in a CAPTCHA, then */
    WAIT_MAX_S = 24 * 60 * 60
};

typedef enum {
    EFFECT_NONE,    /* says nothing about the site */
    EFFECT_ANSWERS, /* the site works, whatever it thinks of this avatar */
    EFFECT_DOWN,    /* one is enough */
    EFFECT_WAIT,    /* one is enough, and the site may say for how long */
    EFFECT_TROUBLE, /* some in a row are a failure of the site */
    EFFECT_LOGIN    /* the credential is not accepted */
} effect_t;

enum { TROUBLE_THRESHOLD = 3 };

static const effect_t effect_of[JA_OUTCOME_COUNT] = {
    [JA_OUTCOME_IMAGE] = EFFECT_ANSWERS,
    [JA_OUTCOME_NOT_FOUND] = EFFECT_ANSWERS,
    [JA_OUTCOME_FORBIDDEN] = EFFECT_ANSWERS,
    [JA_OUTCOME_NOT_AN_IMAGE] = EFFECT_ANSWERS,
    [JA_OUTCOME_ENCODED] = EFFECT_ANSWERS,
    [JA_OUTCOME_TOO_LARGE] = EFFECT_ANSWERS,
    [JA_OUTCOME_REDIRECTED] = EFFECT_ANSWERS,
    [JA_OUTCOME_CREDENTIAL_REFUSED] = EFFECT_LOGIN,
    [JA_OUTCOME_ANONYMOUS] = EFFECT_LOGIN,
    [JA_OUTCOME_LOGIN_PAGE] = EFFECT_TROUBLE,
    [JA_OUTCOME_TRUNCATED] = EFFECT_TROUBLE,
    [JA_OUTCOME_UPSTREAM_ERROR] = EFFECT_TROUBLE,
    [JA_OUTCOME_BROKEN_PROTOCOL] = EFFECT_TROUBLE,
    [JA_OUTCOME_TIMEOUT] = EFFECT_TROUBLE,
    [JA_OUTCOME_NO_NAME] = EFFECT_DOWN,
    [JA_OUTCOME_NO_CONNECTION] = EFFECT_DOWN,
    [JA_OUTCOME_CONNECT_TIMEOUT] = EFFECT_DOWN,
    [JA_OUTCOME_TLS] = EFFECT_DOWN,
    [JA_OUTCOME_CERTIFICATE] = EFFECT_DOWN,
    [JA_OUTCOME_RATE_LIMITED] = EFFECT_WAIT,
    [JA_OUTCOME_UNAVAILABLE] = EFFECT_WAIT,
};

static uint32_t some_random(void)
{
    uint32_t random = 0;

    (void)apr_generate_random_bytes((unsigned char *)&random, sizeof(random));
    return random;
}

/* ---- asking -------------------------------------------------------------------------------- */

typedef struct entering_t {
    uint64_t mark;
    int64_t probe_ms;
    ja_gate_t gate;
} entering_t;

static bool is_held_back(ja_breaker_t *breaker, entering_t *entering, int64_t now)
{
    if (ja_breaker_allow(breaker, now, entering->probe_ms) != JA_BREAKER_OPEN) {
        return false;
    }
    entering->gate.open = false;
    entering->gate.why = (ja_outcome_t)breaker->reason;
    entering->gate.wait_ms = ja_breaker_wait(breaker, now);
    return true;
}

static void enter(ja_slot_t *slot, void *context)
{
    entering_t *entering = context;
    int64_t now = ja_now_ms();
    bool is_refused = entering->mark != 0 && entering->mark == slot->refused_mark;

    if (!is_refused || !is_held_back(&slot->credential, entering, now)) {
        (void)is_held_back(&slot->site, entering, now); /* its answer is in the gate */
    }
}

ja_gate_t ja_gate_enter(const ja_realm_t *realm, uint64_t mark, int64_t probe_ms)
{
    entering_t entering = {.mark = mark, .probe_ms = probe_ms, .gate = {.open = true}};

    (void)ja_shared_slot(realm, enter, &entering);
    return entering.gate;
}

typedef struct rest_t {
    uint64_t mark;
    int64_t ms;
} rest_t;

static void read_rest(ja_slot_t *slot, void *context)
{
    rest_t *rest = context;
    bool is_refused = rest->mark != 0 && rest->mark == slot->refused_mark;

    rest->ms = is_refused ? -1 : ja_breaker_wait(&slot->site, ja_now_ms());
}

int64_t ja_gate_rest(const ja_realm_t *realm, uint64_t mark)
{
    rest_t rest = {mark, 0};

    (void)ja_shared_slot(realm, read_rest, &rest);
    return rest.ms;
}

ja_gate_t ja_gate_look(const ja_realm_t *realm)
{
    const ja_slot_t *slot = ja_shared_peek(realm);
    ja_gate_t gate = {.open = true};

    if (slot != NULL) {
        gate.wait_ms = __atomic_load_n(&slot->site.not_before_ms, __ATOMIC_RELAXED) - ja_now_ms();
        gate.why = (ja_outcome_t)__atomic_load_n(&slot->site.reason, __ATOMIC_RELAXED);
        gate.open = gate.wait_ms <= 0 || gate.why == JA_OUTCOME_IMAGE; /* just reset */
    }
    return gate;
}

ja_entry_t *ja_gate_failure(const ja_gate_t *gate)
{
    ja_entry_t *failure = ja_entry_failure(gate->why);

    if (failure != NULL) {
        failure->record.stored_at_ms = ja_now_ms();
        failure->record.retry_after = (int32_t)((gate->wait_ms + 999) / 1000);
    }
    return failure;
}

bool ja_gate_is_tried(const ja_realm_t *realm, uint64_t mark)
{
    const ja_slot_t *slot = ja_shared_peek(realm);

    return mark == 0 || slot == NULL ||
           mark == __atomic_load_n(&slot->seen.accepted_mark, __ATOMIC_RELAXED) ||
           mark == __atomic_load_n(&slot->seen.refused_mark, __ATOMIC_RELAXED);
}

bool ja_gate_is_refused(const ja_realm_t *realm, uint64_t mark)
{
    const ja_slot_t *slot = ja_shared_peek(realm);

    return mark != 0 && slot != NULL &&
           mark == __atomic_load_n(&slot->seen.refused_mark, __ATOMIC_RELAXED);
}

/* ---- reporting ----------------------------------------------------------------------------- */

int64_t ja_gate_wait_wanted(const ja_answer_t *answer)
{
    int64_t now = ja_now_ms() / 1000;
    bool is_limited = answer->status == HTTP_TOO_MANY_REQUESTS;
    bool is_used_up =
        is_limited || ja_slice_is(ja_slice(answer->header[JA_HEADER_RATE_REMAINING]), "0");
    int64_t wait = -1;

    if (is_used_up || answer->status >= HTTP_INTERNAL_SERVER_ERROR) {
        wait = ja_limit_retry_after(answer->header[JA_HEADER_RETRY_AFTER], now, WAIT_MAX_S);
    }
    if (wait <= 0 && is_used_up) {
        wait = ja_limit_reset(answer->header[JA_HEADER_RATE_RESET], now, WAIT_MAX_S);
    }
    return wait > 0 ? wait : ja_limit_quota(answer->header[JA_HEADER_RATE_LIMIT], WAIT_MAX_S);
}

int64_t ja_gate_wait_after(const ja_verdict_t *verdict, const ja_answer_t *answer)
{
    return verdict->cause == JA_CAUSE_PASSWORD ? PASSWORD_PAUSE_S : ja_gate_wait_wanted(answer);
}

typedef struct report_t {
    uint64_t mark;
    ja_outcome_t outcome;
    int64_t retry_after;
} report_t;

/* What was asked before the breaker opened does not close it. */
static void answers(ja_slot_t *slot, int64_t now)
{
    if (slot->site.not_before_ms <= now) {
        ja_breaker_success(&slot->site);
    }
}

static void accepted(ja_slot_t *slot, const report_t *report, int64_t now)
{
    answers(slot, now);
    if (report->mark != 0 && report->mark == slot->refused_mark) {
        ja_breaker_success(&slot->credential);
        slot->refused_mark = 0;
    }
    if (report->mark != 0) {
        slot->accepted_mark = report->mark;
    }
    if (report->retry_after > 0) {
        ja_breaker_open(&slot->site, JA_OUTCOME_RATE_LIMITED, now, report->retry_after * 1000);
    }
}

static void refused(ja_slot_t *slot, const report_t *report, int64_t now)
{
    answers(slot, now);
    if (report->mark == slot->refused_mark && now < slot->credential.not_before_ms) {
        return; /* sent before the breaker opened: many at once are not many in a row */
    }
    if (report->mark != slot->refused_mark) {
        ja_breaker_success(&slot->credential); /* another secret: counts from the start */
        slot->refused_mark = report->mark;
    }
    if (report->mark == slot->accepted_mark) {
        slot->accepted_mark = 0;
    }
    slot->credential.failures++;
    slot->identity_until_ms = 0;
    int64_t pause = ja_limit_backoff(slot->credential.failures, LOGIN_PAUSE_MS, LOGIN_PAUSE_MAX_MS,
                                     some_random());
    int64_t least = report->retry_after * 1000;
    ja_breaker_open(&slot->credential, report->outcome, now, pause > least ? pause : least);
}

static void down(ja_slot_t *slot, const report_t *report, uint32_t threshold, int64_t now)
{
    ja_breaker_failure(&slot->site, report->outcome, threshold, now, some_random());
}

static void asked_to_wait(ja_slot_t *slot, const report_t *report, int64_t now)
{
    if (report->retry_after > 0) {
        ja_breaker_open(&slot->site, report->outcome, now, report->retry_after * 1000);
    } else {
        down(slot, report, 1, now);
    }
}

/* For those who look without the lock; the breaker shows itself. */
static void show(ja_slot_t *slot)
{
    __atomic_store_n(&slot->seen.accepted_mark, slot->accepted_mark, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->seen.refused_mark, slot->refused_mark, __ATOMIC_RELAXED);
}

static void take_report(ja_slot_t *slot, void *context)
{
    const report_t *report = context;
    int64_t now = ja_now_ms();

    switch (effect_of[report->outcome]) {
    case EFFECT_ANSWERS:
        accepted(slot, report, now);
        break;
    case EFFECT_LOGIN:
        refused(slot, report, now);
        break;
    case EFFECT_DOWN:
        down(slot, report, 1, now);
        break;
    case EFFECT_WAIT:
        asked_to_wait(slot, report, now);
        break;
    case EFFECT_TROUBLE:
        down(slot, report, TROUBLE_THRESHOLD, now);
        break;
    case EFFECT_NONE:
        break;
    }
    show(slot);
}

void ja_gate_report(const ja_realm_t *realm, uint64_t mark, ja_outcome_t outcome,
                    int64_t retry_after)
{
    report_t report = {mark, outcome, retry_after};

    (void)ja_shared_slot(realm, take_report, &report);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_journal: one addition for a hit, a lock for what is rare. */
#include "mod_jira_avatar_journal.h"

#include <apr_strings.h>
#include <string.h>

#include "mod_jira_avatar_shared.h"

/* ---- visitors ------------------------------------------------------------------------------ */

/* The variables are new in every request, so that nothing has to be searched for. */
static void set_variable(request_rec *r, const char *name, const char *value)
{
    apr_table_addn(r->subprocess_env, name, value);
}

/* How an answer without fault came about, and else what the fault is. */
static const char *word_of(const ja_visit_t *visit)
{
    return visit->outcome == JA_OUTCOME_IMAGE ? ja_counts[visit->count].word
                                              : ja_policy_outcome(visit->outcome)->name;
}

void ja_journal_visit(request_rec *r, const ja_visit_t *visit)
{
    ja_metrics_t *metrics = visit->realm != NULL ? ja_shared_metrics(visit->realm) : NULL;

    set_variable(r, "jira-avatar-outcome", word_of(visit));
    if (visit->asked) {
        set_variable(r, "jira-avatar-wait",
                     apr_psprintf(r->pool, "%" APR_INT64_T_FMT, visit->wait_ms));
    }
    if (visit->upstream_status > 0) {
        set_variable(r, "jira-avatar-upstream", apr_itoa(r->pool, visit->upstream_status));
    }
    if (metrics != NULL) {
        ja_metrics_tick(metrics, apr_time_sec(r->request_time));
        ja_metrics_add(metrics, visit->count, 1);
        if (visit->asked) {
            ja_histogram_add(&metrics->wait, visit->wait_ms);
        }
    }
}

static const char *kind_of(const ja_ref_t *ref)
{
    switch (ref->form) {
    case JA_REF_PROJECT:
        return "project";
    case JA_REF_USER:
        return "user";
    case JA_REF_ICON:
        return "icon";
    default:
        return ja_type_name(ref->type);
    }
}

void ja_journal_kind(request_rec *r, const ja_ref_t *ref)
{
    set_variable(r, "jira-avatar-kind", kind_of(ref));
}

/* ---- Jira ---------------------------------------------------------------------------------- */

typedef struct event_t {
    const ja_order_t *order;
    const ja_ask_t *ask;
    const ja_verdict_t *verdict;
    const ja_answer_t *answer;
    int64_t now_ms;
} event_t;

static bool is_failure(ja_outcome_t outcome)
{
    return ja_policy_outcome(outcome)->status >= HTTP_INTERNAL_SERVER_ERROR;
}

static void note_failure(ja_journal_t *journal, const event_t *event)
{
    const ja_verdict_t *verdict = event->verdict;
    ja_failure_t failure = {
        .at_ms = event->now_ms, .status = event->answer->status, .outcome = verdict->outcome};
    char cause[JA_EVENT_CAUSE];
    char what[JA_EVENT_WHAT];
    ja_buf_t text = ja_buf(cause, sizeof(cause));
    ja_buf_t name = ja_buf(what, sizeof(what));

    ja_diagnosis_cause(verdict, event->answer, &text);
    if (event->ask->for_token) {
        ja_buf_add(&name, "access token");
    } else {
        ja_buf_add(&name, ja_ref_form_name(event->order->ref.form));
        ja_buf_add(&name, " ");
        ja_buf_add(&name, kind_of(&event->order->ref));
    }
    ja_journal_failure(journal, &failure, what, cause);
}

static void note_refusal(ja_journal_t *journal, const event_t *event)
{
    ja_buf_t cause = ja_buf(journal->refusal_cause, sizeof(journal->refusal_cause));
    ja_buf_t remedy = ja_buf(journal->refusal_remedy, sizeof(journal->refusal_remedy));

    journal->refused_at_ms = event->now_ms;
    journal->refusal = event->verdict->outcome;
    ja_diagnosis_cause(event->verdict, event->answer, &cause);
    ja_diagnosis_remedy(event->verdict->cause, &event->ask->asked, &remedy);
}

static void note_acceptance(ja_journal_t *journal, const event_t *event)
{
    const ja_answer_t *answer = event->answer;
    const char *name = answer->header[JA_HEADER_USERNAME][0] != '\0'
                           ? answer->header[JA_HEADER_USERNAME]
                           : answer->header[JA_HEADER_ACCOUNT_ID];

    journal->accepted_at_ms = event->now_ms;
    if (*name != '\0') {
        ja_journal_text(journal->account, sizeof(journal->account), name);
    }
}

static void note_event(ja_slot_t *slot, void *context)
{
    const event_t *event = context;
    ja_outcome_t outcome = event->verdict->outcome;

    if (outcome == JA_OUTCOME_CREDENTIAL_REFUSED || outcome == JA_OUTCOME_ANONYMOUS) {
        note_refusal(&slot->journal, event);
    } else if (!is_failure(outcome) && event->ask->mark != 0) {
        note_acceptance(&slot->journal, event);
    }
    if (is_failure(outcome)) {
        note_failure(&slot->journal, event);
    }
}

void ja_journal_answer(const ja_order_t *order, const ja_ask_t *ask, const ja_verdict_t *verdict,
                       const ja_answer_t *answer)
{
    event_t event = {order, ask, verdict, answer, ja_now_ms()};
    ja_metrics_t *metrics = ja_shared_metrics(order->realm);

    if (metrics == NULL || answer->net == JA_NET_ABORTED) { /* our own doing */
        return;
    }
    ja_metrics_tick(metrics, event.now_ms / 1000);
    ja_metrics_add(metrics, JA_COUNT_FETCH_IMAGE + (ja_count_t)verdict->outcome, 1);
    if (verdict->outcome == JA_OUTCOME_IMAGE) {
        ja_metrics_add(metrics, JA_COUNT_RECEIVED, answer->body_len);
    }
    ja_histogram_add(&metrics->fetch, event.now_ms - ask->sent_ms);
    (void)ja_shared_slot(order->realm, note_event, &event);
}

void ja_journal_cause(const ja_order_t *order, const ja_ask_t *ask, ja_cause_t cause)
{
    static const ja_answer_t no_answer;
    const ja_verdict_t verdict = ja_diagnosis_of(cause);
    event_t event = {order, ask, &verdict, &no_answer, ja_now_ms()};

    if (is_failure(verdict.outcome)) {
        (void)ja_shared_slot(order->realm, note_event, &event);
    }
}

/* A token says nothing yet of whether Jira accepts it. */
void ja_journal_token(const ja_order_t *order, const ja_ask_t *ask, ja_count_t as,
                      const ja_verdict_t *verdict, const ja_answer_t *answer)
{
    event_t event = {order, ask, verdict, answer, ja_now_ms()};
    ja_metrics_t *metrics = ja_shared_metrics(order->realm);

    if (metrics == NULL || answer->net == JA_NET_ABORTED) {
        return;
    }
    ja_metrics_tick(metrics, event.now_ms / 1000);
    ja_metrics_add(metrics, as, 1);
    if (verdict != NULL && verdict->outcome != JA_OUTCOME_IMAGE) {
        (void)ja_shared_slot(order->realm, note_event, &event);
    }
}

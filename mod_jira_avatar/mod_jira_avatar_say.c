/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_say: see mod_jira_avatar_say.h. */
#include "mod_jira_avatar_say.h"

#include <ap_mpm.h>
#include <http_log.h>

#include "mod_jira_avatar_gate.h"
#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

enum { TEXT_MAX = 1024 };

static const int levels[] = {
    [JA_LEVEL_DEBUG] = APLOG_DEBUG, [JA_LEVEL_WARN] = APLOG_WARNING, [JA_LEVEL_ERROR] = APLOG_ERR};

static ja_listener_t *listener;

void ja_say_to(ja_listener_t *who)
{
    listener = who;
}

void ja_say_used_up(const ja_order_t *order, ja_outcome_t outcome, int64_t wait)
{
    bool answered = ja_policy_outcome(outcome)->keep != JA_KEEP_NOT;

    if (answered && wait > 0 && ja_shared_may_log(order->realm, JA_SAID_QUOTA)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, order->origin,
                     "JAV0750: %s: the quota is used up: nothing is asked for %" APR_INT64_T_FMT
                     " s. If it happens often, raise JiraAvatarMaxAge",
                     order->realm->name, wait);
    }
}

/* Whoever changes a secret waits for what is said to it. */
static bool is_news(ja_cause_t cause, const ja_realm_t *realm, uint64_t mark)
{
    ja_outcome_t outcome = ja_cause(cause)->outcome;
    bool refused = outcome == JA_OUTCOME_CREDENTIAL_REFUSED || outcome == JA_OUTCOME_ANONYMOUS;

    return refused && mark != 0 && !ja_gate_is_refused(realm, mark);
}

static int level_of(ja_cause_t cause, const ja_realm_t *realm, uint64_t mark)
{
    ja_level_t level = ja_cause(cause)->level;
    bool may = level == JA_LEVEL_DEBUG || ja_shared_may_log(realm, (int)cause) ||
               is_news(cause, realm, mark);

    return may ? levels[level] : APLOG_DEBUG;
}

void ja_say_verdict(const ja_order_t *order, const ja_ask_t *ask, const ja_verdict_t *verdict,
                    const ja_answer_t *answer)
{
    const ja_realm_t *realm = ask->for_token ? ask->realm : order->realm;
    const ja_cause_row_t *row = ja_cause(verdict->cause);
    char cause_text[TEXT_MAX] = "";
    char remedy_text[TEXT_MAX] = "";
    ja_buf_t cause = ja_buf(cause_text, sizeof(cause_text));
    ja_buf_t remedy = ja_buf(remedy_text, sizeof(remedy_text));

    if (listener != NULL) {
        listener(ask, verdict, answer);
        return;
    }
    ja_diagnosis_cause(verdict, answer, &cause);
    ja_diagnosis_remedy(verdict->cause, &ask->asked, &remedy);
    int level = level_of(verdict->cause, realm, ask->mark); /* the macro asks more than once */
    ap_log_error(APLOG_MARK, level, 0, order->origin, "%s: %s: %s%s%s: %s%s%s", row->number,
                 realm->name, ja_policy_outcome(verdict->outcome)->name,
                 ask->url[0] != '\0' ? " for " : "", ask->url, cause_text,
                 remedy_text[0] != '\0' ? ". " : "", remedy_text);
}

void ja_say_cause(const ja_order_t *order, const ja_ask_t *ask, ja_cause_t cause)
{
    static const ja_answer_t no_answer;
    ja_verdict_t verdict = ja_diagnosis_of(cause);

    ja_say_verdict(order, ask, &verdict, &no_answer);
}

typedef struct first_t {
    int generation;
    bool is_first;
} first_t;

static void note_first(ja_slot_t *slot, void *context)
{
    first_t *first = context;

    first->is_first = slot->frozen_said != first->generation;
    slot->frozen_said = first->generation;
}

/* Among the children of a start or reload, each of which finds it out for itself. */
static bool is_first_of_generation(const ja_realm_t *realm)
{
    first_t first = {.is_first = true};

    (void)ap_mpm_query(AP_MPMQ_GENERATION, &first.generation);
    first.generation++;
    (void)ja_shared_slot(realm, note_first, &first);
    return first.is_first;
}

static void say_frozen(const ja_order_t *order)
{
    const char *source = ja_cred_frozen_source(order->realm->cred);

    if (source != NULL && is_first_of_generation(order->realm)) {
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, order->origin,
                     "JAV0302: %s: the children may not read %s, so a change of it is only seen at "
                     "the next reload; chgrp it to the server's group and chmod 0640 to have it "
                     "seen at once",
                     order->realm->name, source);
    }
}

static void say_fault(const ja_order_t *order)
{
    const char *source = NULL;
    const char *fault = ja_cred_fault(order->realm->cred, &source);

    if (fault != NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, order->origin,
                     "JAV0303: %s: %s was changed and %s; the secret that was read before is used "
                     "on, but the next reload will not accept it",
                     order->realm->name, source, fault);
    }
}

void ja_say_secrets(const ja_order_t *order)
{
    say_frozen(order);
    say_fault(order);
}

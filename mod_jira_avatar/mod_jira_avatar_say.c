/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_say: see mod_jira_avatar_say.h. */
#include "mod_jira_avatar_say.h"

#include <http_log.h>

#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

static int log_level(ja_outcome_t outcome, const ja_answer_t *answer)
{
    if (answer->net == JA_NET_ABORTED) {
        return APLOG_DEBUG;
    }
    switch (outcome) {
    case JA_OUTCOME_IMAGE:
    case JA_OUTCOME_NOT_FOUND:
    case JA_OUTCOME_UNKNOWN_PATH:
        return APLOG_DEBUG;
    case JA_OUTCOME_FORBIDDEN:
    case JA_OUTCOME_RATE_LIMITED:
    case JA_OUTCOME_UNAVAILABLE:
    case JA_OUTCOME_TIMEOUT:
        return APLOG_WARNING;
    default:
        return APLOG_ERR;
    }
}

static ja_listener_t *listener;

void ja_say_to(ja_listener_t *who)
{
    listener = who;
}

void ja_say_used_up(const ja_order_t *order, ja_outcome_t outcome, int64_t wait)
{
    bool answered = ja_policy_outcome(outcome)->keep != JA_KEEP_NOT;

    if (answered && wait > 0 && ja_shared_may_log(order->realm, JA_OUTCOME_RATE_LIMITED)) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, order->origin,
                     "JAV0750: %s: the quota is used up: nothing is asked for %" APR_INT64_T_FMT
                     " s. If it happens often, raise JiraAvatarMaxAge",
                     order->realm->name, wait);
    }
}

void ja_say_verdict(const ja_order_t *order, const ja_ask_t *ask, const ja_verdict_t *verdict,
                    const ja_answer_t *answer)
{
    int level = log_level(verdict->outcome, answer);

    if (listener != NULL) {
        listener(ask, verdict, answer);
        return;
    }
    if (level < APLOG_DEBUG && !ja_shared_may_log(order->realm, verdict->outcome)) {
        level = APLOG_DEBUG;
    }
    ap_log_error(APLOG_MARK, level, 0, order->origin, "JAV0301: %s: %s for %s: %s%s%s%s%s",
                 order->realm->name, ja_policy_outcome(verdict->outcome)->name, ask->url,
                 verdict->cause, answer->detail[0] != '\0' ? ": " : "", answer->detail,
                 verdict->remedy[0] != '\0' ? ". " : "", verdict->remedy);
}

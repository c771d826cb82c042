/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_outside: see mod_jira_avatar_outside.h. */
#include "mod_jira_avatar_outside.h"

#include <apr_time.h>
#include <string.h>

#include "mod_jira_avatar_gate.h"
#include "mod_jira_avatar_shared.h"

ja_step_t ja_outside_ask(const ja_order_t *order, ja_ask_t *ask, ja_entry_t **entry)
{
    const ja_realm_t *outside = order->realm->outside;

    ask->outside = true;
    ask->realm = outside;
    ask->epoch = ja_shared_epoch();
    ask->sent_ms = apr_time_as_msec(apr_time_now());
    ask->accept = "image/*";
    ask->max_bytes = outside->network.max_bytes;
    ask->authorization[0] = '\0';
    ask->mark = 0;
    ask->gateway = false;
    ask->asked = (ja_asked_t){.what = JA_ASKED_PUBLIC,
                              .kind = outside->site.kind,
                              .directive = "JiraAvatarPublicHosts",
                              .now = ask->sent_ms / 1000};
    ja_gate_t gate =
        ja_gate_enter(outside, 0, outside->network.connect_ms + outside->network.total_ms);
    if (gate.open) {
        return JA_STEP_ASK;
    }
    *entry = ja_gate_failure(&gate);
    return JA_STEP_DONE;
}

bool ja_outside_follows(const ja_order_t *order, ja_ask_t *ask, const ja_answer_t *answer)
{
    const char *to = answer->header[JA_HEADER_LOCATION];
    const ja_realm_t *outside = order->realm->outside;
    bool may = ask->outside ? ask->redirects++ == 0 : order->ref.form == JA_REF_USER;

    if (!may || outside == NULL || strlen(to) >= JA_HEADER_MAX - 1 ||
        ja_hosts_find(outside->hosts, ja_slice(to)) == NULL) {
        return false;
    }
    ja_gate_report(ask->realm, ask->mark, JA_OUTCOME_REDIRECTED, -1);
    ja_buf_t url = ja_buf(ask->url, sizeof(ask->url));
    ja_buf_add(&url, to);
    ask->outside = true;
    return true;
}

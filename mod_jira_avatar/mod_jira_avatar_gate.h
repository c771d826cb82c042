/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_gate: may Jira be asked now? One outage, one Retry-After and one refused login
 * count for the whole machine.
 *
 * Threads: any.
 * Memory:  none of its own; the breakers are in shared memory.
 */
#ifndef MOD_JIRA_AVATAR_GATE_H
#define MOD_JIRA_AVATAR_GATE_H

#include "ja_diagnosis.h"
#include "ja_entry.h"
#include "ja_realm.h"

typedef struct ja_gate_t {
    bool open;
    ja_outcome_t why; /* what closed it */
    int64_t wait_ms;  /* until it is worth asking again */
} ja_gate_t;

/** Passing an open gate obliges to report, or to be the only one for `probe_ms`.
 *  @param mark tells the secret that will be sent from another one; 0: none is sent */
ja_gate_t ja_gate_enter(const ja_realm_t *realm, uint64_t mark, int64_t probe_ms);

/** For whoever would ask without need: milliseconds to wait before, or -1: this secret was refused,
 *  and is not tried again for nobody. */
int64_t ja_gate_rest(const ja_realm_t *realm, uint64_t mark);

/** What a closed gate comes to; NULL if there is no memory. */
ja_entry_t *ja_gate_failure(const ja_gate_t *gate);

/** Whether Jira has accepted or refused the secret with this mark already. One that it has not seen
 *  is to be tried by one flight only: some refusals lock the account. */
bool ja_gate_is_tried(const ja_realm_t *realm, uint64_t mark);

/** The credential with this mark was refused last. */
bool ja_gate_is_refused(const ja_realm_t *realm, uint64_t mark);

/** Seconds that Jira wants to be left alone, in its several ways of saying so; -1: it does not. Of
 * a quota that is not used up the times mean nothing. */
int64_t ja_gate_wait_wanted(const ja_answer_t *answer);

/** Seconds that Jira is to be left alone after this verdict, whether it says so or not; -1: no
 * longer than usual. */
int64_t ja_gate_wait_after(const ja_verdict_t *verdict, const ja_answer_t *answer);

/** What asking came to. @param retry_after as ja_gate_wait_after() says, with whatever outcome */
void ja_gate_report(const ja_realm_t *realm, uint64_t mark, ja_outcome_t outcome,
                    int64_t retry_after);

/** Looks without a lock whether the site is being left alone, cheap enough for every request. An
 *  open gate may still turn out closed to whoever enters it. */
ja_gate_t ja_gate_look(const ja_realm_t *realm);

#endif

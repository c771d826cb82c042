/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_shared: what all processes of one server know together: who is fetching what
 * (leases), which cloudId a site has, and what was said in the log already. It outlives graceful
 * restarts, so that old and new children agree while both run.
 *
 * Threads: any; one lock between processes, held for a few instructions, never while waiting.
 * Memory:  one anonymous shared segment, of fixed size.
 */
#ifndef MOD_JIRA_AVATAR_SHARED_H
#define MOD_JIRA_AVATAR_SHARED_H

#include "mod_jira_avatar_private.h"

#include "ja_diagnosis.h"
#include "ja_entry.h"
#include "ja_expiry.h"
#include "ja_limit.h"
#include "ja_metrics.h"
#include "ja_realm.h"
#include "ja_tag.h"

void ja_shared_pre_config(apr_pool_t *pconf);
int ja_shared_post_config(server_rec *server);
/** For a process that is no part of the server: a state of its own, empty with every call. */
void ja_shared_alone(apr_pool_t *pool);

void ja_shared_child_init(apr_pool_t *pchild, server_rec *server);

/** Takes the right to fetch `key` for `ms` milliseconds, or keeps it. It ends earlier when it is
 *  dropped or its holder has died. `owner` tells flights of one process apart.
 *  @return false if somebody else holds it */
bool ja_lease_take(const unsigned char key[JA_KEY_LEN], const void *owner, int64_t ms);
void ja_lease_drop(const unsigned char key[JA_KEY_LEN], const void *owner);

/** The same for what serves all avatars of a realm: `what`, below 256, says which. */
bool ja_realm_lease_take(const ja_realm_t *realm, int what, const void *owner, int64_t ms);
void ja_realm_lease_drop(const ja_realm_t *realm, int what, const void *owner);

/** Whether the site said whom it takes us for, when asked. */
typedef enum { JA_IDENTITY_UNKNOWN, JA_IDENTITY_KNOWN, JA_IDENTITY_SILENT } ja_identity_t;

/** Where a secret is accepted (mod_jira_avatar_route.h). */
typedef struct ja_way_t {
    uint64_t mark;
    int64_t until_ms;
    ja_route_t route;
} ja_way_t;

/** What is said once per interval besides the causes of answers. */
enum { JA_SAID_QUOTA = JA_CAUSE_COUNT, JA_SAID_BUSY, JA_SAID_LATE, JA_SAID_STATE, JA_SAID_COUNT };

/** What all processes know about one realm. */
typedef struct ja_slot_t {
    unsigned char digest[32];           /* whose: ja_realm_t.digest */
    uint64_t site_mark;                 /* of which site: a digest of its base URL */
    int64_t used_ms;                    /* when somebody looked last; 0: free */
    char cloud_id[JA_CLOUD_ID_LEN + 1]; /* "" until the site told */
    int64_t cloud_id_at_ms;             /* when it told */
    ja_way_t way;
    ja_breaker_t site;
    ja_breaker_t credential;
    uint64_t refused_mark;  /* of the credential that opened its breaker */
    uint64_t accepted_mark; /* of the one that was accepted last */
    struct {                /* what of these may be read without the lock: written atomically */
        uint64_t accepted_mark;
        uint64_t refused_mark;
    } seen;
    uint64_t identity_mark;
    int64_t identity_until_ms;
    ja_identity_t identity;
    int64_t said_ms[JA_SAID_COUNT];
    int frozen_said;      /* the generation of httpd, counted from 1, that said so of a secret */
    uint64_t listed_mark; /* of the secret whose end Jira was asked for, */
    int64_t listed_at_ms; /* when, */
    ja_end_t listed;      /* and what it told */
    uint64_t forgotten;   /* what was asked for in an earlier epoch is */
    ja_journal_t journal;
    ja_metrics_t metrics;
} ja_slot_t;

/** Runs `work` on the realm's slot under the lock; not at all if there is no lock.
 * `work` must not wait. */
bool ja_shared_slot(const ja_realm_t *realm, void (*work)(ja_slot_t *slot, void *context),
                    void *context);

/** The realm's slot for reading single numbers without the lock, or NULL. */
const ja_slot_t *ja_shared_peek(const ja_realm_t *realm);

/** Where the realm is counted, without the lock, or NULL. */
ja_metrics_t *ja_shared_metrics(const ja_realm_t *realm);

/** Since when there are counters, Unix milliseconds; 0: there are none. */
int64_t ja_shared_since(void);

/** What this process has at hand, for ja_shared_processes(). */
void ja_shared_report_memory(uint64_t entries, uint64_t bytes);

/** What all living processes have. @return how many they are */
size_t ja_shared_processes(uint64_t *entries, uint64_t *bytes);

/*
 * Forgetting. An entry knows the epoch in which Jira was asked for it; forgetting begins a new
 * epoch, and what is older than that, of a realm or with a tag, is nowhere served any more,
 * neither from the store nor from the memory of any process.
 */

/** Tells realms apart in tags and entries; the same in every process. */
uint64_t ja_shared_realm_tag(const ja_realm_t *realm);

uint64_t ja_shared_epoch(void);

/** The first epoch whose answers still count for what has these tags. Cheap enough for a hit. */
uint64_t ja_shared_oldest_epoch(const ja_realm_t *realm, const ja_tags_t *tags);

/** What is to be forgotten of a realm: a tag, or 0 for everything. */
typedef uint64_t (*ja_forget_fn)(uint64_t realm_tag, const void *context);

/** Forgets it in all realms of the site with this base URL, whichever process knows them: sections
 *  that meet in a request only make realms that no configuration lists. Counts it as `count`.
 *  @return false if nobody can be told: every process acts alone */
bool ja_shared_forget(const char *site_url, ja_forget_fn what, const void *context,
                      ja_count_t count);

enum { JA_TOKEN_MARKS = 4 };

/** An access token that all processes use. */
typedef struct ja_token_slot_t {
    unsigned char digest[32]; /* whose: the digest of the token service's realm; all zero: free */
    uint64_t mark;            /* of the credential that it was bought with, */
    uint64_t older[JA_TOKEN_MARKS]; /* and of those before it, which some process may still have */
    uint32_t version;               /* grows with every token; 0: there was none yet */
    ja_token_life_t life;
    int64_t refused_ms; /* when Jira last refused one before its end */
    char text[JA_TOKEN_MAX + 1];
} ja_token_slot_t;

/** As ja_shared_slot(), on the token of a token service's realm. */
bool ja_shared_token(const ja_realm_t *service, void (*work)(ja_token_slot_t *slot, void *context),
                     void *context);

/** Whether the site was found to accept the credential with this mark though its answers do not
 *  name the account; settled: asking again would bring nothing new for some minutes. */
bool ja_identity_is_known(const ja_realm_t *realm, uint64_t mark);
bool ja_identity_is_settled(const ja_realm_t *realm, uint64_t mark);
void ja_identity_learn(const ja_realm_t *realm, uint64_t mark, bool known);

/** True for the first who asks within the log interval about this realm and `what`, a ja_cause_t or
 *  one of JA_SAID_. */
bool ja_shared_may_log(const ja_realm_t *realm, int what);

/** True for the first who ever asks, until the server is restarted. */
bool ja_shared_first_time(void);

#endif

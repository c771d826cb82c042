/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_shared: one small segment under one lock. */
#include "mod_jira_avatar_shared.h"

#include <apr_global_mutex.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_log.h>
#include <util_mutex.h>

#include <openssl/crypto.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

APLOG_USE_MODULE(jira_avatar);

#define MUTEX_NAME   "jira-avatar"
#define RETAINED_KEY "mod_jira_avatar.shared"

enum {
    VERSION_SIZE = 16,
    REALMS = 512,
    SLOT_PROBES = 16,
    TOKENS = 256,
    LEASES = 1024,
    LEASE_PROBES = 16,
    PROCESSES = 512,
    TAGS = 8192, /* what has an equal place is forgotten together */
    LOG_INTERVAL_MS = 60 * 1000,
    IDENTITY_MS = 10 * 60 * 1000
};

typedef struct lease_t {
    unsigned char key[JA_KEY_LEN];
    int64_t until_ms; /* 0: free */
    pid_t holder;
    uintptr_t owner; /* within the holder */
} lease_t;

typedef struct process_t {
    pid_t pid; /* 0: free */
    uint64_t entries, bytes;
} process_t;

typedef struct area_t {
    char version[VERSION_SIZE]; /* of the module that laid it out */
    int64_t since_ms;
    uint64_t epoch;
    uint64_t forgotten[TAGS];
    process_t processes[PROCESSES];
    ja_slot_t slots[REALMS];
    lease_t leases[LEASES];
    ja_token_slot_t tokens[TOKENS];
    bool said_once;
} area_t;

/* Survives graceful restarts, though this file's own variables do not: httpd unloads modules. */
typedef struct retained_t {
    size_t size; /* of the area */
    apr_shm_t *shm;
    apr_global_mutex_t *mutex;
} retained_t;

static area_t *area;
static apr_global_mutex_t *mutex;

/* ---- start --------------------------------------------------------------------------------- */

void ja_shared_pre_config(apr_pool_t *pconf)
{
    ap_mutex_register(pconf, MUTEX_NAME, NULL, APR_LOCK_DEFAULT, 0);
}

/* Another version may have laid it out otherwise. */
static bool is_ours(const retained_t *retained)
{
    return retained->size == sizeof(area_t) &&
           strcmp(((const area_t *)apr_shm_baseaddr_get(retained->shm))->version, JA_VERSION) == 0;
}

/* The lock of another version is as good, and its file may not be made twice. */
static apr_status_t create(retained_t *retained, server_rec *server)
{
    apr_pool_t *pool = server->process->pool;
    apr_status_t rv = APR_SUCCESS;

    if (retained->mutex == NULL) {
        rv = ap_global_mutex_create(&retained->mutex, NULL, MUTEX_NAME, NULL, server, pool, 0);
    }
    if (retained->shm != NULL) {
        (void)apr_shm_destroy(retained->shm); /* here; the children before still have it */
        retained->shm = NULL;
        retained->size = 0;
    }
    if (rv == APR_SUCCESS) {
        rv = apr_shm_create(&retained->shm, sizeof(area_t), NULL, pool);
    }
    if (rv == APR_SUCCESS) {
        area_t *fresh = apr_shm_baseaddr_get(retained->shm);
        memset(fresh, 0, sizeof(*fresh));
        apr_cpystrn(fresh->version, JA_VERSION, sizeof(fresh->version));
        fresh->since_ms = ja_now_ms();
        fresh->epoch = (uint64_t)apr_time_now(); /* later than in a store that outlived us */
        retained->size = sizeof(area_t);
    }
    return rv;
}

int ja_shared_post_config(server_rec *server)
{
    retained_t *retained = ap_retained_data_get(RETAINED_KEY);

    if (retained == NULL) {
        retained = ap_retained_data_create(RETAINED_KEY, sizeof(*retained));
    }
    if (!is_ours(retained)) {
        apr_status_t rv = create(retained, server);
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_EMERG, rv, server,
                         "JAV0211: no shared memory for the state that children share");
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    area = apr_shm_baseaddr_get(retained->shm);
    mutex = retained->mutex;
    return OK;
}

void ja_shared_alone(apr_pool_t *pool)
{
    if (area == NULL) {
        area = apr_palloc(pool, sizeof(*area));
    }
    memset(area, 0, sizeof(*area));
    area->since_ms = ja_now_ms();
    area->epoch = (uint64_t)apr_time_now();
}

void ja_shared_child_init(apr_pool_t *pchild, server_rec *server)
{
    if (mutex == NULL) { /* Mutex none */
        return;
    }
    apr_status_t rv = apr_global_mutex_child_init(&mutex, apr_global_mutex_lockfile(mutex), pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, rv, server,
                     "JAV0212: no lock for the shared state in this child: it acts alone");
        area = NULL;
    }
}

static bool lock(void)
{
    return area != NULL && (mutex == NULL || apr_global_mutex_lock(mutex) == APR_SUCCESS);
}

static void unlock(void)
{
    if (mutex != NULL) {
        apr_global_mutex_unlock(mutex);
    }
}

/* ---- leases -------------------------------------------------------------------------------- */

static bool is_free(const lease_t *lease, int64_t now)
{
    return lease->until_ms <= now || (kill(lease->holder, 0) != 0 && errno == ESRCH);
}

/* The lease of `key`, or a free one in its place, or NULL. */
static lease_t *find_lease(const unsigned char *key, int64_t now)
{
    size_t start = (size_t)(key[0] << 8 | key[1]);
    lease_t *usable = NULL;

    for (size_t i = 0; i < LEASE_PROBES; i++) {
        lease_t *lease = &area->leases[(start + i) % LEASES];
        if (lease->until_ms != 0 && memcmp(lease->key, key, JA_KEY_LEN) == 0) {
            return lease;
        }
        if (usable == NULL && is_free(lease, now)) {
            usable = lease;
        }
    }
    return usable;
}

static bool is_mine(const lease_t *lease, const void *owner)
{
    return lease->holder == getpid() && lease->owner == (uintptr_t)owner;
}

bool ja_lease_take(const unsigned char key[JA_KEY_LEN], const void *owner, int64_t ms)
{
    int64_t now = ja_now_ms();
    bool taken = true; /* without a place to note it everybody fetches for himself */

    if (!lock()) {
        return true;
    }
    lease_t *lease = find_lease(key, now);
    if (lease != NULL) {
        taken = is_free(lease, now) || is_mine(lease, owner);
        if (taken) {
            memcpy(lease->key, key, JA_KEY_LEN);
            lease->until_ms = now + ms;
            lease->holder = getpid();
            lease->owner = (uintptr_t)owner;
        }
    }
    unlock();
    return taken;
}

void ja_lease_drop(const unsigned char key[JA_KEY_LEN], const void *owner)
{
    if (!lock()) {
        return;
    }
    lease_t *lease = find_lease(key, ja_now_ms());
    if (lease != NULL && is_mine(lease, owner) && memcmp(lease->key, key, JA_KEY_LEN) == 0) {
        lease->until_ms = 0;
    }
    unlock();
}

static void realm_key(const ja_realm_t *realm, int what, unsigned char key[JA_KEY_LEN])
{
    memcpy(key, realm->digest, JA_KEY_LEN);
    key[0] ^= (unsigned char)what;
}

bool ja_realm_lease_take(const ja_realm_t *realm, int what, const void *owner, int64_t ms)
{
    unsigned char key[JA_KEY_LEN];

    realm_key(realm, what, key);
    return ja_lease_take(key, owner, ms);
}

void ja_realm_lease_drop(const ja_realm_t *realm, int what, const void *owner)
{
    unsigned char key[JA_KEY_LEN];

    realm_key(realm, what, key);
    ja_lease_drop(key, owner);
}

/* ---- realms -------------------------------------------------------------------------------- */

static uint64_t first_bytes(const unsigned char *digest)
{
    uint64_t bytes;

    memcpy(&bytes, digest, sizeof(bytes));
    return bytes;
}

static uint64_t mark_of(const char *url)
{
    unsigned char digest[JA_KEY_LEN];

    ja_digest(url, strlen(url), digest);
    return first_bytes(digest);
}

/* The realm's slot; the caller holds the lock. Slots outlive reloads, and with them the realms that
 * no configuration has any more: where there is no room, the one that was not used the longest
 * gives way. */
static ja_slot_t *slot_of(const ja_realm_t *realm)
{
    size_t start = (size_t)(realm->digest[0] << 8 | realm->digest[1]);
    ja_slot_t *oldest = NULL;

    for (size_t i = 0; i < SLOT_PROBES; i++) {
        ja_slot_t *slot = &area->slots[(start + i) % REALMS];
        if (slot->used_ms != 0 && memcmp(slot->digest, realm->digest, sizeof(slot->digest)) == 0) {
            slot->used_ms = ja_now_ms();
            return slot;
        }
        if (oldest == NULL || slot->used_ms < oldest->used_ms) {
            oldest = slot;
        }
    }
    *oldest = (ja_slot_t){.used_ms = ja_now_ms(), .site_mark = mark_of(realm->site.base.url)};
    memcpy(oldest->digest, realm->digest, sizeof(oldest->digest));
    return oldest;
}

bool ja_shared_slot(const ja_realm_t *realm, void (*work)(ja_slot_t *slot, void *context),
                    void *context)
{
    if (!lock()) {
        return false;
    }
    work(slot_of(realm), context);
    unlock();
    return true;
}

/* The slot of a token service, or a free one, or that of the token that is over and was not used
 * the longest; NULL if none is. */
static ja_token_slot_t *token_slot_of(const ja_realm_t *service)
{
    ja_token_slot_t *usable = NULL;
    int64_t now = ja_now_ms();

    for (size_t i = 0; i < TOKENS; i++) {
        ja_token_slot_t *slot = &area->tokens[i];
        if (memcmp(slot->digest, service->digest, sizeof(slot->digest)) == 0) {
            return slot;
        }
        if (slot->life.end_ms <= now &&
            (usable == NULL || slot->life.used_ms < usable->life.used_ms)) {
            usable = slot;
        }
    }
    if (usable != NULL) {
        OPENSSL_cleanse(usable, sizeof(*usable));
        memcpy(usable->digest, service->digest, sizeof(usable->digest));
        usable->life.used_ms = now;
    }
    return usable;
}

bool ja_shared_token(const ja_realm_t *service, void (*work)(ja_token_slot_t *slot, void *context),
                     void *context)
{
    if (!lock()) {
        return false;
    }
    ja_token_slot_t *slot = token_slot_of(service);
    if (slot != NULL) {
        work(slot, context);
    }
    unlock();
    return slot != NULL;
}

/* A realm's slot is remembered until another realm has it. Racing threads remember the same. */
const ja_slot_t *ja_shared_peek(const ja_realm_t *realm)
{
    static const ja_slot_t *known[REALMS];
    size_t id = (size_t)realm->id;

    if (id >= REALMS) {
        return NULL;
    }
    const ja_slot_t *slot = __atomic_load_n(&known[id], __ATOMIC_RELAXED);
    bool is_its = slot != NULL && memcmp(slot->digest, realm->digest, sizeof(slot->digest)) == 0;
    if (is_its || !lock()) {
        return is_its ? slot : NULL;
    }
    slot = slot_of(realm);
    unlock();
    __atomic_store_n(&known[id], slot, __ATOMIC_RELAXED);
    return slot;
}

typedef struct identity_t {
    uint64_t mark;
    ja_identity_t is;
} identity_t;

static void read_identity(ja_slot_t *slot, void *context)
{
    identity_t *identity = context;
    bool holds = slot->identity_mark == identity->mark && slot->identity_until_ms > ja_now_ms();

    identity->is = holds ? slot->identity : JA_IDENTITY_UNKNOWN;
}

static ja_identity_t identity_of(const ja_realm_t *realm, uint64_t mark)
{
    identity_t identity = {mark, JA_IDENTITY_UNKNOWN};

    if (mark != 0) {
        (void)ja_shared_slot(realm, read_identity, &identity);
    }
    return identity.is;
}

bool ja_identity_is_known(const ja_realm_t *realm, uint64_t mark)
{
    return identity_of(realm, mark) == JA_IDENTITY_KNOWN;
}

bool ja_identity_is_settled(const ja_realm_t *realm, uint64_t mark)
{
    return identity_of(realm, mark) != JA_IDENTITY_UNKNOWN;
}

static void write_identity(ja_slot_t *slot, void *context)
{
    const identity_t *identity = context;

    slot->identity = identity->is;
    slot->identity_mark = identity->mark;
    slot->identity_until_ms = ja_now_ms() + IDENTITY_MS;
}

void ja_identity_learn(const ja_realm_t *realm, uint64_t mark, bool known)
{
    identity_t identity = {mark, known ? JA_IDENTITY_KNOWN : JA_IDENTITY_SILENT};

    (void)ja_shared_slot(realm, write_identity, &identity);
}

typedef struct saying_t {
    int what;
    bool may;
} saying_t;

static void note_saying(ja_slot_t *slot, void *context)
{
    saying_t *saying = context;
    int64_t now = ja_now_ms();

    saying->may = now - slot->said_ms[saying->what] >= LOG_INTERVAL_MS;
    if (saying->may) {
        slot->said_ms[saying->what] = now;
    }
}

bool ja_shared_may_log(const ja_realm_t *realm, int what)
{
    saying_t saying = {what, true};

    (void)ja_shared_slot(realm, note_saying, &saying);
    return saying.may;
}

bool ja_shared_first_time(void)
{
    bool first = true;

    if (area != NULL && __atomic_load_n(&area->said_once, __ATOMIC_RELAXED)) {
        return false; /* what every later request meets needs no lock */
    }
    if (lock()) {
        first = !area->said_once;
        area->said_once = true;
        unlock();
    }
    return first;
}

/* ---- counting ------------------------------------------------------------------------------ */

ja_metrics_t *ja_shared_metrics(const ja_realm_t *realm)
{
    ja_slot_t *slot = (ja_slot_t *)(uintptr_t)ja_shared_peek(realm); /* its numbers are atomic */

    return slot != NULL ? &slot->metrics : NULL;
}

int64_t ja_shared_since(void)
{
    return area != NULL ? area->since_ms : 0;
}

static bool is_alive(pid_t pid)
{
    return pid != 0 && (kill(pid, 0) == 0 || errno != ESRCH);
}

/* The place of this process; the caller holds the lock. */
static process_t *claim_process(void)
{
    process_t *free_one = NULL;

    for (size_t i = 0; i < PROCESSES; i++) {
        process_t *process = &area->processes[i];
        if (process->pid == getpid()) {
            return process;
        }
        if (free_one == NULL && !is_alive(process->pid)) {
            free_one = process;
        }
    }
    if (free_one != NULL) {
        *free_one = (process_t){.pid = getpid()};
    }
    return free_one;
}

void ja_shared_report_memory(uint64_t entries, uint64_t bytes)
{
    static process_t *own;
    process_t *process = __atomic_load_n(&own, __ATOMIC_RELAXED);

    if (process == NULL && lock()) {
        process = claim_process();
        unlock();
        __atomic_store_n(&own, process, __ATOMIC_RELAXED);
    }
    if (process != NULL) {
        __atomic_store_n(&process->entries, entries, __ATOMIC_RELAXED);
        __atomic_store_n(&process->bytes, bytes, __ATOMIC_RELAXED);
    }
}

size_t ja_shared_processes(uint64_t *entries, uint64_t *bytes)
{
    size_t count = 0;

    *entries = *bytes = 0;
    for (size_t i = 0; area != NULL && i < PROCESSES; i++) {
        const process_t *process = &area->processes[i];
        if (is_alive(process->pid)) {
            count++;
            *entries += __atomic_load_n(&process->entries, __ATOMIC_RELAXED);
            *bytes += __atomic_load_n(&process->bytes, __ATOMIC_RELAXED);
        }
    }
    return count;
}

/* ---- forgetting ---------------------------------------------------------------------------- */

uint64_t ja_shared_realm_tag(const ja_realm_t *realm)
{
    return first_bytes(realm->digest);
}

uint64_t ja_shared_epoch(void)
{
    return area != NULL ? __atomic_load_n(&area->epoch, __ATOMIC_ACQUIRE) : 0;
}

static uint64_t *place_of(uint64_t tag)
{
    return &area->forgotten[tag % TAGS];
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t ja_shared_oldest_epoch(const ja_realm_t *realm, const ja_tags_t *tags)
{
    const ja_slot_t *slot = ja_shared_peek(realm);
    uint64_t oldest = 0;

    if (slot == NULL) {
        return 0;
    }
    oldest = __atomic_load_n(&slot->forgotten, __ATOMIC_ACQUIRE);
    if (tags->owner != 0) {
        oldest = later(oldest, __atomic_load_n(place_of(tags->owner), __ATOMIC_ACQUIRE));
    }
    if (tags->picture != 0) {
        oldest = later(oldest, __atomic_load_n(place_of(tags->picture), __ATOMIC_ACQUIRE));
    }
    return oldest;
}

/* The caller holds the lock. First the epoch, so that nothing is asked for in between that is
 * forgotten at once. */
static void begin_epoch(uint64_t *of)
{
    uint64_t epoch = later(area->epoch + 1, (uint64_t)apr_time_now());

    __atomic_store_n(&area->epoch, epoch, __ATOMIC_RELEASE);
    __atomic_store_n(of, epoch, __ATOMIC_RELEASE);
}

bool ja_shared_forget(const char *site_url, ja_forget_fn what, const void *context,
                      ja_count_t count)
{
    uint64_t mark = mark_of(site_url);

    if (!lock()) {
        return false;
    }
    for (size_t i = 0; i < REALMS; i++) {
        ja_slot_t *slot = &area->slots[i];
        if (slot->used_ms != 0 && slot->site_mark == mark) {
            uint64_t tag = what(first_bytes(slot->digest), context);
            begin_epoch(tag != 0 ? place_of(tag) : &slot->forgotten);
            ja_metrics_add(&slot->metrics, count, 1);
        }
    }
    unlock();
    return true;
}

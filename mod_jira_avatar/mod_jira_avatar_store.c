/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_store: ap_socache with hashed ids, and the process's memory in front of it. */
#include "mod_jira_avatar_store.h"

#include <ap_provider.h>
#include <ap_socache.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <util_mutex.h>

#include <openssl/sha.h>

#include "ja_memory.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

#define STORE_NAME       "jira-avatar"
#define DEFAULT_PROVIDER "shmcb"
#define DEFAULT_ARGUMENT STORE_NAME "(33554432)"
#define CARRIED_KEY      "mod_jira_avatar.store"
#define GENERATION_KEY   "mod_jira_avatar.generation"

enum {
    MEMORY_BYTES = 8 * 1024 * 1024, /* at hand in each child */
    PUT_BACK_S = 20,                /* how often to look whether the store still holds it */
    USUAL_BLOCK = 32 * 1024,        /* the first try at reading: nearly every avatar fits */
    LARGEST_BLOCK = 65 * 1024 * 1024,
    CARRIED_FIRST = 256 * 1024 /* of memory for a reload: large enough to be given back after it */
};

static const ap_socache_provider_t *provider;
static ap_socache_instance_t *instance;
static apr_global_mutex_t *mutex;            /* NULL if the provider needs none */
static unsigned char generation[JA_KEY_LEN]; /* that of JiraAvatarStore; all zero: none */
static server_rec *main_server;
static ja_memory_t *memory;

void ja_store_pre_config(apr_pool_t *pconf)
{
    provider = NULL;
    instance = NULL;
    mutex = NULL;
    ap_mutex_register(pconf, STORE_NAME "-store", NULL, APR_LOCK_DEFAULT, 0);
}

/* ---- the shared part ----------------------------------------------------------------------- */

static bool lock(void)
{
    return mutex == NULL || apr_global_mutex_lock(mutex) == APR_SUCCESS;
}

static void unlock(void)
{
    if (mutex != NULL) {
        apr_global_mutex_unlock(mutex);
    }
}

/* By which the store knows an entry: another generation finds nothing of this one, not even in a
 * store that outlives httpd. */
typedef struct entry_id_t {
    unsigned char bytes[JA_KEY_LEN];
} entry_id_t;

static entry_id_t id_of(const unsigned char *key)
{
    entry_id_t id;

    for (size_t i = 0; i < JA_KEY_LEN; i++) {
        id.bytes[i] = key[i] ^ generation[i];
    }
    return id;
}

static apr_status_t retrieve_into(const entry_id_t *id, unsigned char *block, unsigned *len,
                                  apr_pool_t *pool)
{
    if (!lock()) {
        return APR_EGENERAL;
    }
    apr_status_t rv =
        provider->retrieve(instance, main_server, id->bytes, JA_KEY_LEN, block, len, pool);
    unlock();
    return rv;
}

/* Reads into a buffer of `size`; *is_short says that a larger one may help. */
static ja_entry_t *retrieve(const entry_id_t *id, unsigned size, bool *is_short)
{
    ja_entry_t *entry = NULL;
    apr_pool_t *pool;
    unsigned len = size;
    unsigned char *block = malloc(size);

    if (block == NULL) {
        return NULL;
    }
    if (apr_pool_create(&pool, main_server->process->pool) == APR_SUCCESS) {
        apr_status_t rv = retrieve_into(id, block, &len, pool);
        *is_short = rv == APR_ENOSPC;
        if (rv == APR_SUCCESS) {
            entry = ja_entry_from_block(block, len);
        }
        apr_pool_destroy(pool);
    }
    free(block);
    return entry;
}

static ja_entry_t *retrieve_shared(const unsigned char *key)
{
    bool is_short = false;

    if (provider == NULL) {
        return NULL;
    }
    const entry_id_t id = id_of(key);
    ja_entry_t *entry = retrieve(&id, USUAL_BLOCK, &is_short);
    return is_short ? retrieve(&id, LARGEST_BLOCK, &is_short) : entry;
}

static void store_shared(entry_id_t id, const ja_entry_t *entry, int64_t seconds)
{
    ja_slice_t block = ja_entry_block(entry);
    apr_time_t expiry = apr_time_now() + apr_time_from_sec(seconds);
    apr_pool_t *pool;

    if (provider == NULL || apr_pool_create(&pool, main_server->process->pool) != APR_SUCCESS) {
        return;
    }
    if (lock()) {
        apr_status_t rv =
            provider->store(instance, main_server, id.bytes, JA_KEY_LEN, expiry,
                            (unsigned char *)(uintptr_t)block.data, (unsigned)block.len, pool);
        unlock();
        if (rv != APR_SUCCESS) {
            ap_log_error(APLOG_MARK, APLOG_DEBUG, rv, main_server,
                         "JAV0205: %" APR_SIZE_T_FMT " bytes do not fit the store", block.len);
        }
    }
    apr_pool_destroy(pool);
}

/* ---- across a reload ----------------------------------------------------------------------- */

/* A reload takes configuration, modules and with them the store away and makes them anew. What was
 * in it waits in the parent meanwhile: after each other an id, a length and a block. */
typedef struct carried_t {
    unsigned char *bytes; /* malloc: pools and modules come and go */
    size_t used, room;
} carried_t;

static carried_t *carried(void)
{
    carried_t *kept = ap_retained_data_get(CARRIED_KEY);

    return kept != NULL ? kept : ap_retained_data_create(CARRIED_KEY, sizeof(*kept));
}

static void forget_carried(void)
{
    carried_t *kept = carried();

    free(kept->bytes);
    *kept = (carried_t){0};
}

static bool make_room(carried_t *kept, size_t more)
{
    size_t room = kept->room == 0 ? CARRIED_FIRST : kept->room;

    while (room - kept->used < more) {
        room *= 2;
    }
    unsigned char *bytes = room > kept->room ? realloc(kept->bytes, room) : kept->bytes;
    if (bytes != NULL) {
        kept->bytes = bytes;
        kept->room = room;
    }
    return bytes != NULL;
}

static apr_status_t carry(ap_socache_instance_t *from, server_rec *server, void *self,
                          const unsigned char *id, unsigned id_len, const unsigned char *block,
                          unsigned len, apr_pool_t *pool)
{
    carried_t *kept = self;
    uint32_t block_len = len;

    (void)from;
    (void)server;
    (void)pool;
    if (id_len != JA_KEY_LEN || !make_room(kept, JA_KEY_LEN + sizeof(block_len) + len)) {
        return APR_SUCCESS; /* a fetch more, no harm */
    }
    unsigned char *at = kept->bytes + kept->used;
    memcpy(at, id, JA_KEY_LEN);
    memcpy(at + JA_KEY_LEN, &block_len, sizeof(block_len));
    memcpy(at + JA_KEY_LEN + sizeof(block_len), block, len);
    kept->used += JA_KEY_LEN + sizeof(block_len) + len;
    return APR_SUCCESS;
}

/* Stores that are elsewhere cannot be read through, and need not be. */
static apr_status_t carry_all(void *unused)
{
    apr_pool_t *pool;

    (void)unused;
    if (instance == NULL || provider == NULL || provider->iterate == NULL ||
        ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_DESTROY_CONFIG ||
        apr_pool_create(&pool, main_server->process->pool) != APR_SUCCESS) {
        return APR_SUCCESS;
    }
    if (lock()) {
        (void)provider->iterate(instance, main_server, carried(), carry, pool);
        unlock();
    }
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

/* A module of another version does not know what the one before it was told to forget. */
static bool may_be_taken_over(const ja_entry_t *entry)
{
    return entry != NULL && entry->record.stored_at_ms >= ja_shared_since();
}

static void take_over(server_rec *server)
{
    carried_t *kept = carried();
    size_t at = 0;
    unsigned count = 0;

    while (at < kept->used) {
        uint32_t len;
        const unsigned char *place = kept->bytes + at;
        entry_id_t id;
        memcpy(id.bytes, place, sizeof(id.bytes));
        memcpy(&len, place + sizeof(id), sizeof(len));
        ja_entry_t *entry = ja_entry_from_block(place + sizeof(id) + sizeof(len), len);
        int64_t left_ms = may_be_taken_over(entry) ? entry->record.until_ms - ja_now_ms() : 0;
        if (left_ms > 0) {
            store_shared(id, entry, left_ms / 1000 + 1);
            count++;
        }
        ja_entry_unref(entry);
        at += JA_KEY_LEN + sizeof(len) + len;
    }
    forget_carried();
    if (count > 0) {
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, server,
                     "JAV0760: %u avatars stay at hand across the reload", count);
    }
}

/* What is carried over to another generation would be found by nobody. */
static void begin_generation(server_rec *server)
{
    const char *word = ja_conf_generation();
    unsigned char *before = ap_retained_data_get(GENERATION_KEY);
    const bool is_start = before == NULL;

    memset(generation, 0, sizeof(generation));
    if (word != NULL) {
        SHA256((const unsigned char *)word, strlen(word), generation);
    }
    if (is_start) {
        before = ap_retained_data_create(GENERATION_KEY, sizeof(generation));
    } else if (memcmp(before, generation, sizeof(generation)) != 0) {
        forget_carried();
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, server,
                     "JAV0761: another generation in JiraAvatarStore: every avatar is forgotten");
    }
    memcpy(before, generation, sizeof(generation));
}

/* ---- start --------------------------------------------------------------------------------- */

static apr_status_t destroy_instance(void *unused)
{
    (void)unused;
    if (instance != NULL) {
        provider->destroy(instance, main_server);
        instance = NULL;
    }
    return APR_SUCCESS;
}

/* "provider:arguments", as other directives of httpd write it. */
static const char *create_instance(apr_pool_t *pconf, apr_pool_t *ptemp, const char *store)
{
    const char *colon = strchr(store, ':');
    const char *name =
        colon != NULL ? apr_pstrmemdup(ptemp, store, (apr_size_t)(colon - store)) : store;

    provider = ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, name, AP_SOCACHE_PROVIDER_VERSION);
    if (provider == NULL) {
        return apr_psprintf(ptemp, "the provider \"%s\" is not loaded; load mod_socache_%s", name,
                            name);
    }
    return provider->create(&instance, colon != NULL ? colon + 1 : NULL, ptemp, pconf);
}

int ja_store_post_config(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server)
{
    /* By it shmcb divides its memory: room for 8,000 entries, each up to nearly a megabyte. */
    static struct ap_socache_hints hints = {JA_KEY_LEN, 4096, 0};
    const char *configured = ja_conf_store();

    main_server = server;
    begin_generation(server);
    const char *error = create_instance(
        pconf, ptemp, configured != NULL ? configured : DEFAULT_PROVIDER ":" DEFAULT_ARGUMENT);
    if (error != NULL && configured != NULL) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, server, "JAV0201: JiraAvatarStore %s: %s",
                     configured, error);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    if (error != NULL) {
        provider = NULL;
        forget_carried();
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, server,
                     "JAV0202: mod_socache_shmcb is not loaded: every child process keeps images "
                     "for itself; load it to let them share");
        return OK;
    }
    if ((provider->flags & AP_SOCACHE_FLAG_NOTMPSAFE) &&
        ap_global_mutex_create(&mutex, NULL, STORE_NAME "-store", NULL, server, pconf, 0) !=
            APR_SUCCESS) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    apr_status_t rv = provider->init(instance, STORE_NAME, &hints, server, pconf);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, rv, server,
                     "JAV0203: the store of JiraAvatarStore cannot be set up");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    apr_pool_cleanup_register(pconf, NULL, destroy_instance, apr_pool_cleanup_null);
    apr_pool_pre_cleanup_register(pconf, NULL, carry_all); /* while the modules are there */
    take_over(server);
    return OK;
}

void ja_store_child_init(apr_pool_t *pchild, server_rec *server)
{
    memory = ja_memory_create(MEMORY_BYTES);
    ja_shared_report_memory(0, 0);
    if (mutex != NULL) {
        apr_status_t rv =
            apr_global_mutex_child_init(&mutex, apr_global_mutex_lockfile(mutex), pchild);
        if (rv != APR_SUCCESS) {
            ap_log_error(
                APLOG_MARK, APLOG_CRIT, rv, server,
                "JAV0204: no lock for the store in this child: it keeps images for itself");
            provider = NULL;
        }
    }
}

/* ---- both ---------------------------------------------------------------------------------- */

int64_t ja_store_age(const ja_entry_t *entry)
{
    int64_t age = ja_now_ms() - entry->record.stored_at_ms;

    return age < 0 ? 0 : age; /* the clock was set back */
}

static bool is_fresh(const ja_entry_t *entry, const ja_fresh_t *fresh)
{
    bool is_image = ja_entry_outcome(entry) == JA_OUTCOME_IMAGE;

    return ja_store_age(entry) < (is_image ? fresh->image_ms : fresh->negative_ms);
}

static uint32_t now_s(void)
{
    return (uint32_t)apr_time_sec(apr_time_now());
}

static void put_at_hand(const unsigned char key[JA_KEY_LEN], ja_entry_t *entry)
{
    uint64_t entries, bytes;

    entry->seen_s = now_s();
    ja_memory_put(memory, key, entry);
    ja_memory_load(memory, &entries, &bytes);
    ja_shared_report_memory(entries, bytes);
}

static ja_entry_t *unless_forgotten(ja_entry_t *entry, const ja_fresh_t *fresh)
{
    if (entry == NULL || entry->record.epoch >= fresh->oldest_epoch) {
        return entry;
    }
    ja_entry_unref(entry);
    return NULL;
}

/* An image that could not be fetched again is the same image, with a later time to try. */
static bool is_newer(const ja_entry_t *one, const ja_entry_t *other)
{
    return one->record.stored_at_ms != other->record.stored_at_ms
               ? one->record.stored_at_ms > other->record.stored_at_ms
               : one->record.not_before_ms > other->record.not_before_ms;
}

/* shmcb drops what is oldest, however often it is asked for: what is in use here goes back. */
static void put_back_if_lost(const unsigned char *key, ja_entry_t *entry)
{
    uint32_t seen = __atomic_load_n(&entry->seen_s, __ATOMIC_RELAXED);
    int64_t left_s = (entry->record.until_ms - ja_now_ms()) / 1000;

    if (now_s() - seen < PUT_BACK_S || left_s <= 0 ||
        !__atomic_compare_exchange_n(&entry->seen_s, &seen, now_s(), false, __ATOMIC_RELAXED,
                                     __ATOMIC_RELAXED)) {
        return;
    }
    ja_entry_t *held = retrieve_shared(key);
    if (held == NULL) {
        store_shared(id_of(key), entry, left_s);
    }
    ja_entry_unref(held);
}

ja_entry_t *ja_store_lookup(const unsigned char key[JA_KEY_LEN], const ja_fresh_t *fresh)
{
    ja_entry_t *at_hand = unless_forgotten(ja_memory_get(memory, key), fresh);

    if (at_hand != NULL && is_fresh(at_hand, fresh)) {
        put_back_if_lost(key, at_hand);
        return at_hand;
    }
    ja_entry_t *shared = unless_forgotten(retrieve_shared(key), fresh);
    if (shared == NULL || (at_hand != NULL && !is_newer(shared, at_hand))) {
        ja_entry_unref(shared);
        return at_hand;
    }
    ja_entry_unref(at_hand);
    put_at_hand(key, shared);
    return shared;
}

void ja_store_keep(const unsigned char key[JA_KEY_LEN], ja_entry_t *entry, int64_t seconds)
{
    entry->record.until_ms = ja_now_ms() + seconds * 1000;
    put_at_hand(key, entry);
    if (seconds > 0) {
        store_shared(id_of(key), entry, seconds);
    }
}

/* ---- counting ------------------------------------------------------------------------------ */

typedef struct counting_t {
    const uint64_t *realms;
    size_t count;
    ja_held_t *held;
} counting_t;

static void count_entry(ja_held_t *held, const ja_record_t *record)
{
    if (record->outcome == JA_OUTCOME_IMAGE) {
        held->images++;
        held->bytes += record->body_len;
    } else {
        held->negatives++;
    }
}

static apr_status_t count_block(ap_socache_instance_t *of, server_rec *server, void *context,
                                const unsigned char *id, unsigned int id_len,
                                const unsigned char *data, unsigned int len, apr_pool_t *pool)
{
    counting_t *counting = context;
    ja_record_t record;

    (void)of, (void)server, (void)id, (void)id_len, (void)pool;
    if (len < sizeof(record)) {
        return APR_SUCCESS;
    }
    memcpy(&record, data, sizeof(record));
    if (record.magic != JA_RECORD_MAGIC) {
        return APR_SUCCESS;
    }
    count_entry(&counting->held[counting->count], &record);
    for (size_t i = 0; i < counting->count; i++) {
        if (counting->realms[i] == record.realm) {
            count_entry(&counting->held[i], &record);
        }
    }
    return APR_SUCCESS;
}

bool ja_store_count(const uint64_t *realms, size_t count, ja_held_t *held)
{
    counting_t counting = {realms, count, held};
    apr_status_t rv = APR_ENOTIMPL;
    apr_pool_t *pool;

    memset(held, 0, (count + 1) * sizeof(*held));
    if (provider == NULL || provider->iterate == NULL ||
        apr_pool_create(&pool, main_server->process->pool) != APR_SUCCESS) {
        return false;
    }
    if (lock()) {
        rv = provider->iterate(instance, main_server, &counting, count_block, pool);
        unlock();
    }
    apr_pool_destroy(pool);
    for (size_t i = 0; i <= count; i++) {
        held[i].known = rv == APR_SUCCESS;
    }
    return rv == APR_SUCCESS;
}

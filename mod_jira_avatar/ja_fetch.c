/* SPDX-License-Identifier: Apache-2.0 */
/* ja_fetch: one flight per avatar, however many wait for it. */
#include "ja_fetch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BUCKETS = 256,     /* keys are digests: their first byte spreads well */
    REALM_SLOTS = 256, /* fetch counters; realms beyond share one */
    STEP_MAX = 8,      /* a flight that asks more often than this goes in circles */
    FLIGHTS_MAX = 4096 /* refreshes over this many flights are left out */
};

struct ja_flight_t {
    ja_engine_t *engine;
    ja_flight_t *next_in_bucket;
    ja_flight_t *next_waiting; /* the fetch thread's list of flights that wait for a step */
    bool landed;
    unsigned refs; /* the engine's own, and one per visitor; under the engine's lock */
    unsigned steps;
    int64_t due_ms;      /* next step not before */
    int64_t deadline_ms; /* for all steps together */
    pthread_cond_t landing;
    ja_entry_t *entry;
    ja_order_t order;
    ja_ask_t ask;
};

struct ja_engine_t {
    ja_desk_t desk;
    ja_transport_t transport;
    bool threaded;
    bool started;
    pthread_t thread;
    pthread_mutex_t lock; /* protects all below; never held while desk or transport run */
    ja_flight_t *bucket[BUCKETS];
    ja_flight_t *waiting_first, **waiting_last;
    unsigned flights;
    unsigned visitors;
    bool aborted;
    bool ended;
    unsigned asking[REALM_SLOTS]; /* fetch thread only */
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- flights ------------------------------------------------------------------------------- */

static unsigned *asking_of(ja_engine_t *engine, const ja_realm_t *realm)
{
    return &engine->asking[(unsigned)realm->id % REALM_SLOTS];
}

static ja_flight_t **find(ja_engine_t *engine, const unsigned char *key)
{
    ja_flight_t **link = &engine->bucket[key[0]];

    while (*link != NULL && memcmp((*link)->order.key, key, JA_KEY_LEN) != 0) {
        link = &(*link)->next_in_bucket;
    }
    return link;
}

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

static void enqueue(ja_engine_t *engine, ja_flight_t *flight)
{
    flight->next_waiting = NULL;
    *engine->waiting_last = flight;
    engine->waiting_last = &flight->next_waiting;
}

/* The flight of `order`, a new one if nobody flies yet; the caller holds the lock. */
static ja_flight_t *board(ja_engine_t *engine, const ja_order_t *order, bool *is_new)
{
    ja_flight_t **link = find(engine, order->key);

    *is_new = *link == NULL;
    if (!*is_new) {
        return *link;
    }
    ja_flight_t *flight = calloc(1, sizeof(*flight));
    if (flight == NULL) {
        return NULL;
    }
    flight->engine = engine;
    flight->order = *order;
    flight->refs = 1;
    flight->deadline_ms =
        now_ms() + order->realm->network.connect_ms + order->realm->network.total_ms;
    init_cond(&flight->landing);
    *link = flight;
    engine->flights++;
    enqueue(engine, flight);
    return flight;
}

/* The caller holds the lock. */
static void release(ja_flight_t *flight)
{
    if (--flight->refs == 0) {
        pthread_cond_destroy(&flight->landing);
        ja_entry_unref(flight->entry);
        free(flight);
    }
}

/* ---- the fetch thread ---------------------------------------------------------------------- */

static void land(ja_flight_t *flight, ja_entry_t *entry)
{
    ja_engine_t *engine = flight->engine;

    if (entry == NULL) { /* no memory for more than this */
        entry = ja_entry_failure(JA_OUTCOME_INTERNAL);
    }
    engine->desk.landed(engine->desk.self, &flight->order, entry);

    pthread_mutex_lock(&engine->lock);
    ja_flight_t **link = find(engine, flight->order.key);
    *link = flight->next_in_bucket;
    flight->landed = true;
    flight->entry = entry;
    engine->flights--;
    pthread_cond_broadcast(&flight->landing);
    release(flight);
    pthread_mutex_unlock(&engine->lock);
}

static void wait_again(ja_flight_t *flight, int64_t due_ms)
{
    pthread_mutex_lock(&flight->engine->lock);
    flight->due_ms = due_ms;
    enqueue(flight->engine, flight);
    pthread_mutex_unlock(&flight->engine->lock);
}

static void send_ask(ja_flight_t *flight)
{
    ja_engine_t *engine = flight->engine;

    flight->steps++;
    ++*asking_of(engine, flight->order.realm);
    engine->transport.begin(engine->transport.self, flight, &flight->ask);
}

/* Why a flight that waits cannot go on; JA_OUTCOME_IMAGE if it can. */
static ja_outcome_t obstacle(const ja_flight_t *flight, bool aborted, int64_t now)
{
    if (aborted) {
        return JA_OUTCOME_UNAVAILABLE;
    }
    if (now >= flight->deadline_ms) {
        return JA_OUTCOME_TIMEOUT;
    }
    return flight->steps >= STEP_MAX ? JA_OUTCOME_INTERNAL : JA_OUTCOME_IMAGE;
}

static void step(ja_flight_t *flight, bool aborted, int64_t now)
{
    ja_engine_t *engine = flight->engine;
    ja_entry_t *entry = NULL;
    int64_t later_ms = 0;

    ja_outcome_t why_not = obstacle(flight, aborted, now);
    if (why_not != JA_OUTCOME_IMAGE) {
        land(flight, ja_entry_failure(why_not));
        return;
    }
    switch (engine->desk.next(engine->desk.self, &flight->order, &flight->ask, &later_ms, &entry)) {
    case JA_STEP_ASK:
        send_ask(flight);
        break;
    case JA_STEP_LATER:
        wait_again(flight, now + later_ms);
        break;
    case JA_STEP_DONE:
        land(flight, entry);
        break;
    }
}

void ja_fetch_io_answer(ja_flight_t *flight, const ja_answer_t *answer)
{
    ja_engine_t *engine = flight->engine;

    --*asking_of(engine, flight->order.realm);
    ja_entry_t *entry =
        engine->desk.answered(engine->desk.self, &flight->order, &flight->ask, answer);
    if (entry != NULL) {
        land(flight, entry);
    } else {
        wait_again(flight, 0);
    }
}

static bool has_slot(ja_engine_t *engine, const ja_flight_t *flight)
{
    return (int64_t)*asking_of(engine, flight->order.realm) <
           flight->order.realm->network.max_fetches;
}

/* When a waiting flight takes its next step; without a free fetch it only has its deadline. */
static int64_t due(ja_engine_t *engine, const ja_flight_t *flight)
{
    return has_slot(engine, flight) && flight->due_ms < flight->deadline_ms ? flight->due_ms
                                                                            : flight->deadline_ms;
}

static ja_flight_t *take_waiting(ja_engine_t *engine, bool *aborted)
{
    pthread_mutex_lock(&engine->lock);
    ja_flight_t *list = engine->waiting_first;
    engine->waiting_first = NULL;
    engine->waiting_last = &engine->waiting_first;
    *aborted = engine->aborted;
    pthread_mutex_unlock(&engine->lock);
    return list;
}

/* Lets every flight that is due take its step. */
static void take_steps(ja_engine_t *engine, ja_flight_t *flight, bool aborted)
{
    int64_t now = now_ms();

    while (flight != NULL) {
        ja_flight_t *next = flight->next_waiting;
        if (aborted || due(engine, flight) <= now) {
            step(flight, aborted, now);
        } else {
            wait_again(flight, flight->due_ms);
        }
        flight = next;
    }
}

/* Milliseconds until the next waiting flight is due; -1: none waits. */
static int64_t next_due(ja_engine_t *engine)
{
    int64_t now = now_ms();
    int64_t first = -1;

    pthread_mutex_lock(&engine->lock);
    for (ja_flight_t *flight = engine->waiting_first; flight; flight = flight->next_waiting) {
        int64_t at = due(engine, flight) < now ? now : due(engine, flight);
        first = first < 0 || at < first ? at : first;
    }
    pthread_mutex_unlock(&engine->lock);
    return first < 0 ? -1 : first - now;
}

/* Returns the time to wait for the network. */
static int64_t run_flights(ja_engine_t *engine)
{
    bool aborted;
    ja_flight_t *list = take_waiting(engine, &aborted);

    take_steps(engine, list, aborted);
    if (aborted) {
        engine->transport.abort(engine->transport.self);
    }
    return next_due(engine);
}

static bool is_ended(ja_engine_t *engine)
{
    pthread_mutex_lock(&engine->lock);
    bool ended = engine->ended && engine->flights == 0;
    pthread_mutex_unlock(&engine->lock);
    return ended;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

static void *fetch_thread(void *self)
{
    ja_engine_t *engine = self;
    const ja_desk_t *desk = &engine->desk;

    for (;;) {
        int64_t tend_ms = desk->tend != NULL ? desk->tend(desk->self) : -1;
        int64_t wait_ms = sooner(tend_ms, run_flights(engine));
        if (is_ended(engine)) { /* only now: aborting has just landed the last flights */
            return NULL;
        }
        engine->transport.turn(engine->transport.self, wait_ms);
    }
}

/* ---- visitors ------------------------------------------------------------------------------ */

static void wait_for_landing(ja_flight_t *flight, int64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};

    while (!flight->landed &&
           pthread_cond_timedwait(&flight->landing, &flight->engine->lock, &until) == 0) {
    }
}

/* Without a fetch thread the visitor is it, until his flight has landed. */
static void drive(ja_engine_t *engine, const ja_flight_t *flight, int64_t until_ms)
{
    while (!flight->landed) {
        int64_t left = until_ms - now_ms();
        if (left <= 0) {
            return;
        }
        int64_t wait = run_flights(engine);
        if (flight->landed) {
            return;
        }
        engine->transport.turn(engine->transport.self, wait < 0 || wait > left ? left : wait);
    }
}

ja_wait_t ja_fetch_visitor_get(ja_engine_t *engine, const ja_order_t *order, int64_t wait_ms,
                               int64_t max_waiting, ja_entry_t **entry)
{
    int64_t until_ms = now_ms() + wait_ms;
    bool is_new = false;
    ja_flight_t *flight = NULL;

    *entry = NULL;
    pthread_mutex_lock(&engine->lock);
    if (!engine->aborted && (max_waiting <= 0 || engine->visitors < (uint64_t)max_waiting)) {
        flight = board(engine, order, &is_new);
    }
    if (flight == NULL) {
        pthread_mutex_unlock(&engine->lock);
        return JA_WAIT_FULL;
    }
    flight->refs++;
    engine->visitors++;
    if (engine->threaded) {
        if (is_new) {
            engine->transport.wake(engine->transport.self);
        }
        wait_for_landing(flight, until_ms);
    } else {
        pthread_mutex_unlock(&engine->lock);
        drive(engine, flight, until_ms);
        pthread_mutex_lock(&engine->lock);
    }
    engine->visitors--;
    *entry = flight->entry;
    if (*entry != NULL) {
        ja_entry_ref(*entry);
    }
    release(flight);
    pthread_mutex_unlock(&engine->lock);
    return *entry == NULL ? JA_WAIT_LATE : is_new ? JA_WAIT_LEADER : JA_WAIT_JOINED;
}

void ja_fetch_visitor_refresh(ja_engine_t *engine, const ja_order_t *order)
{
    bool is_new = false;

    pthread_mutex_lock(&engine->lock);
    if (!engine->aborted && engine->flights < FLIGHTS_MAX) {
        (void)board(engine, order, &is_new);
    }
    pthread_mutex_unlock(&engine->lock);
    if (is_new && engine->threaded) {
        engine->transport.wake(engine->transport.self);
    }
}

void ja_fetch_visitor_settle(ja_engine_t *engine)
{
    while (!engine->threaded && engine->flights > 0) {
        int64_t wait = run_flights(engine);
        if (engine->flights > 0) {
            engine->transport.turn(engine->transport.self, wait);
        }
    }
}

void ja_fetch_load(ja_engine_t *engine, unsigned *flights, unsigned *waiting)
{
    pthread_mutex_lock(&engine->lock);
    *flights = engine->flights;
    *waiting = engine->visitors;
    pthread_mutex_unlock(&engine->lock);
}

/* ---- lifetime ------------------------------------------------------------------------------ */

ja_engine_t *ja_fetch_create(const ja_engine_params_t *params)
{
    ja_engine_t *engine = calloc(1, sizeof(*engine));

    if (engine != NULL) {
        engine->desk = params->desk;
        engine->transport = params->transport;
        engine->threaded = params->threaded;
        engine->waiting_last = &engine->waiting_first;
        pthread_mutex_init(&engine->lock, NULL);
    }
    return engine;
}

bool ja_fetch_start(ja_engine_t *engine)
{
    sigset_t all, before;

    if (!engine->threaded) {
        return true;
    }
    /* Signals are for the server's own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    engine->started = pthread_create(&engine->thread, NULL, fetch_thread, engine) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return engine->started;
}

void ja_fetch_abort(ja_engine_t *engine)
{
    if (!engine->threaded) { /* called by a signal handler, whatever it interrupted */
        engine->aborted = true;
        return;
    }
    pthread_mutex_lock(&engine->lock);
    engine->aborted = true;
    pthread_mutex_unlock(&engine->lock);
    engine->transport.wake(engine->transport.self);
}

void ja_fetch_destroy(ja_engine_t *engine)
{
    pthread_mutex_lock(&engine->lock);
    engine->aborted = true;
    engine->ended = true;
    pthread_mutex_unlock(&engine->lock);
    engine->transport.wake(engine->transport.self);
    if (engine->started) {
        pthread_join(engine->thread, NULL);
    }
    while (engine->flights > 0) { /* nobody else is left to end them */
        (void)run_flights(engine);
    }
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

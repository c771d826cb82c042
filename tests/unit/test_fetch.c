/* SPDX-License-Identifier: Apache-2.0 */
/* Flights, with a desk and a transport that do what the test says. */
#include "ja_fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

enum { ASKS_MAX = 8192, LONG_MS = 8000, SOON_MS = 60 };

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

/* ---- the transport: keeps asks until the test, or `answers_itself`, lets them be answered ---- */

typedef struct wire_t {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    bool answers_itself;
    unsigned begun, answered, let_go; /* asks, in their order; let_go: how many may be answered */
    unsigned under_way_max;
    ja_flight_t *asks[ASKS_MAX];
} wire_t;

static void begin(void *self, ja_flight_t *flight, ja_ask_t *ask)
{
    wire_t *wire = self;

    (void)ask;
    pthread_mutex_lock(&wire->lock);
    ck_assert_uint_lt(wire->begun, ASKS_MAX);
    wire->asks[wire->begun++] = flight;
    unsigned under_way = wire->begun - wire->answered;
    wire->under_way_max = under_way > wire->under_way_max ? under_way : wire->under_way_max;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

static bool has_work(const wire_t *wire)
{
    return wire->answered < wire->begun && (wire->answers_itself || wire->answered < wire->let_go);
}

static void answer(wire_t *wire, ja_net_t net, bool all)
{
    ja_answer_t with = {.net = net, .status = net == JA_NET_OK ? 200 : 0};

    while (wire->answered < wire->begun && (all || has_work(wire))) {
        ja_flight_t *flight = wire->asks[wire->answered++];
        pthread_mutex_unlock(&wire->lock);
        ja_fetch_io_answer(flight, &with);
        pthread_mutex_lock(&wire->lock);
    }
}

static void turn(void *self, int64_t wait_ms)
{
    wire_t *wire = self;
    int64_t until = now_ms() + (wait_ms < 0 ? LONG_MS : wait_ms);
    struct timespec at = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

    pthread_mutex_lock(&wire->lock);
    while (!wire->woken && !has_work(wire) &&
           pthread_cond_timedwait(&wire->changed, &wire->lock, &at) == 0) {
    }
    wire->woken = false;
    answer(wire, JA_NET_OK, false);
    pthread_mutex_unlock(&wire->lock);
}

static void abort_all(void *self)
{
    wire_t *wire = self;

    pthread_mutex_lock(&wire->lock);
    answer(wire, JA_NET_ABORTED, true);
    pthread_mutex_unlock(&wire->lock);
}

static void wake(void *self)
{
    wire_t *wire = self;

    pthread_mutex_lock(&wire->lock);
    wire->woken = true;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

static void let_go(wire_t *wire, unsigned count)
{
    pthread_mutex_lock(&wire->lock);
    wire->let_go += count;
    pthread_cond_broadcast(&wire->changed);
    pthread_mutex_unlock(&wire->lock);
}

static unsigned begun(wire_t *wire)
{
    pthread_mutex_lock(&wire->lock);
    unsigned count = wire->begun;
    pthread_mutex_unlock(&wire->lock);
    return count;
}

/* ---- the desk: a plan for every flight ------------------------------------------------------- */

typedef struct desk_t {
    /* the plan */
    unsigned later;      /* so many times somebody else is at it, */
    unsigned asks;       /* then so many asks; 0: it is done without one */
    bool goes_on_anyhow; /* what is aborted is no end either */
    unsigned tends;      /* so many times something is to be done soon, unordered */
    /* what happened; under `lock` */
    pthread_mutex_t lock;
    unsigned nexts, answers, landings, tended;
    ja_outcome_t landed_as;
} desk_t;

static ja_entry_t *picture(void)
{
    return ja_entry_image(JA_IMAGE_PNG, (const unsigned char *)"png", 3);
}

static ja_step_t next(void *self, const ja_order_t *order, ja_ask_t *ask, int64_t *later_ms,
                      ja_entry_t **entry)
{
    desk_t *desk = self;

    (void)order;
    pthread_mutex_lock(&desk->lock);
    unsigned count = desk->nexts++;
    pthread_mutex_unlock(&desk->lock);
    if (count < desk->later) {
        *later_ms = 1;
        return JA_STEP_LATER;
    }
    if (desk->asks > 0) {
        ask->step++;
        return JA_STEP_ASK;
    }
    *entry = picture();
    return JA_STEP_DONE;
}

static ja_entry_t *answered(void *self, const ja_order_t *order, ja_ask_t *ask,
                            const ja_answer_t *with)
{
    desk_t *desk = self;

    (void)order;
    pthread_mutex_lock(&desk->lock);
    desk->answers++;
    pthread_mutex_unlock(&desk->lock);
    if (with->net == JA_NET_ABORTED && !desk->goes_on_anyhow) {
        return ja_entry_failure(JA_OUTCOME_UNAVAILABLE);
    }
    return (unsigned)ask->step >= desk->asks ? picture() : NULL;
}

static void landed(void *self, const ja_order_t *order, const ja_entry_t *entry)
{
    desk_t *desk = self;

    (void)order;
    pthread_mutex_lock(&desk->lock);
    desk->landings++;
    desk->landed_as = ja_entry_outcome(entry);
    pthread_mutex_unlock(&desk->lock);
}

/* ---- the scene --------------------------------------------------------------------------------
 */

static wire_t wire;
static desk_t desk;
static ja_realm_t realm;
static ja_engine_t *engine;

static ja_order_t order(unsigned number)
{
    ja_order_t order = {.realm = &realm};

    memcpy(order.key, &number, sizeof(number));
    return order;
}

static int64_t tend(void *self)
{
    (void)self;
    pthread_mutex_lock(&desk.lock);
    unsigned count = desk.tended < desk.tends ? ++desk.tended : 0;
    pthread_mutex_unlock(&desk.lock);
    if (count > 0) {
        ja_order_t errand = order(100 + count);
        ja_fetch_visitor_refresh(engine, &errand);
    }
    return count > 0 ? 1 : -1;
}

static void set_up(bool threaded)
{
    pthread_condattr_t attr;

    wire = (wire_t){.woken = false};
    desk = (desk_t){.asks = 1};
    realm = (ja_realm_t){.network = {.connect_ms = LONG_MS, .total_ms = 0, .max_fetches = 100}};
    pthread_mutex_init(&wire.lock, NULL);
    pthread_mutex_init(&desk.lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&wire.changed, &attr);
    ja_engine_params_t params = {
        .desk = {&desk, next, answered, landed, tend},
        .transport = {&wire, begin, turn, abort_all, wake},
        .threaded = threaded,
    };
    engine = ja_fetch_create(&params);
    ck_assert_ptr_nonnull(engine);
}

/* The plan is made between these two: the fetch thread reads it. */
static void start(void)
{
    ck_assert(ja_fetch_start(engine));
}

static void set_up_threaded(void)
{
    set_up(true);
}

static void set_up_alone(void)
{
    set_up(false);
    start();
}

static void tear_down(void)
{
    ja_fetch_destroy(engine);
    ck_assert_uint_eq(wire.begun, wire.answered);
    ck_assert_uint_eq(wire.begun, desk.answers);
    wire = (wire_t){.woken = false}; /* a leak would hide behind what it points to */
}

typedef struct visitor_t {
    pthread_t thread;
    ja_order_t order;
    int64_t wait_ms, max_waiting, took_ms;
    ja_wait_t came;
    ja_entry_t *entry;
} visitor_t;

static void *visit(void *self)
{
    visitor_t *visitor = self;
    int64_t began = now_ms();

    visitor->came = ja_fetch_visitor_get(engine, &visitor->order, visitor->wait_ms,
                                         visitor->max_waiting, &visitor->entry);
    visitor->took_ms = now_ms() - began;
    return NULL;
}

static void wait_for_load(unsigned flights, unsigned waiting)
{
    for (int64_t until = now_ms() + LONG_MS; now_ms() < until; nap(1)) {
        unsigned now_flights, now_waiting;
        ja_fetch_load(engine, &now_flights, &now_waiting);
        if (now_flights == flights && now_waiting == waiting) {
            return;
        }
    }
    ck_abort_msg("never %u flights and %u waiting", flights, waiting);
}

static void wait_for_asks(unsigned count)
{
    for (int64_t until = now_ms() + LONG_MS; begun(&wire) < count; nap(1)) {
        ck_assert(now_ms() < until);
    }
}

/* `visitors` arrive one after the other, who asks for which of `keys` avatars in turn. */
static void arrive(visitor_t *visitors, unsigned count, unsigned keys, int64_t wait_ms)
{
    for (unsigned i = 0; i < count; i++) {
        visitors[i] = (visitor_t){.order = order(i % keys), .wait_ms = wait_ms};
        pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]);
        wait_for_load(i + 1 < keys ? i + 1 : keys, i + 1);
    }
}

static void leave(visitor_t *visitors, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        pthread_join(visitors[i].thread, NULL);
    }
}

static ja_outcome_t outcome_of(ja_entry_t *entry)
{
    ck_assert_ptr_nonnull(entry);
    ja_outcome_t outcome = ja_entry_outcome(entry);
    ja_entry_unref(entry);
    return outcome;
}

/* ---- sharing -----------------------------------------------------------------------------------
 */

START_TEST(equal_orders_share_one_ask_and_one_entry)
{
    visitor_t visitors[8];

    start();
    arrive(visitors, 8, 1, LONG_MS);
    let_go(&wire, 1);
    leave(visitors, 8);
    ck_assert_uint_eq(wire.begun, 1);
    ck_assert_uint_eq(desk.landings, 1);
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_int_eq(visitors[i].came, i == 0 ? JA_WAIT_LEADER : JA_WAIT_JOINED);
        ck_assert_ptr_eq(visitors[i].entry, visitors[0].entry);
    }
    for (unsigned i = 0; i < 8; i++) {
        ck_assert_int_eq(outcome_of(visitors[i].entry), JA_OUTCOME_IMAGE);
    }
}
END_TEST

START_TEST(other_orders_do_not)
{
    visitor_t visitors[6];

    start();
    arrive(visitors, 6, 3, LONG_MS);
    wait_for_asks(3);
    let_go(&wire, 3);
    leave(visitors, 6);
    ck_assert_uint_eq(wire.begun, 3);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_ptr_eq(visitors[i].entry, visitors[i + 3].entry);
        ck_assert_ptr_ne(visitors[i].entry, visitors[(i + 1) % 3].entry);
    }
    for (unsigned i = 0; i < 6; i++) {
        ja_entry_unref(visitors[i].entry);
    }
}
END_TEST

START_TEST(what_has_landed_is_not_joined)
{
    visitor_t visitor[1];

    start();
    for (unsigned i = 1; i <= 2; i++) {
        arrive(visitor, 1, 1, LONG_MS);
        let_go(&wire, 1);
        leave(visitor, 1);
        ck_assert_int_eq(visitor->came, JA_WAIT_LEADER);
        ja_entry_unref(visitor->entry);
        ck_assert_uint_eq(wire.begun, i);
    }
}
END_TEST

/* ---- waiting -----------------------------------------------------------------------------------
 */

START_TEST(a_flight_goes_on_when_its_last_visitor_has_left)
{
    visitor_t hasty[2], patient[1];

    start();
    arrive(hasty, 2, 1, SOON_MS);
    leave(hasty, 2);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(hasty[i].came, JA_WAIT_LATE);
        ck_assert_ptr_null(hasty[i].entry);
        ck_assert_int_ge(hasty[i].took_ms, SOON_MS - 5);
    }
    wait_for_load(1, 0);
    arrive(patient, 1, 1, LONG_MS);
    let_go(&wire, 1);
    leave(patient, 1);
    ck_assert_int_eq(patient->came, JA_WAIT_JOINED);
    ck_assert_int_eq(outcome_of(patient->entry), JA_OUTCOME_IMAGE);
    ck_assert_uint_eq(wire.begun, 1);
}
END_TEST

START_TEST(each_visitor_has_a_deadline_of_his_own)
{
    visitor_t patient[1], hasty = {.order = order(0), .wait_ms = SOON_MS};

    start();
    arrive(patient, 1, 1, LONG_MS);
    visit(&hasty);
    ck_assert_int_eq(hasty.came, JA_WAIT_LATE);
    let_go(&wire, 1);
    leave(patient, 1);
    ck_assert_int_eq(outcome_of(patient->entry), JA_OUTCOME_IMAGE);
}
END_TEST

START_TEST(only_so_many_may_wait_joiners_included)
{
    visitor_t visitors[3];
    visitor_t more = {.order = order(0), .wait_ms = LONG_MS, .max_waiting = 3};

    start();
    arrive(visitors, 3, 2, LONG_MS);
    for (unsigned key = 0; key < 3; key++) { /* flying or not */
        more.order = order(key);
        visit(&more);
        ck_assert_int_eq(more.came, JA_WAIT_FULL);
        ck_assert_ptr_null(more.entry);
        ck_assert_int_lt(more.took_ms, LONG_MS / 2);
    }
    wait_for_load(2, 3);
    let_go(&wire, 2);
    leave(visitors, 3);
    let_go(&wire, 1);
    visit(&more);
    ck_assert_int_eq(more.came, JA_WAIT_LEADER);
    for (unsigned i = 0; i < 3; i++) {
        ja_entry_unref(visitors[i].entry);
    }
    ja_entry_unref(more.entry);
}
END_TEST

START_TEST(a_refresh_waits_for_nothing_and_may_be_joined)
{
    ja_order_t wanted = order(0);
    visitor_t visitor[1];

    start();
    for (int i = 0; i < 5; i++) {
        ja_fetch_visitor_refresh(engine, &wanted);
    }
    wait_for_asks(1);
    wait_for_load(1, 0);
    arrive(visitor, 1, 1, LONG_MS);
    ck_assert_uint_eq(begun(&wire), 1);
    let_go(&wire, 1);
    leave(visitor, 1);
    ck_assert_int_eq(visitor->came, JA_WAIT_JOINED);
    ja_entry_unref(visitor->entry);
}
END_TEST

/* ---- fetching ----------------------------------------------------------------------------------
 */

START_TEST(only_so_many_fetch_at_once)
{
    visitor_t visitors[6];

    realm.network.max_fetches = 2;
    start();
    arrive(visitors, 6, 6, LONG_MS);
    wait_for_asks(2);
    nap(20);
    for (unsigned i = 0; i < 5; i++) {
        let_go(&wire, 1);
        wait_for_asks(i + 3 < 6 ? i + 3 : 6);
    }
    let_go(&wire, 1);
    leave(visitors, 6);
    ck_assert_uint_eq(wire.under_way_max, 2);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert_int_eq(outcome_of(visitors[i].entry), JA_OUTCOME_IMAGE);
    }
}
END_TEST

START_TEST(whoever_waits_for_a_fetch_has_a_deadline)
{
    visitor_t visitors[2];

    realm.network.max_fetches = 1;
    realm.network.connect_ms = SOON_MS;
    start();
    arrive(visitors, 2, 2, LONG_MS);
    pthread_join(visitors[1].thread, NULL);
    ck_assert_int_eq(outcome_of(visitors[1].entry), JA_OUTCOME_TIMEOUT);
    let_go(&wire, 1); /* the one that is sent has the transport's deadline */
    leave(visitors, 1);
    ck_assert_int_eq(outcome_of(visitors[0].entry), JA_OUTCOME_IMAGE);
    ck_assert_uint_eq(wire.begun, 1);
}
END_TEST

START_TEST(one_realm_does_not_wait_for_another)
{
    ja_realm_t other = {.id = 1, .network = realm.network};
    visitor_t visitor[1];
    ja_order_t elsewhere = order(7);

    realm.network.max_fetches = 1;
    elsewhere.realm = &other;
    start();
    arrive(visitor, 1, 1, LONG_MS);
    ja_fetch_visitor_refresh(engine, &elsewhere);
    wait_for_asks(2);
    let_go(&wire, 2);
    leave(visitor, 1);
    ja_entry_unref(visitor->entry);
    wait_for_load(0, 0);
}
END_TEST

START_TEST(while_somebody_else_is_at_it_the_desk_is_asked_again)
{
    visitor_t visitor = {.order = order(0), .wait_ms = LONG_MS};

    desk.later = 5;
    desk.asks = _i ? 1 : 0;
    wire.answers_itself = true;
    start();
    visit(&visitor);
    ck_assert_int_eq(outcome_of(visitor.entry), JA_OUTCOME_IMAGE);
    ck_assert_uint_eq(desk.nexts, 6);
    ck_assert_uint_eq(wire.begun, desk.asks);
}
END_TEST

START_TEST(waiting_for_somebody_else_has_an_end)
{
    visitor_t visitor = {.order = order(0), .wait_ms = LONG_MS};

    desk.later = 1000000;
    realm.network.connect_ms = SOON_MS;
    start();
    visit(&visitor);
    ck_assert_int_eq(visitor.came, JA_WAIT_LEADER);
    ck_assert_int_eq(outcome_of(visitor.entry), JA_OUTCOME_TIMEOUT);
    ck_assert_uint_eq(desk.landings, 1);
}
END_TEST

START_TEST(a_flight_may_take_several_steps)
{
    visitor_t visitor = {.order = order(0), .wait_ms = LONG_MS};

    desk.asks = 3;
    wire.answers_itself = true;
    start();
    visit(&visitor);
    ck_assert_int_eq(outcome_of(visitor.entry), JA_OUTCOME_IMAGE);
    ck_assert_uint_eq(wire.begun, 3);
}
END_TEST

START_TEST(a_flight_does_not_go_in_circles)
{
    visitor_t visitor = {.order = order(0), .wait_ms = LONG_MS};

    desk.asks = 1000;
    wire.answers_itself = true;
    start();
    visit(&visitor);
    ck_assert_int_eq(outcome_of(visitor.entry), JA_OUTCOME_INTERNAL);
    ck_assert_uint_lt(wire.begun, 20);
    ck_assert_int_eq(desk.landed_as, JA_OUTCOME_INTERNAL);
}
END_TEST

START_TEST(what_nobody_ordered_is_done_in_time)
{
    desk.tends = 3;
    wire.answers_itself = true;
    start();
    wait_for_asks(3);
    wait_for_load(0, 0);
    ck_assert_uint_eq(begun(&wire), 3);
}
END_TEST

/* ---- stopping ----------------------------------------------------------------------------------
 */

START_TEST(an_abort_answers_everybody_at_once)
{
    visitor_t visitors[4], late = {.order = order(9), .wait_ms = LONG_MS};

    realm.network.max_fetches = 1; /* one is sent, the other waits */
    desk.goes_on_anyhow = _i;
    desk.asks = 2;
    start();
    arrive(visitors, 4, 2, LONG_MS);
    wait_for_asks(1);
    ja_fetch_abort(engine);
    leave(visitors, 4);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_int_lt(visitors[i].took_ms, LONG_MS / 2);
        ck_assert_int_eq(outcome_of(visitors[i].entry), JA_OUTCOME_UNAVAILABLE);
    }
    visit(&late);
    ck_assert_int_eq(late.came, JA_WAIT_FULL);
    ja_fetch_visitor_refresh(engine, &late.order);
    wait_for_load(0, 0);
}
END_TEST

START_TEST(what_is_under_way_is_ended_with_the_engine)
{
    desk.goes_on_anyhow = _i;
    desk.asks = 2;
    realm.network.max_fetches = 3;
    start();
    for (unsigned i = 0; i < 5; i++) {
        ja_order_t wanted = order(i);
        ja_fetch_visitor_refresh(engine, &wanted);
    }
    wait_for_asks(3);
}
END_TEST

START_TEST(an_engine_that_was_never_started_ends_too)
{
    ja_order_t wanted = order(0);

    ja_fetch_visitor_refresh(engine, &wanted);
}
END_TEST

/* ---- without threads
 * ----------------------------------------------------------------------------- */

START_TEST(alone_the_visitor_drives)
{
    visitor_t visitor = {.order = order(0), .wait_ms = LONG_MS, .max_waiting = 1};

    desk.asks = 2;
    desk.later = 2;
    wire.answers_itself = true;
    visit(&visitor);
    ck_assert_int_eq(visitor.came, JA_WAIT_LEADER);
    ck_assert_int_eq(outcome_of(visitor.entry), JA_OUTCOME_IMAGE);
    ck_assert_uint_eq(wire.begun, 2);
    wait_for_load(0, 0);
}
END_TEST

START_TEST(alone_the_rest_is_settled_after_the_answer)
{
    visitor_t visitor = {.order = order(0), .wait_ms = SOON_MS};
    ja_order_t other = order(1);

    visit(&visitor);
    ck_assert_int_eq(visitor.came, JA_WAIT_LATE);
    ja_fetch_visitor_refresh(engine, &other);
    wait_for_load(2, 0);
    wire.answers_itself = true;
    ja_fetch_visitor_settle(engine);
    wait_for_load(0, 0);
    ck_assert_uint_eq(wire.begun, 2);
    ck_assert_uint_eq(desk.landings, 2);
    ja_fetch_visitor_settle(engine); /* nothing is left to do */
}
END_TEST

START_TEST(alone_a_stop_ends_what_is_under_way)
{
    visitor_t visitor = {.order = order(0), .wait_ms = SOON_MS};
    ja_order_t other = order(1);

    desk.goes_on_anyhow = _i;
    desk.asks = 2;
    visit(&visitor);
    ja_fetch_visitor_refresh(engine, &other);
    ja_fetch_abort(engine);
    visit(&visitor);
    ck_assert_int_eq(visitor.came, JA_WAIT_FULL);
}
END_TEST

/* ---- all at once
 * ----------------------------------------------------------------------------------- */

enum { CROWD = 6, VISITS = 300, KEYS = 5 };

static void *wander(void *self)
{
    unsigned random = (unsigned)(uintptr_t)self;

    for (int i = 0; i < VISITS; i++) {
        ja_order_t wanted = order((random >> 16) % KEYS);
        ja_entry_t *entry = NULL;
        random = random * 1103515245u + 12345u;
        if (random & 0x100) {
            ja_fetch_visitor_refresh(engine, &wanted);
        } else {
            ja_wait_t came =
                ja_fetch_visitor_get(engine, &wanted, random & 0x200 ? 0 : LONG_MS, 4, &entry);
            bool has_one = came == JA_WAIT_LEADER || came == JA_WAIT_JOINED;
            ck_assert_int_eq(has_one, entry != NULL);
            ja_entry_unref(entry);
        }
    }
    return NULL;
}

START_TEST(a_crowd)
{
    pthread_t crowd[CROWD];

    desk.asks = 2;
    realm.network.max_fetches = 2;
    wire.answers_itself = true;
    start();
    for (uintptr_t i = 0; i < CROWD; i++) {
        pthread_create(&crowd[i], NULL, wander, (void *)(i * 7919 + 1));
    }
    for (unsigned i = 0; i < CROWD; i++) {
        pthread_join(crowd[i], NULL);
    }
    ja_fetch_abort(engine);
    wait_for_load(0, 0);
    ck_assert_uint_le(wire.under_way_max, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fetch");
    TCase *threaded = tcase_create("threaded");
    TCase *alone = tcase_create("alone");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(threaded, set_up_threaded, tear_down);
    tcase_add_test(threaded, equal_orders_share_one_ask_and_one_entry);
    tcase_add_test(threaded, other_orders_do_not);
    tcase_add_test(threaded, what_has_landed_is_not_joined);
    tcase_add_test(threaded, a_flight_goes_on_when_its_last_visitor_has_left);
    tcase_add_test(threaded, each_visitor_has_a_deadline_of_his_own);
    tcase_add_test(threaded, only_so_many_may_wait_joiners_included);
    tcase_add_test(threaded, a_refresh_waits_for_nothing_and_may_be_joined);
    tcase_add_test(threaded, only_so_many_fetch_at_once);
    tcase_add_test(threaded, whoever_waits_for_a_fetch_has_a_deadline);
    tcase_add_test(threaded, one_realm_does_not_wait_for_another);
    tcase_add_loop_test(threaded, while_somebody_else_is_at_it_the_desk_is_asked_again, 0, 2);
    tcase_add_test(threaded, waiting_for_somebody_else_has_an_end);
    tcase_add_test(threaded, a_flight_may_take_several_steps);
    tcase_add_test(threaded, a_flight_does_not_go_in_circles);
    tcase_add_test(threaded, what_nobody_ordered_is_done_in_time);
    tcase_add_loop_test(threaded, an_abort_answers_everybody_at_once, 0, 2);
    tcase_add_loop_test(threaded, what_is_under_way_is_ended_with_the_engine, 0, 2);
    tcase_add_test(threaded, an_engine_that_was_never_started_ends_too);
    tcase_add_test(threaded, a_crowd);
    suite_add_tcase(suite, threaded);

    tcase_add_checked_fixture(alone, set_up_alone, tear_down);
    tcase_add_test(alone, alone_the_visitor_drives);
    tcase_add_test(alone, alone_the_rest_is_settled_after_the_answer);
    tcase_add_loop_test(alone, alone_a_stop_ends_what_is_under_way, 0, 2);
    suite_add_tcase(suite, alone);

    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

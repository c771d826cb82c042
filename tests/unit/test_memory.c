/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has at hand: the newest of each, the least used first to go, never too much. */
#include "ja_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

enum {
    BODY = 1000,
    ROOM = 10 * (BODY + (int)sizeof(ja_entry_t))
}; /* for some, whatever an entry costs besides */

static ja_memory_t *memory;

static void set_up(void)
{
    memory = ja_memory_create(ROOM);
    ck_assert_ptr_nonnull(memory);
}

static void tear_down(void)
{
    ja_memory_destroy(memory);
}

/* Keys that share a bucket, and keys that do not. */
static void make_key(unsigned number, unsigned char key[JA_KEY_LEN])
{
    memset(key, 0, JA_KEY_LEN);
    memcpy(key + (number & 1 ? 0 : 8), &number, sizeof(number));
}

static void put_sized(unsigned number, char with, size_t len)
{
    unsigned char key[JA_KEY_LEN];
    ja_entry_t *entry = ja_entry_create(JA_OUTCOME_IMAGE, len);

    make_key(number, key);
    memset(entry->body, with, len);
    ja_memory_put(memory, key, entry);
    ja_entry_unref(entry);
}

static void put(unsigned number, char with)
{
    put_sized(number, with, BODY);
}

/* What is held, or '\0'. */
static char got(unsigned number)
{
    unsigned char key[JA_KEY_LEN];

    make_key(number, key);
    ja_entry_t *entry = ja_memory_get(memory, key);
    char with = entry != NULL ? (char)entry->body[0] : '\0';
    ja_entry_unref(entry);
    return with;
}

START_TEST(what_was_put_is_got)
{
    ck_assert_int_eq(got(1), '\0');
    put(1, 'a');
    put(2, 'b');
    put(3, 'c');
    ck_assert_int_eq(got(1), 'a');
    ck_assert_int_eq(got(2), 'b');
    ck_assert_int_eq(got(3), 'c');
    ck_assert_int_eq(got(4), '\0');
}
END_TEST

START_TEST(the_new_takes_the_place_of_the_old)
{
    for (unsigned round = 0; round < 100; round++) { /* more than there is room for */
        put(2, (char)('a' + round % 26));
        ck_assert_int_eq(got(2), 'a' + (int)round % 26);
    }
    put(4, 'x');
    ck_assert_int_ne(got(2), '\0');
}
END_TEST

START_TEST(what_is_held_outlives_its_place)
{
    unsigned char key[JA_KEY_LEN];

    put(1, 'a');
    make_key(1, key);
    ja_entry_t *held = ja_memory_get(memory, key);
    put(1, 'b');
    ck_assert_int_eq(held->body[BODY - 1], 'a');
    ck_assert_int_eq(got(1), 'b');
    ja_entry_unref(held);
}
END_TEST

START_TEST(what_was_used_least_recently_goes_first)
{
    unsigned number = 0, held = 0;

    for (; number < 100; number++) {
        put(number, 'a');
        ck_assert_int_eq(got(0), 'a'); /* always used, never gone */
    }
    for (unsigned i = 0; i < number; i++) {
        held += got(i) != '\0';
    }
    ck_assert_uint_ge(held, 5);
    ck_assert_uint_le(held, 10);
    for (unsigned i = number - held + 1; i < number; i++) {
        ck_assert_msg(got(i) == 'a', "%u is gone, and %u are held", i, held);
    }
}
END_TEST

START_TEST(what_is_too_large_is_not_kept)
{
    put(1, 'a');
    put_sized(1, 'b', ROOM);
    ck_assert_int_eq(got(1), '\0');
    put(1, 'c');
    ck_assert_int_eq(got(1), 'c');
}
END_TEST

static void *hammer(void *self)
{
    unsigned random = (unsigned)(uintptr_t)self;

    for (int i = 0; i < 3000; i++) {
        unsigned number = (random >> 16) % 24;
        random = random * 1103515245u + 12345u;
        if (random & 0x100) {
            put(number, (char)('a' + number));
        } else {
            char with = got(number);
            ck_assert(with == '\0' || with == (char)('a' + number));
        }
    }
    return NULL;
}

START_TEST(many_threads_at_once)
{
    pthread_t threads[4];

    for (uintptr_t i = 0; i < 4; i++) {
        pthread_create(&threads[i], NULL, hammer, (void *)(i + 1));
    }
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_test(all, what_was_put_is_got);
    tcase_add_test(all, the_new_takes_the_place_of_the_old);
    tcase_add_test(all, what_is_held_outlives_its_place);
    tcase_add_test(all, what_was_used_least_recently_goes_first);
    tcase_add_test(all, what_is_too_large_is_not_kept);
    tcase_add_test(all, many_threads_at_once);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

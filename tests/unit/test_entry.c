/* SPDX-License-Identifier: Apache-2.0 */
/* An entry: its block, its ETag, and blocks that are none. */
#include "ja_entry.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

static ja_entry_t *image(const char *body)
{
    ja_entry_t *entry =
        ja_entry_image(JA_IMAGE_PNG, (const unsigned char *)body, body ? strlen(body) : 0);

    ck_assert_ptr_nonnull(entry);
    return entry;
}

START_TEST(an_image_is_named_by_its_bytes)
{
    static const struct {
        const char *one, *other;
        bool same;
    } rows[] = {
        {"picture", "picture", true},
        {"picture", "pictura", false},
        {"", "", true},
        {"", "p", false},
    };
    ja_entry_t *one = image(rows[_i].one), *other = image(rows[_i].other);
    size_t len = strlen(one->record.etag);

    ck_assert_uint_eq(len, JA_ETAG_MAX - 2);
    ck_assert(one->record.etag[0] == '"' && one->record.etag[len - 1] == '"');
    ck_assert_int_eq(strcmp(one->record.etag, other->record.etag) == 0, rows[_i].same);
    ck_assert_int_eq(ja_entry_outcome(one), JA_OUTCOME_IMAGE);
    ck_assert_uint_eq(one->record.body_len, strlen(rows[_i].one));
    ja_entry_unref(one);
    ja_entry_unref(other);
}
END_TEST

START_TEST(a_failure_is_bare)
{
    ja_entry_t *entry = ja_entry_failure(JA_OUTCOME_TIMEOUT);

    ck_assert_int_eq(ja_entry_outcome(entry), JA_OUTCOME_TIMEOUT);
    ck_assert_int_eq(entry->record.retry_after, -1);
    ck_assert_str_eq(entry->record.etag, "");
    ja_entry_unref(entry);
}
END_TEST

START_TEST(a_block_becomes_the_same_entry)
{
    static const char *const bodies[] = {"", "p", "a picture of some length"};
    ja_entry_t *entry = image(bodies[_i]);

    entry->record.stored_at_ms = 12345;
    entry->record.failures = 3;
    ja_slice_t block = ja_entry_block(entry);
    ck_assert_uint_eq(block.len, sizeof(ja_record_t) + strlen(bodies[_i]));
    ja_entry_t *again = ja_entry_from_block((const unsigned char *)block.data, block.len);
    ja_entry_t *copy = ja_entry_copy(entry);
    ck_assert_mem_eq(ja_entry_block(again).data, block.data, block.len);
    ck_assert_mem_eq(ja_entry_block(copy).data, block.data, block.len);
    copy->record.failures++; /* a copy of its own */
    ck_assert_uint_eq(entry->record.failures, 3);
    ja_entry_unref(entry);
    ck_assert_uint_eq(again->record.body_len, strlen(bodies[_i]));
    ja_entry_unref(again);
    ja_entry_unref(copy);
}
END_TEST

/* What a store of another version, or a broken one, may hold. */
static void spoil(unsigned char *block, int how)
{
    ja_record_t record;

    memcpy(&record, block, sizeof(record));
    switch (how) {
    case 0:
        record.magic++;
        break;
    case 1:
        record.outcome = JA_OUTCOME_COUNT;
        break;
    case 2:
        record.image_type = JA_IMAGE_SVG + 1;
        break;
    case 3:
        record.body_len++;
        break;
    case 4:
        record.body_len = UINT32_MAX;
        break;
    case 5:
        memset(record.etag, 'e', sizeof(record.etag));
        break;
    default:
        memset(record.upstream.etag, 'e', sizeof(record.upstream.etag));
        break;
    }
    memcpy(block, &record, sizeof(record));
}

START_TEST(what_is_not_whole_is_no_entry)
{
    ja_entry_t *entry = image("picture");
    ja_slice_t block = ja_entry_block(entry);
    unsigned char *spoilt = malloc(block.len + 1);

    memcpy(spoilt, block.data, block.len);
    spoilt[block.len] = 'x';
    for (size_t len = 0; len <= block.len + 1; len++) {
        ja_entry_t *read = ja_entry_from_block(spoilt, len);
        ck_assert_msg((read != NULL) == (len == block.len), "%zu bytes", len);
        ja_entry_unref(read);
    }
    for (int how = 0; how < 7; how++) {
        memcpy(spoilt, block.data, block.len);
        spoil(spoilt, how);
        ck_assert_msg(ja_entry_from_block(spoilt, block.len) == NULL, "row %d", how);
    }
    free(spoilt);
    ja_entry_unref(entry);
}
END_TEST

START_TEST(what_is_too_long_is_refused)
{
    ck_assert_ptr_null(ja_entry_create(JA_OUTCOME_IMAGE, (size_t)UINT32_MAX + 1));
    ck_assert_ptr_null(ja_entry_create(JA_OUTCOME_IMAGE, SIZE_MAX));
}
END_TEST

START_TEST(the_last_reference_frees)
{
    ja_entry_t *entry = image("picture");

    ja_entry_ref(entry);
    ja_entry_unref(entry);
    ck_assert_mem_eq(entry->body, "picture", 7);
    ja_entry_unref(entry);
    ja_entry_unref(NULL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("entry");
    TCase *all = tcase_create("all");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(all, an_image_is_named_by_its_bytes, 0, 4);
    tcase_add_test(all, a_failure_is_bare);
    tcase_add_loop_test(all, a_block_becomes_the_same_entry, 0, 3);
    tcase_add_test(all, what_is_not_whole_is_no_entry);
    tcase_add_test(all, what_is_too_long_is_refused);
    tcase_add_test(all, the_last_reference_frees);
    suite_add_tcase(suite, all);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

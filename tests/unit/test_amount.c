/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with units: input -> expected, row by row. */
#include "ja_amount.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define REFUSED      INT64_C(-1)

START_TEST(amounts)
{
    static const struct {
        const ja_measure_t *measure;
        const char *in;
        int64_t out;
    } rows[] = {
        {&ja_measure_duration, "0", 0},
        {&ja_measure_duration, "90", 90000},
        {&ja_measure_duration, "90s", 90000},
        {&ja_measure_duration, "90S", 90000},
        {&ja_measure_duration, "1ms", 1},
        {&ja_measure_duration, "2min", 120000},
        {&ja_measure_duration, "1h", 3600000},
        {&ja_measure_duration, "7d", 604800000},
        {&ja_measure_duration, "1w", 604800000},
        {&ja_measure_duration, "1m", REFUSED}, /* minutes, or milliseconds? */
        {&ja_measure_duration, "1.5h", REFUSED},
        {&ja_measure_duration, "s", REFUSED},
        {&ja_measure_duration, "", REFUSED},
        {&ja_measure_duration, "-1s", REFUSED},
        {&ja_measure_duration, "1 s", REFUSED},
        {&ja_measure_duration, "9223372036854775", INT64_C(9223372036854775000)},
        {&ja_measure_duration, "9223372036854776", REFUSED},
        {&ja_measure_bytes, "512K", 524288},
        {&ja_measure_bytes, "64m", 67108864},
        {&ja_measure_bytes, "1G", REFUSED},
        {&ja_measure_count, "32", 32},
        {&ja_measure_count, "32K", REFUSED},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        int64_t amount = REFUSED;
        bool known = ja_amount_parse(ja_slice(rows[i].in), rows[i].measure, &amount);
        ck_assert_msg(known == (rows[i].out != REFUSED) && amount == rows[i].out, "row %zu", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("amount");
    TCase *tests = tcase_create("amount");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tests, amounts);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

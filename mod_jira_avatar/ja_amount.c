/* SPDX-License-Identifier: Apache-2.0 */
/* ja_amount: the tables of units, and the one function that reads them. */
#include "ja_amount.h"

const ja_measure_t ja_measure_duration = {
    .help = "write a number and one of ms, s, min, h, d or w, as in 90s",
    .units = {{"ms", 1},
              {"s", 1000},
              {"", 1000},
              {"min", 60000},
              {"h", 3600000},
              {"d", 86400000},
              {"w", 604800000}},
};
const ja_measure_t ja_measure_bytes = {
    .help = "write a number of bytes, or of K or M, as in 512K",
    .units = {{"", 1}, {"K", 1024}, {"M", 1048576}},
};
const ja_measure_t ja_measure_count = {
    .help = "write a whole number",
    .units = {{"", 1}},
};

bool ja_amount_parse(ja_slice_t in, const ja_measure_t *measure, int64_t *amount)
{
    size_t digits = 0;
    while (digits < in.len && in.data[digits] >= '0' && in.data[digits] <= '9') {
        digits++;
    }
    const ja_slice_t number = {in.data, digits};
    const ja_slice_t unit = {in.data + digits, in.len - digits};
    uint64_t count = 0;
    for (const struct ja_unit_t *each = measure->units; each->factor; each++) {
        if (ja_slice_is_nocase(unit, each->name) &&
            ja_text_number(number, (uint64_t)(INT64_MAX / each->factor), &count)) {
            *amount = (int64_t)count * each->factor;
            return true;
        }
    }
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_amount: numbers with a unit behind them, as people write them: 90s, 512K, 32.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated.
 */
#ifndef JA_AMOUNT_H
#define JA_AMOUNT_H

#include "ja_text.h"

/** What may stand behind a number. */
typedef struct ja_measure_t {
    const char *help; /* a sentence without its end: what to write */
    struct ja_unit_t {
        const char *name; /* "": nothing */
        int64_t factor;   /* how many of the smallest unit; 0 ends the list */
    } units[8];
} ja_measure_t;

extern const ja_measure_t ja_measure_duration; /* in milliseconds */
extern const ja_measure_t ja_measure_bytes;
extern const ja_measure_t ja_measure_count;

/** Reads a whole number and one of the units, in any case.
 *  @return false if it is something else or does not fit; *amount is then as before */
bool ja_amount_parse(ja_slice_t in, const ja_measure_t *measure, int64_t *amount);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_out: writing reports. All escaping is here: whatever is not a constant of the program goes
 * through the function of its language.
 *
 * Threads: as its sink.
 * Memory:  nothing is kept.
 */
#ifndef JA_OUT_H
#define JA_OUT_H

#include "ja_text.h"

/** Where a report goes. */
typedef struct ja_out_t {
    void (*write)(void *self, const char *bytes, size_t len);
    void *self;
} ja_out_t;

/** Constants of the program, as they are. */
void ja_out(const ja_out_t *out, const char *constant);

void ja_out_number(const ja_out_t *out, int64_t number);

/** Milliseconds as seconds with three decimals: "0.250". */
void ja_out_seconds(const ja_out_t *out, uint64_t ms);

/** Unix milliseconds as "2006-01-02T15:04:05Z". */
void ja_out_time(const ja_out_t *out, int64_t unix_ms);

/** Text within HTML, in an attribute's double quotes, too. */
void ja_out_html(const ja_out_t *out, const char *text);

/** A JSON string with its quotes; `null` for NULL. */
void ja_out_json(const ja_out_t *out, const char *text);

/** The value of a Prometheus label with its quotes. */
void ja_out_label(const ja_out_t *out, const char *text);

/** A Prometheus help text. */
void ja_out_help(const ja_out_t *out, const char *text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_text: reading and writing bytes with bounds.
 *
 * A slice is a view into somebody else's bytes; a reader advances a slice only on success, so
 * that parsers chain with && and leave their input untouched when they fail. A buffer is born
 * with its ceiling and remembers that it overflowed, so that a chain of writes needs one check.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated; slices borrow, buffers write into the caller's storage.
 */
#ifndef JA_TEXT_H
#define JA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ja_slice_t {
    const char *data;
    size_t len;
} ja_slice_t;

/** View of a C string; NULL is the empty slice. */
ja_slice_t ja_slice(const char *text);

/** Equal to `word`, byte for byte. */
bool ja_slice_is(ja_slice_t slice, const char *word);

/** Equal to `word`, ASCII letters without case. */
bool ja_slice_is_nocase(ja_slice_t slice, const char *word);

/** Without leading and trailing space, tab, CR and LF. */
ja_slice_t ja_slice_trim(ja_slice_t slice);

/** If `in` begins with `prefix`: steps over it and returns true. */
bool ja_text_take(ja_slice_t *in, const char *prefix);

/** What stands before the next `stop` (or the end); steps over both. The last piece leaves `in`
 *  with data == NULL, so `while (in.data)` visits every piece, an empty last one included. */
ja_slice_t ja_text_piece(ja_slice_t *in, char stop);

/** A decimal number: digits only, at least one, at most `max`; false leaves `number` alone. */
bool ja_text_number(ja_slice_t in, uint64_t max, uint64_t *number);

/** Takes exactly `digits` digits, whose number is `min` to `max`, from the front of `in`, which
 * stays as it is if they are not there: the fields of a date. */
bool ja_text_take_field(ja_slice_t *in, size_t digits, int min, int max, int *field);

/** Every byte is one of `set` or an ASCII letter or digit, and there is at least one. */
bool ja_text_is_word(ja_slice_t in, const char *set);

/** Decodes %XX (and '+' as space if `form`) into `out` of `cap` bytes, NUL-terminated.
 *  false for a broken escape, for NUL or another control character in the result, for what is
 *  not UTF-8, or if it does not fit; `out` is then the empty string. */
bool ja_text_decode(ja_slice_t in, bool form, char *out, size_t cap);

/** Well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool ja_text_is_utf8(ja_slice_t in);

/** Well-formed UTF-8 without control characters (C0, DEL, C1): fit for a name. */
bool ja_text_is_plain(ja_slice_t in);

/** Turns ASCII capitals into small letters, in place. */
void ja_text_lower(char *text);

/** Equal in a time that depends on `len` only. */
bool ja_text_equal_ct(const void *a, const void *b, size_t len);

/** Writes 2*len lower-case hex digits and a NUL to `out`. */
void ja_text_hex(const unsigned char *bytes, size_t len, char *out);

typedef struct ja_buf_t {
    char *data; /* always NUL-terminated */
    size_t cap; /* storage, the NUL included */
    size_t len;
    bool overflow; /* something did not fit; what is there is not to be used */
} ja_buf_t;

/** A buffer over `cap` (at least 1) bytes of the caller's storage. */
ja_buf_t ja_buf(char *storage, size_t cap);
void ja_buf_add(ja_buf_t *buf, const char *text);
void ja_buf_add_slice(ja_buf_t *buf, ja_slice_t slice);
void ja_buf_add_number(ja_buf_t *buf, uint64_t number);

/** Adds percent-encoded, all but RFC 3986 unreserved characters, upper-case hex. */
void ja_buf_add_percent(ja_buf_t *buf, ja_slice_t slice);

/** Adds base64url without padding (RFC 4648 section 5, as JWT wants it). */
void ja_buf_add_base64url(ja_buf_t *buf, const unsigned char *bytes, size_t len);

/** Adds what base64url text without padding stands for.
 *  @return false, and nothing is added, if it is none; what does not fit overflows as elsewhere */
bool ja_buf_add_from_base64url(ja_buf_t *buf, ja_slice_t text);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_text: see ja_text.h. ASCII is spelt out here because <ctype.h> follows the locale. */
#include "ja_text.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_alnum(char c)
{
    char lower = to_lower(c);

    return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* ---- slices ------------------------------------------------------------------------------- */

ja_slice_t ja_slice(const char *text)
{
    return (ja_slice_t){text, text ? strlen(text) : 0};
}

bool ja_slice_is(ja_slice_t slice, const char *word)
{
    size_t len = strlen(word);

    return slice.len == len && (len == 0 || memcmp(slice.data, word, len) == 0);
}

bool ja_slice_is_nocase(ja_slice_t slice, const char *word)
{
    if (slice.len != strlen(word)) {
        return false;
    }
    for (size_t i = 0; i < slice.len; i++) {
        if (to_lower(slice.data[i]) != to_lower(word[i])) {
            return false;
        }
    }
    return true;
}

ja_slice_t ja_slice_trim(ja_slice_t slice)
{
    static const char blanks[] = " \t\r\n";

    while (slice.len && is_one_of(slice.data[0], blanks)) {
        slice.data++;
        slice.len--;
    }
    while (slice.len && is_one_of(slice.data[slice.len - 1], blanks)) {
        slice.len--;
    }
    return slice;
}

/* ---- readers ------------------------------------------------------------------------------ */

bool ja_text_take(ja_slice_t *in, const char *prefix)
{
    size_t len = strlen(prefix);

    if (in->len < len || (len && memcmp(in->data, prefix, len) != 0)) {
        return false;
    }
    if (len) {
        in->data += len;
        in->len -= len;
    }
    return true;
}

ja_slice_t ja_text_piece(ja_slice_t *in, char stop)
{
    ja_slice_t piece = *in;
    const char *end = in->len ? memchr(in->data, stop, in->len) : NULL;

    if (!end) {
        *in = (ja_slice_t){NULL, 0};
        return piece;
    }
    piece.len = (size_t)(end - in->data);
    in->data = end + 1;
    in->len -= piece.len + 1;
    return piece;
}

bool ja_text_number(ja_slice_t in, uint64_t max, uint64_t *number)
{
    uint64_t value = 0;

    for (size_t i = 0; i < in.len; i++) {
        if (!is_digit(in.data[i])) {
            return false;
        }
        uint64_t digit = (uint64_t)(in.data[i] - '0');
        if (digit > max || value > (max - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (in.len == 0) {
        return false;
    }
    *number = value;
    return true;
}

bool ja_text_take_field(ja_slice_t *in, size_t digits, int min, int max, int *field)
{
    ja_slice_t piece = {in->data, digits};
    uint64_t number;

    if (in->len < digits || !ja_text_number(piece, (uint64_t)max, &number) || (int)number < min) {
        return false;
    }
    in->data += digits;
    in->len -= digits;
    *field = (int)number;
    return true;
}

bool ja_text_is_word(ja_slice_t in, const char *set)
{
    for (size_t i = 0; i < in.len; i++) {
        if (!is_alnum(in.data[i]) && !is_one_of(in.data[i], set)) {
            return false;
        }
    }
    return in.len > 0;
}

/* ---- UTF-8 -------------------------------------------------------------------------------- */

/* How many bytes the character at the head of `in` has (RFC 3629, section 4), 0 if ill-formed.
 * The second byte's range is what keeps overlong forms, surrogates and U+110000 out. */
static size_t utf8_length(ja_slice_t in)
{
    static const struct {
        unsigned char first, last, second_min, second_max, length;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *byte = (const unsigned char *)in.data;
    size_t row = 0;

    while (row < sizeof(rows) / sizeof(rows[0]) && byte[0] > rows[row].last) {
        row++;
    }
    if (row == sizeof(rows) / sizeof(rows[0]) || byte[0] < rows[row].first ||
        in.len < rows[row].length) {
        return 0;
    }
    for (size_t i = 1; i < rows[row].length; i++) {
        unsigned char min = i == 1 ? rows[row].second_min : 0x80;
        unsigned char max = i == 1 ? rows[row].second_max : 0xbf;

        if (byte[i] < min || byte[i] > max) {
            return 0;
        }
    }
    return rows[row].length;
}

bool ja_text_is_utf8(ja_slice_t in)
{
    while (in.len) {
        size_t length = utf8_length(in);

        if (length == 0) {
            return false;
        }
        in.data += length;
        in.len -= length;
    }
    return true;
}

/* C0, DEL, and C1 as UTF-8 writes it (U+0080 to U+009F). */
static bool has_control(ja_slice_t in)
{
    for (size_t i = 0; i < in.len; i++) {
        unsigned char byte = (unsigned char)in.data[i];

        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
        if (byte == 0xc2 && i + 1 < in.len && (unsigned char)in.data[i + 1] < 0xa0) {
            return true;
        }
    }
    return false;
}

bool ja_text_is_plain(ja_slice_t in)
{
    return ja_text_is_utf8(in) && !has_control(in);
}

/* ---- percent encoding --------------------------------------------------------------------- */

static int hex_value(char c)
{
    char lower = to_lower(c);

    if (is_digit(c)) {
        return c - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The next character of an encoded text; steps over it. */
static bool take_decoded(ja_slice_t *in, bool form, char *out)
{
    size_t step = 1;

    *out = in->data[0];
    if (*out == '+' && form) {
        *out = ' ';
    } else if (*out == '%') {
        int high = in->len < 3 ? -1 : hex_value(in->data[1]);
        int low = in->len < 3 ? -1 : hex_value(in->data[2]);

        if (high < 0 || low < 0) {
            return false;
        }
        *out = (char)(high * 16 + low);
        step = 3;
    }
    in->data += step;
    in->len -= step;
    return true;
}

static bool decode(ja_slice_t in, bool form, char *out, size_t cap)
{
    size_t len = 0;

    while (in.len) {
        if (len + 1 >= cap || !take_decoded(&in, form, &out[len])) {
            return false;
        }
        len++;
    }
    out[len] = '\0';
    return ja_text_is_plain((ja_slice_t){out, len});
}

bool ja_text_decode(ja_slice_t in, bool form, char *out, size_t cap)
{
    if (cap == 0) {
        return false;
    }
    if (!decode(in, form, out, cap)) {
        out[0] = '\0';
        return false;
    }
    return true;
}

/* ---- bytes -------------------------------------------------------------------------------- */

void ja_text_lower(char *text)
{
    for (; *text; text++) {
        *text = to_lower(*text);
    }
}

bool ja_text_equal_ct(const void *a, const void *b, size_t len)
{
    const volatile unsigned char *left = a, *right = b; /* volatile: no early way out */
    unsigned char difference = 0;

    for (size_t i = 0; i < len; i++) {
        difference = (unsigned char)(difference | (left[i] ^ right[i]));
    }
    return difference == 0;
}

void ja_text_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

/* ---- buffers ------------------------------------------------------------------------------ */

ja_buf_t ja_buf(char *storage, size_t cap)
{
    storage[0] = '\0';
    return (ja_buf_t){.data = storage, .cap = cap};
}

/* All or nothing, and nothing more once something did not fit. */
static void add_bytes(ja_buf_t *buf, const char *bytes, size_t len)
{
    if (buf->overflow || len >= buf->cap - buf->len) {
        buf->overflow = true;
        return;
    }
    if (len) {
        memcpy(buf->data + buf->len, bytes, len);
        buf->len += len;
        buf->data[buf->len] = '\0';
    }
}

void ja_buf_add(ja_buf_t *buf, const char *text)
{
    add_bytes(buf, text, strlen(text));
}

void ja_buf_add_slice(ja_buf_t *buf, ja_slice_t slice)
{
    add_bytes(buf, slice.data, slice.len);
}

void ja_buf_add_number(ja_buf_t *buf, uint64_t number)
{
    char digits[20]; /* of 2^64-1 */
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    add_bytes(buf, digits + at, sizeof(digits) - at);
}

void ja_buf_add_percent(ja_buf_t *buf, ja_slice_t slice)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < slice.len; i++) {
        unsigned char byte = (unsigned char)slice.data[i];
        char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        bool plain = is_alnum(slice.data[i]) || is_one_of(slice.data[i], "-._~");

        add_bytes(buf, plain ? &slice.data[i] : escape, plain ? 1 : 3);
    }
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void ja_buf_add_base64url(ja_buf_t *buf, const unsigned char *bytes, size_t len)
{
    const char *digits = base64url;

    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        unsigned group = (unsigned)bytes[i] << 16;

        group |= have > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        group |= have > 2 ? (unsigned)bytes[i + 2] : 0;
        char out[4] = {digits[group >> 18], digits[group >> 12 & 63], digits[group >> 6 & 63],
                       digits[group & 63]};
        add_bytes(buf, out, have + 1);
    }
}

/* Of the last digit only the bits that make up a byte may be set. */
static bool is_base64url(ja_slice_t text)
{
    static const unsigned unused[] = {0, 0, 15, 3}; /* bits, by what the last group has */

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '\0' || strchr(base64url, text.data[i]) == NULL) {
            return false;
        }
    }
    size_t last = text.len % 4;
    size_t value = last > 1 ? (size_t)(strchr(base64url, text.data[text.len - 1]) - base64url) : 0;
    return last != 1 && (value & unused[last]) == 0;
}

bool ja_buf_add_from_base64url(ja_buf_t *buf, ja_slice_t text)
{
    unsigned bits = 0;

    if (!is_base64url(text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        bits = bits << 6 | (unsigned)(strchr(base64url, text.data[i]) - base64url);
        if (i % 4 != 0) {
            char byte = (char)(bits >> (6 - 2 * (i % 4)) & 255);
            add_bytes(buf, &byte, 1);
        }
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_grant: bodies for a token service, and its answers. */
#include "ja_grant.h"

#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

enum {
    DEPTH_MAX = 4, /* a token service answers with a flat object */
    LIFETIME_UNSAID = 300,
    LIFETIME_MAX = 24 * 60 * 60
};

static const int64_t margin_min_ms = 1000;  /* services count in whole seconds */
static const int64_t margin_max_ms = 10000; /* a token is not sent so long before its end, */
static const int64_t renew_min_ms = 60000;  /* and the next one is bought so long before it */
static const int64_t in_use_ms = INT64_C(3) * 24 * 60 * 60 * 1000; /* a weekend is not the end */
static const int64_t alive_ms = INT64_C(7) * 24 * 60 * 60 * 1000;

/* ---- asking -------------------------------------------------------------------------------- */

const char *ja_body_content_type(ja_body_t type)
{
    return type == JA_BODY_JSON ? "application/json" : "application/x-www-form-urlencoded";
}

void ja_body_begin(ja_body_t type, ja_buf_t *out)
{
    ja_buf_add(out, type == JA_BODY_JSON ? "{" : "");
}

void ja_json_add_string(ja_buf_t *out, ja_slice_t text)
{
    static const char digits[] = "0123456789abcdef";

    ja_buf_add(out, "\"");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        char escaped[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15], '\0'};
        if (c < 0x20 || c == 0x7f) {
            ja_buf_add(out, escaped);
        } else {
            ja_buf_add(out, c == '"' || c == '\\' ? "\\" : "");
            ja_buf_add_slice(out, (ja_slice_t){text.data + i, 1});
        }
    }
    ja_buf_add(out, "\"");
}

void ja_body_add(ja_body_t type, const char *name, ja_slice_t value, ja_buf_t *out)
{
    bool first = out->len == 0 || out->data[out->len - 1] == '{';

    if (type == JA_BODY_JSON) {
        ja_buf_add(out, first ? "" : ",");
        ja_json_add_string(out, ja_slice(name));
        ja_buf_add(out, ":");
        ja_json_add_string(out, value);
    } else {
        ja_buf_add(out, first ? "" : "&");
        ja_buf_add(out, name);
        ja_buf_add(out, "=");
        ja_buf_add_percent(out, value);
    }
}

void ja_body_end(ja_body_t type, ja_buf_t *out)
{
    ja_buf_add(out, type == JA_BODY_JSON ? "}" : "");
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* Whether JSON nests too deep for what it should be, seen before anything is built from it. */
static bool is_deep(const unsigned char *body, size_t len)
{
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        if (quoted && body[i] == '\\') {
            i++;
        } else if (quoted) {
            quoted = body[i] != '"';
        } else if (body[i] == '"') {
            quoted = true;
        } else if (body[i] == '{' || body[i] == '[') {
            if (++depth > DEPTH_MAX) {
                return true;
            }
        } else if ((body[i] == '}' || body[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

/* An integer may be larger than ours: nobody loses a token for its lifetime. */
static json_t *load(const unsigned char *body, size_t len)
{
    return body == NULL || len > JA_GRANT_BODY_MAX || is_deep(body, len)
               ? NULL
               : json_loadb((const char *)body, len,
                            JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, NULL);
}

/* Visible ASCII: what fits a header. The copy in the JSON is wiped. */
static bool take_token(json_t *root, const char *name, char *out, size_t cap)
{
    json_t *value = json_object_get(root, name);
    char *text = (char *)(uintptr_t)json_string_value(value);
    size_t len = json_string_length(value);
    bool fits = text != NULL && len > 0 && len < cap;

    for (size_t i = 0; fits && i < len; i++) {
        fits = text[i] > ' ' && text[i] < 0x7f;
    }
    if (fits) {
        memcpy(out, text, len);
        out[len] = '\0';
    }
    if (text != NULL) {
        OPENSSL_cleanse(text, len);
    }
    return fits;
}

static int64_t lifetime_of(const json_t *root)
{
    const json_t *value = json_object_get(root, "expires_in");
    double seconds = json_is_number(value) ? json_number_value(value) : LIFETIME_UNSAID;
    uint64_t said;

    if (json_is_string(value) && ja_text_number(ja_slice(json_string_value(value)), LIFETIME_MAX,
                                                &said)) { /* some services quote it */
        seconds = (double)said;
    }
    return seconds >= LIFETIME_MAX ? LIFETIME_MAX : seconds >= 1 ? (int64_t)seconds : 1;
}

/* Their word for it; what else they say may repeat what we sent. */
static void keep_error(const char *error, ja_grant_t *grant)
{
    size_t len = 0;

    for (; error[len] != '\0' && len < sizeof(grant->error) - 1; len++) {
        bool word = ja_text_is_word((ja_slice_t){error + len, 1}, "_-.");
        grant->error[len] = error[len];
        if (!word) {
            grant->error[len] = '?';
        }
    }
    grant->error[len] = '\0';
}

static const struct {
    const char *error;
    ja_grant_status_t status;
} errors[] = {
    {"invalid_grant", JA_GRANT_DEAD},
    {"unauthorized_client", JA_GRANT_DEAD}, /* so Atlassian says "refresh_token is invalid" */
    {"access_denied", JA_GRANT_CLIENT},     /* and so "wrong client secret" */
    {"invalid_client", JA_GRANT_CLIENT},
    {"server_error", JA_GRANT_TROUBLE},
    {"temporarily_unavailable", JA_GRANT_TROUBLE},
};

static ja_grant_status_t status_of_error(const char *error)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strcmp(error, errors[i].error) == 0) {
            return errors[i].status;
        }
    }
    return JA_GRANT_REFUSED;
}

static ja_grant_status_t read_object(int http_status, json_t *root, ja_grant_t *grant)
{
    const char *error = json_string_value(json_object_get(root, "error"));

    if (error != NULL) {
        keep_error(error, grant);
        return status_of_error(error);
    }
    (void)take_token(root, "refresh_token", grant->refresh, sizeof(grant->refresh));
    if (!take_token(root, "access_token", grant->token, sizeof(grant->token)) ||
        http_status != 200) {
        return JA_GRANT_TROUBLE;
    }
    grant->lifetime = lifetime_of(root);
    return JA_GRANT_TOKEN;
}

void ja_grant_read(int http_status, const unsigned char *body, size_t len, ja_grant_t *grant)
{
    json_t *root = load(body, len);

    grant->status = JA_GRANT_TROUBLE;
    grant->token[0] = grant->refresh[0] = grant->error[0] = '\0';
    grant->lifetime = 0;
    if (json_is_object(root)) {
        grant->status = read_object(http_status, root, grant);
    }
    json_decref(root);
}

/* ---- the life of an access token ----------------------------------------------------------- */

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* A tenth of its life, within the bounds, and of the shortest lives no more than half. */
static int64_t margin_of(int64_t life_ms)
{
    return lesser(greater(lesser(life_ms / 10, margin_max_ms), margin_min_ms), life_ms / 2);
}

/* 20 % of what it is used before that ends, but a minute; of a short life 30 %. */
static int64_t renew_before(int64_t life_ms)
{
    return lesser(greater(life_ms / 5, renew_min_ms), life_ms * 3 / 10);
}

void ja_token_life_begin(ja_token_life_t *life, int64_t bought_ms, int64_t lifetime)
{
    int64_t life_ms = lifetime * 1000 - margin_of(lifetime * 1000);

    life->bought_ms = bought_ms;
    life->renew_ms = bought_ms + life_ms - renew_before(life_ms);
    life->end_ms = bought_ms + life_ms;
}

int64_t ja_token_life_due(const ja_token_life_t *life, bool refreshes, int64_t now_ms)
{
    int64_t due = lesser(life->renew_ms, life->end_ms); /* a refused one has ended early */

    if (life->bought_ms == 0) {
        return INT64_MAX;
    }
    if (now_ms - life->used_ms < in_use_ms) {
        return due;
    }
    return refreshes ? greater(due, life->bought_ms + alive_ms) : INT64_MAX;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_sign: HS256 and the canonical request of Atlassian Connect. */
#include "ja_sign.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum {
    PARAMS_MAX = 64,      /* an avatar's URL has a handful */
    CANONICAL_MAX = 8192, /* of a whole request */
    DECODED_MAX = 2048    /* of one name or value */
};

/* ---- tokens -------------------------------------------------------------------------------- */

bool ja_sign_jwt(ja_slice_t key, ja_slice_t claims, ja_buf_t *out)
{
    static const char header[] = "{\"typ\":\"JWT\",\"alg\":\"HS256\"}";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    size_t start = out->len;

    ja_buf_add_base64url(out, (const unsigned char *)header, sizeof(header) - 1);
    ja_buf_add(out, ".");
    ja_buf_add_base64url(out, (const unsigned char *)claims.data, claims.len);
    if (out->overflow || key.len > INT_MAX ||
        HMAC(EVP_sha256(), key.data, (int)key.len, (const unsigned char *)out->data + start,
             out->len - start, mac, &mac_len) == NULL) {
        return false;
    }
    ja_buf_add(out, ".");
    ja_buf_add_base64url(out, mac, mac_len);
    OPENSSL_cleanse(mac, sizeof(mac));
    return !out->overflow;
}

/* ---- the canonical request ----------------------------------------------------------------- */

/* A parameter, encoded anew; both borrow from the storage of the whole list. */
typedef struct param_t {
    ja_slice_t name;
    ja_slice_t value;
} param_t;

typedef struct params_t {
    param_t at[PARAMS_MAX];
    size_t count;
    char storage[CANONICAL_MAX];
    ja_buf_t encoded;
} params_t;

static int compare(ja_slice_t a, ja_slice_t b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.data, b.data, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name_and_value(const void *a, const void *b)
{
    const param_t *left = a;
    const param_t *right = b;
    int order = compare(left->name, right->name);

    return order != 0 ? order : compare(left->value, right->value);
}

/* However it was encoded: RFC 3986, nothing but unreserved characters bare. */
static bool encode(params_t *params, ja_slice_t raw, ja_slice_t *encoded)
{
    char plain[DECODED_MAX];
    size_t start = params->encoded.len;

    if (!ja_text_decode(raw, true, plain, sizeof(plain))) {
        return false;
    }
    ja_buf_add_percent(&params->encoded, ja_slice(plain));
    *encoded = (ja_slice_t){params->storage + start, params->encoded.len - start};
    return !params->encoded.overflow;
}

static bool add_param(params_t *params, ja_slice_t pair)
{
    param_t param;
    ja_slice_t name = ja_text_piece(&pair, '=');

    if (params->count == PARAMS_MAX || !encode(params, name, &param.name) ||
        !encode(params, pair, &param.value)) {
        return false;
    }
    if (!ja_slice_is(param.name, "jwt")) { /* the token itself is not part of what it signs */
        params->at[params->count++] = param;
    }
    return true;
}

static bool read_params(params_t *params, ja_slice_t query)
{
    params->count = 0;
    params->encoded = ja_buf(params->storage, sizeof(params->storage));
    while (query.data != NULL) {
        ja_slice_t pair = ja_text_piece(&query, '&');
        if (pair.len > 0 && !add_param(params, pair)) {
            return false;
        }
    }
    qsort(params->at, params->count, sizeof(params->at[0]), by_name_and_value);
    return true;
}

/* name=value&...; the values of a name that is repeated are one list. */
static void write_params(const params_t *params, ja_buf_t *out)
{
    for (size_t i = 0; i < params->count; i++) {
        const param_t *param = &params->at[i];
        if (i > 0 && compare(param[-1].name, param->name) == 0) {
            ja_buf_add(out, ",");
        } else {
            ja_buf_add(out, i > 0 ? "&" : "");
            ja_buf_add_slice(out, param->name);
            ja_buf_add(out, "=");
        }
        ja_buf_add_slice(out, param->value);
    }
}

/* As it was sent, but for the separator of the canonical form and one slash at the end. */
static void write_path(ja_slice_t path, ja_buf_t *out)
{
    if (path.len > 0 && path.data[path.len - 1] == '/') {
        path.len--;
    }
    if (path.len == 0) {
        ja_buf_add(out, "/");
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.data[i] == '&') {
            ja_buf_add(out, "%26");
        } else {
            ja_buf_add_slice(out, (ja_slice_t){path.data + i, 1});
        }
    }
}

bool ja_sign_canonical(const char *method, const char *base, const char *url, ja_buf_t *out)
{
    params_t params;
    ja_slice_t rest = ja_slice(url);

    if (!ja_text_take(&rest, base) ||
        (rest.len > 0 && rest.data[0] != '/' && rest.data[0] != '?')) {
        return false;
    }
    ja_slice_t path = ja_text_piece(&rest, '?');
    if (!read_params(&params, rest)) {
        return false;
    }
    ja_buf_add(out, method);
    ja_buf_add(out, "&");
    write_path(path, out);
    ja_buf_add(out, "&");
    write_params(&params, out);
    return !out->overflow;
}

bool ja_sign_qsh(const char *method, const char *base, const char *url, char qsh[JA_QSH_LEN + 1])
{
    char storage[CANONICAL_MAX];
    ja_buf_t canonical = ja_buf(storage, sizeof(storage));
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    qsh[0] = '\0';
    if (!ja_sign_canonical(method, base, url, &canonical) ||
        EVP_Digest(canonical.data, canonical.len, digest, &len, EVP_sha256(), NULL) != 1) {
        return false;
    }
    ja_text_hex(digest, len, qsh);
    return true;
}

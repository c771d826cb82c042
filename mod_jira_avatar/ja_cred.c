/* SPDX-License-Identifier: Apache-2.0 */
/* ja_cred: the table of credential kinds. One row is one kind; adding a kind is adding a row. */
#include "ja_cred.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

enum {
    PAIRS_MAX = 4,
    USER_MAX = 256,
    BASIC_PLAIN_MAX = USER_MAX + 1 + JA_SECRET_MAX,
    BASIC_TOKEN_MAX = (BASIC_PLAIN_MAX + 2) / 3 * 4
};

enum { PAIR_OPTIONAL = 1, PAIR_SECRET = 2, PAIR_USER = 4 };

typedef struct pair_t {
    const char *name;
    unsigned flags;
    const char *(*check)(const char *value); /* NULL, or what is wrong, as the end of a sentence */
} pair_t;

typedef struct kind_t {
    const char *name;
    bool (*authorize)(const ja_cred_t *cred, ja_buf_t *out); /* NULL: not in this version */
    pair_t pairs[PAIRS_MAX];                                 /* up to the first without a name */
} kind_t;

typedef struct value_t {
    const char *text;
    ja_secret_t *secret; /* for PAIR_SECRET */
} value_t;

struct ja_cred_t {
    const kind_t *kind;
    value_t values[PAIRS_MAX]; /* as the pairs of the kind; text is NULL where not given */
    const char *description;
};

/* ---- the kinds ------------------------------------------------------------------------------ */

static const char *check_basic_user(const char *value)
{
    if (strlen(value) > USER_MAX) {
        return "is longer than 256 bytes";
    }
    for (; *value; value++) {
        if (*value == ':') {
            return "contains ':', which Basic authentication cannot carry in a user name";
        }
        if ((unsigned char)*value < 0x20 || *value == 0x7f) {
            return "contains a control character";
        }
    }
    return NULL;
}

static bool authorize_none(const ja_cred_t *cred, ja_buf_t *out)
{
    (void)cred;
    return !out->overflow;
}

static bool authorize_basic(const ja_cred_t *cred, ja_buf_t *out)
{
    char plain[BASIC_PLAIN_MAX + 1];
    unsigned char token[BASIC_TOKEN_MAX + 1];
    ja_buf_t both = ja_buf(plain, sizeof(plain));

    ja_buf_add(&both, cred->values[0].text);
    ja_buf_add(&both, ":");
    ja_secret_reveal(cred->values[1].secret, &both);
    if (!both.overflow) {
        EVP_EncodeBlock(token, (const unsigned char *)plain, (int)both.len);
        ja_buf_add(out, "Basic ");
        ja_buf_add(out, (const char *)token);
    }
    OPENSSL_cleanse(plain, sizeof(plain));
    OPENSSL_cleanse(token, sizeof(token));
    return !both.overflow && !out->overflow;
}

/* A space would end the token, and what is not ASCII has no meaning in a header. */
static bool authorize_bearer(const ja_cred_t *cred, ja_buf_t *out)
{
    ja_buf_add(out, "Bearer ");
    size_t start = out->len;
    ja_secret_reveal(cred->values[0].secret, out);
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] <= ' ' || out->data[i] > '~') {
            return false;
        }
    }
    return !out->overflow;
}

static const kind_t kinds[] = {
    {"none", authorize_none, {{0}}},
    {"basic", authorize_basic, {{"user", PAIR_USER, check_basic_user}, {"secret", PAIR_SECRET, 0}}},
    {"bearer", authorize_bearer, {{"secret", PAIR_SECRET, 0}}},
    {"oauth-client", NULL, {{0}}},
    {"oauth-refresh", NULL, {{0}}},
    {"connect-jwt", NULL, {{0}}},
    {"connect-user", NULL, {{0}}},
};

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

/* ---- parsing: what a user wrote is never repeated, for it may be a misplaced secret ---------- */

static size_t count_pairs(const kind_t *kind)
{
    size_t count = 0;

    while (count < PAIRS_MAX && kind->pairs[count].name) {
        count++;
    }
    return count;
}

static const kind_t *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static const char *kinds_expected(apr_pool_t *pool)
{
    const char *text = "the first argument is the kind of credential:";
    const char *comma = " ";

    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].authorize) {
            text = apr_pstrcat(pool, text, comma, kinds[i].name, NULL);
            comma = ", ";
        }
    }
    return text;
}

static const char *pairs_expected(apr_pool_t *pool, const kind_t *kind, int position)
{
    const char *text = apr_psprintf(pool, "argument %d is not a pair of the kind %s, which takes",
                                    position, kind->name);
    size_t count = count_pairs(kind);

    for (size_t i = 0; i < count; i++) {
        text = apr_pstrcat(pool, text, " ", kind->pairs[i].name, "=", NULL);
    }
    return count ? text : apr_pstrcat(pool, text, " none", NULL);
}

static const char *set_value(apr_pool_t *pool, const pair_t *pair, const char *text, value_t *value)
{
    const char *fault = NULL;

    if (value->text) {
        return apr_psprintf(pool, "%s= is given twice; write it once", pair->name);
    }
    if (!*text) {
        return apr_psprintf(pool, "%s= is empty; give it a value", pair->name);
    }
    value->text = apr_pstrdup(pool, text);
    if (pair->flags & PAIR_SECRET) {
        fault = ja_secret_parse(pool, text, &value->secret);
        return fault ? apr_psprintf(pool, "%s=: %s", pair->name, fault) : NULL;
    }
    fault = pair->check ? pair->check(text) : NULL;
    return fault ? apr_psprintf(pool, "%s= %s", pair->name, fault) : NULL;
}

static const char *set_pair(apr_pool_t *pool, ja_cred_t *cred, const char *arg, int position)
{
    size_t count = count_pairs(cred->kind);

    for (size_t i = 0; i < count; i++) {
        const pair_t *pair = &cred->kind->pairs[i];
        size_t len = strlen(pair->name);
        if (strncmp(arg, pair->name, len) == 0 && arg[len] == '=') {
            return set_value(pool, pair, arg + len + 1, &cred->values[i]);
        }
    }
    return pairs_expected(pool, cred->kind, position);
}

static const char *missing_pair(apr_pool_t *pool, const ja_cred_t *cred)
{
    size_t count = count_pairs(cred->kind);

    for (size_t i = 0; i < count; i++) {
        const pair_t *pair = &cred->kind->pairs[i];
        if (!cred->values[i].text && !(pair->flags & PAIR_OPTIONAL)) {
            return apr_psprintf(pool, "%s= is missing; the kind %s needs it", pair->name,
                                cred->kind->name);
        }
    }
    return NULL;
}

/* As the configuration writes it: a value with spaces, quotes or backslashes is quoted. */
static const char *quoted(apr_pool_t *pool, const char *pair)
{
    char *text = apr_palloc(pool, 2 * strlen(pair) + 3);
    char *at = text;

    if (!strpbrk(pair, " \"\\'")) {
        return pair;
    }
    *at++ = '"';
    for (; *pair; pair++) {
        if (*pair == '"' || *pair == '\\') {
            *at++ = '\\';
        }
        *at++ = *pair;
    }
    *at++ = '"';
    *at = '\0';
    return text;
}

static const char *describe(apr_pool_t *pool, const ja_cred_t *cred)
{
    const char *text = cred->kind->name;
    size_t count = count_pairs(cred->kind);

    for (size_t i = 0; i < count; i++) {
        if (cred->values[i].text) {
            const char *pair =
                apr_pstrcat(pool, cred->kind->pairs[i].name, "=", cred->values[i].text, NULL);
            text = apr_pstrcat(pool, text, " ", quoted(pool, pair), NULL);
        }
    }
    return text;
}

static const char *try_header(ja_cred_t *cred)
{
    char storage[JA_AUTHORIZATION_MAX];
    ja_buf_t header = ja_buf(storage, sizeof(storage));
    bool ok = ja_cred_authorization(cred, &header);

    OPENSSL_cleanse(storage, sizeof(storage));
    return ok ? NULL : "the secret cannot be sent in a header: it holds a space or is not ASCII";
}

const char *ja_cred_parse(apr_pool_t *pool, int argc, const char *const argv[], ja_cred_t **cred)
{
    const kind_t *kind = argc > 0 ? find_kind(argv[0]) : NULL;
    const char *fault = NULL;

    if (!kind) {
        return kinds_expected(pool);
    }
    if (!kind->authorize) {
        return apr_psprintf(pool, "the kind %s is not available in this version", kind->name);
    }
    ja_cred_t *made = apr_pcalloc(pool, sizeof(*made));
    made->kind = kind;
    for (int i = 1; i < argc && !fault; i++) {
        fault = set_pair(pool, made, argv[i], i + 1);
    }
    fault = fault ? fault : missing_pair(pool, made);
    fault = fault ? fault : try_header(made);
    if (fault) {
        return fault;
    }
    made->description = describe(pool, made);
    *cred = made;
    return NULL;
}

/* ---- the credential ------------------------------------------------------------------------- */

const char *ja_cred_kind_name(const ja_cred_t *cred)
{
    return cred->kind->name;
}

bool ja_cred_is_none(const ja_cred_t *cred)
{
    return cred->kind->authorize == authorize_none;
}

const char *ja_cred_describe(const ja_cred_t *cred)
{
    return cred->description;
}

const char *ja_cred_user(const ja_cred_t *cred)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (cred->kind->pairs[i].flags & PAIR_USER) {
            return cred->values[i].text;
        }
    }
    return "";
}

bool ja_cred_authorization(ja_cred_t *cred, ja_buf_t *out)
{
    ja_cred_version(cred);
    return cred->kind->authorize(cred, out);
}

unsigned ja_cred_version(ja_cred_t *cred)
{
    unsigned version = 0;

    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (cred->values[i].secret) {
            version += ja_secret_refresh(cred->values[i].secret);
        }
    }
    return version;
}

const char *ja_cred_frozen_source(ja_cred_t *cred)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        ja_secret_t *secret = cred->values[i].secret;
        if (secret && ja_secret_is_frozen(secret)) {
            return ja_secret_source(secret);
        }
    }
    return NULL;
}

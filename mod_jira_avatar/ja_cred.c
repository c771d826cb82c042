/* SPDX-License-Identifier: Apache-2.0 */
/* ja_cred: a kind and the values of its pairs. */
#include "ja_cred.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ja_expiry.h"

struct ja_cred_t {
    const ja_kind_t *kind;
    ja_value_t values[JA_PAIRS_MAX]; /* as the pairs of the kind; text is NULL where not given */
    const char *description;
};

/* ---- parsing: what a user wrote is never repeated, for it may be a misplaced secret ---------- */

static size_t count_pairs(const ja_kind_t *kind)
{
    size_t count = 0;

    while (count < JA_PAIRS_MAX && kind->pairs[count].name) {
        count++;
    }
    return count;
}

static const ja_kind_t *find_kind(const char *name)
{
    const ja_kind_t *kind = ja_kind_at(0);

    for (size_t i = 1; kind && strcmp(kind->name, name) != 0; i++) {
        kind = ja_kind_at(i);
    }
    return kind;
}

static const char *kinds_expected(apr_pool_t *pool)
{
    const char *text = "the first argument is the kind of credential:";
    const char *comma = " ";

    for (size_t i = 0; ja_kind_at(i); i++) {
        text = apr_pstrcat(pool, text, comma, ja_kind_at(i)->name, NULL);
        comma = ", ";
    }
    return text;
}

static const char *pairs_expected(apr_pool_t *pool, const ja_kind_t *kind, int position)
{
    const char *text = apr_psprintf(pool, "argument %d is not a pair of the kind %s, which takes",
                                    position, kind->name);
    size_t count = count_pairs(kind);

    for (size_t i = 0; i < count; i++) {
        text = apr_pstrcat(pool, text, " ", kind->pairs[i].name, "=", NULL);
    }
    return count ? text : apr_pstrcat(pool, text, " none", NULL);
}

static const char *set_value(apr_pool_t *pool, const ja_pair_t *pair, const char *text,
                             ja_value_t *value)
{
    const char *fault = NULL;

    if (value->text) {
        return apr_psprintf(pool, "%s= is given twice; write it once", pair->name);
    }
    if (!*text) {
        return apr_psprintf(pool, "%s= is empty; give it a value", pair->name);
    }
    value->text = apr_pstrdup(pool, text);
    if (pair->flags & JA_PAIR_SECRET) {
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
        const ja_pair_t *pair = &cred->kind->pairs[i];
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
        const ja_pair_t *pair = &cred->kind->pairs[i];
        if (!cred->values[i].text && !(pair->flags & JA_PAIR_OPTIONAL)) {
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
        if (cred->values[i].text && !(cred->kind->pairs[i].flags & JA_PAIR_END)) {
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
    ja_cred_use_t sample = {
        .base = "https://site", .url = "https://site/avatar?size=small", .access = "token"};
    bool ok = ja_cred_authorization(cred, &sample, &header);

    OPENSSL_cleanse(storage, sizeof(storage));
    return ok ? NULL : "the secret cannot be sent in a header: it holds a space or is not ASCII";
}

const char *ja_cred_parse(apr_pool_t *pool, int argc, const char *const argv[], ja_cred_t **cred)
{
    const ja_kind_t *kind = argc > 0 ? find_kind(argv[0]) : NULL;
    const char *fault = NULL;

    if (!kind) {
        return kinds_expected(pool);
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

ja_means_t ja_cred_means(const ja_cred_t *cred)
{
    return cred->kind->means;
}

bool ja_cred_is_none(const ja_cred_t *cred)
{
    return cred->kind->authorize == NULL;
}

const char *ja_cred_describe(const ja_cred_t *cred)
{
    return cred->description;
}

/* The value of the first pair with this flag, or NULL. */
static const ja_value_t *value_with(const ja_cred_t *cred, unsigned flag)
{
    for (size_t i = 0; i < JA_PAIRS_MAX; i++) {
        if (cred->kind->pairs[i].flags & flag) {
            return &cred->values[i];
        }
    }
    return NULL;
}

const char *ja_cred_user(const ja_cred_t *cred)
{
    const ja_value_t *value = value_with(cred, JA_PAIR_USER);

    return value ? value->text : "";
}

bool ja_cred_authorization(ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    ja_cred_version(cred);
    return cred->kind->authorize ? cred->kind->authorize(cred->values, use, out) : !out->overflow;
}

const char *ja_cred_token_url(const ja_cred_t *cred, bool cloud)
{
    return cloud ? cred->kind->cloud_url : cred->kind->datacenter_url;
}

bool ja_cred_is_cloud_only(const ja_cred_t *cred)
{
    return cred->kind->cloud_only;
}

const char *ja_cred_token_request(ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    ja_cred_version(cred);
    ja_body_t type = cred->kind->ask(cred->values, use, out);
    return out->overflow ? NULL : ja_body_content_type(type);
}

ja_secret_t *ja_cred_refresh_token(const ja_cred_t *cred)
{
    const ja_value_t *value = value_with(cred, JA_PAIR_ROTATES);

    return value ? value->secret : NULL;
}

ja_secret_t *ja_cred_sent_secret(const ja_cred_t *cred)
{
    const ja_value_t *value = value_with(cred, JA_PAIR_SENT);

    return value ? value->secret : NULL;
}

int64_t ja_cred_expires(const ja_cred_t *cred)
{
    const ja_value_t *value = value_with(cred, JA_PAIR_END);
    int64_t seconds = 0;

    return value && value->text && ja_expiry_read_date(ja_slice(value->text), &seconds) ? seconds
                                                                                        : 0;
}

void ja_cred_grant_name(const ja_cred_t *cred, ja_buf_t *out)
{
    ja_secret_t *refresh = ja_cred_refresh_token(cred);

    ja_buf_add(out, cred->values[0].text);
    ja_buf_add(out, " ");
    ja_buf_add(out, refresh ? ja_secret_source(refresh) : "");
}

uint64_t ja_cred_mark(ja_cred_t *cred)
{
    char storage[JA_PAIRS_MAX * (JA_SECRET_MAX + 1) + 1];
    ja_buf_t text = ja_buf(storage, sizeof(storage));
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    uint64_t mark;

    if (ja_cred_is_none(cred)) {
        return 0;
    }
    ja_cred_version(cred);
    for (size_t i = 0; i < JA_PAIRS_MAX; i++) {
        if (cred->values[i].secret) {
            ja_secret_reveal(cred->values[i].secret, &text);
        }
        ja_buf_add(&text, "\n"); /* which no secret contains */
    }
    EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL);
    OPENSSL_cleanse(storage, sizeof(storage));
    memcpy(&mark, digest, sizeof(mark));
    return mark | 1;
}

unsigned ja_cred_version(ja_cred_t *cred)
{
    unsigned version = 0;

    for (size_t i = 0; i < JA_PAIRS_MAX; i++) {
        if (cred->values[i].secret) {
            version += ja_secret_refresh(cred->values[i].secret);
        }
    }
    return version;
}

const char *ja_cred_frozen_source(ja_cred_t *cred)
{
    for (size_t i = 0; i < JA_PAIRS_MAX; i++) {
        ja_secret_t *secret = cred->values[i].secret;
        if (secret && ja_secret_is_frozen(secret)) {
            return ja_secret_source(secret);
        }
    }
    return NULL;
}

const char *ja_cred_fault(ja_cred_t *cred, const char **source)
{
    const char *fault = NULL;

    for (size_t i = 0; i < JA_PAIRS_MAX && fault == NULL; i++) {
        ja_secret_t *secret = cred->values[i].secret;
        if (secret) {
            fault = ja_secret_fault(secret);
            *source = ja_secret_source(secret);
        }
    }
    return fault;
}

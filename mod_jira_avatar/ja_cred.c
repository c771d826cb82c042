/* SPDX-License-Identifier: Apache-2.0 */
/* ja_cred: the table of credential kinds. One row is one kind; adding a kind is adding a row. */
#include "ja_cred.h"

#include <string.h>

#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ja_sign.h"

enum {
    PAIRS_MAX = 4,
    CLAIMS_MAX = 4096,
    ASSERTION_MAX = 2 * CLAIMS_MAX,
    JWT_LIFETIME = 180,      /* as Atlassian's own libraries have it */
    ASSERTION_LIFETIME = 60, /* at most two minutes are taken */
    USER_MAX = 256,
    VALUE_MAX = 512,
    BASIC_PLAIN_MAX = USER_MAX + 1 + JA_SECRET_MAX,
    BASIC_TOKEN_MAX = (BASIC_PLAIN_MAX + 2) / 3 * 4
};

enum { PAIR_OPTIONAL = 1, PAIR_SECRET = 2, PAIR_USER = 4, PAIR_ROTATES = 8 };

typedef struct pair_t {
    const char *name;
    unsigned flags;
    const char *(*check)(const char *value); /* NULL, or what is wrong, as the end of a sentence */
} pair_t;

typedef struct kind_t {
    const char *name;
    bool (*authorize)(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out);
    pair_t pairs[PAIRS_MAX]; /* up to the first without a name */

    /* For kinds with access tokens; NULL for the others. */
    ja_body_t (*ask)(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out);
    const char *cloud_url;
    const char *datacenter_url; /* below the site; NULL: such a kind is for Cloud only */
    bool cloud_only;
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

/* The other values are sent in JSON and in forms, which can carry whatever is text. */
static const char *check_plain(const char *value)
{
    if (strlen(value) > VALUE_MAX) {
        return "is longer than 512 bytes";
    }
    return ja_text_is_plain(ja_slice(value)) ? NULL : "is not UTF-8, or has a control character";
}

static bool authorize_none(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    (void)cred;
    (void)use;
    return !out->overflow;
}

static bool authorize_basic(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    (void)use;
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
static bool is_header_text(ja_slice_t text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

static bool authorize_bearer(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    (void)use;
    ja_buf_add(out, "Bearer ");
    size_t start = out->len;
    ja_secret_reveal(cred->values[0].secret, out);
    return !out->overflow && is_header_text((ja_slice_t){out->data + start, out->len - start});
}

static bool authorize_access(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    (void)cred;
    ja_buf_add(out, "Bearer ");
    ja_buf_add(out, use->access);
    return !out->overflow && is_header_text(ja_slice(use->access));
}

static void add_time(ja_buf_t *claims, const char *name, int64_t seconds)
{
    ja_buf_add(claims, ",\"");
    ja_buf_add(claims, name);
    ja_buf_add(claims, "\":");
    ja_buf_add_number(claims, (uint64_t)(seconds > 0 ? seconds : 0));
}

/* Closes the claims with their times and signs them with a shared secret. */
static bool sign(ja_secret_t *shared, ja_buf_t *claims, const ja_cred_use_t *use, int64_t lifetime,
                 ja_buf_t *out)
{
    char storage[JA_SECRET_MAX + 1];
    ja_buf_t key = ja_buf(storage, sizeof(storage));

    add_time(claims, "iat", use->now);
    add_time(claims, "exp", use->now + lifetime);
    ja_buf_add(claims, "}");
    ja_secret_reveal(shared, &key);
    bool ok =
        !claims->overflow && !key.overflow &&
        ja_sign_jwt((ja_slice_t){key.data, key.len}, (ja_slice_t){claims->data, claims->len}, out);
    OPENSSL_cleanse(storage, sizeof(storage));
    return ok;
}

/* connect-jwt: app-key, shared-secret */
static bool authorize_connect(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    char storage[CLAIMS_MAX];
    char qsh[JA_QSH_LEN + 1];
    ja_buf_t claims = ja_buf(storage, sizeof(storage));

    if (!ja_sign_qsh("GET", use->base, use->url, qsh)) {
        return false;
    }
    ja_body_begin(JA_BODY_JSON, &claims);
    ja_body_add(JA_BODY_JSON, "iss", ja_slice(cred->values[0].text), &claims);
    ja_body_add(JA_BODY_JSON, "qsh", ja_slice(qsh), &claims);
    ja_buf_add(out, "JWT ");
    return sign(cred->values[1].secret, &claims, use, JWT_LIFETIME, out);
}

static void add_secret(ja_body_t type, const char *name, ja_secret_t *secret, ja_buf_t *out)
{
    char storage[JA_SECRET_MAX + 1];
    ja_buf_t value = ja_buf(storage, sizeof(storage));

    ja_secret_reveal(secret, &value);
    ja_body_add(type, name, (ja_slice_t){value.data, value.len}, out);
    OPENSSL_cleanse(storage, sizeof(storage));
}

static void add_optional(ja_body_t type, const char *name, const char *value, ja_buf_t *out)
{
    if (value) {
        ja_body_add(type, name, ja_slice(value), out);
    }
}

/* client-id and client-secret are the first two pairs of both. */
static ja_body_t begin_oauth(const ja_cred_t *cred, const ja_cred_use_t *use, const char *grant,
                             ja_buf_t *out)
{
    ja_body_t type = use->cloud ? JA_BODY_JSON : JA_BODY_FORM;

    ja_body_begin(type, out);
    ja_body_add(type, "grant_type", ja_slice(grant), out);
    ja_body_add(type, "client_id", ja_slice(cred->values[0].text), out);
    add_secret(type, "client_secret", cred->values[1].secret, out);
    return type;
}

/* oauth-client: client-id, client-secret, scope */
static ja_body_t ask_client(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    ja_body_t type = begin_oauth(cred, use, "client_credentials", out);

    add_optional(type, "scope", cred->values[2].text, out);
    ja_body_end(type, out);
    return type;
}

/* oauth-refresh: client-id, client-secret, refresh-token, redirect-uri */
static ja_body_t ask_refresh(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    ja_body_t type = begin_oauth(cred, use, "refresh_token", out);

    ja_body_add(type, "refresh_token", ja_slice(use->access), out);
    add_optional(type, "redirect_uri", cred->values[3].text, out);
    ja_body_end(type, out);
    return type;
}

static void add_urn(ja_buf_t *claims, const char *name, const char *urn, const char *id)
{
    char storage[VALUE_MAX + 64];
    ja_buf_t value = ja_buf(storage, sizeof(storage));

    ja_buf_add(&value, urn);
    ja_buf_add(&value, id);
    ja_body_add(JA_BODY_JSON, name, ja_slice(value.data), claims);
}

/* connect-user: client-id, shared-secret, account-id, scope */
static ja_body_t ask_assertion(const ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    char storage[CLAIMS_MAX];
    char signed_claims[ASSERTION_MAX];
    ja_buf_t claims = ja_buf(storage, sizeof(storage));
    ja_buf_t assertion = ja_buf(signed_claims, sizeof(signed_claims));

    ja_body_begin(JA_BODY_JSON, &claims);
    add_urn(&claims, "iss", "urn:atlassian:connect:clientid:", cred->values[0].text);
    add_urn(&claims, "sub", "urn:atlassian:connect:useraccountid:", cred->values[2].text);
    ja_body_add(JA_BODY_JSON, "tnt", ja_slice(use->base), &claims);
    ja_body_add(JA_BODY_JSON, "aud", ja_slice(use->audience), &claims);
    out->overflow |= !sign(cred->values[1].secret, &claims, use, ASSERTION_LIFETIME, &assertion);
    ja_body_add(JA_BODY_FORM, "grant_type", ja_slice("urn:ietf:params:oauth:grant-type:jwt-bearer"),
                out);
    ja_body_add(JA_BODY_FORM, "assertion", ja_slice(assertion.data), out);
    add_optional(JA_BODY_FORM, "scope", cred->values[3].text, out);
    OPENSSL_cleanse(signed_claims, sizeof(signed_claims));
    return JA_BODY_FORM;
}

#define ATLASSIAN_TOKENS  "https://auth.atlassian.com/oauth/token"
#define CONNECT_TOKENS    "https://oauth-2-authorization-server.services.atlassian.com/oauth2/token"
#define DATACENTER_TOKENS "/rest/oauth2/latest/token"

static const kind_t kinds[] = {
    {.name = "none", .authorize = authorize_none},
    {.name = "basic",
     .authorize = authorize_basic,
     .pairs = {{"user", PAIR_USER, check_basic_user}, {"secret", PAIR_SECRET, NULL}}},
    {.name = "bearer", .authorize = authorize_bearer, .pairs = {{"secret", PAIR_SECRET, NULL}}},
    {.name = "oauth-client",
     .authorize = authorize_access,
     .pairs = {{"client-id", PAIR_USER, check_plain},
               {"client-secret", PAIR_SECRET, NULL},
               {"scope", PAIR_OPTIONAL, check_plain}},
     .ask = ask_client,
     .cloud_url = ATLASSIAN_TOKENS,
     .datacenter_url = DATACENTER_TOKENS},
    {.name = "oauth-refresh",
     .authorize = authorize_access,
     .pairs = {{"client-id", PAIR_USER, check_plain},
               {"client-secret", PAIR_SECRET, NULL},
               {"refresh-token", PAIR_SECRET | PAIR_ROTATES, NULL},
               {"redirect-uri", PAIR_OPTIONAL, check_plain}},
     .ask = ask_refresh,
     .cloud_url = ATLASSIAN_TOKENS,
     .datacenter_url = DATACENTER_TOKENS},
    {.name = "connect-jwt",
     .authorize = authorize_connect,
     .pairs = {{"app-key", PAIR_USER, check_plain}, {"shared-secret", PAIR_SECRET, NULL}},
     .cloud_only = true},
    {.name = "connect-user",
     .authorize = authorize_access,
     .pairs = {{"client-id", 0, check_plain},
               {"shared-secret", PAIR_SECRET, NULL},
               {"account-id", PAIR_USER, check_plain},
               {"scope", PAIR_OPTIONAL, check_plain}},
     .ask = ask_assertion,
     .cloud_url = CONNECT_TOKENS,
     .cloud_only = true},
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
        text = apr_pstrcat(pool, text, comma, kinds[i].name, NULL);
        comma = ", ";
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
    ja_cred_use_t sample = {
        .base = "https://site", .url = "https://site/avatar?size=small", .access = "token"};
    bool ok = ja_cred_authorization(cred, &sample, &header);

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

bool ja_cred_authorization(ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out)
{
    ja_cred_version(cred);
    return cred->kind->authorize(cred, use, out);
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
    ja_body_t type = cred->kind->ask(cred, use, out);
    return out->overflow ? NULL : ja_body_content_type(type);
}

ja_secret_t *ja_cred_refresh_token(const ja_cred_t *cred)
{
    for (size_t i = 0; i < PAIRS_MAX; i++) {
        if (cred->kind->pairs[i].flags & PAIR_ROTATES) {
            return cred->values[i].secret;
        }
    }
    return NULL;
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
    char storage[PAIRS_MAX * (JA_SECRET_MAX + 1) + 1];
    ja_buf_t text = ja_buf(storage, sizeof(storage));
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};
    uint64_t mark;

    if (ja_cred_is_none(cred)) {
        return 0;
    }
    ja_cred_version(cred);
    for (size_t i = 0; i < PAIRS_MAX; i++) {
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

const char *ja_cred_fault(ja_cred_t *cred, const char **source)
{
    const char *fault = NULL;

    for (size_t i = 0; i < PAIRS_MAX && fault == NULL; i++) {
        ja_secret_t *secret = cred->values[i].secret;
        if (secret) {
            fault = ja_secret_fault(secret);
            *source = ja_secret_source(secret);
        }
    }
    return fault;
}

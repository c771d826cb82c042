/* SPDX-License-Identifier: Apache-2.0 */
/* ja_kind: the table of credential kinds. One row is one kind; adding a kind is adding a row. */
#include "ja_kind.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ja_expiry.h"
#include "ja_sign.h"

enum {
    CLAIMS_MAX = 4096,
    ASSERTION_MAX = 2 * CLAIMS_MAX,
    JWT_LIFETIME = 180,      /* as Atlassian's own libraries have it */
    ASSERTION_LIFETIME = 60, /* at most two minutes are taken */
    USER_MAX = 256,
    VALUE_MAX = 512,
    BASIC_PLAIN_MAX = USER_MAX + 1 + JA_SECRET_MAX,
    BASIC_TOKEN_MAX = (BASIC_PLAIN_MAX + 2) / 3 * 4
};

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

static const char *check_date(const char *value)
{
    int64_t seconds;

    return ja_expiry_read_date(ja_slice(value), &seconds)
               ? NULL
               : "is not a date; write expires=YYYY-MM-DD, the day on which the secret ends";
}

static bool authorize_basic(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out)
{
    (void)use;
    char plain[BASIC_PLAIN_MAX + 1];
    unsigned char token[BASIC_TOKEN_MAX + 1];
    ja_buf_t both = ja_buf(plain, sizeof(plain));

    ja_buf_add(&both, values[0].text);
    ja_buf_add(&both, ":");
    ja_secret_reveal(values[1].secret, &both);
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

static bool authorize_bearer(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out)
{
    (void)use;
    ja_buf_add(out, "Bearer ");
    size_t start = out->len;
    ja_secret_reveal(values[0].secret, out);
    return !out->overflow && is_header_text((ja_slice_t){out->data + start, out->len - start});
}

static bool authorize_access(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out)
{
    (void)values;
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
static bool authorize_connect(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out)
{
    char storage[CLAIMS_MAX];
    char qsh[JA_QSH_LEN + 1];
    ja_buf_t claims = ja_buf(storage, sizeof(storage));

    if (!ja_sign_qsh("GET", use->base, use->url, qsh)) {
        return false;
    }
    ja_body_begin(JA_BODY_JSON, &claims);
    ja_body_add(JA_BODY_JSON, "iss", ja_slice(values[0].text), &claims);
    ja_body_add(JA_BODY_JSON, "qsh", ja_slice(qsh), &claims);
    ja_buf_add(out, "JWT ");
    return sign(values[1].secret, &claims, use, JWT_LIFETIME, out);
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
static ja_body_t begin_oauth(const ja_value_t *values, const ja_cred_use_t *use, const char *grant,
                             ja_buf_t *out)
{
    ja_body_t type = use->cloud ? JA_BODY_JSON : JA_BODY_FORM;

    ja_body_begin(type, out);
    ja_body_add(type, "grant_type", ja_slice(grant), out);
    ja_body_add(type, "client_id", ja_slice(values[0].text), out);
    add_secret(type, "client_secret", values[1].secret, out);
    return type;
}

/* oauth-client: client-id, client-secret, scope */
static ja_body_t ask_client(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out)
{
    ja_body_t type = begin_oauth(values, use, "client_credentials", out);

    add_optional(type, "scope", values[2].text, out);
    ja_body_end(type, out);
    return type;
}

/* oauth-refresh: client-id, client-secret, refresh-token, redirect-uri */
static ja_body_t ask_refresh(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out)
{
    ja_body_t type = begin_oauth(values, use, "refresh_token", out);

    ja_body_add(type, "refresh_token", ja_slice(use->access), out);
    add_optional(type, "redirect_uri", values[3].text, out);
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
static ja_body_t ask_assertion(const ja_value_t *values, const ja_cred_use_t *use, ja_buf_t *out)
{
    char storage[CLAIMS_MAX];
    char signed_claims[ASSERTION_MAX];
    ja_buf_t claims = ja_buf(storage, sizeof(storage));
    ja_buf_t assertion = ja_buf(signed_claims, sizeof(signed_claims));

    ja_body_begin(JA_BODY_JSON, &claims);
    add_urn(&claims, "iss", "urn:atlassian:connect:clientid:", values[0].text);
    add_urn(&claims, "sub", "urn:atlassian:connect:useraccountid:", values[2].text);
    ja_body_add(JA_BODY_JSON, "tnt", ja_slice(use->base), &claims);
    ja_body_add(JA_BODY_JSON, "aud", ja_slice(use->audience), &claims);
    out->overflow |= !sign(values[1].secret, &claims, use, ASSERTION_LIFETIME, &assertion);
    ja_body_add(JA_BODY_FORM, "grant_type", ja_slice("urn:ietf:params:oauth:grant-type:jwt-bearer"),
                out);
    ja_body_add(JA_BODY_FORM, "assertion", ja_slice(assertion.data), out);
    add_optional(JA_BODY_FORM, "scope", values[3].text, out);
    OPENSSL_cleanse(signed_claims, sizeof(signed_claims));
    return JA_BODY_FORM;
}

#define ATLASSIAN_TOKENS  "https://auth.atlassian.com/oauth/token"
#define CONNECT_TOKENS    "https://oauth-2-authorization-server.services.atlassian.com/oauth2/token"
#define DATACENTER_TOKENS "/rest/oauth2/latest/token"

static const ja_kind_t kinds[] = {
    {.name = "none"},
    {.name = "basic",
     .means = JA_MEANS_PASSWORD,
     .authorize = authorize_basic,
     .pairs = {{"user", JA_PAIR_USER, check_basic_user},
               {"secret", JA_PAIR_SECRET | JA_PAIR_SENT, NULL},
               {"expires", JA_PAIR_OPTIONAL | JA_PAIR_END, check_date}}},
    {.name = "bearer",
     .means = JA_MEANS_TOKEN,
     .authorize = authorize_bearer,
     .pairs = {{"secret", JA_PAIR_SECRET | JA_PAIR_SENT, NULL},
               {"expires", JA_PAIR_OPTIONAL | JA_PAIR_END, check_date}}},
    {.name = "oauth-client",
     .means = JA_MEANS_CLIENT,
     .authorize = authorize_access,
     .pairs = {{"client-id", JA_PAIR_USER, check_plain},
               {"client-secret", JA_PAIR_SECRET, NULL},
               {"scope", JA_PAIR_OPTIONAL, check_plain}},
     .ask = ask_client,
     .cloud_url = ATLASSIAN_TOKENS,
     .datacenter_url = DATACENTER_TOKENS},
    {.name = "oauth-refresh",
     .means = JA_MEANS_REFRESH,
     .authorize = authorize_access,
     .pairs = {{"client-id", JA_PAIR_USER, check_plain},
               {"client-secret", JA_PAIR_SECRET, NULL},
               {"refresh-token", JA_PAIR_SECRET | JA_PAIR_ROTATES, NULL},
               {"redirect-uri", JA_PAIR_OPTIONAL, check_plain}},
     .ask = ask_refresh,
     .cloud_url = ATLASSIAN_TOKENS,
     .datacenter_url = DATACENTER_TOKENS},
    {.name = "connect-jwt",
     .means = JA_MEANS_SIGNATURE,
     .authorize = authorize_connect,
     .pairs = {{"app-key", JA_PAIR_USER, check_plain}, {"shared-secret", JA_PAIR_SECRET, NULL}},
     .cloud_only = true},
    {.name = "connect-user",
     .means = JA_MEANS_ASSERTION,
     .authorize = authorize_access,
     .pairs = {{"client-id", 0, check_plain},
               {"shared-secret", JA_PAIR_SECRET, NULL},
               {"account-id", JA_PAIR_USER, check_plain},
               {"scope", JA_PAIR_OPTIONAL, check_plain}},
     .ask = ask_assertion,
     .cloud_url = CONNECT_TOKENS,
     .cloud_only = true},
};

const ja_kind_t *ja_kind_at(size_t index)
{
    return index < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[index] : NULL;
}

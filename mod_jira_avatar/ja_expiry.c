/* SPDX-License-Identifier: Apache-2.0 */
/* ja_expiry: dates, certificates, claims and lists. */
#include "ja_expiry.h"

#include <string.h>
#include <time.h>

#include <jansson.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum {
    DAY = 24 * 60 * 60,
    WARNING = 14 * DAY,
    YEAR = 365 * DAY,
    UNUSED_LIFE = 90 * DAY,
    UNUSED_WARNING = 30 * DAY,
    TOO_LATE = 60 * 60,   /* for a warning that somebody is to act upon */
    CLAIMS_MAX = 6 * 1024 /* of the longest secret */
};

static const int64_t latest = INT64_C(253402300799); /* the last second of the year 9999 */

const char *const ja_end_sources[JA_END_SOURCES] = {"unknown", "certificate", "token", "jira",
                                                    "expires", "file-age",    "unused"};

ja_end_state_t ja_end_state(const ja_end_t *end, int64_t now)
{
    return end->source == JA_END_UNKNOWN ? JA_END_FAR
           : now >= end->at              ? JA_END_OVER
           : now < end->from             ? JA_END_EARLY
           : now >= end->warn_at         ? JA_END_NEAR
                                         : JA_END_FAR;
}

ja_end_t ja_end_of_written(int64_t at)
{
    return (ja_end_t){.source = JA_END_WRITTEN, .warn_at = at - WARNING, .at = at};
}

ja_end_t ja_end_of_age(int64_t written_at)
{
    return (ja_end_t){
        .source = JA_END_AGE, .warn_at = written_at + YEAR - WARNING, .at = written_at + YEAR};
}

ja_end_t ja_end_of_unused(int64_t used_at)
{
    return (ja_end_t){.source = JA_END_UNUSED,
                      .warn_at = used_at + UNUSED_LIFE - UNUSED_WARNING,
                      .at = used_at + UNUSED_LIFE};
}

/* ---- dates --------------------------------------------------------------------------------- */

static bool take_date(ja_slice_t *in, struct tm *tm)
{
    return ja_text_take_field(in, 4, 0, 9999, &tm->tm_year) && ja_text_take(in, "-") &&
           ja_text_take_field(in, 2, 1, 12, &tm->tm_mon) && ja_text_take(in, "-") &&
           ja_text_take_field(in, 2, 1, 31, &tm->tm_mday);
}

/* A day that its month does not have comes out as another one. */
static bool seconds_of(const struct tm *wanted, int64_t *seconds)
{
    struct tm tm = *wanted;

    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    struct tm made = tm;
    time_t at = timegm(&made);
    bool is_same = made.tm_year == tm.tm_year && made.tm_mon == tm.tm_mon &&
                   made.tm_mday == tm.tm_mday && made.tm_hour == tm.tm_hour &&
                   made.tm_min == tm.tm_min && made.tm_sec == tm.tm_sec;
    if (is_same && at > 0) {
        *seconds = (int64_t)at;
    }
    return is_same && at > 0;
}

bool ja_expiry_read_date(ja_slice_t text, int64_t *seconds)
{
    struct tm tm = {0};

    return take_date(&text, &tm) && text.len == 0 && seconds_of(&tm, seconds);
}

static void skip_fraction(ja_slice_t *in)
{
    int digit;

    if (ja_text_take(in, ".")) {
        while (ja_text_take_field(in, 1, 0, 9, &digit)) {
        }
    }
}

/* Seconds that the zone is ahead of UTC. */
static bool take_zone(ja_slice_t *in, int *ahead)
{
    int hours = 0, minutes = 0;
    int sign = ja_text_take(in, "+") ? 1 : ja_text_take(in, "-") ? -1 : 0;

    if (sign != 0) {
        bool ok = ja_text_take_field(in, 2, 0, 23, &hours) && (ja_text_take(in, ":") || true) &&
                  ja_text_take_field(in, 2, 0, 59, &minutes);
        *ahead = sign * (hours * 60 + minutes) * 60;
        return ok;
    }
    *ahead = 0;
    return ja_text_take(in, "Z");
}

bool ja_expiry_read_time(ja_slice_t text, int64_t *seconds)
{
    ja_slice_t rest = text;
    struct tm tm = {0};
    int64_t local;
    int ahead;

    if (ja_expiry_read_date(text, seconds)) {
        return true;
    }
    if (!take_date(&rest, &tm) || !ja_text_take(&rest, "T") ||
        !ja_text_take_field(&rest, 2, 0, 23, &tm.tm_hour) || !ja_text_take(&rest, ":") ||
        !ja_text_take_field(&rest, 2, 0, 59, &tm.tm_min) || !ja_text_take(&rest, ":") ||
        !ja_text_take_field(&rest, 2, 0, 59, &tm.tm_sec)) {
        return false;
    }
    skip_fraction(&rest);
    if (!take_zone(&rest, &ahead) || rest.len != 0 || !seconds_of(&tm, &local)) {
        return false;
    }
    *seconds = local - ahead;
    return true;
}

void ja_expiry_text(int64_t seconds, char out[JA_EXPIRY_TEXT_MAX])
{
    time_t at = (time_t)seconds;
    struct tm utc;

    out[0] = '\0';
    if (gmtime_r(&at, &utc) != NULL) {
        (void)strftime(out, JA_EXPIRY_TEXT_MAX,
                       seconds % DAY == 0 ? "%Y-%m-%d" : "%Y-%m-%d %H:%M UTC", &utc);
    }
}

/* ---- certificates -------------------------------------------------------------------------- */

static bool seconds_of_asn1(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm tm;

    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1) {
        return false;
    }
    *seconds = (int64_t)timegm(&tm);
    return true;
}

bool ja_end_of_certificate(ja_slice_t pem, ja_end_t *end)
{
    BIO *bio = pem.len > 0 && pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
    X509 *x509 = bio != NULL ? PEM_read_bio_X509(bio, NULL, NULL, "") : NULL;
    ja_end_t told = {.source = JA_END_CERTIFICATE};
    bool ok = x509 != NULL && seconds_of_asn1(X509_get0_notBefore(x509), &told.from) &&
              seconds_of_asn1(X509_get0_notAfter(x509), &told.at);

    X509_free(x509);
    BIO_free(bio);
    ERR_clear_error();
    if (ok) {
        told.warn_at = told.at - WARNING;
        *end = told;
    }
    return ok;
}

/* ---- tokens -------------------------------------------------------------------------------- */

/* Seconds, with a fraction or without. */
static bool seconds_of_claim(const json_t *claim, int64_t *seconds)
{
    double value = json_number_value(claim);

    if (!json_is_number(claim) || !(value >= 1) || value > (double)latest) {
        return false;
    }
    *seconds = (int64_t)value;
    return true;
}

static bool read_claims(ja_slice_t json, ja_end_t *end)
{
    json_t *root = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    ja_end_t told = {.source = JA_END_TOKEN};
    int64_t issued;
    bool ok = seconds_of_claim(json_object_get(root, "exp"), &told.at);

    told.warn_at = told.at;
    if (ok && seconds_of_claim(json_object_get(root, "iat"), &issued) && issued < told.at) {
        int64_t tenth = (told.at - issued) / 10;
        told.warn_at -= tenth < TOO_LATE ? 0 : tenth < WARNING ? tenth : WARNING;
    }
    json_decref(root);
    if (ok) {
        *end = told;
    }
    return ok;
}

bool ja_end_of_jwt(ja_slice_t token, ja_end_t *end)
{
    char storage[CLAIMS_MAX + 1];
    ja_buf_t claims = ja_buf(storage, sizeof(storage));
    ja_slice_t header = ja_text_piece(&token, '.');
    ja_slice_t payload = ja_text_piece(&token, '.');
    ja_slice_t signature = token;
    bool has_parts = header.len > 0 && payload.len > 0 && signature.len > 0 &&
                     memchr(signature.data, '.', signature.len) == NULL;
    bool ok = has_parts && ja_buf_add_from_base64url(&claims, payload) && !claims.overflow &&
              read_claims((ja_slice_t){claims.data, claims.len}, end);

    OPENSSL_cleanse(storage, sizeof(storage));
    return ok;
}

/* Text, or milliseconds. */
static bool seconds_of_json(const json_t *value, int64_t *seconds)
{
    json_int_t ms = json_integer_value(value);

    if (json_is_integer(value) && ms > 0 && ms / 1000 <= latest) {
        *seconds = (int64_t)(ms / 1000);
        return true;
    }
    return json_is_string(value) &&
           ja_expiry_read_time((ja_slice_t){json_string_value(value), json_string_length(value)},
                               seconds);
}

static json_t *used_last(const json_t *list)
{
    json_t *found = json_array_get(list, 0);
    int64_t youngest = -1;

    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *token = json_array_get(list, i);
        int64_t used = 0;
        (void)seconds_of_json(json_object_get(token, "lastAccessed"), &used);
        if (used > youngest) {
            youngest = used;
            found = token;
        }
    }
    return found;
}

bool ja_end_of_listed(ja_slice_t json, ja_tokens_told_t *told)
{
    json_t *list = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *token = json_is_array(list) ? used_last(list) : NULL;
    json_t *name = json_object_get(token, "name");
    ja_slice_t shown = {json_string_value(name), json_string_length(name)};
    bool ok = json_is_object(token);

    memset(told, 0, sizeof(*told));
    told->alone = json_array_size(list) == 1;
    if (ok && shown.len > 0 && shown.len <= JA_TOKEN_NAME_MAX && ja_text_is_plain(shown)) {
        memcpy(told->name, shown.data, shown.len);
    }
    if (ok && seconds_of_json(json_object_get(token, "expiringAt"), &told->end.at)) {
        told->end.source = JA_END_JIRA;
        told->end.warn_at = told->end.at - WARNING;
    }
    json_decref(list);
    return ok;
}

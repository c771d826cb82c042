/* SPDX-License-Identifier: Apache-2.0 */
/* Ends: dates, claims of tokens, lists of Jira, certificates, and when an end is near. */
#include "ja_expiry.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum { DAY = 24 * 60 * 60 };

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

/* ---- dates --------------------------------------------------------------------------------- */

static const struct date_row {
    const char *text;
    int64_t day, time; /* what each reader makes of it; 0: refused */
} dates[] = {
    {"1970-01-02", DAY, DAY},
    {"2024-02-29", 1709164800, 1709164800},
    {"2026-11-22", 1795305600, 1795305600},
    {"9999-12-31", INT64_C(253402214400), INT64_C(253402214400)},
    {"2026-11-22T01:02:03Z", 0, 1795305600 + 3723},
    {"2026-11-22T01:02:03.999Z", 0, 1795305600 + 3723},
    {"2026-11-22T01:02:03.040+0100", 0, 1795305600 + 123},
    {"2026-11-22T01:02:03-01:30", 0, 1795305600 + 3723 + 5400},
    {"", 0, 0},
    {"1970-01-01", 0, 0},
    {"0000-00-00", 0, 0},
    {"2023-02-29", 0, 0},
    {"2026-04-31", 0, 0},
    {"2026-13-01", 0, 0},
    {"2026-00-10", 0, 0},
    {"2026-11-2", 0, 0},
    {"2026-11-222", 0, 0},
    {"2026-11-22 ", 0, 0},
    {" 2026-11-22", 0, 0},
    {"26-11-2022", 0, 0},
    {"2026/11/22", 0, 0},
    {"2026-+1-22", 0, 0},
    {"22.11.2026", 0, 0},
    {"never", 0, 0},
    {"2026-11-22T01:02:03", 0, 0},
    {"2026-11-22T01:02Z", 0, 0},
    {"2026-11-22T24:00:00Z", 0, 0},
    {"2026-11-22T01:60:00Z", 0, 0},
    {"2026-11-22T01:02:03ZZ", 0, 0},
    {"2026-11-22T01:02:03+1", 0, 0},
    {"2026-11-22T01:02:03+24:00", 0, 0},
};

START_TEST(reads_dates)
{
    const struct date_row *row = &dates[_i];
    int64_t day = 0, time = 0;

    ck_assert_msg(ja_expiry_read_date(ja_slice(row->text), &day) == (row->day != 0), "%s",
                  row->text);
    ck_assert_int_eq(day, row->day);
    ck_assert_msg(ja_expiry_read_time(ja_slice(row->text), &time) == (row->time != 0), "%s",
                  row->text);
    ck_assert_int_eq(time, row->time);
}
END_TEST

START_TEST(writes_dates)
{
    char text[JA_EXPIRY_TEXT_MAX];

    ja_expiry_text(1795305600, text);
    ck_assert_str_eq(text, "2026-11-22");
    ja_expiry_text(1795305600 + 3723, text);
    ck_assert_str_eq(text, "2026-11-22 01:02 UTC");
    ja_expiry_text(INT64_MAX, text);
    ck_assert_str_eq(text, "");
}
END_TEST

/* ---- states -------------------------------------------------------------------------------- */

START_TEST(knows_when_an_end_is_near)
{
    enum { NOW = 1000 * DAY };
    const struct {
        ja_end_t end;
        int64_t near, over;
    } rows[] = {
        {ja_end_of_written(NOW), NOW - 14 * DAY, NOW},
        {ja_end_of_age(NOW), NOW + 351 * DAY, NOW + 365 * DAY},
        {ja_end_of_unused(NOW), NOW + 60 * DAY, NOW + 90 * DAY},
        {{.source = JA_END_TOKEN, .warn_at = NOW, .at = NOW}, NOW, NOW},
    };
    const ja_end_t unknown = {.source = JA_END_UNKNOWN};
    const ja_end_t early = {.source = JA_END_CERTIFICATE, .from = 10, .warn_at = 20, .at = 30};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(ja_end_state(&rows[i].end, rows[i].near - 1), JA_END_FAR);
        ck_assert_int_eq(ja_end_state(&rows[i].end, rows[i].over), JA_END_OVER);
        if (rows[i].near < rows[i].over) {
            ck_assert_int_eq(ja_end_state(&rows[i].end, rows[i].near), JA_END_NEAR);
            ck_assert_int_eq(ja_end_state(&rows[i].end, rows[i].over - 1), JA_END_NEAR);
        }
    }
    ck_assert_int_eq(ja_end_state(&unknown, NOW), JA_END_FAR);
    ck_assert_int_eq(ja_end_state(&early, 9), JA_END_EARLY);
    ck_assert_int_eq(ja_end_state(&early, 10), JA_END_FAR);
}
END_TEST

/* ---- tokens -------------------------------------------------------------------------------- */

static const struct jwt_row {
    const char *claims; /* NULL: the text is the whole token */
    const char *text;
    int64_t at, warn_at; /* 0: it tells nothing */
} jwts[] = {
    {"{\"exp\":2000000,\"iat\":1000000}", 0, 2000000, 1900000},
    {"{\"iat\":1000000.5,\"exp\":2000000.5}", 0, 2000000, 1900000},
    {"{\"exp\":1036000,\"iat\":1000000}", 0, 1036000, 1032400},
    {"{\"exp\":1035990,\"iat\":1000000}", 0, 1035990, 1035990},
    {"{\"exp\":2000000}", 0, 2000000, 2000000},
    {"{\"exp\":2000000,\"iat\":2000000}", 0, 2000000, 2000000},
    {"{\"exp\":2000000,\"iat\":\"1\"}", 0, 2000000, 2000000},
    {"{\"exp\":100000000,\"iat\":1}", 0, 100000000, 100000000 - 14 * DAY},
    {"{}", 0, 0, 0},
    {"[2000000]", 0, 0, 0},
    {"2000000", 0, 0, 0},
    {"{\"exp\":\"2000000\"}", 0, 0, 0},
    {"{\"exp\":0}", 0, 0, 0},
    {"{\"exp\":-1}", 0, 0, 0},
    {"{\"exp\":1e300}", 0, 0, 0},
    {"{\"exp\":253402300800}", 0, 0, 0},
    {"{\"exp\":2000000,\"exp\":3000000}", 0, 0, 0},
    {"{\"exp\":2000000", 0, 0, 0},
    {0, "", 0, 0},
    {0, "..", 0, 0},
    {0, "NjU0MzIxMDk4NzY1OmFiY2RlZg", 0, 0},
    {0, "e30.eyJleHAiOjIwMDAwMDB9.c2ln", 2000000, 2000000},
    {0, "e30.eyJleHAiOjIwMDAwMDB9", 0, 0},
    {0, "e30.eyJleHAiOjIwMDAwMDB9.", 0, 0},
    {0, ".eyJleHAiOjIwMDAwMDB9.c2ln", 0, 0},
    {0, "e30.eyJleHAiOjIwMDAwMDB9.c2ln.c2ln", 0, 0},
    {0, "e30.eyJleHAiOjIwMDAwMDB9==.c2ln", 0, 0},
    {0, "e30.eyJleHAiOjIwMDAwMDB9+.c2ln", 0, 0},
};

START_TEST(reads_tokens)
{
    const struct jwt_row *row = &jwts[_i];
    char storage[1024];
    ja_buf_t token = ja_buf(storage, sizeof(storage));
    ja_end_t end = {0};

    if (row->claims) {
        ja_buf_add(&token, "e30.");
        ja_buf_add_base64url(&token, (const unsigned char *)row->claims, strlen(row->claims));
        ja_buf_add(&token, ".c2ln");
    } else {
        ja_buf_add(&token, row->text);
    }
    ck_assert_msg(ja_end_of_jwt((ja_slice_t){token.data, token.len}, &end) == (row->at != 0), "%s",
                  storage);
    ck_assert_int_eq(end.at, row->at);
    ck_assert_int_eq(end.warn_at, row->warn_at);
    ck_assert_int_eq(end.source, row->at != 0 ? JA_END_TOKEN : JA_END_UNKNOWN);
}
END_TEST

static const struct listed_row {
    const char *json;
    bool ok;
    int64_t at; /* 0: it does not end */
    const char *name;
    bool alone;
} lists[] = {
    {"[{\"id\":1,\"name\":\"avatars\",\"expiringAt\":\"2026-11-22T01:02:03.000Z\"}]", true,
     1795305600 + 3723, "avatars", true},
    {"[{\"name\":\"a\",\"expiringAt\":1795305600123}]", true, 1795305600, "a", true},
    {"[{\"name\":\"a\",\"expiringAt\":null}]", true, 0, "a", true},
    {"[{\"name\":\"a\"}]", true, 0, "a", true},
    {"[{\"name\":\"a\\u0007\",\"expiringAt\":\"soon\"}]", true, 0, "", true},
    {"[{\"name\":\"old\",\"lastAccessed\":\"2026-11-21T00:00:00Z\",\"expiringAt\":\"2027-01-01\"},"
     "{\"name\":\"ours\",\"lastAccessed\":\"2026-11-22T00:00:00Z\",\"expiringAt\":\"2026-11-22\"},"
     "{\"name\":\"never\",\"lastAccessed\":null,\"expiringAt\":\"2026-01-01\"}]",
     true, 1795305600, "ours", false},
    {"[]", false, 0, "", false},
    {"[1]", false, 0, "", true},
    {"{}", false, 0, "", false},
    {"", false, 0, "", false},
    {"<html>", false, 0, "", false},
};

START_TEST(reads_lists)
{
    const struct listed_row *row = &lists[_i];
    ja_tokens_told_t told;

    ck_assert_msg(ja_end_of_listed(ja_slice(row->json), &told) == row->ok, "%s", row->json);
    ck_assert_int_eq(told.end.at, row->at);
    ck_assert_int_eq(told.end.source, row->at ? JA_END_JIRA : JA_END_UNKNOWN);
    ck_assert_str_eq(told.name, row->name);
    ck_assert_int_eq(told.alone, row->alone);
}
END_TEST

/* ---- certificates -------------------------------------------------------------------------- */

static ja_slice_t make_certificate(int64_t from, int64_t at, char *out, size_t cap)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)from) != NULL);
    ck_assert(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)at) != NULL);
    ck_assert_int_eq(X509_set_pubkey(x509, key), 1);
    ck_assert_int_gt(X509_sign(x509, key, EVP_sha256()), 0);
    ck_assert_int_eq(PEM_write_bio_X509(bio, x509), 1);
    int len = BIO_read(bio, out, (int)cap);
    ck_assert_int_gt(len, 0);
    BIO_free(bio);
    X509_free(x509);
    EVP_PKEY_free(key);
    return (ja_slice_t){out, (size_t)len};
}

START_TEST(reads_certificates)
{
    const int64_t from = 1000 * DAY;
    const int64_t at = INT64_C(30000) * DAY + 5; /* beyond 2050, in another form */
    char text[4096];
    ja_slice_t pem = make_certificate(from, at, text, sizeof(text));
    ja_end_t end = {0};

    ck_assert(ja_end_of_certificate(pem, &end));
    ck_assert_int_eq(end.source, JA_END_CERTIFICATE);
    ck_assert_int_eq(end.from, from);
    ck_assert_int_eq(end.at, at);
    ck_assert_int_eq(end.warn_at, at - 14 * DAY);
    ck_assert(!ja_end_of_certificate((ja_slice_t){pem.data, pem.len / 2}, &end));
    ck_assert(!ja_end_of_certificate(ja_slice(NULL), &end));
    ck_assert(!ja_end_of_certificate(ja_slice("x"), &end));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expiry");
    TCase *tests = tcase_create("expiry");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tests, reads_dates, 0, COUNT(dates));
    tcase_add_test(tests, writes_dates);
    tcase_add_test(tests, knows_when_an_end_is_near);
    tcase_add_loop_test(tests, reads_tokens, 0, COUNT(jwts));
    tcase_add_loop_test(tests, reads_lists, 0, COUNT(lists));
    tcase_add_test(tests, reads_certificates);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

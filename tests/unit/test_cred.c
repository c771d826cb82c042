/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials and secrets: what is accepted, what is refused and how, re-reading on change. */
#include "ja_cred.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <check.h>
#include <openssl/evp.h>

enum { ARGS_MAX = 6 };

static const ja_cred_use_t sample = {.cloud = true,
                                     .base = "https://site.example",
                                     .url = "https://site.example/secure/viewavatar?b=2&a=1",
                                     .access = "t0ken",
                                     .audience = "https://tokens.example",
                                     .now = 1700000000};

static apr_pool_t *pool;
static char dir[32];

static const char *in_dir(const char *name)
{
    return apr_pstrcat(pool, dir, "/", name, NULL);
}

static void put(const char *name, const char *text, size_t len, mode_t mode)
{
    const char *path = in_dir(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
    ck_assert_int_eq(chmod(path, mode), 0);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text), 0640);
}

/* "@" in a row stands for the directory of the test. */
static const char *expand(const char *text)
{
    const char *at = strchr(text, '@');

    if (!at || strchr(at + 1, '@') || strncmp(at, "@/", 2) != 0) {
        return text;
    }
    return apr_pstrcat(pool, apr_pstrndup(pool, text, (size_t)(at - text)), dir, at + 1, NULL);
}

static void setup(void)
{
    char long_line[JA_SECRET_MAX + 1];

    apr_initialize();
    apr_pool_create(&pool, NULL);
    memcpy(dir, "/tmp/test_cred.XXXXXX", sizeof("/tmp/test_cred.XXXXXX"));
    ck_assert_ptr_nonnull(mkdtemp(dir));
    memset(long_line, 'x', sizeof(long_line));
    put_text("token", "s3cr3t\n");
    put_text("with space", "sp\n");
    put_text("crlf", "s3cr3t\r\n");
    put_text("bare", "s3cr3t");
    put_text("empty", "");
    put_text("newline", "\n");
    put_text("two", "one\ntwo\n");
    put_text("inner", "a b");
    put_text("utf8", "p\xc3\xa4ss\n");
    put("longest", long_line, JA_SECRET_MAX, 0600);
    put("too long", long_line, JA_SECRET_MAX + 1, 0600);
    put("nul", "a\0b", 3, 0600);
    put("readable", "s3cr3t", 6, 0644);
    put("writable", "s3cr3t", 6, 0602);
    put("prog", "#!/bin/sh\necho \"$1\"; echo more\n", 31, 0755);
    put("fails", "#!/bin/sh\necho x; exit 3\n", 25, 0755);
    put("silent", "#!/bin/sh\necho; echo x\n", 23, 0755);
    put("chatty", "#!/bin/sh\necho s3cr3t; head -c 200000 /dev/zero\n", 49, 0755);
    put("closes", "#!/bin/sh\necho s3cr3t; exec >&-; read x; exit 0\n", 48, 0755);
    ck_assert_int_eq(mkfifo(in_dir("fifo"), 0600), 0);
    ck_assert_int_eq(mkdir(in_dir("directory"), 0700), 0);
    ck_assert_int_eq(symlink("token", in_dir("link")), 0);
    ck_assert_int_eq(symlink("readable", in_dir("link to readable")), 0);
    setenv("JA_TEST_SECRET", "s3cr3t", 1);
    setenv("JA_TEST_EMPTY", "", 1);
    unsetenv("JA_TEST_UNSET");
}

static void teardown(void)
{
    const char *command[] = {"/bin/rm", "-rf", dir, NULL};
    pid_t pid = fork();

    if (pid == 0) {
        execv(command[0], (char *const *)command);
        _exit(1);
    }
    waitpid(pid, NULL, 0);
    apr_pool_destroy(pool);
    apr_terminate();
}

/* ---- secrets -------------------------------------------------------------------------------- */

static const struct secret_row {
    const char *source;
    const char *value; /* NULL: refused */
    const char *fault; /* part of the sentence */
} secret_rows[] = {
    {"file:@/token", "s3cr3t", 0},
    {"file:@/with space", "sp", 0},
    {"file:@/crlf", "s3cr3t", 0},
    {"file:@/bare", "s3cr3t", 0},
    {"file:@/link", "s3cr3t", 0},
    {"file:@/inner", "a b", 0},
    {"file:@/utf8", "p\xc3\xa4ss", 0},
    {"file:@/empty", 0, "is empty"},
    {"file:@/newline", 0, "is empty"},
    {"file:@/two", 0, "more than one line"},
    {"file:@/nul", 0, "control character"},
    {"file:@/too long", 0, "longer than 8192"},
    {"file:@/readable", 0, "accessible to others; use chmod 0640"},
    {"file:@/writable", 0, "accessible to others; use chmod 0640"},
    {"file:@/link to readable", 0, "accessible to others"},
    {"file:@/fifo", 0, "not a regular file"},
    {"file:@/directory", 0, "not a regular file"},
    {"file:@/absent", 0, "does not exist"},
    {"file:@/token/below", 0, "does not exist"},
    {"file:token", 0, "not an absolute path"},
    {"file:", 0, "not an absolute path"},
    {"env:JA_TEST_SECRET", "s3cr3t", 0},
    {"env:JA_TEST_EMPTY", 0, "not set, or empty"},
    {"env:JA_TEST_UNSET", 0, "not set, or empty"},
    {"env:", 0, "not set, or empty"},
    {"exec:@/prog s3cr3t", "s3cr3t", 0},
    {"exec:@/prog 'a b' c", "a b", 0},
    {"exec:@/chatty", "s3cr3t", 0},
    {"exec:@/closes", "s3cr3t", 0},
    {"exec:@/fails", 0, "non-zero status"},
    {"exec:@/silent", 0, "first line of its output is empty"},
    {"exec:@/absent", 0, "cannot be run"},
    {"exec:@/token", 0, "cannot be run"},
    {"exec:prog", 0, "absolute path"},
    {"exec:", 0, "absolute path"},
    {"exec: ", 0, "absolute path"},
    {"hunter2", 0, "never as itself"},
    {"FILE:/x", 0, "never as itself"},
    {"", 0, "never as itself"},
};

START_TEST(parses_secrets)
{
    const struct secret_row *row = &secret_rows[_i];
    const char *source = expand(row->source);
    char storage[JA_SECRET_MAX + 1];
    ja_buf_t value = ja_buf(storage, sizeof(storage));
    ja_secret_t *secret = NULL;
    const char *fault = ja_secret_parse(pool, source, &secret);

    if (!row->value) {
        ck_assert_msg(fault && strstr(fault, row->fault), "%s: %s", row->source, fault);
        ck_assert_ptr_null(secret);
        ck_assert_msg(!strstr(fault, "hunter2"), "%s", fault);
        return;
    }
    ck_assert_msg(!fault, "%s: %s", row->source, fault);
    ja_secret_reveal(secret, &value);
    ck_assert_msg(strcmp(value.data, row->value) == 0, "%s: %s", row->source, value.data);
    ck_assert_str_eq(ja_secret_source(secret), source);
    ck_assert_uint_eq(ja_secret_refresh(secret), 1);
    ck_assert(!ja_secret_is_frozen(secret));
}
END_TEST

START_TEST(takes_the_longest_secret)
{
    char storage[JA_AUTHORIZATION_MAX];
    ja_buf_t header = ja_buf(storage, sizeof(storage));
    ja_cred_t *cred;
    char user[5 + 256 + 1] = "user=";

    memset(user + 5, 'u', 256);
    const char *args[] = {"basic", user, expand("secret=file:@/longest")};
    ck_assert_ptr_null(ja_cred_parse(pool, 3, args, &cred));
    ck_assert(ja_cred_authorization(cred, &sample, &header));
    ck_assert_uint_eq(header.len, 6 + (256 + 1 + JA_SECRET_MAX + 2) / 3 * 4);
    header = ja_buf(storage, 64);
    ck_assert(!ja_cred_authorization(cred, &sample, &header));
}
END_TEST

START_TEST(kills_what_does_not_end)
{
    ja_secret_t *secret = NULL;
    apr_time_t start = apr_time_now();
    const char *fault = ja_secret_parse(pool, "exec:/bin/sh -c 'echo x; sleep 60; :'", &secret);

    ck_assert_msg(fault && strstr(fault, "10 seconds"), "%s", fault);
    ck_assert_int_lt(apr_time_sec(apr_time_now() - start), 15);
}
END_TEST

/* ---- re-reading ----------------------------------------------------------------------------- */

static void pass_a_second(void)
{
    apr_sleep(apr_time_from_msec(1050));
}

static const char *revealed(ja_secret_t *secret)
{
    char storage[JA_SECRET_MAX + 1];
    ja_buf_t value = ja_buf(storage, sizeof(storage));

    ja_secret_reveal(secret, &value);
    return apr_pstrdup(pool, value.data);
}

START_TEST(reads_again_on_change)
{
    static const struct {
        const char *text; /* NULL: the file is removed */
        mode_t mode;
        const char *value;
        unsigned version;
    } steps[] = {
        {"second\n", 0640, "second", 2}, {"second", 0640, "second", 2}, {"", 0640, "second", 2},
        {NULL, 0, "second", 2},          {"third", 0644, "second", 2},  {"third", 0640, "third", 3},
    };
    ja_secret_t *secret;

    ck_assert_ptr_null(ja_secret_parse(pool, expand("file:@/token"), &secret));
    put_text("token", "at once\n");
    ck_assert_uint_eq(ja_secret_refresh(secret), 1); /* not within the second */
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (steps[i].text) {
            put("token", steps[i].text, strlen(steps[i].text), steps[i].mode);
        } else {
            unlink(in_dir("token"));
        }
        pass_a_second();
        unsigned version = ja_secret_refresh(secret);
        ck_assert_msg(version == steps[i].version, "step %zu: version %u", i, version);
        ck_assert_msg(strcmp(revealed(secret), steps[i].value) == 0, "step %zu", i);
    }
    ck_assert(!ja_secret_is_frozen(secret));
}
END_TEST

/* Read by root at start, kept by a process that is nobody. */
START_TEST(says_once_that_it_is_frozen)
{
    const char *args[] = {"bearer", expand("secret=file:@/token")};
    ja_cred_t *cred;

    if (geteuid() != 0) {
        return;
    }
    ck_assert_int_eq(chmod(in_dir("token"), 0600), 0);
    ck_assert_int_eq(chmod(dir, 0755), 0);
    ck_assert_ptr_null(ja_cred_parse(pool, 2, args, &cred));
    ck_assert_int_eq(seteuid(65534), 0);
    ck_assert_ptr_null(ja_cred_frozen_source(cred));
    pass_a_second();
    ck_assert_uint_eq(ja_cred_version(cred), 1);
    const char *source = ja_cred_frozen_source(cred);
    ck_assert_msg(source && strcmp(source, expand("file:@/token")) == 0, "%s", source);
    ck_assert_ptr_null(ja_cred_frozen_source(cred));
    ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

/* ---- credentials ---------------------------------------------------------------------------- */

static const struct cred_row {
    const char *args[ARGS_MAX];
    const char *header;      /* NULL: refused */
    const char *fault;       /* part of the sentence */
    const char *description; /* NULL: the arguments joined by spaces */
    const char *user;
} cred_rows[] = {
    {{"none"}, "", 0, 0, ""},
    {{"basic", "user=a@b.c", "secret=env:JA_TEST_SECRET"}, "Basic YUBiLmM6czNjcjN0", 0, 0, "a@b.c"},
    {{"basic", "secret=env:JA_TEST_SECRET", "user=a"},
     "Basic YTpzM2NyM3Q=",
     0,
     "basic user=a secret=env:JA_TEST_SECRET",
     "a"},
    {{"basic", "user=a \"b\\", "secret=file:@/with space"}, "Basic YSAiYlw6c3A=", 0, "", "a \"b\\"},
    {{"bearer", "secret=env:JA_TEST_SECRET"}, "Bearer s3cr3t", 0, 0, ""},
    {{"basic", "user=a", "secret=env:JA_TEST_SECRET", "expires=2027-01-31"},
     "Basic YTpzM2NyM3Q=",
     0,
     "basic user=a secret=env:JA_TEST_SECRET",
     "a"},
    {{"bearer", "secret=env:JA_TEST_SECRET", "expires=2020-01-31"},
     "Bearer s3cr3t",
     0,
     "bearer secret=env:JA_TEST_SECRET",
     ""},
    {{"bearer", "secret=env:JA_TEST_SECRET", "expires=31.1.2027"}, 0, "is not a date", 0, 0},
    {{"bearer", "secret=env:JA_TEST_SECRET", "expires=2027-02-30"}, 0, "is not a date", 0, 0},
    {{"bearer", "secret=env:JA_TEST_SECRET", "expires="}, 0, "expires= is empty", 0, 0},
    {{0}, 0, "kind of credential: none, basic, bearer, oauth-client", 0, 0},
    {{"hunter2"}, 0, "kind of credential", 0, 0},
    {{"Basic"}, 0, "kind of credential", 0, 0},
    {{"none", "user=a"}, 0, "argument 2 is not a pair of the kind none, which takes none", 0, 0},
    {{"basic"}, 0, "user= is missing", 0, 0},
    {{"basic", "user=a"}, 0, "secret= is missing", 0, 0},
    {{"basic", "user=", "secret=env:JA_TEST_SECRET"}, 0, "user= is empty", 0, 0},
    {{"basic", "user=a", "user=b", "secret=env:JA_TEST_SECRET"}, 0, "given twice", 0, 0},
    {{"basic", "user=a:b", "secret=env:JA_TEST_SECRET"}, 0, "contains ':'", 0, 0},
    {{"basic", "user=a\tb", "secret=env:JA_TEST_SECRET"}, 0, "control character", 0, 0},
    {{"basic", "user=a\x7f", "secret=env:JA_TEST_SECRET"}, 0, "control character", 0, 0},
    {{"basic", "user=a", "secret=hunter2"}, 0, "secret=: a secret is written as its source", 0, 0},
    {{"basic", "user=a", "hunter2"}, 0, "argument 3 is not a pair", 0, 0},
    {{"basic", "user=a", "hunter2="}, 0, "takes user= secret= expires=", 0, 0},
    {{"basic", "user=a", "secret=file:@/readable"}, 0, "secret=: file:/tmp/test_cred", 0, 0},
    {{"bearer", "secret=file:@/inner"}, 0, "cannot be sent in a header", 0, 0},
    {{"bearer", "secret=file:@/utf8"}, 0, "cannot be sent in a header", 0, 0},
    {{"oauth-client", "client-id=c", "client-secret=env:JA_TEST_SECRET"},
     "Bearer t0ken",
     0,
     0,
     "c"},
    {{"oauth-client", "client-id=a"}, 0, "client-secret= is missing", 0, 0},
    {{"oauth-client", "client-id=\x01", "client-secret=env:JA_TEST_SECRET"}, 0, "control", 0, 0},
    {{"oauth-refresh", "client-id=c", "client-secret=env:JA_TEST_SECRET",
      "refresh-token=env:JA_TEST_SECRET", "redirect-uri=https://h/"},
     "Bearer t0ken",
     0,
     0,
     "c"},
    {{"oauth-refresh", "client-id=c", "client-secret=env:JA_TEST_SECRET"},
     0,
     "refresh-token= is missing",
     0,
     0},
    {{"oauth-refresh", "client-id=c", "client-secret=env:JA_TEST_SECRET", "refresh-token=hunter2"},
     0,
     "refresh-token=: a secret is written as its source",
     0,
     0},
    {{"connect-user", "client-id=c", "shared-secret=env:JA_TEST_SECRET", "account-id=557058:x"},
     "Bearer t0ken",
     0,
     0,
     "557058:x"},
    {{"connect-jwt", "app-key=k"}, 0, "shared-secret= is missing", 0, 0},
};

START_TEST(parses_credentials)
{
    const struct cred_row *row = &cred_rows[_i];
    const char *args[ARGS_MAX];
    const char *joined = "";
    char storage[JA_AUTHORIZATION_MAX];
    ja_buf_t header = ja_buf(storage, sizeof(storage));
    ja_cred_t *cred = NULL;
    int argc = 0;

    for (; argc < ARGS_MAX && row->args[argc]; argc++) {
        args[argc] = expand(row->args[argc]);
        joined = apr_pstrcat(pool, joined, argc ? " " : "", args[argc], NULL);
    }
    const char *fault = ja_cred_parse(pool, argc, args, &cred);
    if (!row->header) {
        ck_assert_msg(fault && strstr(fault, row->fault), "row %d: %s", _i, fault);
        ck_assert_msg(!strstr(fault, "hunter2"), "row %d repeats it: %s", _i, fault);
        return;
    }
    ck_assert_msg(!fault, "row %d: %s", _i, fault);
    ck_assert(ja_cred_authorization(cred, &sample, &header));
    ck_assert_str_eq(header.data, row->header);
    ck_assert_str_eq(ja_cred_kind_name(cred), row->args[0]);
    ck_assert_str_eq(ja_cred_user(cred), row->user);
    ck_assert_int_eq(ja_cred_is_none(cred), strcmp(row->args[0], "none") == 0);
    if (!row->description || *row->description) {
        ck_assert_str_eq(ja_cred_describe(cred), row->description ? row->description : joined);
    }
}
END_TEST

START_TEST(describes_as_it_would_be_written)
{
    const char *args[] = {"basic", "user=a \"b\\", expand("secret=file:@/with space")};
    ja_cred_t *cred;

    ck_assert_ptr_null(ja_cred_parse(pool, 3, args, &cred));
    ck_assert_str_eq(
        ja_cred_describe(cred),
        apr_psprintf(pool, "basic \"user=a \\\"b\\\\\" \"secret=file:%s/with space\"", dir));
}
END_TEST

START_TEST(grows_with_a_new_secret)
{
    const char *args[] = {"bearer", expand("secret=file:@/token")};
    char storage[64];
    ja_buf_t header = ja_buf(storage, sizeof(storage));
    ja_cred_t *cred;

    ck_assert_ptr_null(ja_cred_parse(pool, 2, args, &cred));
    unsigned before = ja_cred_version(cred);
    put_text("token", "renewed\n");
    pass_a_second();
    ck_assert(ja_cred_authorization(cred, &sample, &header));
    ck_assert_str_eq(header.data, "Bearer renewed");
    ck_assert_uint_eq(ja_cred_version(cred), before + 1);
}
END_TEST

/* ---- tokens --------------------------------------------------------------------------------- */

static ja_cred_t *parsed(const char *const args[])
{
    ja_cred_t *cred = NULL;
    int argc = 0;

    while (args[argc]) {
        argc++;
    }
    const char *fault = ja_cred_parse(pool, argc, args, &cred);
    ck_assert_msg(!fault, "%s", fault);
    return cred;
}

static const struct request_row {
    const char *args[ARGS_MAX];
    bool cloud;
    const char *type;
    const char *body;
} request_rows[] = {
    {{"oauth-client", "client-id=c", "client-secret=env:JA_TEST_SECRET"},
     true,
     "application/json",
     "{\"grant_type\":\"client_credentials\",\"client_id\":\"c\",\"client_secret\":\"s3cr3t\"}"},
    {{"oauth-client", "client-id=c \"d\\", "client-secret=env:JA_TEST_SECRET", "scope=READ"},
     true,
     "application/json",
     "{\"grant_type\":\"client_credentials\",\"client_id\":\"c \\\"d\\\\\","
     "\"client_secret\":\"s3cr3t\",\"scope\":\"READ\"}"},
    {{"oauth-client", "client-id=c&d", "client-secret=env:JA_TEST_SECRET", "scope=A B"},
     false,
     "application/x-www-form-urlencoded",
     "grant_type=client_credentials&client_id=c%26d&client_secret=s3cr3t&scope=A%20B"},
    {{"oauth-refresh", "client-id=c", "client-secret=env:JA_TEST_SECRET",
      "refresh-token=env:JA_TEST_SECRET"},
     true,
     "application/json",
     "{\"grant_type\":\"refresh_token\",\"client_id\":\"c\",\"client_secret\":\"s3cr3t\","
     "\"refresh_token\":\"t0ken\"}"},
    {{"oauth-refresh", "client-id=c", "client-secret=env:JA_TEST_SECRET",
      "refresh-token=env:JA_TEST_SECRET", "redirect-uri=https://h/cb"},
     false,
     "application/x-www-form-urlencoded",
     "grant_type=refresh_token&client_id=c&client_secret=s3cr3t&refresh_token=t0ken&"
     "redirect_uri=https%3A%2F%2Fh%2Fcb"},
};

START_TEST(writes_token_requests)
{
    const struct request_row *row = &request_rows[_i];
    ja_cred_use_t use = sample;
    char storage[1024];
    ja_buf_t body = ja_buf(storage, sizeof(storage));
    ja_cred_t *cred = parsed(row->args);

    use.cloud = row->cloud;
    ck_assert_str_eq(ja_cred_token_request(cred, &use, &body), row->type);
    ck_assert_str_eq(body.data, row->body);
    body = ja_buf(storage, 40);
    ck_assert_ptr_null(ja_cred_token_request(cred, &use, &body));
}
END_TEST

static const char *const connect_user[] = {
    "connect-user",        "client-id=c", "shared-secret=env:JA_TEST_SECRET",
    "account-id=557058:x", "scope=READ",  NULL};
static const char *const connect_jwt[] = {"connect-jwt", "app-key=my-app",
                                          "shared-secret=env:JA_TEST_SECRET", NULL};

/* The claims of a token, decoded; its signature is the business of others. */
static const char *claims_of(const char *token)
{
    unsigned char plain[1024];
    const char *start = strchr(token, '.') + 1;
    char *text = apr_pstrndup(pool, start, strcspn(start, "."));

    for (char *c = text; *c; c++) {
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    }
    while (strlen(text) % 4) {
        text = apr_pstrcat(pool, text, "=", NULL);
    }
    int len = EVP_DecodeBlock(plain, (unsigned char *)text, (int)strlen(text));
    ck_assert_int_gt(len, 0);
    return apr_pstrndup(pool, (char *)plain, (size_t)len);
}

START_TEST(asserts_who_is_meant)
{
    char storage[2048];
    ja_buf_t body = ja_buf(storage, sizeof(storage));
    const char *start =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";

    ck_assert_str_eq(ja_cred_token_request(parsed(connect_user), &sample, &body),
                     "application/x-www-form-urlencoded");
    ck_assert_ptr_eq(strstr(storage, start), storage);
    ck_assert_ptr_nonnull(strstr(storage, "&scope=READ"));
    ck_assert_str_eq(claims_of(storage + strlen(start)),
                     "{\"iss\":\"urn:atlassian:connect:clientid:c\","
                     "\"sub\":\"urn:atlassian:connect:useraccountid:557058:x\","
                     "\"tnt\":\"https://site.example\",\"aud\":\"https://tokens.example\","
                     "\"iat\":1700000000,\"exp\":1700000060}");
}
END_TEST

START_TEST(signs_the_very_request)
{
    char storage[2048];
    ja_buf_t header = ja_buf(storage, sizeof(storage));
    ja_cred_use_t use = sample;
    ja_cred_t *cred = parsed(connect_jwt);

    ck_assert(ja_cred_authorization(cred, &use, &header));
    ck_assert_ptr_eq(strstr(storage, "JWT eyJ"), storage);
    /* printf 'GET&/secure/viewavatar&a=1&b=2' | sha256sum */
    ck_assert_str_eq(claims_of(storage + 4),
                     "{\"iss\":\"my-app\",\"qsh\":"
                     "\"6ebf86beb576112144e23a3f3c277e571fa8bd3588964b2d3b43fa6e33409e5f\","
                     "\"iat\":1700000000,\"exp\":1700000180}");
    header = ja_buf(storage, sizeof(storage));
    use.url = "https://elsewhere.example/secure/viewavatar";
    ck_assert(!ja_cred_authorization(cred, &use, &header));
    ck_assert(ja_cred_is_cloud_only(cred));
    ck_assert_ptr_null(ja_cred_token_url(cred, true));
}
END_TEST

START_TEST(marks_states_of_its_secrets)
{
    const char *bearer[] = {"bearer", expand("secret=file:@/token"), NULL};
    const char *none[] = {"none", NULL};
    ja_cred_t *cred = parsed(bearer);
    uint64_t before = ja_cred_mark(cred);

    ck_assert_uint_ne(before, 0);
    ck_assert_uint_eq(ja_cred_mark(cred), before);
    ck_assert_uint_eq(ja_cred_mark(parsed(bearer)), before);
    ck_assert_uint_eq(ja_cred_mark(parsed(none)), 0);
    put_text("token", "renewed\n");
    pass_a_second();
    ck_assert_uint_ne(ja_cred_mark(cred), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cred");
    TCase *tcase = tcase_create("cred");
    SRunner *runner = srunner_create(suite);

    suite_add_tcase(suite, tcase);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 30);
    tcase_add_loop_test(tcase, parses_secrets, 0, sizeof(secret_rows) / sizeof(secret_rows[0]));
    tcase_add_loop_test(tcase, parses_credentials, 0, sizeof(cred_rows) / sizeof(cred_rows[0]));
    tcase_add_loop_test(tcase, writes_token_requests, 0,
                        sizeof(request_rows) / sizeof(request_rows[0]));
    tcase_add_test(tcase, asserts_who_is_meant);
    tcase_add_test(tcase, signs_the_very_request);
    tcase_add_test(tcase, marks_states_of_its_secrets);
    tcase_add_test(tcase, takes_the_longest_secret);
    tcase_add_test(tcase, describes_as_it_would_be_written);
    tcase_add_test(tcase, reads_again_on_change);
    tcase_add_test(tcase, says_once_that_it_is_frozen);
    tcase_add_test(tcase, grows_with_a_new_secret);
    tcase_add_test(tcase, kills_what_does_not_end);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of a refresh token: whole, old or new, wherever a process dies while it writes. The
 * system calls that decide it are counted here, and the process is killed before one of them.
 */
#include "ja_state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

static char dir[] = "/tmp/test_state.XXXXXX";
static char path[64];

/* ---- dying at a chosen call ----------------------------------------------------------------- */

static int calls_left = -1; /* -1: nobody dies */

static void count_call(void)
{
    if (calls_left == 0) {
        kill(getpid(), SIGKILL);
    }
    calls_left -= calls_left > 0;
}

int fsync(int fd)
{
    count_call();
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    count_call();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int fchmod(int fd, mode_t mode)
{
    count_call();
    return (int)syscall(SYS_fchmod, fd, mode);
}

/* True if `work` ended, false if it was killed before its call number `calls`. */
static bool lives(void (*work)(void), int calls)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        calls_left = calls;
        work();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status);
}

/* ---- fixtures ------------------------------------------------------------------------------- */

static void setup(void)
{
    memcpy(dir, "/tmp/test_state.XXXXXX", sizeof(dir));
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/grant", dir);
}

static void teardown(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void put(const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq((int)syscall(SYS_fchmod, fd, mode), 0);
    close(fd);
}

/* ---- files ---------------------------------------------------------------------------------- */

START_TEST(keeps_what_it_is_given)
{
    ja_state_t state = {.rotated_at = 0}, read;
    struct stat file;

    ck_assert_int_eq(ja_state_load(path, &read), JA_STATE_NONE);
    ja_state_choose(&state, ja_slice("configured one"));
    ja_state_rotate(&state, "second", 1700000000);
    ja_state_choose(&state, ja_slice("configured two"));
    ja_state_rotate(&state, "third", 1700000001);
    ck_assert_int_eq(ja_state_save(path, &state), JA_STATE_OK);
    ck_assert_int_eq(ja_state_load(path, &read), JA_STATE_OK);
    ck_assert_str_eq(read.refresh, "third");
    ck_assert_str_eq(read.previous, "configured two");
    ck_assert_int_eq(read.rotated_at, 1700000001);
    ck_assert_mem_eq(read.configured, state.configured, sizeof(state.configured));
    ja_state_choose(&read, ja_slice("configured one")); /* older: known */
    ck_assert_str_eq(read.refresh, "third");
    ck_assert_int_eq(stat(path, &file), 0);
    ck_assert_int_eq(file.st_mode & 07777, 0600);
}
END_TEST

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TOP "mod_jira_avatar refresh token 1\n"

static const struct {
    const char *text;
    ja_state_status_t status;
} files[] = {
    {TOP "refresh r\nend\n", JA_STATE_OK},
    {TOP "refresh r r\nrotated 1\nconfigured " HEX "\nolder " HEX "\nend\n", JA_STATE_OK},
    {TOP "refresh r\n", JA_STATE_BROKEN},
    {TOP "refresh r\nend\nmore\n", JA_STATE_BROKEN},
    {TOP "refresh r\nend", JA_STATE_OK},
    {TOP "refresh r\nen", JA_STATE_BROKEN},
    {TOP "end\n", JA_STATE_BROKEN},
    {TOP "refresh \nend\n", JA_STATE_BROKEN},
    {TOP "refresh r\nrotated -1\nend\n", JA_STATE_BROKEN},
    {TOP "refresh r\nrotated x\nend\n", JA_STATE_BROKEN},
    {TOP "refresh r\nconfigured 00\nend\n", JA_STATE_BROKEN},
    {TOP "refresh r\nunknown x\nend\n", JA_STATE_BROKEN},
    {"mod_jira_avatar refresh token 2\nrefresh r\nend\n", JA_STATE_BROKEN},
    {"", JA_STATE_BROKEN},
};

START_TEST(understands_its_own_files_only)
{
    ja_state_t state;

    put(files[_i].text, 0600);
    errno = EIO;
    ck_assert_int_eq(ja_state_load(path, &state), files[_i].status);
    ck_assert(files[_i].status == JA_STATE_OK || (errno == 0 && state.refresh[0] == '\0'));
}
END_TEST

START_TEST(refuses_a_file_that_others_read)
{
    ja_state_t state;

    put(TOP "refresh r\nend\n", 0640);
    ck_assert_int_eq(ja_state_load(path, &state), JA_STATE_BROKEN);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    ck_assert_int_eq(ja_state_load(path, &state), JA_STATE_BROKEN);
}
END_TEST

START_TEST(locks_out_others)
{
    int first, second;

    ck_assert_int_eq(ja_state_lock(path, &first), JA_STATE_OK);
    ck_assert_int_eq(ja_state_lock(path, &second), JA_STATE_BUSY);
    ck_assert_int_eq(second, -1);
    ja_state_unlock(first);
    ck_assert_int_eq(ja_state_lock(path, &second), JA_STATE_OK);
    ja_state_unlock(second);
    ck_assert_int_eq(ja_state_lock("/nonexistent/grant", &first), JA_STATE_BROKEN);
}
END_TEST

/* ---- crashes -------------------------------------------------------------------------------- */

static void save_second(void)
{
    ja_state_t state;

    if (ja_state_load(path, &state) != JA_STATE_OK) {
        _exit(1);
    }
    ja_state_rotate(&state, "second", 1700000000);
    if (ja_state_save(path, &state) != JA_STATE_OK) {
        _exit(1);
    }
}

START_TEST(is_whole_wherever_a_writer_dies)
{
    ja_state_t state;
    bool lived = false;
    int deaths = 0;

    for (int calls = 0; !lived; calls++) {
        memset(&state, 0, sizeof(state));
        ja_state_choose(&state, ja_slice("first"));
        ck_assert_int_eq(ja_state_save(path, &state), JA_STATE_OK);
        lived = lives(save_second, calls);
        deaths += !lived;
        ck_assert_int_eq(ja_state_load(path, &state), JA_STATE_OK);
        bool is_new = strcmp(state.refresh, "second") == 0;
        ck_assert_msg(is_new || strcmp(state.refresh, "first") == 0, "call %d", calls);
        ck_assert_msg(!lived || is_new, "call %d", calls);
        ja_state_choose(&state, ja_slice("first")); /* the configured one is known either way */
        ck_assert_msg(is_new == (strcmp(state.refresh, "second") == 0), "call %d", calls);
    }
    ck_assert_int_eq(deaths, 4); /* before fchmod, fsync, rename, fsync of the directory */
}
END_TEST

/* ---- which token ---------------------------------------------------------------------------- */

START_TEST(falls_back_once_within_the_leeway)
{
    ja_state_t state = {.rotated_at = 0};

    ja_state_choose(&state, ja_slice("first"));
    ck_assert(!ja_state_fall_back(&state, 0));
    ja_state_rotate(&state, "second", 1000);
    ja_state_rotate(&state, "second", 2000); /* the same again is no rotation */
    ck_assert_int_eq(state.rotated_at, 1000);
    ck_assert(!ja_state_fall_back(&state, 1000 + JA_STATE_LEEWAY));
    ck_assert(ja_state_fall_back(&state, 999 + JA_STATE_LEEWAY));
    ck_assert_str_eq(state.refresh, "first");
    ck_assert(!ja_state_fall_back(&state, 1000));
}
END_TEST

START_TEST(prefers_a_token_that_is_newly_configured)
{
    ja_state_t state = {.rotated_at = 0};

    ja_state_choose(&state, ja_slice("first"));
    ja_state_rotate(&state, "rotated", 1000);
    ja_state_choose(&state, ja_slice("first"));
    ck_assert_str_eq(state.refresh, "rotated");
    ja_state_choose(&state, ja_slice("authorised again"));
    ck_assert_str_eq(state.refresh, "authorised again");
    ck_assert_str_eq(state.previous, "");
    ck_assert(!ja_state_fall_back(&state, 1000));
    ja_state_choose(&state, ja_slice("first")); /* from a process that knows no better */
    ck_assert_str_eq(state.refresh, "authorised again");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("state");
    TCase *tests = tcase_create("state");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, keeps_what_it_is_given);
    tcase_add_loop_test(tests, understands_its_own_files_only, 0, sizeof(files) / sizeof(files[0]));
    tcase_add_test(tests, refuses_a_file_that_others_read);
    tcase_add_test(tests, locks_out_others);
    tcase_add_test(tests, is_whole_wherever_a_writer_dies);
    tcase_add_test(tests, falls_back_once_within_the_leeway);
    tcase_add_test(tests, prefers_a_token_that_is_newly_configured);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_secret: where secrets come from, and how they stay secret. */
#include "ja_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <openssl/crypto.h>

enum {
    RAW_MAX = JA_SECRET_MAX + 3, /* the longest secret, CR LF, and one more to notice too long */
    RECHECK_MS = 1000,
    EXEC_LIMIT_MS = 10000,
    EXEC_POLL_MS = 10
};

struct ja_secret_t {
    const char *source;
    const char *path; /* of a file:, else NULL */
    apr_thread_mutex_t *lock;
    int64_t checked_ms;
    struct stat seen; /* the file the value is from */
    bool frozen;
    bool frozen_said;
    const char *fault; /* of the file as it is now, while the old value is used on */
    bool fault_said;
    unsigned version;
    size_t len;
    char value[JA_SECRET_MAX];
};

/* ---- values: every fault is a constant phrase that follows the source in a sentence --------- */

static bool has_control(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static size_t without_line_end(const char *bytes, size_t len)
{
    if (len && bytes[len - 1] == '\n') {
        len--;
        if (len && bytes[len - 1] == '\r') {
            len--;
        }
    }
    return len;
}

static const char *accept_value(ja_secret_t *secret, const char *bytes, size_t raw_len)
{
    size_t len = without_line_end(bytes, raw_len);

    if (len == 0) {
        return "is empty; it must hold the secret";
    }
    if (len > JA_SECRET_MAX) {
        return "is longer than 8192 bytes; it must hold the secret alone";
    }
    if (has_control(bytes, len)) {
        return "holds more than one line, or a control character; it must hold the secret alone";
    }
    if (len == secret->len && ja_text_equal_ct(bytes, secret->value, len)) {
        return NULL;
    }
    OPENSSL_cleanse(secret->value, sizeof(secret->value));
    memcpy(secret->value, bytes, len);
    secret->len = len;
    secret->version++;
    return NULL;
}

static int64_t now_ms(void)
{
    struct timespec ts = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- file: ---------------------------------------------------------------------------------- */

static const char *open_fault(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "does not exist; create it with chmod 0640 and chgrp to the server's group";
    case EACCES:
        return "may not be read by this user; use chmod 0640 and chgrp to the server's group";
    default:
        return "cannot be opened; it must be a readable regular file";
    }
}

static const char *stat_fault(const struct stat *file)
{
    if (!S_ISREG(file->st_mode)) {
        return "is not a regular file";
    }
    if (file->st_mode & S_IRWXO) {
        return "is accessible to others; use chmod 0640 and chgrp to the server's group";
    }
    return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static const char *read_value(ja_secret_t *secret, int fd)
{
    char raw[RAW_MAX];
    size_t len = 0;
    ssize_t got;

    do {
        got = read(fd, raw + len, sizeof(raw) - len);
        if (got > 0) {
            len += (size_t)got;
        }
    } while ((got > 0 && len < sizeof(raw)) || (got < 0 && errno == EINTR));
    const char *fault = got < 0 ? "cannot be read" : accept_value(secret, raw, len);
    OPENSSL_cleanse(raw, sizeof(raw));
    return fault;
}

/* Symbolic links are followed: systemd and Kubernetes hand out secrets behind them. What counts
 * is the file that was opened, and O_NONBLOCK keeps a FIFO from hanging the server. */
static const char *load_file(ja_secret_t *secret)
{
    struct stat file;
    int fd = open(secret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        secret->frozen = errno == EACCES;
        return open_fault(errno);
    }
    secret->frozen = false;
    const char *fault = fstat(fd, &file) ? "cannot be examined" : stat_fault(&file);
    if (!fault && !same_file(&file, &secret->seen)) {
        fault = read_value(secret, fd);
        if (!fault) {
            secret->seen = file;
        }
    }
    close(fd);
    return fault;
}

static const char *parse_file(apr_pool_t *pool, ja_secret_t *secret, const char *path)
{
    if (*path != '/') {
        return "is not an absolute path; write file:/PATH";
    }
    secret->path = apr_pstrdup(pool, path);
    return load_file(secret);
}

/* ---- env: ----------------------------------------------------------------------------------- */

static const char *parse_env(apr_pool_t *pool, ja_secret_t *secret, const char *name)
{
    const char *value = getenv(name);

    (void)pool;
    if (!value || !*value) {
        return "is not set, or empty, in the environment the server was started with";
    }
    return accept_value(secret, value, strnlen(value, RAW_MAX));
}

/* ---- exec: ---------------------------------------------------------------------------------- */

typedef struct run_t {
    pid_t pid;
    int out; /* the program's output; -1: at its end */
    int64_t deadline_ms;
    size_t len;
    char raw[RAW_MAX]; /* the beginning of the output */
} run_t;

/* The program leads a process group of its own, so that a kill also meets what it started. */
static bool run_spawn(run_t *run, char **argv)
{
    extern char **environ;
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t defaults;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC)) {
        return false;
    }
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    int error = posix_spawn(&run->pid, argv[0], &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    close(ends[1]);
    run->out = ends[0];
    if (error) {
        close(ends[0]);
    }
    return error == 0;
}

/* Keeps the beginning, reads over the rest: a program whose output nobody takes never ends. */
static bool run_take(run_t *run)
{
    char rest[512];
    bool room = run->len < sizeof(run->raw);
    ssize_t got = room ? read(run->out, run->raw + run->len, sizeof(run->raw) - run->len)
                       : read(run->out, rest, sizeof(rest));

    if (got > 0 && room) {
        run->len += (size_t)got;
    }
    OPENSSL_cleanse(rest, sizeof(rest));
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Waits for the output's end, then for the program's. */
static bool run_finish(run_t *run, int *status)
{
    while (now_ms() < run->deadline_ms) {
        struct pollfd in = {run->out, POLLIN, 0};

        if (run->out < 0 && waitpid(run->pid, status, WNOHANG) == run->pid) {
            return true;
        }
        if (poll(&in, 1, EXEC_POLL_MS) > 0 && !run_take(run)) {
            close(run->out);
            run->out = -1; /* poll() then only waits */
        }
    }
    return false;
}

static void run_kill(run_t *run)
{
    kill(-run->pid, SIGKILL);
    while (waitpid(run->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    if (run->out >= 0) {
        close(run->out);
    }
}

static const char *run_result(ja_secret_t *secret, const run_t *run, int status)
{
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return "failed: the program ended with a non-zero status or a signal";
    }
    const char *end = memchr(run->raw, '\n', run->len);
    size_t len = end ? (size_t)(end + 1 - run->raw) : run->len;
    if (without_line_end(run->raw, len) == 0) {
        return "printed no secret: the first line of its output is empty";
    }
    return accept_value(secret, run->raw, len);
}

static const char *parse_exec(apr_pool_t *pool, ja_secret_t *secret, const char *command)
{
    char **argv = NULL;
    int status = 0;
    const char *fault;
    run_t run = {.deadline_ms = now_ms() + EXEC_LIMIT_MS};

    if (apr_tokenize_to_argv(command, &argv, pool) != APR_SUCCESS || !argv[0] || *argv[0] != '/') {
        return "does not name a program by its absolute path; write exec:/PROGRAM ARGS";
    }
    if (access(argv[0], X_OK) || !run_spawn(&run, argv)) {
        return "cannot be run; the program must exist and be executable by this user";
    }
    if (run_finish(&run, &status)) {
        fault = run_result(secret, &run, status);
    } else {
        run_kill(&run);
        fault = "did not end within 10 seconds and was killed";
    }
    OPENSSL_cleanse(run.raw, sizeof(run.raw));
    return fault;
}

/* ---- the secret ----------------------------------------------------------------------------- */

static const struct source_t {
    const char *prefix;
    const char *(*parse)(apr_pool_t *pool, ja_secret_t *secret, const char *rest);
} sources[] = {
    {"file:", parse_file},
    {"env:", parse_env},
    {"exec:", parse_exec},
};

static const struct source_t *find_source(const char *text)
{
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (strncmp(text, sources[i].prefix, strlen(sources[i].prefix)) == 0) {
            return &sources[i];
        }
    }
    return NULL;
}

static apr_status_t wipe(void *data)
{
    ja_secret_t *secret = data;

    OPENSSL_cleanse(secret->value, sizeof(secret->value));
    secret->len = 0;
    return APR_SUCCESS;
}

const char *ja_secret_parse(apr_pool_t *pool, const char *text, ja_secret_t **secret)
{
    const struct source_t *source = find_source(text);

    if (!source) {
        return "a secret is written as its source, never as itself: file:/PATH, env:NAME or "
               "exec:/PROGRAM ARGS";
    }
    ja_secret_t *made = apr_pcalloc(pool, sizeof(*made));
    apr_pool_cleanup_register(pool, made, wipe, apr_pool_cleanup_null);
    made->source = apr_pstrdup(pool, text);
    if (apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, pool) != APR_SUCCESS) {
        return "no lock for a secret could be made";
    }
    const char *fault = source->parse(pool, made, text + strlen(source->prefix));
    if (fault) {
        return apr_pstrcat(pool, made->source, " ", fault, NULL);
    }
    made->checked_ms = now_ms();
    *secret = made;
    return NULL;
}

const char *ja_secret_source(const ja_secret_t *secret)
{
    return secret->source;
}

static void note_fault(ja_secret_t *secret, const char *fault)
{
    if (fault != secret->fault) { /* faults are constants: equal ones are the same */
        secret->fault = fault;
        secret->fault_said = false;
    }
}

unsigned ja_secret_refresh(ja_secret_t *secret)
{
    int64_t now = now_ms();

    apr_thread_mutex_lock(secret->lock);
    if (secret->path && now - secret->checked_ms >= RECHECK_MS) {
        secret->checked_ms = now;
        note_fault(secret, load_file(secret));
    }
    unsigned version = secret->version;
    apr_thread_mutex_unlock(secret->lock);
    return version;
}

bool ja_secret_is_frozen(ja_secret_t *secret)
{
    apr_thread_mutex_lock(secret->lock);
    bool news = secret->frozen && !secret->frozen_said;
    secret->frozen_said |= news;
    apr_thread_mutex_unlock(secret->lock);
    return news;
}

const char *ja_secret_fault(ja_secret_t *secret)
{
    const char *news = NULL;

    apr_thread_mutex_lock(secret->lock);
    if (!secret->frozen && !secret->fault_said) {
        news = secret->fault;
        secret->fault_said = news != NULL;
    }
    apr_thread_mutex_unlock(secret->lock);
    return news;
}

int64_t ja_secret_changed_at(ja_secret_t *secret)
{
    apr_thread_mutex_lock(secret->lock);
    int64_t seconds = secret->path ? (int64_t)secret->seen.st_mtim.tv_sec : 0;
    apr_thread_mutex_unlock(secret->lock);
    return seconds;
}

void ja_secret_reveal(ja_secret_t *secret, ja_buf_t *out)
{
    apr_thread_mutex_lock(secret->lock);
    ja_buf_add_slice(out, (ja_slice_t){secret->value, secret->len});
    apr_thread_mutex_unlock(secret->lock);
}

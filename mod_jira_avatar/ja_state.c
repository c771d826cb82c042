/* SPDX-License-Identifier: Apache-2.0 */
/* ja_state: write beside, fsync, rename, fsync the directory. */
#include "ja_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

enum { FILE_MAX = 2 * JA_REFRESH_MAX + 2048, HEX_MAX = 2 * JA_STATE_DIGEST + 1 };

static const char first_line[] = "mod_jira_avatar refresh token 1";
static const unsigned char nothing[JA_STATE_DIGEST];

static bool join(char out[JA_STATE_PATH_MAX], const char *path, const char *tail)
{
    ja_buf_t buf = ja_buf(out, JA_STATE_PATH_MAX);

    ja_buf_add(&buf, path);
    ja_buf_add(&buf, tail);
    return !buf.overflow;
}

/* ---- the directory ------------------------------------------------------------------------- */

static int open_directory(const char *path)
{
    char dir[JA_STATE_PATH_MAX];
    const char *slash = strrchr(path, '/');
    ja_buf_t buf = ja_buf(dir, sizeof(dir));

    ja_buf_add_slice(&buf, (ja_slice_t){path, slash != NULL ? (size_t)(slash - path) : 0});
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Root, who checks a configuration, leaves what the server can read. */
static bool give_to_owner(int fd, int dir_fd)
{
    struct stat dir;

    return geteuid() != 0 || (fstat(dir_fd, &dir) == 0 && fchown(fd, dir.st_uid, dir.st_gid) == 0);
}

/* ---- the lock ------------------------------------------------------------------------------ */

/* The lock file stays: were it removed, two could hold a lock on two files of one name. */
ja_state_status_t ja_state_lock(const char *path, int *fd)
{
    char name[JA_STATE_PATH_MAX];

    *fd = -1;
    errno = ENAMETOOLONG;
    if (!join(name, path, ".lock")) {
        return JA_STATE_BROKEN;
    }
    int opened = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (opened < 0) {
        return JA_STATE_BROKEN;
    }
    int dir_fd = open_directory(path);
    bool given = dir_fd >= 0 && give_to_owner(opened, dir_fd);
    ja_state_unlock(dir_fd);
    if (!given || flock(opened, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(opened);
        errno = error;
        return error == EWOULDBLOCK ? JA_STATE_BUSY : JA_STATE_BROKEN;
    }
    *fd = opened;
    return JA_STATE_OK;
}

void ja_state_unlock(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool take_digest(ja_slice_t hex, unsigned char out[JA_STATE_DIGEST])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; hex.len == HEX_MAX - 1 && i < JA_STATE_DIGEST; i++) {
        const char *high = memchr(digits, hex.data[2 * i], 16);
        const char *low = memchr(digits, hex.data[2 * i + 1], 16);
        if (high == NULL || low == NULL) {
            return false;
        }
        out[i] = (unsigned char)((high - digits) << 4 | (low - digits));
    }
    return hex.len == HEX_MAX - 1;
}

static bool take_token(ja_slice_t text, char out[JA_REFRESH_MAX + 1])
{
    if (text.len == 0 || text.len > JA_REFRESH_MAX || memchr(text.data, '\0', text.len) != NULL) {
        return false;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

static bool take_older(ja_slice_t hex, ja_state_t *state)
{
    for (size_t i = 0; i < JA_STATE_OLDER; i++) {
        if (memcmp(state->older[i], nothing, JA_STATE_DIGEST) == 0) {
            return take_digest(hex, state->older[i]);
        }
    }
    return false;
}

static bool take_line(ja_slice_t line, ja_state_t *state)
{
    uint64_t seconds;

    if (ja_text_take(&line, "refresh ")) {
        return take_token(line, state->refresh);
    }
    if (ja_text_take(&line, "previous ")) {
        return take_token(line, state->previous);
    }
    if (ja_text_take(&line, "configured ")) {
        return take_digest(line, state->configured);
    }
    if (ja_text_take(&line, "older ")) {
        return take_older(line, state);
    }
    if (ja_text_take(&line, "rotated ") && ja_text_number(line, INT64_MAX, &seconds)) {
        state->rotated_at = (int64_t)seconds;
        return true;
    }
    return false;
}

/* Lines, of which the last one says that all are there. */
static bool parse(ja_slice_t text, ja_state_t *state)
{
    if (!ja_slice_is(ja_text_piece(&text, '\n'), first_line)) {
        return false;
    }
    while (text.data != NULL) {
        ja_slice_t line = ja_text_piece(&text, '\n');
        if (ja_slice_is(line, "end")) {
            return text.len == 0 && state->refresh[0] != '\0';
        }
        if (!take_line(line, state)) {
            return false;
        }
    }
    return false;
}

static ssize_t read_all(int fd, char *out, size_t cap)
{
    size_t len = 0;
    ssize_t got;

    do {
        got = read(fd, out + len, cap - len);
        len += got > 0 ? (size_t)got : 0;
    } while ((got > 0 && len < cap) || (got < 0 && errno == EINTR));
    return got < 0 ? -1 : (ssize_t)len;
}

static bool is_private_file(int fd)
{
    struct stat file;

    return fstat(fd, &file) == 0 && S_ISREG(file.st_mode) &&
           (file.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

ja_state_status_t ja_state_load(const char *path, ja_state_t *state)
{
    char text[FILE_MAX];
    ssize_t len = -1;

    memset(state, 0, sizeof(*state));
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return errno == ENOENT ? JA_STATE_NONE : JA_STATE_BROKEN;
    }
    errno = 0;
    if (is_private_file(fd)) {
        len = read_all(fd, text, sizeof(text));
    }
    int error = errno;
    close(fd);
    bool understood =
        len > 0 && (size_t)len < sizeof(text) && parse((ja_slice_t){text, (size_t)len}, state);
    OPENSSL_cleanse(text, sizeof(text));
    if (!understood) {
        OPENSSL_cleanse(state, sizeof(*state));
        errno = len < 0 ? error : 0;
        return JA_STATE_BROKEN;
    }
    return JA_STATE_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void add_line(ja_buf_t *out, const char *name, const char *value)
{
    ja_buf_add(out, name);
    ja_buf_add(out, value);
    ja_buf_add(out, "\n");
}

static void add_digest(ja_buf_t *out, const char *name, const unsigned char *digest)
{
    char hex[HEX_MAX];

    ja_text_hex(digest, JA_STATE_DIGEST, hex);
    add_line(out, name, hex);
}

static void compose(const ja_state_t *state, ja_buf_t *out)
{
    add_line(out, first_line, "");
    add_line(out, "refresh ", state->refresh);
    if (state->previous[0] != '\0') {
        add_line(out, "previous ", state->previous);
    }
    ja_buf_add(out, "rotated ");
    ja_buf_add_number(out, (uint64_t)state->rotated_at);
    ja_buf_add(out, "\n");
    add_digest(out, "configured ", state->configured);
    for (size_t i = 0; i < JA_STATE_OLDER; i++) {
        if (memcmp(state->older[i], nothing, JA_STATE_DIGEST) != 0) {
            add_digest(out, "older ", state->older[i]);
        }
    }
    add_line(out, "end", "");
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno != EINTR) {
            return false;
        }
        data += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* A temporary file that a crash left is overwritten: only who has the lock comes here. */
static bool write_beside(const char *path, int dir_fd, const ja_state_t *state)
{
    char text[FILE_MAX];
    ja_buf_t content = ja_buf(text, sizeof(text));
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        return false;
    }
    compose(state, &content);
    bool written = !content.overflow && fchmod(fd, 0600) == 0 && give_to_owner(fd, dir_fd) &&
                   write_all(fd, content.data, content.len) && fsync(fd) == 0;
    int error = errno;
    OPENSSL_cleanse(text, sizeof(text));
    close(fd);
    errno = error;
    return written;
}

ja_state_status_t ja_state_save(const char *path, const ja_state_t *state)
{
    char beside[JA_STATE_PATH_MAX];
    int dir_fd = open_directory(path);

    if (dir_fd < 0 || !join(beside, path, ".new")) {
        ja_state_unlock(dir_fd);
        return JA_STATE_BROKEN;
    }
    bool saved =
        write_beside(beside, dir_fd, state) && rename(beside, path) == 0 && fsync(dir_fd) == 0;
    int error = errno;
    close(dir_fd);
    errno = error;
    return saved ? JA_STATE_OK : JA_STATE_BROKEN;
}

/* ---- which token --------------------------------------------------------------------------- */

static bool is_known(const ja_state_t *state, const unsigned char *digest)
{
    bool known = memcmp(state->configured, digest, JA_STATE_DIGEST) == 0;

    for (size_t i = 0; i < JA_STATE_OLDER; i++) {
        known = known || memcmp(state->older[i], digest, JA_STATE_DIGEST) == 0;
    }
    return known;
}

/* A process that has not yet seen the change of a configuration comes with an older token: that
 * one is known, and does not win. */
void ja_state_choose(ja_state_t *state, ja_slice_t configured)
{
    unsigned char digest[EVP_MAX_MD_SIZE] = {0};

    EVP_Digest(configured.data, configured.len, digest, NULL, EVP_sha256(), NULL);
    if (is_known(state, digest)) {
        return;
    }
    memmove(state->older[1], state->older[0], sizeof(state->older) - sizeof(state->older[0]));
    memcpy(state->older[0], state->configured, JA_STATE_DIGEST);
    memcpy(state->configured, digest, JA_STATE_DIGEST);
    OPENSSL_cleanse(state->refresh, sizeof(state->refresh));
    OPENSSL_cleanse(state->previous, sizeof(state->previous));
    ja_buf_t refresh = ja_buf(state->refresh, sizeof(state->refresh));
    ja_buf_add_slice(&refresh, configured);
    state->rotated_at = 0;
}

void ja_state_rotate(ja_state_t *state, const char *refresh, int64_t now)
{
    if (strcmp(state->refresh, refresh) == 0) {
        return;
    }
    memcpy(state->previous, state->refresh, sizeof(state->previous));
    OPENSSL_cleanse(state->refresh, sizeof(state->refresh));
    ja_buf_t next = ja_buf(state->refresh, sizeof(state->refresh));
    ja_buf_add(&next, refresh);
    state->rotated_at = now;
}

bool ja_state_fall_back(ja_state_t *state, int64_t now)
{
    if (state->previous[0] == '\0' || now - state->rotated_at >= JA_STATE_LEEWAY) {
        return false;
    }
    memcpy(state->refresh, state->previous, sizeof(state->refresh));
    OPENSSL_cleanse(state->previous, sizeof(state->previous));
    return true;
}

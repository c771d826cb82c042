/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_state: the file that remembers a refresh token which changes with every use.
 *
 * The token in the file is the only one that its grant still has, so it is never overwritten in
 * place: what is there is whole, old or new, wherever the power fails. A lock file beside it is
 * held over lock, load, ask, save.
 *
 * Threads: no state; the lock holds between processes, and between openers of one process.
 * Memory:  the caller's; copies of a token that are made on the way are wiped.
 */
#ifndef JA_STATE_H
#define JA_STATE_H

#include "ja_grant.h"

enum {
    JA_STATE_PATH_MAX = 1024,
    JA_STATE_OLDER = 8,
    JA_STATE_DIGEST = 32,
    JA_STATE_LEEWAY = 10 * 60 /* seconds for which Atlassian takes the token before, too */
};

typedef struct ja_state_t {
    char refresh[JA_REFRESH_MAX + 1];  /* to be used next; "" in an empty state */
    char previous[JA_REFRESH_MAX + 1]; /* the one before; "" if there is none */
    int64_t rotated_at;                /* Unix seconds, when `refresh` came; 0: it was configured */
    unsigned char configured[JA_STATE_DIGEST]; /* of the configured token that all came from, */
    unsigned char older[JA_STATE_OLDER][JA_STATE_DIGEST]; /* and of those configured before it */
} ja_state_t;

typedef enum {
    JA_STATE_OK,
    JA_STATE_BUSY,  /* another process holds the lock */
    JA_STATE_NONE,  /* there is no file */
    JA_STATE_BROKEN /* it cannot be read or written, or is not ours: errno, 0 if not understood */
} ja_state_status_t;

/** Takes the lock of a state file without waiting.
 *  @param fd for ja_state_unlock(), -1 but on OK; the lock ends with the process, too */
ja_state_status_t ja_state_lock(const char *path, int *fd);
void ja_state_unlock(int fd);

/** Reads the file; `state` is empty but on OK. */
ja_state_status_t ja_state_load(const char *path, ja_state_t *state);

/** Replaces the file; when it returns OK the new one survives a crash. The file belongs to the
 *  owner of the directory and nobody else may read it. */
ja_state_status_t ja_state_save(const char *path, const ja_state_t *state);

/** Chooses what to use: a configured token that was not seen before beats what is stored. */
void ja_state_choose(ja_state_t *state, ja_slice_t configured);

/** Another refresh token came. */
void ja_state_rotate(ja_state_t *state, const char *refresh, int64_t now);

/** `refresh` was refused: takes the one before, once, while the leeway lasts.
 *  @return false if there is nothing to fall back on */
bool ja_state_fall_back(ja_state_t *state, int64_t now);

#endif

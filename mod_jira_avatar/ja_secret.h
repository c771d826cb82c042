/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_secret: a secret that cannot be printed.
 *
 * It is known by its source ("file:/etc/.../token"); its bytes leave this file only through
 * ja_secret_reveal().
 *
 * Threads: parsing at configuration time, everything else any thread (a secret has a lock of its
 *          own). A secret made in the parent is good in its children; each has its own copy.
 * Memory:  configuration pool. Secret bytes are wiped when the pool goes.
 */
#ifndef JA_SECRET_H
#define JA_SECRET_H

#include <apr_pools.h>

#include "ja_text.h"

enum { JA_SECRET_MAX = 8192 };

typedef struct ja_secret_t ja_secret_t;

/**
 * Reads a secret from `file:PATH`, `env:NAME` or `exec:PROGRAM ARGS` (first line of output;
 * a non-zero exit is an error). One trailing line end is not part of the secret, and no other
 * control character may be in it. Relative paths are refused. A file must be regular and not
 * accessible to others.
 * @return NULL and the secret, or what is wrong and what to do, as a sentence that never contains
 * the secret
 */
const char *ja_secret_parse(apr_pool_t *pool, const char *source, ja_secret_t **secret);

/** The source as configured; this is what dumps and logs show. */
const char *ja_secret_source(const ja_secret_t *secret);

/** Looks whether a `file:` changed (at most once a second; by inode, size and mtime) and reads it
 * again. An unreadable, empty or unsafe file leaves the old value. Other sources never change.
 *  @return a number that grows by one with every new value; starts at 1 */
unsigned ja_secret_refresh(ja_secret_t *secret);

/** True once if a `file:` could be read at start but cannot be by this process, as
 * ja_secret_refresh() found: a change of it needs a reload. For the one log line that says so. */
bool ja_secret_is_frozen(ja_secret_t *secret);

/** What is wrong with a `file:` that was changed to something unusable, as ja_secret_refresh()
 * found: the end of a sentence that begins with the source. Told once per fault; else NULL. */
const char *ja_secret_fault(ja_secret_t *secret);

/** When the file that the value is from was last written, Unix seconds; 0 for other sources. */
int64_t ja_secret_changed_at(ja_secret_t *secret);

/** Appends the bytes to `out`, for the few places that need them raw (a proxy's user:password).
 *  The caller wipes `out` after use. */
void ja_secret_reveal(ja_secret_t *secret, ja_buf_t *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_cred: secrets and credentials.
 *
 * A secret is a type that cannot be printed: it is known by its source ("file:/etc/.../token"),
 * and its bytes leave this file only inside a header value written by ja_cred_authorization().
 * A credential kind is one row of a table: its name, its pairs, and the function that writes its
 * header.
 *
 * Threads: parsing at configuration time; ja_cred_authorization() and ja_secret_changed() any
 *          thread (a secret has a lock of its own).
 * Memory:  configuration pool. Secret bytes are wiped when the pool goes.
 */
#ifndef JA_CRED_H
#define JA_CRED_H

#include <apr_pools.h>

#include "ja_text.h"

typedef struct ja_secret_t ja_secret_t;

/**
 * Reads a secret from `file:PATH`, `env:NAME` or `exec:PROGRAM ARGS` (first line of output;
 * a non-zero exit is an error). One trailing line end is not part of the secret.
 * Relative paths are refused. A file must be regular and neither readable nor writable by others.
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

/** True once if a `file:` could be read at start but cannot be by this process: it will not be read
 * again until a reload. For the one log line that says so. */
bool ja_secret_is_frozen(ja_secret_t *secret);

enum { JA_SECRET_MAX = 8192, JA_AUTHORIZATION_MAX = 12288 };

/** Appends the bytes to `out`, for the few places that need them raw (a proxy's user:password). */
void ja_secret_reveal(ja_secret_t *secret, ja_buf_t *out);

typedef struct ja_cred_t ja_cred_t;

/** Parses the arguments of JiraAvatarCredential: a kind, then name=value pairs.
 *  Every pair of the kind that is not optional must be there, none twice, none unknown.
 *  @return NULL and the credential, or a sentence that names the pair and the remedy */
const char *ja_cred_parse(apr_pool_t *pool, int argc, const char *const argv[], ja_cred_t **cred);

/** "basic", "bearer", "none". */
const char *ja_cred_kind_name(const ja_cred_t *cred);

/** True for `none`. */
bool ja_cred_is_none(const ja_cred_t *cred);

/** The credential with secrets as sources, as one would write it in the configuration:
 *  "basic user=bot@example.com secret=file:/etc/token". Identifies it, too. */
const char *ja_cred_describe(const ja_cred_t *cred);

/** Who is meant, for logs and remedies: the user of `basic`, "" where the kind names nobody. */
const char *ja_cred_user(const ja_cred_t *cred);

/** Writes the value of the Authorization header ("Basic ...", "Bearer ..."); nothing for `none`.
 *  Re-reads a changed secret first. The caller wipes the buffer after use.
 *  @return false if it does not fit or the secret holds a control character */
bool ja_cred_authorization(ja_cred_t *cred, ja_buf_t *out);

/** Grows when a secret of the credential changed: a refused credential may be tried again. */
unsigned ja_cred_version(ja_cred_t *cred);

#endif

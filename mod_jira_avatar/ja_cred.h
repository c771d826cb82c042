/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_cred: credentials. A kind is one row of a table: its name, its pairs, and the function that
 * writes its header.
 *
 * Threads: parsing at configuration time, everything else any thread.
 * Memory:  configuration pool.
 */
#ifndef JA_CRED_H
#define JA_CRED_H

#include <apr_pools.h>

#include "ja_secret.h"

enum { JA_AUTHORIZATION_MAX = 12288 };

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

/** The source of a secret of the credential that turned out to be frozen (ja_secret_is_frozen()),
 *  told once; NULL otherwise. */
const char *ja_cred_frozen_source(ja_cred_t *cred);

#endif

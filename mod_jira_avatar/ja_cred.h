/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_cred: a credential: a kind, and the values of its pairs.
 *
 * Threads: parsing at configuration time, everything else any thread.
 * Memory:  configuration pool.
 */
#ifndef JA_CRED_H
#define JA_CRED_H

#include <apr_pools.h>

#include "ja_kind.h"

enum { JA_AUTHORIZATION_MAX = 12288 };

typedef struct ja_cred_t ja_cred_t;

/** Parses the arguments of JiraAvatarCredential: a kind, then name=value pairs.
 *  Every pair of the kind that is not optional must be there, none twice, none unknown.
 *  @return NULL and the credential, or a sentence that names the pair and the remedy */
const char *ja_cred_parse(apr_pool_t *pool, int argc, const char *const argv[], ja_cred_t **cred);

/** "basic", "bearer", "none". */
const char *ja_cred_kind_name(const ja_cred_t *cred);

/** What it is to those who read it. */
ja_means_t ja_cred_means(const ja_cred_t *cred);

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
bool ja_cred_authorization(ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out);

/** Where the kind's access tokens come from if the configuration does not say: an absolute URL, a
 *  path below the site, or NULL if the kind has none. */
const char *ja_cred_token_url(const ja_cred_t *cred, bool cloud);

/** True for kinds that only Jira Cloud has. */
bool ja_cred_is_cloud_only(const ja_cred_t *cred);

/** Writes the body that asks for an access token.
 *  @return its Content-Type, or NULL if it does not fit. The caller wipes the buffer. */
const char *ja_cred_token_request(ja_cred_t *cred, const ja_cred_use_t *use, ja_buf_t *out);

/** The configured refresh token of a kind that rotates it; NULL for other kinds. */
ja_secret_t *ja_cred_refresh_token(const ja_cred_t *cred);

/** The secret of a kind that sends it to Jira as it is; NULL for other kinds. */
ja_secret_t *ja_cred_sent_secret(const ja_cred_t *cred);

/** When that secret ends, as the administrator wrote it down, in Unix seconds; 0: he did not. It
 *  is no part of the description. */
int64_t ja_cred_expires(const ja_cred_t *cred);

/** The text that names what rotates, the same as long as it is the same grant: client and source
 *  of the refresh token. */
void ja_cred_grant_name(const ja_cred_t *cred, ja_buf_t *out);

/** Tells one state of the secrets from another, in every process alike; 0 for `none`. */
uint64_t ja_cred_mark(ja_cred_t *cred);

/** Grows when a secret of the credential changed: a refused credential may be tried again. */
unsigned ja_cred_version(ja_cred_t *cred);

/** The source of a secret of the credential that turned out to be frozen (ja_secret_is_frozen()),
 *  told once; NULL otherwise. */
const char *ja_cred_frozen_source(ja_cred_t *cred);

/** What is wrong with a secret of the credential whose file was changed (ja_secret_fault()), and
 * with which; told once, NULL otherwise. */
const char *ja_cred_fault(ja_cred_t *cred, const char **source);

#endif

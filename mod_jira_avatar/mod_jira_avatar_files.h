/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_files: the files that directives name, read and proven when the configuration
 * is, so that a wrong one stops `httpd -t` and not a visitor.
 *
 * Paths are absolute or relative to ServerRoot. Every function returns NULL, or what is wrong as a
 * sentence that names the file.
 *
 * Threads: configuration time only.
 * Memory:  results live in the pool that is given; a key is wiped when the pool goes.
 */
#ifndef MOD_JIRA_AVATAR_FILES_H
#define MOD_JIRA_AVATAR_FILES_H

#include "mod_jira_avatar_config.h"

typedef struct ja_pem_t {
    const char *path; /* absolute */
    ja_slice_t text;
} ja_pem_t;

typedef struct ja_certificate_t {
    ja_pem_t certificate;
    ja_pem_t key;
} ja_certificate_t;

/** A PEM file with at least one certificate. */
const char *ja_file_certificates(apr_pool_t *pool, const char *name, ja_pem_t *pem);

/** A PEM certificate and its PEM key, which has no passphrase and is not open to others. */
const char *ja_file_key_pair(apr_pool_t *pool, const char *certificate, const char *key,
                             ja_certificate_t *pair);

/** An image of at most 1 MB. */
const char *ja_file_fallback(apr_pool_t *pool, const char *name, ja_fallback_t *fallback);

#endif

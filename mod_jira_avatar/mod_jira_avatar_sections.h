/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_sections: where our handler is set, and what restricts access or caches there.
 *
 * httpd merges sections and forgets where one began, and it does not say who may reach a URL
 * (ap_some_auth_required() is true for "Require all granted" too). The configuration tree knows
 * both; it is read once at start.
 *
 * Threads: the lists are built in post_config and only read after.
 * Memory:  configuration pool.
 */
#ifndef MOD_JIRA_AVATAR_SECTIONS_H
#define MOD_JIRA_AVATAR_SECTIONS_H

#include "mod_jira_avatar_private.h"

#include <stdbool.h>

#include <util_cfgtree.h>

/** Where a directive applies: a <Location>, as httpd matches it, or every URL of the server. */
typedef struct ja_section_t {
    const ap_directive_t *node;
    const char *path; /* prefix or wildcard, or the regular expression as written */
    ap_regex_t *regex;
    bool wildcard;
    bool anywhere;
    bool ours;   /* of those that set a handler: it is ours */
    bool within; /* ... but set deeper within, as in its <If>, and may not apply */
    bool warned; /* once, not for every virtual host that inherits it */
} ja_section_t;

/** What one server knows; a virtual host begins with a copy of the main server's. */
typedef struct ja_sections_t {
    server_rec *server;
    apr_array_header_t *handled;    /* of ja_section_t: they set a handler */
    apr_array_header_t *below;      /* <Directory> sections that set ours, by their path */
    apr_array_header_t *restricted; /* they restrict access */
    apr_array_header_t *cached;     /* CacheEnable */
    apr_array_header_t *uncached;   /* CacheDisable */
    bool quick;                     /* CacheQuickHandler */
} ja_sections_t;

int ja_sections_post_config(apr_pool_t *pconf, server_rec *main_server);

/** NULL before post_config. */
const ja_sections_t *ja_sections_of(const server_rec *server);

/** `merged` is the URI without double slashes. */
bool ja_section_matches(const ja_section_t *section, const char *uri, const char *merged);

/** The last section of a list that the request's URI matches, which is the one that counts; or
 * NULL. */
ja_section_t *ja_sections_match(const apr_array_header_t *list, request_rec *r);

/** The section that gives the request's URI to our handler, or NULL: where several sections set a
 *  handler, httpd takes the last. `within`: it may do so. */
const ja_section_t *ja_sections_ours(request_rec *r);

/** The same where there is no doubt about it. */
bool ja_sections_surely_ours(request_rec *r);

#endif

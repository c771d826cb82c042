/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_access: may everybody reach what is asked for?
 *
 * httpd does not say (ap_some_auth_required() is true for "Require all granted" too), so the
 * configuration is read once at start: every section that restricts access and may apply to a URL
 * of ours is remembered. Public is what no such section matches and nobody had to log in for.
 *
 * Threads: the list is built in post_config and only read after.
 * Memory:  configuration pool.
 */
#ifndef MOD_JIRA_AVATAR_ACCESS_H
#define MOD_JIRA_AVATAR_ACCESS_H

#include "mod_jira_avatar_private.h"

/** Reads the configuration tree; warns (once per reload, naming file and line) where mod_cache's
 * quick handler covers a restricted Location of ours. */
int ja_access_post_config(apr_pool_t *ptemp, server_rec *main_server);

/** Proven: everybody may reach this URL of this server. */
int ja_access_is_public(request_rec *r);

/** Somebody had to log in, or a section restricts who may reach this URL. */
int ja_access_is_restricted(request_rec *r);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_config: directives, their merge, and the checks that `httpd -t` runs.
 *
 * One row of ja_settings.def is one directive. Everything is per-directory configuration: a line
 * in a server or virtual host is the default of its Locations. "Not set" is a value of its own.
 *
 * Threads: parsing in the parent, single-threaded; ja_conf_settings() any thread.
 * Memory:  configuration pool; ja_settings_t is filled by value and borrows from it.
 */
#ifndef MOD_JIRA_AVATAR_CONFIG_H
#define MOD_JIRA_AVATAR_CONFIG_H

#include "mod_jira_avatar_private.h"

#include "ja_image.h"
#include "ja_policy.h"
#include "ja_realm.h"

typedef enum {
    JA_CACHE_CONTROL_AUTO,
    JA_CACHE_CONTROL_PUBLIC,
    JA_CACHE_CONTROL_PRIVATE
} ja_cache_control_t;

/** A picture that is shown instead of an error; read and proven at configuration time. */
typedef struct ja_fallback_t {
    const char *path;
    const unsigned char *body;
    size_t len;
    ja_image_type_t type;
} ja_fallback_t;

/** The statuses that may have a fallback. */
#define JA_FALLBACK_STATUSES(X) X(403) X(404) X(502) X(503) X(504)

typedef struct ja_settings_t {
    const ja_realm_t *realm; /* NULL: no JiraAvatarSite applies */
    int64_t max_age;         /* seconds, as the next two */
    int64_t stale_age;
    int64_t negative_max_age;
    int64_t wait_ms;
    int64_t max_waiting; /* 0: half of the child's threads */
    ja_cache_control_t cache_control;
    ja_format_t format;
    ja_secret_t *purge_token; /* NULL: none */
    bool fallback_ok;         /* JiraAvatarFallbackStatus 200 */
    const ja_fallback_t *fallback_403, *fallback_404, *fallback_502, *fallback_503, *fallback_504;
} ja_settings_t;

/** What applies to a request: the merged directives with their defaults. Cheap enough for every
 * hit. */
void ja_conf_settings(request_rec *r, ja_settings_t *settings);

/** The picture for a status, or NULL. */
const ja_fallback_t *ja_conf_fallback(const ja_settings_t *settings, int status);

/** The global settings, after configuration. */
const char *ja_conf_store(void);      /* "shmcb:..." or NULL: the default store */
const char *ja_conf_generation(void); /* of what is stored; NULL: none */
const char *ja_conf_state_dir(void);  /* absolute */

/** Every realm that a server or a Location of the configuration has, for post_config and
 * child_init. */
const apr_array_header_t *ja_conf_realms(void); /* of ja_realm_t * */

/** A part of the configuration to which a site applies. */
typedef struct ja_conf_section_t {
    const char *name;             /* "<Location /avatars/>"; "server config" */
    const ap_directive_t *place;  /* where it begins, or its first line; NULL: unknown */
    const struct ja_conf_t *conf; /* its lines and those that it inherits, without defaults */
    const ja_realm_t *realm;
} ja_conf_section_t;

/** After check_config, that is also in `httpd -t`. */
const apr_array_header_t *ja_conf_sections(void); /* of ja_conf_section_t */

/** Called once per configuration from post_config: builds the list of realms. */
int ja_conf_post_config(apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *main_server);

/** Registers pre_config, check_config; the module record takes the three below. */
void ja_conf_register_hooks(apr_pool_t *pool);
extern const command_rec ja_conf_commands[];
void *ja_conf_create(apr_pool_t *pool, char *path);
void *ja_conf_merge(apr_pool_t *pool, void *base, void *add);

#endif

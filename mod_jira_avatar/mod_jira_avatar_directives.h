/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_directives: the lines of a configuration, as values.
 *
 * One row of ja_settings.def is one directive. A value remembers the directive that wrote it, its
 * place; a value without a place is not set, whatever it is, and of two that are set the
 * innermost wins. Defaults are one more, outermost, layer, written and parsed like any other.
 *
 * Threads: parsing in the parent, single-threaded; merging and comparing any thread.
 * Memory:  everything a value points to is in the configuration pool.
 */
#ifndef MOD_JIRA_AVATAR_DIRECTIVES_H
#define MOD_JIRA_AVATAR_DIRECTIVES_H

#include "mod_jira_avatar_files.h"

typedef struct ja_base_t {
    ja_origin_t origin;
    ja_site_kind_t kind;
} ja_base_t;

typedef struct ja_proxy_t {
    const char *url;
    ja_secret_t *secret; /* NULL: none */
} ja_proxy_t;

/* Of a value that is set, NULL stands for the words `none` and `auto`. */
#define JA_VALUE_TYPE(name, type)                                                                  \
    typedef struct name {                                                                          \
        const ap_directive_t *place; /* NULL: not set */                                           \
        type value;                                                                                \
    } name
JA_VALUE_TYPE(ja_number_value_t, int64_t);
JA_VALUE_TYPE(ja_text_value_t, const char *);
JA_VALUE_TYPE(ja_site_value_t, const ja_base_t *);
JA_VALUE_TYPE(ja_cred_value_t, ja_cred_t *);
JA_VALUE_TYPE(ja_origin_value_t, const ja_origin_t *);
JA_VALUE_TYPE(ja_pem_value_t, const ja_pem_t *);
JA_VALUE_TYPE(ja_certificate_value_t, const ja_certificate_t *);
JA_VALUE_TYPE(ja_proxy_value_t, const ja_proxy_t *);
JA_VALUE_TYPE(ja_hosts_value_t, const ja_hosts_t *);
JA_VALUE_TYPE(ja_secret_value_t, ja_secret_t *);
JA_VALUE_TYPE(ja_fallback_value_t, const ja_fallback_t *);

/* The values of a row by its kind, for what JA_VALUE(type, member) is at the time. */
#define JA_VALUES_site(member)        JA_VALUE(ja_site_value_t, member)
#define JA_VALUES_credential(member)  JA_VALUE(ja_cred_value_t, member)
#define JA_VALUES_cloud_id(member)    JA_VALUE(ja_text_value_t, member)
#define JA_VALUES_choice(member)      JA_VALUE(ja_number_value_t, member)
#define JA_VALUES_url(member)         JA_VALUE(ja_origin_value_t, member)
#define JA_VALUES_ca_file(member)     JA_VALUE(ja_pem_value_t, member)
#define JA_VALUES_certificate(member) JA_VALUE(ja_certificate_value_t, member)
#define JA_VALUES_proxy(member)       JA_VALUE(ja_proxy_value_t, member)
#define JA_VALUES_hosts(member)       JA_VALUE(ja_hosts_value_t, member)
#define JA_VALUES_bytes(member)       JA_VALUE(ja_number_value_t, member)
#define JA_VALUES_count(member)       JA_VALUE(ja_number_value_t, member)
#define JA_VALUES_seconds(member)     JA_VALUE(ja_number_value_t, member)
#define JA_VALUES_text(member)        JA_VALUE(ja_text_value_t, member)
#define JA_VALUES_secret(member)      JA_VALUE(ja_secret_value_t, member)
#define JA_VALUES_path(member)        JA_VALUE(ja_text_value_t, member)
#define JA_VALUES_store(member)                                                                    \
    JA_VALUE(ja_text_value_t, member)                                                              \
    JA_VALUE(ja_text_value_t, generation)
#define JA_VALUES_timeout(member)                                                                  \
    JA_VALUE(ja_number_value_t, connect_ms)                                                        \
    JA_VALUE(ja_number_value_t, total_ms)                                                          \
    JA_VALUE(ja_number_value_t, wait_ms)
#define JA_VALUES_fallback(member) JA_FALLBACK_STATUSES(JA_VALUE_OF_STATUS)
#define JA_VALUE_OF_STATUS(status) JA_VALUE(ja_fallback_value_t, fallback_##status)

/* What one section, or several merged, say. */
typedef struct ja_conf_t {
#define JA_VALUE(type, member)    type member;
#define JA_ROW(kind, member, ...) JA_VALUES_##kind(member)
#include "ja_settings.def"
#undef JA_VALUE
} ja_conf_t;

/** The default of every directive that has one; NULL after logging if one of them is wrong. */
const ja_conf_t *ja_conf_defaults(apr_pool_t *pool);

/** `inner` over `outer`; `to` is written only. */
void ja_conf_overlay(ja_conf_t *to, const ja_conf_t *outer, const ja_conf_t *inner);

/** The same lines decide in both who is asked, as whom, over which network. */
bool ja_conf_same_upstream(const ja_conf_t *a, const ja_conf_t *b);

/** 127.0.0.0/8, [::1], localhost: what is sent there does not leave the machine. */
bool ja_conf_is_loopback(const char *host);

#endif

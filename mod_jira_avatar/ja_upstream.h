/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_upstream: the Jira site, and which URL of it a reference becomes.
 *
 * Threads: a site is immutable once configured; any thread.
 * Memory:  origins and sites live in the configuration pool and borrow from it.
 */
#ifndef JA_UPSTREAM_H
#define JA_UPSTREAM_H

#include <apr_pools.h>

#include "ja_ref.h"

/** A parsed base URL. Two origins are one only if scheme, host and port are equal (RFC 6454). */
typedef struct ja_origin_t {
    const char *scheme; /* "https" or "http" */
    const char *host;   /* lower case, without a trailing dot; IPv6 in brackets */
    int port;           /* explicit, 443 and 80 by default */
    const char *path;   /* context path, "" or "/jira", never ending in "/" */
    const char *url;    /* canonical scheme://host[:port]/path, default port left out */
} ja_origin_t;

/** Parses an absolute http(s) URL. Refused: user information, query, fragment, dot segments,
 *  backslash, control characters, percent-encoding, an empty host, port 0 or above 65535.
 *  @return NULL, or what is wrong, as the end of a sentence ("has user information") */
const char *ja_origin_parse(apr_pool_t *pool, const char *url, ja_origin_t *origin);

/** Same scheme, host and port. */
bool ja_origin_equal(const ja_origin_t *a, const ja_origin_t *b);

/** Cloud if the host is atlassian.net or a subdomain of it, jira-dev.com likewise; else Data
 * Center. */
ja_site_kind_t ja_upstream_guess_kind(const ja_origin_t *origin);

typedef enum { JA_ROUTE_AUTO, JA_ROUTE_SITE, JA_ROUTE_GATEWAY } ja_route_t;

typedef struct ja_site_t {
    ja_site_kind_t kind;
    ja_origin_t base;
    ja_origin_t gateway;
    ja_route_t route; /* AUTO: found out by asking, as only Jira can tell the credential's kind */
    const char *cloud_id; /* lower case, or NULL: to be asked from the site */
} ja_site_t;

enum { JA_URL_MAX = 2048 };

typedef struct ja_target_t {
    char url[JA_URL_MAX];
    bool credential; /* the URL is on the credential's own origin: it may be sent */
    bool gateway;    /* it is the gateway's, not the site's */
    bool identity; /* Jira says in the answer who asked (not so for static icons and the gateway) */
    const char *scope; /* that a token with scopes needs there; NULL: unknown, or none */
} ja_target_t;

typedef enum {
    JA_URL_OK,
    JA_URL_NEEDS_CLOUD_ID, /* ask /_edge/tenant_info first, then call again */
    JA_URL_OTHER_CLOUD_ID, /* the reference names another site: 404 */
    JA_URL_NEEDS_LOOKUP,   /* JA_REF_LOOKUP: ja_upstream_lookup() */
    JA_URL_NO_LOOKUP       /* the REST API has nothing of this type: 404 */
} ja_url_status_t;

/**
 * Builds the URL that answers `ref`, from fields alone.
 * Cloud: {base or gateway/ex/jira/{cloudId}}/rest/api/3/universal_avatar/view/...; useravatar and
 * icons of the site itself. Data Center: /secure/... below the context path.
 * @param route    SITE or GATEWAY
 * @param cloud_id learnt from the site, or NULL; the configured one wins
 * @param target   filled on JA_URL_OK only
 */
ja_url_status_t ja_upstream_target(const ja_site_t *site, ja_route_t route, const ja_ref_t *ref,
                                   const char *cloud_id, ja_target_t *target);

/** Where the REST API tells the picture of a JA_REF_LOOKUP, whatever its size; else as above. */
ja_url_status_t ja_upstream_lookup(const ja_site_t *site, ja_route_t route, const ja_ref_t *ref,
                                   const char *cloud_id, ja_target_t *target);

/** What the REST API is asked of the site itself, for checks. */
typedef enum {
    JA_QUESTION_NONE,
    JA_QUESTION_SERVER, /* what kind of Jira it is; without credential */
    JA_QUESTION_MYSELF,
    JA_QUESTION_PROJECTS, /* at least one that the account sees */
    JA_QUESTION_TOKENS    /* personal access tokens of the account: Data Center alone has them */
} ja_question_t;

ja_url_status_t ja_upstream_question(const ja_site_t *site, ja_route_t route,
                                     ja_question_t question, const char *cloud_id,
                                     ja_target_t *target);

/** Where the site tells its cloudId: {base}/_edge/tenant_info, asked without credential. */
void ja_upstream_tenant_info(const ja_site_t *site, ja_target_t *target);

/** Where the site tells who asks: {base}/rest/api/3/myself (Cloud), asked with the credential. */
void ja_upstream_myself(const ja_site_t *site, ja_target_t *target);

#endif

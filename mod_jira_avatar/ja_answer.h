/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_answer: what was asked upstream and what came back, as far as anybody looks at it.
 *
 * Threads: no state, any thread.
 * Memory:  texts of an ask are borrowed, mostly from the configuration; a body from the transport.
 */
#ifndef JA_ANSWER_H
#define JA_ANSWER_H

#include "ja_ref.h"

/* ---- asking -------------------------------------------------------------------------------- */

/** What an answer should be. */
typedef enum {
    JA_ASKED_IMAGE,
    JA_ASKED_OBJECT, /* JSON of the REST API */
    JA_ASKED_USER,   /* the same of a user, which takes a permission of its own */
    JA_ASKED_CLOUD_ID,
    JA_ASKED_TOKEN,  /* of a token service */
    JA_ASKED_PUBLIC, /* a picture on a host that is not Jira's own, without credential */
    JA_ASKED_COUNT
} ja_asked_what_t;

/** What the credential that was sent is to those who read it. */
typedef enum {
    JA_MEANS_NONE,      /* none was sent */
    JA_MEANS_PASSWORD,  /* user and password, or user and API token */
    JA_MEANS_TOKEN,     /* a token that somebody gave us */
    JA_MEANS_CLIENT,    /* a token that we bought as a client, */
    JA_MEANS_REFRESH,   /* with a refresh token, */
    JA_MEANS_ASSERTION, /* or with an assertion */
    JA_MEANS_SIGNATURE, /* a signed claim */
    JA_MEANS_COUNT
} ja_means_t;

/** What was asked, as far as the meaning of the answer depends on it. */
typedef struct ja_asked_t {
    ja_asked_what_t what;
    ja_site_kind_t kind;
    ja_means_t means;
    bool identity;         /* Jira names the account in its answer if it accepts the credential */
    bool gateway;          /* it was asked through the gateway, */
    bool alternative;      /* and the credential was, or would be, tried the other way, too */
    const char *scope;     /* which the address needs of a token that has scopes; NULL: unknown */
    const char *directive; /* that names the host; NULL: JiraAvatarSite */
    const char *account;   /* that the credential is of; NULL or "": unknown */
    int64_t now;           /* when the answer came, Unix seconds */
} ja_asked_t;

/* ---- answers ------------------------------------------------------------------------------- */

/** Why there is no complete HTTP answer. */
typedef enum {
    JA_NET_OK,
    JA_NET_DNS,
    JA_NET_CONNECT,         /* refused, unreachable */
    JA_NET_DENIED,          /* this machine does not let us connect */
    JA_NET_CONNECT_TIMEOUT, /* no connection within `connect` */
    JA_NET_TLS,             /* handshake, protocol */
    JA_NET_CERTIFICATE,     /* the peer's certificate is not trusted, or for another name */
    JA_NET_ADDRESS,         /* the name leads to where nothing public is */
    JA_NET_PROXY,           /* the outbound proxy refused */
    JA_NET_PROXY_LOGIN,     /* it wants to know who we are */
    JA_NET_TIMEOUT,         /* connected, but no complete answer within `total` */
    JA_NET_BROKEN,          /* the connection ended before the answer did */
    JA_NET_TOO_LARGE,       /* body over the limit */
    JA_NET_HEADERS,         /* headers over the limit */
    JA_NET_PROTOCOL,        /* not HTTP */
    JA_NET_ABORTED,         /* we stopped it: the server is stopping */
    JA_NET_INTERNAL,        /* no memory, no handle */
    JA_NET_COUNT
} ja_net_t;

/** The only upstream headers that are looked at; everything else is dropped unread. */
#define JA_HEADERS(X)                                                                              \
    X(CONTENT_ENCODING, "content-encoding")                                                        \
    X(LOCATION, "location")                                                                        \
    X(RETRY_AFTER, "retry-after")                                                                  \
    X(LOGIN_REASON, "x-seraph-loginreason")                                                        \
    X(USERNAME, "x-ausername")                                                                     \
    X(ACCOUNT_ID, "x-aaccountid")                                                                  \
    X(DENIED_REASON, "x-authentication-denied-reason")                                             \
    X(RATE_REMAINING, "x-ratelimit-remaining")                                                     \
    X(RATE_RESET, "x-ratelimit-reset")                                                             \
    X(RATE_LIMIT, "ratelimit")                                                                     \
    X(DATE, "date")                                                                                \
    X(DATA_POLICY, "atlassian-datasecuritypolicy")                                                 \
    X(ETAG, "etag")                                                                                \
    X(LAST_MODIFIED, "last-modified")

typedef enum {
#define X(id, name) JA_HEADER_##id,
    JA_HEADERS(X)
#undef X
        JA_HEADER_COUNT
} ja_header_t;

/** Header names, lower case, indexed by ja_header_t. */
extern const char *const ja_header_names[JA_HEADER_COUNT];

enum { JA_HEADER_MAX = 1024, JA_DETAIL_MAX = 200 };

/** What came back, or why nothing did. */
typedef struct ja_answer_t {
    ja_net_t net;
    char detail[JA_DETAIL_MAX]; /* the transport's own words, without secrets; "" if none */
    int status;                 /* HTTP status, 0 if none came */
    char header[JA_HEADER_COUNT][JA_HEADER_MAX]; /* "" if absent, cut if longer */
    const unsigned char *body;                   /* complete if net is JA_NET_OK */
    size_t body_len;
} ja_answer_t;

#endif

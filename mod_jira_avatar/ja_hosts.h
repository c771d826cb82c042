/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_hosts: the hosts outside of Jira whose pictures are fetched, without a credential.
 *
 * Threads: immutable once parsed; any thread.
 * Memory:  the pool of the list.
 */
#ifndef JA_HOSTS_H
#define JA_HOSTS_H

#include <apr_pools.h>

#include "ja_address.h"

typedef struct ja_host_t {
    const char *name; /* lower case; of "*.example.com" without the star */
    bool suffix;      /* it was written with a star: any host that ends so */
    int port;
    const ja_range_t *ranges; /* where it may be, though that is not a public address */
    size_t range_count;
} ja_host_t;

typedef struct ja_hosts_t {
    const ja_host_t *list;
    size_t count;
    const char *text; /* as it was written */
} ja_hosts_t;

/** Parses "host", "*.domain", either with ":port" and "=address/bits[,address/bits]...".
 *  @return NULL, or what is wrong, as the end of a sentence */
const char *ja_host_parse(apr_pool_t *pool, const char *text, ja_host_t *host);

/** The host of an https URL, if it is listed with the URL's port; else NULL. */
const ja_host_t *ja_hosts_find(const ja_hosts_t *hosts, ja_slice_t url);

/** May `host` be connected to at this address? */
bool ja_host_may_be_at(const ja_host_t *host, const ja_address_t *address);

#endif

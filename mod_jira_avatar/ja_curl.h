/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_curl: the transport: lanes of curl handles, their sockets, and the loop that serves them.
 *
 * Each realm has a curl_multi of its own, so that no connection ever serves two credentials, two
 * client certificates or two sets of trusted roots; one thread serves them all with poll(2).
 *
 * Threads: one thread uses a transport; ja_transport_t.wake is for any.
 * Memory:  create/destroy; handles never cross fork().
 */
#ifndef JA_CURL_H
#define JA_CURL_H

#include "ja_fetch.h"

typedef struct ja_curl_t ja_curl_t;

/** Once per process before any fork or thread; false if libcurl cannot do what is needed (TLS by
 *  OpenSSL, asynchronous names), with a sentence in `reason`. */
bool ja_curl_global_init(const char **reason);
void ja_curl_global_cleanup(void);

/** NULL if there is no memory or no pipe. */
ja_curl_t *ja_curl_create(void);
void ja_curl_destroy(ja_curl_t *curl);

/** The transport to give to ja_fetch_create(). */
ja_transport_t ja_curl_transport(ja_curl_t *curl);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_handle: one curl handle for one realm: our manners, TLS, the proxy; setting an ask, reading
 * the answer. Nothing is taken from the environment, nothing is followed, and only the headers of
 * ja_policy.h are read.
 *
 * Threads: the one that owns the handle.
 * Memory:  create/destroy; handles never cross fork().
 */
#ifndef JA_HANDLE_H
#define JA_HANDLE_H

#include <curl/curl.h>

#include "ja_fetch.h"

typedef struct ja_handle_t ja_handle_t;

/** @param share TLS sessions and names, of this realm's handles only
 *  @return NULL if there is no memory */
ja_handle_t *ja_handle_create(const ja_realm_t *realm, CURLSH *share);
void ja_handle_destroy(ja_handle_t *handle);

/** To be given to curl_multi_add_handle() and its like. */
CURL *ja_handle_easy(ja_handle_t *handle);

/** Wipes the secrets of an ask that is sent, or will not be. */
void ja_handle_wipe_ask(ja_ask_t *ask);

/** Takes an ask over; its secrets are wiped. False if there is no memory for it. Either way
 *  ja_handle_clear() ends it. */
bool ja_handle_set(ja_handle_t *handle, ja_ask_t *ask);

/** What came of it, by the code that curl ended with; good until the handle is cleared. */
const ja_answer_t *ja_handle_answer(ja_handle_t *handle, CURLcode code);

/** Forgets ask and answer, so that the handle is ready for the next one. */
void ja_handle_clear(ja_handle_t *handle);

#endif

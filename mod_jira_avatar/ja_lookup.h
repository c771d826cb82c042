/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_lookup: what Jira's REST API says of a project, a user, a status: which picture it has.
 *
 * The answer is not trusted: it is bounded in size and depth, and a picture that it names is
 * fetched only as a reference of the site's own, or without credential from a listed host.
 *
 * Threads: no state, any thread.
 * Memory:  what jansson allocates is freed before a function returns.
 */
#ifndef JA_LOOKUP_H
#define JA_LOOKUP_H

#include "ja_hosts.h"
#include "ja_upstream.h"

enum {
    JA_LOOKUP_BYTES = 1024 * 1024, /* of an answer of the REST API */
    JA_LOOKUP_PICTURES = 20 * 1024 /* of what is kept of it */
};

/** Reads a JSON object of the REST API into `pictures`, of JA_LOOKUP_PICTURES bytes: a line
 *  "PIXELS URL" for each of its avatarUrls, or "0 URL" for its iconUrl.
 *  @return NULL, or what is wrong with the answer */
const char *ja_lookup_read(ja_slice_t json, ja_buf_t *pictures);

/** The URL of the smallest picture that is not smaller than asked for, or of the largest. */
ja_slice_t ja_lookup_pick(ja_slice_t pictures, ja_size_t size);

typedef enum {
    JA_FOUND_OURS,     /* an avatar of the site: the reference is filled */
    JA_FOUND_PUBLIC,   /* on a listed host: to be fetched as it stands, without credential */
    JA_FOUND_NOTHING,  /* the root of the site, which Jira writes where there is no picture */
    JA_FOUND_ELSEWHERE /* not to be fetched */
} ja_found_t;

/**
 * What a URL that Jira named is to us.
 * @param hosts  NULL: none is listed
 * @param wanted who asks for the picture; gives the reference its size and format
 * @param ref    filled on JA_FOUND_OURS only
 */
ja_found_t ja_lookup_resolve(const ja_site_t *site, const ja_hosts_t *hosts, ja_slice_t url,
                             const ja_ref_t *wanted, ja_ref_t *ref);

#endif

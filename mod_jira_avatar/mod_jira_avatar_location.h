/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_jira_avatar_location: which part of a URL is the Location, and which the avatar.
 *
 * Threads: request threads.
 * Memory:  the request's pool.
 */
#ifndef MOD_JIRA_AVATAR_LOCATION_H
#define MOD_JIRA_AVATAR_LOCATION_H

#include "mod_jira_avatar_private.h"

/** A regular expression can be read in two ways, everything else in one. */
typedef enum {
    JA_READING_FIRST, /* its literal beginning is the Location */
    JA_READING_LAST   /* what it matched is */
} ja_reading_t;

/** What stands in the request's path behind the Location, without a leading slash. */
const char *ja_location_rest(request_rec *r, ja_reading_t reading);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_tag: by what an avatar can be forgotten. All sizes and formats of a picture have the same
 * tags, and so have all ways to write its address.
 *
 * A tag is a hash: two that are equal by chance are forgotten together, and fetched again.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated.
 */
#ifndef JA_TAG_H
#define JA_TAG_H

#include "ja_ref.h"

/** 0 stands for none. */
typedef struct ja_tags_t {
    uint64_t owner;   /* whose picture it is, whatever it is: "the avatar of project 10000" */
    uint64_t picture; /* which one it is, whosever: "project avatar 10421" */
} ja_tags_t;

/** The tags of a reference; `realm` keeps those of different realms apart. */
ja_tags_t ja_tags(uint64_t realm, const ja_ref_t *ref);

/** ja_tags().owner of every reference to this project, user, ... */
uint64_t ja_tag_owner(uint64_t realm, ja_type_t type, const char *owner);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_entry: what one fetch came to, as it is served, kept in the store and shared by waiters.
 *
 * An entry is one block of bytes without pointers: a header, then the image. The store keeps the
 * block as it is; requests and children share it by reference count and never change it.
 *
 * Threads: reference counts are atomic; the content is immutable once published.
 * Memory:  malloc; freed with the last reference.
 */
#ifndef JA_ENTRY_H
#define JA_ENTRY_H

#include "ja_image.h"
#include "ja_policy.h"

enum { JA_VALIDATOR_MAX = 96 };

/** Jira's own validators of an image (RFC 9110 8.8), as it sent them; "" if it sent none. */
typedef struct ja_validators_t {
    char etag[JA_VALIDATOR_MAX];
    char last_modified[JA_VALIDATOR_MAX];
} ja_validators_t;

enum { JA_KEY_LEN = 32, JA_ETAG_MAX = 36 };

/** SHA-256, for keys and whatever else tells bytes apart; never fails. */
void ja_digest(const void *bytes, size_t len, unsigned char digest[JA_KEY_LEN]);

typedef enum { JA_RECORD_ANSWER, JA_RECORD_LOOKUP } ja_record_kind_t;

typedef struct ja_record_t {
    uint32_t magic;          /* JA_RECORD_MAGIC: a store of another version is not read */
    uint16_t outcome;        /* ja_outcome_t */
    uint16_t image_type;     /* ja_image_type_t */
    int64_t stored_at_ms;    /* when the answer came, Unix milliseconds */
    uint64_t epoch;          /* in which Jira was asked, and */
    uint64_t realm;          /* of which realm: by these it is forgotten and counted */
    int64_t until_ms;        /* no longer is it kept */
    int64_t not_before_ms;   /* no sooner is it fetched again; 0: as its age says */
    uint32_t failures;       /* fetches in a row that brought nothing to keep */
    int32_t upstream_status; /* HTTP status that Jira gave, 0 if none */
    int32_t retry_after;     /* seconds from stored_at_ms, -1 if nobody said */
    uint32_t body_len;
    uint32_t kind;            /* ja_record_kind_t */
    char etag[JA_ETAG_MAX];   /* quoted, from the content; "" without a body */
    ja_validators_t upstream; /* to ask whether the image has changed */
} ja_record_t;

#define JA_RECORD_MAGIC 0x4a415634u /* "JAV4" */

typedef struct ja_entry_t {
    uint32_t refs;   /* by ja_entry_ref() and ja_entry_unref() only */
    uint32_t seen_s; /* when the store was last known to hold it; this process's own */
    ja_record_t record;
    unsigned char body[]; /* directly behind the record: the two are one block */
} ja_entry_t;

_Static_assert(offsetof(ja_entry_t, body) ==
                   offsetof(ja_entry_t, record) + sizeof(((ja_entry_t *)0)->record),
               "record and body are one block");

/** A new entry with one reference and room for `body_len` bytes; NULL if there is no memory. */
ja_entry_t *ja_entry_create(ja_outcome_t outcome, size_t body_len);

/** An image with its ETag; copies the bytes. */
ja_entry_t *ja_entry_image(ja_image_type_t type, const unsigned char *body, size_t len);

/** What the REST API named as the pictures of something (ja_lookup.h); copies the bytes. */
ja_entry_t *ja_entry_lookup(ja_slice_t pictures);

/** A failure or a negative answer. */
ja_entry_t *ja_entry_failure(ja_outcome_t outcome);

/** A copy that may still be changed. */
ja_entry_t *ja_entry_copy(const ja_entry_t *entry);

/** From a block as ja_entry_block() gives it; NULL if it is not whole or of another version. */
ja_entry_t *ja_entry_from_block(const unsigned char *block, size_t len);

/** The bytes to store: the record and the body behind it. */
ja_slice_t ja_entry_block(const ja_entry_t *entry);

void ja_entry_ref(ja_entry_t *entry);
void ja_entry_unref(ja_entry_t *entry); /* NULL is fine */

ja_outcome_t ja_entry_outcome(const ja_entry_t *entry);

#endif

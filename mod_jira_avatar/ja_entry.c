/* SPDX-License-Identifier: Apache-2.0 */
/* ja_entry: one block for the store, the waiters and the response. */
#include "ja_entry.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <pthread.h>

enum { ETAG_BYTES = 16 }; /* of the SHA-256: enough to tell images apart, short on the wire */

static EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* The algorithm is looked up once: OpenSSL's one-shot SHA256() does so, under locks, every time.
 * Without memory there is no digest, and without a digest no key that could be trusted. */
void ja_digest(const void *bytes, size_t len, unsigned char digest[JA_KEY_LEN])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, fetch_sha256);
    if (EVP_Digest(bytes, len, digest, NULL, sha256, NULL) != 1) {
        abort();
    }
}

ja_entry_t *ja_entry_create(ja_outcome_t outcome, size_t body_len)
{
    if (body_len > UINT32_MAX - sizeof(ja_entry_t)) {
        return NULL;
    }
    ja_entry_t *entry = malloc(sizeof(*entry) + body_len);
    if (entry == NULL) {
        return NULL;
    }
    memset(entry, 0, sizeof(*entry));
    entry->refs = 1;
    entry->record.magic = JA_RECORD_MAGIC;
    entry->record.outcome = (uint16_t)outcome;
    entry->record.retry_after = -1;
    entry->record.body_len = (uint32_t)body_len;
    return entry;
}

static void set_etag(ja_entry_t *entry)
{
    unsigned char digest[JA_KEY_LEN];

    ja_digest(entry->body, entry->record.body_len, digest);
    entry->record.etag[0] = '"';
    ja_text_hex(digest, ETAG_BYTES, entry->record.etag + 1);
    entry->record.etag[1 + 2 * ETAG_BYTES] = '"';
    entry->record.etag[2 + 2 * ETAG_BYTES] = '\0';
}

ja_entry_t *ja_entry_image(ja_image_type_t type, const unsigned char *body, size_t len)
{
    ja_entry_t *entry = ja_entry_create(JA_OUTCOME_IMAGE, len);

    if (entry != NULL) {
        memcpy(entry->body, body, len);
        entry->record.image_type = (uint16_t)type;
        set_etag(entry);
    }
    return entry;
}

ja_entry_t *ja_entry_lookup(ja_slice_t pictures)
{
    ja_entry_t *entry = ja_entry_create(JA_OUTCOME_IMAGE, pictures.len);

    if (entry != NULL) {
        memcpy(entry->body, pictures.data, pictures.len);
        entry->record.kind = JA_RECORD_LOOKUP;
    }
    return entry;
}

ja_entry_t *ja_entry_failure(ja_outcome_t outcome)
{
    return ja_entry_create(outcome, 0);
}

ja_entry_t *ja_entry_copy(const ja_entry_t *entry)
{
    ja_slice_t block = ja_entry_block(entry);

    return ja_entry_from_block((const unsigned char *)block.data, block.len);
}

static bool is_whole(const ja_record_t *record, size_t len)
{
    return record->magic == JA_RECORD_MAGIC && record->outcome < JA_OUTCOME_COUNT &&
           record->image_type <= JA_IMAGE_SVG && record->kind <= JA_RECORD_LOOKUP &&
           len == sizeof(*record) + record->body_len &&
           memchr(record->etag, '\0', sizeof(record->etag)) != NULL &&
           memchr(record->upstream.etag, '\0', JA_VALIDATOR_MAX) != NULL &&
           memchr(record->upstream.last_modified, '\0', JA_VALIDATOR_MAX) != NULL;
}

ja_entry_t *ja_entry_from_block(const unsigned char *block, size_t len)
{
    ja_record_t record;

    if (len < sizeof(record)) {
        return NULL;
    }
    memcpy(&record, block, sizeof(record));
    if (!is_whole(&record, len)) {
        return NULL;
    }
    ja_entry_t *entry = ja_entry_create((ja_outcome_t)record.outcome, record.body_len);
    if (entry != NULL) {
        entry->record = record;
        memcpy(entry->body, block + sizeof(record), record.body_len);
    }
    return entry;
}

ja_slice_t ja_entry_block(const ja_entry_t *entry)
{
    ja_slice_t block = {(const char *)&entry->record,
                        sizeof(entry->record) + entry->record.body_len};
    return block;
}

void ja_entry_ref(ja_entry_t *entry)
{
    __atomic_add_fetch(&entry->refs, 1, __ATOMIC_RELAXED);
}

void ja_entry_unref(ja_entry_t *entry)
{
    if (entry != NULL && __atomic_sub_fetch(&entry->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        free(entry);
    }
}

ja_outcome_t ja_entry_outcome(const ja_entry_t *entry)
{
    return (ja_outcome_t)entry->record.outcome;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_memory: the entries that this process has at hand. In front of the store it saves the hit
 * path a lock between processes and a copy; without a store it is all there is.
 *
 * Threads: any; one lock, held for a few instructions.
 * Memory:  malloc, bounded by bytes; what was used least recently goes first.
 */
#ifndef JA_MEMORY_H
#define JA_MEMORY_H

#include "ja_entry.h"

typedef struct ja_memory_t ja_memory_t;

/** Holds at most `max_bytes` of entries; NULL if there is no memory. */
ja_memory_t *ja_memory_create(size_t max_bytes);
void ja_memory_destroy(ja_memory_t *memory);

/** A reference for the caller, or NULL. */
ja_entry_t *ja_memory_get(ja_memory_t *memory, const unsigned char key[JA_KEY_LEN]);

/** What is held now; two numbers of nearly the same moment. */
void ja_memory_load(ja_memory_t *memory, uint64_t *entries, uint64_t *bytes);

/** Keeps `entry` (with a reference of its own) in place of what was there. */
void ja_memory_put(ja_memory_t *memory, const unsigned char key[JA_KEY_LEN], ja_entry_t *entry);

#endif

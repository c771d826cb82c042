/* SPDX-License-Identifier: Apache-2.0 */
/* ja_memory: a hash table whose nodes are also in the order of their last use. */
#include "ja_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, NODE_COST = 128 };

typedef struct node_t {
    struct node_t *next_in_bucket;
    struct node_t *newer, *older;
    ja_entry_t *entry;
    unsigned char key[JA_KEY_LEN];
} node_t;

struct ja_memory_t {
    pthread_mutex_t lock;
    size_t bytes, max_bytes;
    size_t entries;
    node_t *newest, *oldest;
    node_t *bucket[BUCKETS];
};

static node_t **find(ja_memory_t *memory, const unsigned char *key)
{
    /* Keys are digests: any of their bits spread well. */
    node_t **link = &memory->bucket[(key[0] << 8 | key[1]) % BUCKETS];

    while (*link != NULL && memcmp((*link)->key, key, JA_KEY_LEN) != 0) {
        link = &(*link)->next_in_bucket;
    }
    return link;
}

static void take_out(ja_memory_t *memory, node_t *node)
{
    *(node->newer != NULL ? &node->newer->older : &memory->newest) = node->older;
    *(node->older != NULL ? &node->older->newer : &memory->oldest) = node->newer;
}

static void put_first(ja_memory_t *memory, node_t *node)
{
    node->newer = NULL;
    node->older = memory->newest;
    *(node->older != NULL ? &node->older->newer : &memory->oldest) = node;
    memory->newest = node;
}

static size_t cost(const ja_entry_t *entry)
{
    return NODE_COST + sizeof(*entry) + entry->record.body_len;
}

static void drop(ja_memory_t *memory, node_t **link)
{
    node_t *node = *link;

    *link = node->next_in_bucket;
    take_out(memory, node);
    memory->bytes -= cost(node->entry);
    memory->entries--;
    ja_entry_unref(node->entry);
    free(node);
}

ja_entry_t *ja_memory_get(ja_memory_t *memory, const unsigned char key[JA_KEY_LEN])
{
    ja_entry_t *entry = NULL;

    pthread_mutex_lock(&memory->lock);
    node_t *node = *find(memory, key);
    if (node != NULL) {
        entry = node->entry;
        ja_entry_ref(entry);
        if (node != memory->newest) {
            take_out(memory, node);
            put_first(memory, node);
        }
    }
    pthread_mutex_unlock(&memory->lock);
    return entry;
}

void ja_memory_put(ja_memory_t *memory, const unsigned char key[JA_KEY_LEN], ja_entry_t *entry)
{
    node_t *node = malloc(sizeof(*node));

    pthread_mutex_lock(&memory->lock);
    node_t **link = find(memory, key);
    if (*link != NULL) {
        drop(memory, link);
        link = find(memory, key);
    }
    if (node != NULL) {
        memcpy(node->key, key, JA_KEY_LEN);
        node->entry = entry;
        ja_entry_ref(entry);
        node->next_in_bucket = NULL;
        *link = node;
        put_first(memory, node);
        memory->bytes += cost(entry);
        memory->entries++;
    }
    while (memory->bytes > memory->max_bytes) {
        drop(memory, find(memory, memory->oldest->key));
    }
    pthread_mutex_unlock(&memory->lock);
}

void ja_memory_load(ja_memory_t *memory, uint64_t *entries, uint64_t *bytes)
{
    pthread_mutex_lock(&memory->lock);
    *entries = memory->entries;
    *bytes = memory->bytes;
    pthread_mutex_unlock(&memory->lock);
}

ja_memory_t *ja_memory_create(size_t max_bytes)
{
    ja_memory_t *memory = calloc(1, sizeof(*memory));

    if (memory != NULL) {
        memory->max_bytes = max_bytes;
        pthread_mutex_init(&memory->lock, NULL);
    }
    return memory;
}

void ja_memory_destroy(ja_memory_t *memory)
{
    while (memory->oldest != NULL) {
        drop(memory, find(memory, memory->oldest->key));
    }
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

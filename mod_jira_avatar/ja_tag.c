/* SPDX-License-Identifier: Apache-2.0 */
/* ja_tag: FNV-1a over what tells one avatar from another. */
#include "ja_tag.h"

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
    const unsigned char *byte = bytes;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* `sort` tells owners, pictures and icons apart. The low bits of FNV are the weaker ones. */
static uint64_t tag(uint64_t realm, char sort, ja_type_t type, ja_slice_t name)
{
    unsigned char head[2] = {(unsigned char)sort, (unsigned char)type};
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325) ^ realm, head, sizeof(head));

    hash = mix(hash, name.data, name.len);
    hash ^= hash >> 32;
    return hash != 0 ? hash : 1;
}

static uint64_t tag_number(uint64_t realm, char sort, ja_type_t type, uint64_t number)
{
    char digits[24];
    ja_buf_t buf = ja_buf(digits, sizeof(digits));

    ja_buf_add_number(&buf, number);
    return tag(realm, sort, type, ja_slice(digits));
}

uint64_t ja_tag_owner(uint64_t realm, ja_type_t type, const char *owner)
{
    return tag(realm, 'o', type, ja_slice(owner));
}

/* Data Center's servlets are about one type each, and do not name it. */
static ja_type_t type_of(const ja_ref_t *ref)
{
    return ref->form == JA_REF_PROJECT ? JA_TYPE_PROJECT
           : ref->form == JA_REF_USER  ? JA_TYPE_USER
                                       : ref->type;
}

ja_tags_t ja_tags(uint64_t realm, const ja_ref_t *ref)
{
    ja_type_t type = type_of(ref);
    const char *owner = ref->owner[0] != '\0' ? ref->owner : ref->username;
    ja_tags_t tags = {0, 0};

    if (ref->has_avatar_id) {
        tags.picture = tag_number(realm, 'p', type, ref->avatar_id);
    }
    if (ref->form == JA_REF_ICON) {
        tags.owner = tag(realm, 'i', type, ja_slice(ref->icon));
    } else if (ref->has_pid) {
        tags.owner = tag_number(realm, 'o', type, ref->pid);
    } else if (*owner != '\0' || !ref->has_avatar_id) {
        tags.owner = ja_tag_owner(realm, type, owner); /* "" is the default picture of a type */
    }
    return tags;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_ref: what a visitor asks for, as typed fields.
 *
 * Parsing is canonical: every spelling of one avatar on one kind of site gives the same
 * reference, so that the key below is one per avatar and the upstream URL (ja_upstream) can be
 * built from fields alone. What is not understood is refused here and reaches nothing further.
 *
 * Threads: no state, any thread.
 * Memory:  a reference is self-contained and may be copied by value.
 */
#ifndef JA_REF_H
#define JA_REF_H

#include "ja_text.h"

/** The two products that answer avatars; they differ in paths, identity headers and routes. */
typedef enum { JA_SITE_CLOUD, JA_SITE_DATACENTER } ja_site_kind_t;

typedef enum {
    JA_REF_VIEW_AVATAR,  /* type + avatar_id: universal_avatar/view/.../avatar/, viewavatar */
    JA_REF_VIEW_OWNER,   /* type + owner: universal_avatar/view/.../owner/ (Cloud only) */
    JA_REF_VIEW_DEFAULT, /* type: universal_avatar/view/type/ (Cloud only) */
    JA_REF_PROJECT,      /* pid and/or avatar_id: /secure/projectavatar (Data Center only) */
    JA_REF_USER,         /* /secure/useravatar, as it stands, on both kinds */
    JA_REF_ICON,         /* images/icons/... */
    JA_REF_LOOKUP        /* type + owner: a name that only the REST API can turn into an avatar */
} ja_ref_form_t;

typedef enum {
    JA_TYPE_NONE,
    JA_TYPE_PROJECT,
    JA_TYPE_ISSUETYPE,
    JA_TYPE_PRIORITY,
    JA_TYPE_SD_REQTYPE,
    JA_TYPE_USER,
    JA_TYPE_STATUS /* short form only */
} ja_type_t;

/** Jira's sizes (facts: 16, 24, 32, 48, 64, 96, 128 pixels). */
typedef enum {
    JA_SIZE_NONE, /* not asked for: Jira answers large */
    JA_SIZE_XSMALL,
    JA_SIZE_SMALL,
    JA_SIZE_MEDIUM,
    JA_SIZE_LARGE,
    JA_SIZE_XLARGE,
    JA_SIZE_XXLARGE,
    JA_SIZE_XXXLARGE
} ja_size_t;

typedef enum { JA_FORMAT_NONE, JA_FORMAT_PNG, JA_FORMAT_SVG } ja_format_t;
typedef enum {
    JA_REDIRECT_UNSET,
    JA_REDIRECT_NO /* noRedirect=true */,
    JA_REDIRECT_YES
} ja_redirect_t;

enum { JA_REF_TEXT = 256, JA_CLOUD_ID_LEN = 36 };

typedef struct ja_ref_t {
    ja_ref_form_t form;
    ja_type_t type;
    ja_size_t size;
    ja_format_t format;
    ja_redirect_t no_redirect;
    bool has_avatar_id;
    bool has_pid;
    bool extra_params;  /* parameters were ignored: keep the answer out of mod_cache */
    uint64_t avatar_id; /* up to INT64_MAX, as Jira's Long */
    uint64_t pid;
    char owner[JA_REF_TEXT];    /* entityId, ownerId, or the name of a look-up; decoded UTF-8 */
    char username[JA_REF_TEXT]; /* useravatar only */
    char icon[JA_REF_TEXT];     /* the path below images/icons/ */
    char cloud_id[JA_CLOUD_ID_LEN + 1]; /* lower case, if the path was behind ex/jira/ */
} ja_ref_t;

typedef enum {
    JA_REF_OK,
    JA_REF_UNKNOWN_PATH, /* 404 */
    JA_REF_BAD_VALUE     /* 400 */
} ja_ref_status_t;

/**
 * Parses what stands behind the Location.
 * @param kind    of the site that will be asked
 * @param context the site's context path, "" or "/jira"; optional in the path on Data Center
 * @param path    decoded, without the Location and without a leading slash
 * @param query   as received (still encoded), NULL if none
 * @param ref     filled on JA_REF_OK only
 * @param reason  one plain sentence for the visitor, static text, if not JA_REF_OK
 */
ja_ref_status_t ja_ref_parse(ja_site_kind_t kind, const char *context, const char *path,
                             const char *query, ja_ref_t *ref, const char **reason);

/** Writes the canonical key: equal for equal avatars (a size not asked for is `large`), different
 *  otherwise. The cloudId is not part of it. Fits 1024 bytes. */
void ja_ref_key(const ja_ref_t *ref, ja_buf_t *key);

/** Jira's own words, for URLs and logs: "project", "SD_REQTYPE", "xsmall", "png"; "" for NONE. */
const char *ja_type_name(ja_type_t type);
const char *ja_size_name(ja_size_t size);
const char *ja_format_name(ja_format_t format);

/** A word for logs: "view-avatar", "icon", ... */
const char *ja_ref_form_name(ja_ref_form_t form);

/** A UUID in its 36-character form, any case. */
bool ja_ref_is_cloud_id(ja_slice_t text);

#endif

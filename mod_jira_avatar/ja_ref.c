/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_ref: see ja_ref.h.
 *
 * A request is read by tables: `routes` says which paths there are, which typed reader takes each
 * variable segment and which parameters belong to the path. What was read is then settled into
 * the one form in which the site's kind knows the avatar.
 */
#include "ja_ref.h"

#include "ja_query.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ENTITY_ID_MAX = 64, ICON_SEGMENTS = 4, PATH_VALUES = 2 };

/* ---- words -------------------------------------------------------------------------------- */

static const char *const type_names[] = {
    [JA_TYPE_NONE] = "",
    [JA_TYPE_PROJECT] = "project",
    [JA_TYPE_ISSUETYPE] = "issuetype",
    [JA_TYPE_PRIORITY] = "priority",
    [JA_TYPE_SD_REQTYPE] = "SD_REQTYPE",
    [JA_TYPE_USER] = "user",
    [JA_TYPE_STATUS] = "status",
};

static const struct {
    const char *name;
    uint64_t pixels;
} sizes[] = {
    [JA_SIZE_NONE] = {"", 0},
    [JA_SIZE_XSMALL] = {"xsmall", 16},
    [JA_SIZE_SMALL] = {"small", 24},
    [JA_SIZE_MEDIUM] = {"medium", 32},
    [JA_SIZE_LARGE] = {"large", 48},
    [JA_SIZE_XLARGE] = {"xlarge", 64},
    [JA_SIZE_XXLARGE] = {"xxlarge", 96},
    [JA_SIZE_XXXLARGE] = {"xxxlarge", 128},
};

static const char *const format_names[] = {
    [JA_FORMAT_NONE] = "",
    [JA_FORMAT_PNG] = "png",
    [JA_FORMAT_SVG] = "svg",
};

static const char *const form_names[] = {
    [JA_REF_VIEW_AVATAR] = "view-avatar",
    [JA_REF_VIEW_OWNER] = "view-owner",
    [JA_REF_VIEW_DEFAULT] = "view-default",
    [JA_REF_PROJECT] = "project",
    [JA_REF_USER] = "user",
    [JA_REF_ICON] = "icon",
    [JA_REF_LOOKUP] = "look-up",
};

const char *ja_type_name(ja_type_t type)
{
    return type_names[type];
}

const char *ja_size_name(ja_size_t size)
{
    return sizes[size].name;
}

const char *ja_format_name(ja_format_t format)
{
    return format_names[format];
}

const char *ja_ref_form_name(ja_ref_form_t form)
{
    return form_names[form];
}

bool ja_ref_is_cloud_id(ja_slice_t text)
{
    static const size_t groups[] = {8, 4, 4, 4, 12};

    for (size_t i = 0; i < COUNT(groups); i++) {
        ja_slice_t group = ja_text_piece(&text, '-');

        if (group.len != groups[i]) {
            return false;
        }
        for (size_t j = 0; j < group.len; j++) {
            if (!memchr("0123456789abcdefABCDEF", group.data[j], 22)) {
                return false;
            }
        }
    }
    return text.data == NULL;
}

/* ---- readers of values -------------------------------------------------------------------- */

/* Puts a value where it belongs, or says in a sentence why it cannot. */
typedef const char *reader_t(ja_ref_t *ref, ja_slice_t value);

static void copy(char to[JA_REF_TEXT], ja_slice_t value)
{
    ja_buf_t buf = ja_buf(to, JA_REF_TEXT);

    ja_buf_add_slice(&buf, value);
}

static bool is_name(ja_slice_t value)
{
    return value.len > 0 && value.len < JA_REF_TEXT && ja_text_is_plain(value);
}

/* A number in its one spelling, without leading zeros. */
static bool copy_number(char to[JA_REF_TEXT], ja_slice_t value)
{
    ja_buf_t buf = ja_buf(to, JA_REF_TEXT);
    uint64_t number;

    if (!ja_text_number(value, INT64_MAX, &number)) {
        return false;
    }
    ja_buf_add_number(&buf, number);
    return true;
}

static bool is_digits(ja_slice_t value)
{
    while (value.len && value.data[0] >= '0' && value.data[0] <= '9') {
        value.data++;
        value.len--;
    }
    return value.len == 0;
}

static const char *read_type(ja_ref_t *ref, ja_slice_t value)
{
    for (ja_type_t type = JA_TYPE_PROJECT; type <= JA_TYPE_USER; type++) {
        if (ja_slice_is(value, type_names[type])) {
            ref->type = type;
            return NULL;
        }
    }
    return "The avatar type must be project, issuetype, priority, SD_REQTYPE or user.";
}

static const char *read_avatar_id(ja_ref_t *ref, ja_slice_t value)
{
    ref->has_avatar_id = ja_text_number(value, INT64_MAX, &ref->avatar_id);
    return ref->has_avatar_id ? NULL : "avatarId must be a number.";
}

/* Read for its alias ownerId, too. */
static const char *read_pid(ja_ref_t *ref, ja_slice_t value)
{
    uint64_t pid;

    if (!ja_text_number(value, INT64_MAX, &pid)) {
        return "pid must be a number.";
    }
    if (ref->has_pid && ref->pid != pid) {
        return "pid and ownerId must not differ.";
    }
    ref->has_pid = true;
    ref->pid = pid;
    return NULL;
}

static const char *read_entity_id(ja_ref_t *ref, ja_slice_t value)
{
    bool word = !is_digits(value) && value.len <= ENTITY_ID_MAX && ja_text_is_word(value, "_-");

    if (word) {
        copy(ref->owner, value);
    }
    return word || copy_number(ref->owner, value)
               ? NULL
               : "The owner's id must be a number or a word of at most 64 characters.";
}

static const char *read_id(ja_ref_t *ref, ja_slice_t value)
{
    return copy_number(ref->owner, value) ? NULL : "The id must be a number.";
}

/* A key begins with a letter, which tells it from an id; 255 is the longest Jira can be set to. */
static const char *read_id_or_key(ja_ref_t *ref, ja_slice_t value)
{
    ja_slice_t first = {value.data, 1};
    bool key = value.len < JA_REF_TEXT && ja_text_is_word(value, "_") &&
               ja_text_is_word(first, "") && !is_digits(first);

    if (key) {
        copy(ref->owner, value);
    }
    return key || copy_number(ref->owner, value) ? NULL
                                                 : "The project must be an id or a project key.";
}

static const char *read_owner(ja_ref_t *ref, ja_slice_t value)
{
    if (!is_name(value)) {
        return "The user must be named in 1 to 255 bytes of plain text.";
    }
    copy(ref->owner, value);
    return NULL;
}

static const char *read_username(ja_ref_t *ref, ja_slice_t value)
{
    if (!is_name(value)) {
        return "username must be 1 to 255 bytes of plain text.";
    }
    copy(ref->username, value);
    return NULL;
}

static ja_size_t parse_size(ja_slice_t value)
{
    uint64_t pixels = 0;
    bool number = ja_text_number(value, UINT64_MAX, &pixels);

    for (ja_size_t size = JA_SIZE_XSMALL; size <= JA_SIZE_XXXLARGE; size++) {
        if (number ? pixels > 0 && pixels <= sizes[size].pixels
                   : ja_slice_is_nocase(value, sizes[size].name)) {
            return size;
        }
    }
    return pixels > 0 ? JA_SIZE_XXXLARGE : JA_SIZE_NONE;
}

/* Read for its alias s, too: Jira Cloud writes both. */
static const char *read_size(ja_ref_t *ref, ja_slice_t value)
{
    ja_size_t size = parse_size(value);

    if (size == JA_SIZE_NONE) {
        return "size must be a number of pixels or one of xsmall, small, medium, large, xlarge, "
               "xxlarge and xxxlarge.";
    }
    if (ref->size != JA_SIZE_NONE && ref->size != size) {
        return "size and s must not differ.";
    }
    ref->size = size;
    return NULL;
}

static const char *read_format(ja_ref_t *ref, ja_slice_t value)
{
    for (ja_format_t format = JA_FORMAT_PNG; format <= JA_FORMAT_SVG; format++) {
        if (ja_slice_is(value, format_names[format])) {
            ref->format = format;
            return NULL;
        }
    }
    return "format must be png or svg.";
}

static const char *read_no_redirect(ja_ref_t *ref, ja_slice_t value)
{
    bool yes = ja_slice_is(value, "true");

    if (!yes && !ja_slice_is(value, "false")) {
        return "noRedirect must be true or false.";
    }
    ref->no_redirect = yes ? JA_REDIRECT_NO : JA_REDIRECT_YES;
    return NULL;
}

static const char *read_icon(ja_ref_t *ref, ja_slice_t value)
{
    if (value.len >= JA_REF_TEXT || !ja_text_is_word(value, "_.-/")) {
        return "An icon's path must be letters, digits, '_', '-' and '.'.";
    }
    copy(ref->icon, value);
    return NULL;
}

/* ---- parameters --------------------------------------------------------------------------- */

typedef struct param_t {
    const char *name;
    reader_t *read;
} param_t;

/* clang-format off */
#define SIZE {"size", read_size}, {"s", read_size}
#define END  {NULL, NULL}

static const param_t no_params[] = {END};
static const param_t view_params[] = {SIZE, {"format", read_format}, END};
static const param_t projectavatar_params[] = {
    {"pid", read_pid}, {"ownerId", read_pid}, {"avatarId", read_avatar_id}, SIZE, END};
static const param_t viewavatar_params[] = {
    {"avatarId", read_avatar_id}, {"avatarType", read_type}, SIZE, {"format", read_format}, END};
static const param_t useravatar_params[] = {
    {"ownerId", read_owner}, {"username", read_username}, {"avatarId", read_avatar_id},
    {"avatarType", read_type}, SIZE, {"noRedirect", read_no_redirect}, END};
/* clang-format on */

static const char *read_param(const param_t *params, ja_slice_t name, ja_slice_t value,
                              ja_ref_t *ref)
{
    for (; params->name; params++) {
        if (ja_slice_is(name, params->name)) {
            return params->read(ref, value);
        }
    }
    ref->extra_params = true;
    return NULL;
}

static const char *read_query(const param_t *params, const char *text, ja_ref_t *ref)
{
    const char *reason = NULL;
    ja_slice_t name, value;
    ja_query_t query;

    ja_query_start(&query, text);
    while (!reason && ja_query_next(&query, &name, &value, &reason)) {
        reason = read_param(params, name, value, ref);
    }
    return reason;
}

/* ---- paths -------------------------------------------------------------------------------- */

/* One path. In it, "*" is a segment for the readers, "{api}" a version of the REST API, and "**"
 * what remains, which must look like an icon. */
typedef struct route_t {
    const char *path;
    bool short_form; /* our own: not behind ex/jira/ or a context path */
    ja_ref_form_t form;
    ja_type_t type;
    const param_t *params;
    reader_t *read[PATH_VALUES];
} route_t;

#define VIEW "rest/api/{api}/universal_avatar/view/type/*"
#define SHIM "servicedesk/customershim/"

/* clang-format off */
static const route_t routes[] = {
    {VIEW,                     false, JA_REF_VIEW_DEFAULT, JA_TYPE_NONE, view_params, {read_type}},
    {VIEW "/avatar/*",         false, JA_REF_VIEW_AVATAR,  JA_TYPE_NONE, view_params,
     {read_type, read_avatar_id}},
    {VIEW "/owner/*",          false, JA_REF_VIEW_OWNER,   JA_TYPE_NONE, view_params,
     {read_type, read_entity_id}},
    {"secure/projectavatar",   false, JA_REF_PROJECT,      JA_TYPE_NONE, projectavatar_params,
     {NULL}},
    {"secure/viewavatar",      false, JA_REF_VIEW_AVATAR,  JA_TYPE_NONE, viewavatar_params, {NULL}},
    {SHIM "secure/viewavatar", false, JA_REF_VIEW_AVATAR,  JA_TYPE_NONE, viewavatar_params, {NULL}},
    {"secure/useravatar",      false, JA_REF_USER,         JA_TYPE_NONE, useravatar_params, {NULL}},
    {"images/icons/**",        false, JA_REF_ICON,         JA_TYPE_NONE, no_params, {read_icon}},
    {"project/*",   true, JA_REF_VIEW_OWNER, JA_TYPE_PROJECT,   view_params, {read_id_or_key}},
    {"issuetype/*", true, JA_REF_VIEW_OWNER, JA_TYPE_ISSUETYPE, view_params, {read_id}},
    {"priority/*",  true, JA_REF_VIEW_OWNER, JA_TYPE_PRIORITY,  view_params, {read_id}},
    {"status/*",    true, JA_REF_VIEW_OWNER, JA_TYPE_STATUS,    view_params, {read_id}},
    {"user/*",      true, JA_REF_VIEW_OWNER, JA_TYPE_USER,      view_params, {read_owner}},
};
/* clang-format on */

static bool is_api_version(ja_slice_t text)
{
    return ja_slice_is(text, "2") || ja_slice_is(text, "3") || ja_slice_is(text, "latest");
}

static bool has_icon_suffix(ja_slice_t name)
{
    static const char *const suffixes[] = {".svg", ".png", ".gif"};

    for (size_t i = 0; i < COUNT(suffixes); i++) {
        if (name.len >= 4 && memcmp(name.data + name.len - 4, suffixes[i], 4) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_icon_path(ja_slice_t path)
{
    ja_slice_t name = {NULL, 0};

    for (int i = 0; i < ICON_SEGMENTS && path.data; i++) {
        name = ja_text_piece(&path, '/');
        if (name.len == 0 || ja_slice_is(name, ".") || ja_slice_is(name, "..")) {
            return false;
        }
    }
    return !path.data && has_icon_suffix(name);
}

static bool match(const char *pattern, ja_slice_t path, ja_slice_t segments[PATH_VALUES])
{
    ja_slice_t wanted = ja_slice(pattern);

    while (wanted.data && path.data) {
        ja_slice_t want = ja_text_piece(&wanted, '/');

        if (ja_slice_is(want, "**")) {
            *segments = path;
            return is_icon_path(path);
        }
        ja_slice_t have = ja_text_piece(&path, '/');

        if (ja_slice_is(want, "*")) {
            if (have.len == 0) {
                return false;
            }
            *segments++ = have;
        } else if (ja_slice_is(want, "{api}")) {
            if (!is_api_version(have)) {
                return false;
            }
        } else if (want.len != have.len || memcmp(want.data, have.data, want.len) != 0) {
            return false;
        }
    }
    return !wanted.data && !path.data;
}

static const route_t *find(ja_slice_t path, bool short_forms, ja_slice_t segments[PATH_VALUES])
{
    for (size_t i = 0; i < COUNT(routes); i++) {
        if ((short_forms || !routes[i].short_form) && match(routes[i].path, path, segments)) {
            return &routes[i];
        }
    }
    return NULL;
}

static bool take_cloud_id(ja_slice_t *path, char cloud_id[JA_CLOUD_ID_LEN + 1])
{
    if (!ja_text_take(path, "ex/jira/")) {
        return false;
    }
    ja_slice_t id = ja_text_piece(path, '/');

    if (!ja_ref_is_cloud_id(id)) {
        return false;
    }
    memcpy(cloud_id, id.data, JA_CLOUD_ID_LEN);
    cloud_id[JA_CLOUD_ID_LEN] = '\0';
    ja_text_lower(cloud_id);
    return true;
}

static bool take_context(ja_slice_t *path, const char *context)
{
    return context && context[0] == '/' && ja_text_take(path, context + 1) &&
           ja_text_take(path, "/");
}

/* ---- the canonical form ------------------------------------------------------------------- */

static void set_owner(ja_ref_t *ref, uint64_t id)
{
    ja_buf_t buf = ja_buf(ref->owner, sizeof(ref->owner));

    ja_buf_add_number(&buf, id);
}

/* Cloud answers ids by universal_avatar/view; its REST API has no view by key or by user. */
static void settle_cloud(ja_ref_t *ref)
{
    if (ref->form == JA_REF_PROJECT && (ref->has_avatar_id || ref->has_pid)) {
        ref->form = ref->has_avatar_id ? JA_REF_VIEW_AVATAR : JA_REF_VIEW_OWNER;
        ref->type = JA_TYPE_PROJECT;
        if (!ref->has_avatar_id) {
            set_owner(ref, ref->pid);
        }
        ref->has_pid = false;
    } else if (ref->form == JA_REF_VIEW_AVATAR && !ref->has_avatar_id && ref->type) {
        ref->form = JA_REF_VIEW_DEFAULT;
    } else if (ref->form == JA_REF_VIEW_AVATAR && !ref->type) {
        ref->type = JA_TYPE_ISSUETYPE; /* what Jira itself takes a bare viewavatar for */
    } else if (ref->form == JA_REF_VIEW_OWNER &&
               (ref->type == JA_TYPE_USER || ref->type == JA_TYPE_STATUS ||
                (ref->type == JA_TYPE_PROJECT && !is_digits(ja_slice(ref->owner))))) {
        ref->form = JA_REF_LOOKUP;
    }
}

/* Data Center has a servlet each for projects and users, and viewavatar for any avatar's id. */
static void settle_datacenter(ja_ref_t *ref)
{
    if (ref->form == JA_REF_VIEW_DEFAULT) {
        ref->form = JA_REF_LOOKUP;
    } else if (ref->form == JA_REF_VIEW_OWNER && ref->type == JA_TYPE_PROJECT &&
               ja_text_number(ja_slice(ref->owner), INT64_MAX, &ref->pid)) {
        ref->form = JA_REF_PROJECT;
        ref->has_pid = true;
        ref->type = JA_TYPE_NONE;
        ref->owner[0] = '\0';
    } else if (ref->type == JA_TYPE_USER &&
               (ref->form == JA_REF_VIEW_OWNER || ref->form == JA_REF_VIEW_AVATAR)) {
        ref->form = JA_REF_USER;
        ref->type = JA_TYPE_NONE;
    } else if (ref->form == JA_REF_VIEW_OWNER) {
        ref->form = JA_REF_LOOKUP;
    }
    if (ref->form == JA_REF_PROJECT || ref->form == JA_REF_USER) {
        ref->format = JA_FORMAT_NONE; /* these servlets have no such parameter */
    }
}

/* What the form cannot do without. */
static const char *missing(const ja_ref_t *ref)
{
    bool id = ref->has_avatar_id;

    if (ref->form == JA_REF_VIEW_AVATAR && !id) {
        return "avatarId is missing.";
    }
    if (ref->form == JA_REF_PROJECT && !id && !ref->has_pid) {
        return "pid or avatarId is missing.";
    }
    if (ref->form == JA_REF_USER && !id && !ref->owner[0] && !ref->username[0]) {
        return "ownerId, username or avatarId is missing.";
    }
    return NULL;
}

/* ---- the whole ---------------------------------------------------------------------------- */

static const char *read_all(const route_t *route, const ja_slice_t segments[PATH_VALUES],
                            const char *query, ja_ref_t *ref)
{
    for (size_t i = 0; i < PATH_VALUES && route->read[i]; i++) {
        const char *reason = route->read[i](ref, segments[i]);

        if (reason) {
            return reason;
        }
    }
    return read_query(route->params, query, ref);
}

ja_ref_status_t ja_ref_parse(ja_site_kind_t kind, const char *context, const char *path,
                             const char *query, ja_ref_t *ref, const char **reason)
{
    ja_ref_t found = {.form = JA_REF_LOOKUP};
    ja_slice_t rest = ja_slice(path), segments[PATH_VALUES];
    const route_t *route = find(rest, true, segments);

    if (!route && (kind == JA_SITE_CLOUD ? take_cloud_id(&rest, found.cloud_id)
                                         : take_context(&rest, context))) {
        route = find(rest, false, segments);
    }
    if (!route) {
        *reason = "This is not an avatar address.";
        return JA_REF_UNKNOWN_PATH;
    }
    found.form = route->form;
    found.type = route->type;
    *reason = read_all(route, segments, query, &found);
    if (!*reason) {
        (kind == JA_SITE_CLOUD ? settle_cloud : settle_datacenter)(&found);
        *reason = missing(&found);
    }
    if (*reason) {
        return JA_REF_BAD_VALUE;
    }
    *ref = found;
    return JA_REF_OK;
}

void ja_ref_key(const ja_ref_t *ref, ja_buf_t *key)
{
    const char *size = sizes[ref->size ? ref->size : JA_SIZE_LARGE].name;
    const char *const words[] = {form_names[ref->form], type_names[ref->type], size,
                                 format_names[ref->format],
                                 ref->no_redirect == JA_REDIRECT_NO    ? "noRedirect=true"
                                 : ref->no_redirect == JA_REDIRECT_YES ? "noRedirect=false"
                                                                       : ""};
    const char *const texts[] = {ref->owner, ref->username, ref->icon};

    /* A line each: no text holds a line end, so no two references share a key. */
    for (size_t i = 0; i < COUNT(words); i++) {
        ja_buf_add(key, words[i]);
        ja_buf_add(key, "\n");
    }
    if (ref->has_avatar_id) {
        ja_buf_add_number(key, ref->avatar_id);
    }
    ja_buf_add(key, "\n");
    if (ref->has_pid) {
        ja_buf_add_number(key, ref->pid);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        ja_buf_add(key, "\n");
        ja_buf_add(key, texts[i]);
    }
}

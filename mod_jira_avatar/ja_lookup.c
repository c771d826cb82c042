/* SPDX-License-Identifier: Apache-2.0 */
/* ja_lookup: jansson within bounds, and what a URL in an answer may be. */
#include "ja_lookup.h"

#include <jansson.h>
#include <string.h>

#include "ja_url.h"

enum { DEPTH_MAX = 32, PIXELS_MAX = 1024, PATH_MAX_BYTES = 2048 };

/* ---- reading ------------------------------------------------------------------------------- */

/* jansson recurses: what is nested too deep does not reach it. */
static bool is_shallow(ja_slice_t json)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < json.len; i++) {
        char c = json.data[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '[' || c == '{') {
            if (++depth > DEPTH_MAX) {
                return false;
            }
        } else if (c == ']' || c == '}') {
            depth -= depth > 0;
        } else {
            in_string = c == '"';
        }
    }
    return true;
}

/* A URL that Jira wrote: absolute, or below its own root. */
static bool add_picture(ja_buf_t *pictures, uint64_t pixels, const char *text)
{
    ja_slice_t url = ja_slice(text);

    if (url.len == 0 || url.len >= JA_URL_MAX || !ja_text_is_plain(url) ||
        memchr(url.data, ' ', url.len) != NULL) {
        return false;
    }
    ja_buf_add_number(pictures, pixels);
    ja_buf_add(pictures, " ");
    ja_buf_add_slice(pictures, url);
    ja_buf_add(pictures, "\n");
    return !pictures->overflow;
}

/* "48x48" */
static bool read_pixels(const char *text, uint64_t *pixels)
{
    ja_slice_t height = ja_slice(text);
    ja_slice_t width = ja_text_piece(&height, 'x');
    uint64_t number;

    return ja_text_number(width, PIXELS_MAX, pixels) && height.data != NULL &&
           ja_text_number(height, PIXELS_MAX, &number) && number == *pixels && number > 0;
}

static const char *read_avatar_urls(json_t *urls, ja_buf_t *pictures)
{
    const char *name;
    json_t *url;

    json_object_foreach(urls, name, url)
    {
        uint64_t pixels;
        if (!read_pixels(name, &pixels)) {
            continue;
        }
        if (!json_is_string(url) || !add_picture(pictures, pixels, json_string_value(url))) {
            return "the answer has a picture that is not a URL";
        }
    }
    return pictures->len > 0 ? NULL : "the answer has no pictures in avatarUrls";
}

static const char *read_object(json_t *root, ja_buf_t *pictures)
{
    json_t *urls = json_object_get(root, "avatarUrls");
    json_t *icon = json_object_get(root, "iconUrl");

    if (json_is_object(urls)) {
        return read_avatar_urls(urls, pictures);
    }
    if (!json_is_string(icon)) {
        return "the answer has neither avatarUrls nor iconUrl";
    }
    return add_picture(pictures, 0, json_string_value(icon))
               ? NULL
               : "the answer has an iconUrl that is not a URL";
}

const char *ja_lookup_read(ja_slice_t json, ja_buf_t *pictures)
{
    if (json.len > JA_LOOKUP_BYTES) {
        return "the answer is larger than 1 MB";
    }
    if (!is_shallow(json)) {
        return "the answer is nested too deep";
    }
    json_t *root = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong = root != NULL ? read_object(root, pictures)
                                     : "the answer is not JSON, or names something twice";
    json_decref(root);
    return wrong;
}

/* ---- choosing ------------------------------------------------------------------------------ */

static const uint64_t pixels_of[] = {
    [JA_SIZE_NONE] = 48,  [JA_SIZE_XSMALL] = 16, [JA_SIZE_SMALL] = 24,   [JA_SIZE_MEDIUM] = 32,
    [JA_SIZE_LARGE] = 48, [JA_SIZE_XLARGE] = 64, [JA_SIZE_XXLARGE] = 96, [JA_SIZE_XXXLARGE] = 128,
};

/* Whether a picture of `a` pixels serves better than one of `b`. */
static bool is_better(uint64_t a, uint64_t b, uint64_t wanted)
{
    return (a >= wanted) != (b >= wanted) ? a >= wanted : a >= wanted ? a < b : a > b;
}

ja_slice_t ja_lookup_pick(ja_slice_t pictures, ja_size_t size)
{
    ja_slice_t best = {NULL, 0};
    uint64_t best_pixels = 0;

    while (pictures.data != NULL) {
        ja_slice_t url = ja_text_piece(&pictures, '\n');
        uint64_t pixels;
        if (!ja_text_number(ja_text_piece(&url, ' '), PIXELS_MAX, &pixels) || url.data == NULL) {
            continue;
        }
        if (best.data == NULL || is_better(pixels, best_pixels, pixels_of[size])) {
            best = url;
            best_pixels = pixels;
        }
    }
    return best;
}

/* ---- resolving ----------------------------------------------------------------------------- */

static bool is_at(const ja_url_t *url, const ja_origin_t *origin)
{
    return url->tls == (strcmp(origin->scheme, "https") == 0) && url->port == origin->port &&
           strcmp(url->host, origin->host) == 0;
}

/* Path and query below an origin of ours, as one that a visitor writes. Names need look-ups, and
 * those lead nowhere further. */
static bool parse_ours(const ja_site_t *site, const ja_url_t *url, ja_ref_t *ref)
{
    char path[PATH_MAX_BYTES], query[JA_URL_MAX];
    ja_buf_t copy = ja_buf(query, sizeof(query));
    ja_slice_t rest = url->path;
    const char *reason;

    ja_buf_add_slice(&copy, url->query);
    return ja_text_take(&rest, "/") && ja_text_decode(rest, false, path, sizeof(path)) &&
           !copy.overflow &&
           ja_ref_parse(site->kind, site->base.path, path, url->query.data != NULL ? query : NULL,
                        ref, &reason) == JA_REF_OK &&
           ref->form != JA_REF_LOOKUP;
}

/* Whether the URL is that of the site itself, where nothing is. */
static bool is_root(const ja_site_t *site, ja_slice_t path)
{
    (void)ja_text_take(&path, site->base.path);
    return path.len == 0 || ja_slice_is(path, "/");
}

static void take_wishes(const ja_ref_t *wanted, ja_ref_t *ref)
{
    bool has_format = ref->form == JA_REF_VIEW_AVATAR || ref->form == JA_REF_VIEW_OWNER ||
                      ref->form == JA_REF_VIEW_DEFAULT;

    ref->size = ref->form == JA_REF_ICON ? JA_SIZE_NONE : wanted->size;
    ref->format = has_format ? wanted->format : JA_FORMAT_NONE;
}

ja_found_t ja_lookup_resolve(const ja_site_t *site, const ja_hosts_t *hosts, ja_slice_t text,
                             const ja_ref_t *wanted, ja_ref_t *ref)
{
    char absolute[2 * JA_URL_MAX];
    ja_buf_t buf = ja_buf(absolute, sizeof(absolute));
    ja_url_t url;

    if (text.len > 0 && text.data[0] == '/' && (text.len == 1 || text.data[1] != '/')) {
        ja_buf_add_slice(
            &buf, (ja_slice_t){site->base.url, strlen(site->base.url) - strlen(site->base.path)});
    }
    ja_buf_add_slice(&buf, text);
    if (buf.overflow || !ja_url_parse((ja_slice_t){buf.data, buf.len}, &url)) {
        return JA_FOUND_ELSEWHERE;
    }
    bool is_site = is_at(&url, &site->base);
    if (!is_site && (site->kind != JA_SITE_CLOUD || !is_at(&url, &site->gateway))) {
        return ja_hosts_find(hosts, text) != NULL ? JA_FOUND_PUBLIC : JA_FOUND_ELSEWHERE;
    }
    if (is_site && is_root(site, url.path)) {
        return JA_FOUND_NOTHING;
    }
    if (!parse_ours(site, &url, ref) || (!is_site && ref->cloud_id[0] == '\0')) {
        return JA_FOUND_ELSEWHERE; /* the gateway serves many sites */
    }
    take_wishes(wanted, ref);
    return JA_FOUND_OURS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_svg: walks an SVG from the prolog to the root's end tag. */
#include "ja_svg.h"

#include <string.h>

/* What is left of the text, and what it is if the walk ends here. The steps below return false
 * when it does. */
typedef struct svg_t {
    ja_slice_t in;
    ja_proof_t proof;
} svg_t;

static bool stop(svg_t *svg, ja_proof_t proof)
{
    svg->proof = proof;
    return false;
}

static bool refuse(svg_t *svg)
{
    return stop(svg, JA_PROOF_NOT_AN_IMAGE);
}

static bool broken_off(svg_t *svg)
{
    return stop(svg, JA_PROOF_TRUNCATED);
}

static void advance(svg_t *svg, size_t count)
{
    svg->in.data += count;
    svg->in.len -= count;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* True if there was any. */
static bool skip_space(svg_t *svg)
{
    size_t before = svg->in.len;
    while (svg->in.len > 0 && is_space(*svg->in.data)) {
        advance(svg, 1);
    }
    return svg->in.len < before;
}

/* Steps to the next `c`. */
static bool skip_to(svg_t *svg, char c)
{
    const char *next = svg->in.len > 0 ? memchr(svg->in.data, c, svg->in.len) : NULL;
    if (!next) {
        return broken_off(svg);
    }
    advance(svg, (size_t)(next - svg->in.data));
    return true;
}

/* Steps behind the next `end`. */
static bool skip_past(svg_t *svg, const char *end)
{
    while (skip_to(svg, *end)) {
        if (ja_text_take(&svg->in, end)) {
            return true;
        }
        advance(svg, 1);
    }
    return false;
}

/* The name of an element, an instruction's target, a DOCTYPE. */
static bool take_name(svg_t *svg, ja_slice_t *name)
{
    static const char ends[] = {' ', '\t', '\r', '\n', '/', '>', '<', '=', '"', '\'', '?', '['};
    static const char never_first[] = "!-.0123456789";
    *name = svg->in;
    while (svg->in.len > 0 && !memchr(ends, *svg->in.data, sizeof ends)) {
        advance(svg, 1);
    }
    name->len -= svg->in.len;
    if (svg->in.len == 0) {
        return broken_off(svg);
    }
    bool good = name->len > 0 && !memchr(never_first, *name->data, sizeof never_first);
    return good || refuse(svg);
}

/* "svg", or behind a prefix: "svg:svg". */
static bool is_svg(ja_slice_t name)
{
    ja_slice_t first = ja_text_piece(&name, ':');
    return first.len > 0 && ja_slice_is(name.data ? name : first, "svg");
}

/* What stands behind the name of a tag or DOCTYPE, up to its '>'. No '[': an internal subset can
 * define entities. */
static bool skip_attributes(svg_t *svg, bool *empty)
{
    char quote = '\0';
    for (char last = '\0'; svg->in.len > 0; advance(svg, 1)) {
        char c = *svg->in.data;
        if (c == '<' || (c == '[' && !quote)) {
            return refuse(svg);
        }
        if (c == '>' && !quote) {
            *empty = last == '/';
            advance(svg, 1);
            return true;
        }
        if (quote) {
            quote = c == quote ? '\0' : quote;
        } else if (c == '"' || c == '\'') {
            quote = c;
        }
        last = c;
    }
    return broken_off(svg);
}

/* name="value" of the XML declaration. UTF-8 contains US-ASCII; anything else is not what we
 * check. */
static bool skip_declared(svg_t *svg)
{
    ja_slice_t name = ja_slice_trim(ja_text_piece(&svg->in, '='));
    skip_space(svg);
    const char *quote = ja_text_take(&svg->in, "\"") ? "\"" : "'";
    if (*quote == '\'' && !ja_text_take(&svg->in, quote)) {
        return refuse(svg);
    }
    ja_slice_t value = ja_text_piece(&svg->in, *quote);
    bool good = !ja_slice_is_nocase(name, "encoding") || ja_slice_is_nocase(value, "utf-8") ||
                ja_slice_is_nocase(value, "us-ascii");
    return (good && svg->in.data) || refuse(svg);
}

/* Byte order mark and XML declaration, if they are there. */
static bool skip_declaration(svg_t *svg)
{
    ja_text_take(&svg->in, "\xef\xbb\xbf");
    svg_t inside = *svg;
    if (!ja_text_take(&inside.in, "<?xml") || !skip_space(&inside)) {
        return true;
    }
    *svg = inside;
    if (!skip_past(svg, "?>")) {
        return false;
    }
    inside.in.len -= svg->in.len + strlen("?>");
    while (inside.in.len > 0) {
        if (!skip_declared(&inside)) {
            return refuse(svg);
        }
        skip_space(&inside);
    }
    return true;
}

/* Steps over an instruction, behind its "<?". A second XML declaration is none. */
static bool skip_instruction(svg_t *svg)
{
    ja_slice_t target;
    return take_name(svg, &target) && (!ja_slice_is_nocase(target, "xml") || refuse(svg)) &&
           skip_past(svg, "?>");
}

/* White space, comments and, before the root, instructions. */
static bool skip_misc(svg_t *svg, bool instructions)
{
    for (;;) {
        skip_space(svg);
        bool good = true;
        if (ja_text_take(&svg->in, "<!--")) {
            good = skip_past(svg, "-->");
        } else if (instructions && ja_text_take(&svg->in, "<?")) {
            good = skip_instruction(svg);
        } else {
            return true;
        }
        if (!good) {
            return false;
        }
    }
}

static bool skip_doctype(svg_t *svg)
{
    ja_slice_t name;
    bool empty;
    if (!ja_text_take(&svg->in, "<!DOCTYPE")) {
        return true;
    }
    return (skip_space(svg) || refuse(svg)) && take_name(svg, &name) &&
           (is_svg(name) || refuse(svg)) && skip_attributes(svg, &empty);
}

/* The next tag, comment or the like within the root. */
static bool skip_markup(svg_t *svg, ja_slice_t root, size_t *depth)
{
    ja_slice_t name;
    bool empty;
    if (!skip_to(svg, '<')) {
        return false;
    }
    if (ja_text_take(&svg->in, "<!--")) {
        return skip_past(svg, "-->");
    }
    if (ja_text_take(&svg->in, "<![CDATA[")) {
        return skip_past(svg, "]]>");
    }
    if (ja_text_take(&svg->in, "<?")) {
        return skip_instruction(svg);
    }
    bool end = ja_text_take(&svg->in, "</") || !ja_text_take(&svg->in, "<");
    if (!take_name(svg, &name) || !skip_attributes(svg, &empty)) {
        return false;
    }
    *depth = end ? *depth - 1 : *depth + !empty;
    bool same = name.len == root.len && memcmp(name.data, root.data, root.len) == 0;
    return *depth > 0 || same || refuse(svg);
}

static bool skip_root(svg_t *svg)
{
    ja_slice_t root;
    bool empty;
    if (svg->in.len == 0) {
        return broken_off(svg);
    }
    if (!ja_text_take(&svg->in, "<")) {
        return refuse(svg);
    }
    if (!take_name(svg, &root) || !(is_svg(root) || refuse(svg)) || !skip_attributes(svg, &empty)) {
        return false;
    }
    size_t depth = empty ? 0 : 1;
    while (depth > 0) {
        if (!skip_markup(svg, root, &depth)) {
            return false;
        }
    }
    return true;
}

ja_proof_t ja_svg_prove(ja_slice_t text)
{
    svg_t svg = {text, JA_PROOF_NOT_AN_IMAGE};
    if (ja_slice_trim(text).len == 0) {
        return JA_PROOF_NOT_AN_IMAGE;
    }
    if (!(skip_declaration(&svg) && skip_misc(&svg, true) && skip_doctype(&svg) &&
          skip_misc(&svg, true) && skip_root(&svg) && skip_misc(&svg, false))) {
        return svg.proof;
    }
    bool text_only = svg.in.len == 0 && !memchr(text.data, '\0', text.len) && ja_text_is_utf8(text);
    return text_only ? JA_PROOF_IMAGE : JA_PROOF_NOT_AN_IMAGE;
}

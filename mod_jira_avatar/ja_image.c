/* SPDX-License-Identifier: Apache-2.0 */
/* ja_image: walks PNG, JPEG, GIF and WebP from their first byte to their last. */
#include "ja_image.h"

#include <string.h>

/* ---- bytes -------------------------------------------------------------------------------- */

/* What is left of the input. A take that fails leaves it alone. */
typedef struct bytes_t {
    const unsigned char *at;
    size_t left;
} bytes_t;

/* Steps over `count` bytes and returns them, or NULL if they are not there. */
static const unsigned char *take(bytes_t *in, size_t count)
{
    const unsigned char *taken = in->at;
    if (count > in->left) {
        return NULL;
    }
    in->at += count;
    in->left -= count;
    return taken;
}

static uint32_t be16(const unsigned char *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const unsigned char *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static uint32_t le16(const unsigned char *p)
{
    return (uint32_t)p[1] << 8 | p[0];
}

static uint32_t le24(const unsigned char *p)
{
    return (uint32_t)p[2] << 16 | le16(p);
}

static uint32_t le32(const unsigned char *p)
{
    return le16(p + 2) << 16 | le16(p);
}

static bool is_tag(const unsigned char *p, const char *tag)
{
    return memcmp(p, tag, 4) == 0;
}

static bool is_sane(uint32_t width, uint32_t height)
{
    return width >= 1 && width <= JA_IMAGE_SIDE_MAX && height >= 1 && height <= JA_IMAGE_SIDE_MAX &&
           width * height <= JA_IMAGE_AREA_MAX;
}

static bool set_size(ja_image_t *image, uint32_t width, uint32_t height)
{
    image->width = width;
    image->height = height;
    return is_sane(width, height);
}

/* ---- PNG ---------------------------------------------------------------------------------- */

/* IHDR: width, height, bit depth, colour type, compression, filter, interlace. */
static bool png_header(const unsigned char *p, ja_image_t *image)
{
    /* A bit per depth that the colour type allows. */
    static const uint32_t depths[] = {
        [0] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8 | 1 << 16, /* grey */
        [2] = 1 << 8 | 1 << 16,                            /* colour */
        [3] = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 8,           /* palette */
        [4] = 1 << 8 | 1 << 16,                            /* grey, alpha */
        [6] = 1 << 8 | 1 << 16,                            /* colour, alpha */
    };
    return p[9] < sizeof depths / sizeof depths[0] && p[8] <= 16 && (depths[p[9]] >> p[8] & 1) &&
           p[10] == 0 && p[11] == 0 && p[12] <= 1 && set_size(image, be32(p), be32(p + 4));
}

static ja_proof_t prove_png(bytes_t in, ja_image_t *image)
{
    bool header = false;
    bool pixels = false;
    for (;;) {
        const unsigned char *head = take(&in, 8);
        if (!head) {
            return JA_PROOF_TRUNCATED;
        }
        uint32_t length = be32(head);
        const unsigned char *tag = head + 4;
        if (header == is_tag(tag, "IHDR") || (!header && length != 13) || length > INT32_MAX) {
            return JA_PROOF_NOT_AN_IMAGE;
        }
        const unsigned char *data = take(&in, (size_t)length + 4); /* and its CRC */
        if (!data) {
            return JA_PROOF_TRUNCATED;
        }
        if (!header && !png_header(data, image)) {
            return JA_PROOF_NOT_AN_IMAGE;
        }
        header = true;
        pixels = pixels || is_tag(tag, "IDAT");
        if (is_tag(tag, "IEND")) {
            return pixels ? JA_PROOF_IMAGE : JA_PROOF_NOT_AN_IMAGE;
        }
    }
}

/* ---- JPEG --------------------------------------------------------------------------------- */

/* A marker's code, 0 if there is none, -1 if the bytes end. It may be filled up with FF. */
static int jpeg_marker(bytes_t *in)
{
    const unsigned char *p = take(in, 1);
    if (p && *p != 0xff) {
        return 0;
    }
    while (p && *p == 0xff) {
        p = take(in, 1);
    }
    return p ? *p : -1;
}

/* Steps to the marker that ends entropy-coded data: not a stuffed FF, not a restart. */
static bool jpeg_skip_scan(bytes_t *in)
{
    for (;;) {
        const unsigned char *mark = in->left ? memchr(in->at, 0xff, in->left) : NULL;
        if (!mark || !take(in, (size_t)(mark - in->at)) || in->left < 2) {
            return false;
        }
        if (mark[1] != 0x00 && !(mark[1] >= 0xd0 && mark[1] <= 0xd7)) {
            return true;
        }
        take(in, 2);
    }
}

static bool jpeg_is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static ja_proof_t prove_jpeg(bytes_t in, ja_image_t *image)
{
    enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda };
    bool frame = false;
    bool scan = false;
    for (;;) {
        int marker = jpeg_marker(&in);
        if (marker == EOI) {
            return scan ? JA_PROOF_IMAGE : JA_PROOF_NOT_AN_IMAGE;
        }
        if (marker >= 0 && marker < 0xc0) {
            return JA_PROOF_NOT_AN_IMAGE;
        }
        if ((marker >= 0xd0 && marker <= SOI) || (marker == SOS && !frame) ||
            (jpeg_is_frame(marker) && frame)) {
            return JA_PROOF_NOT_AN_IMAGE;
        }
        const unsigned char *size = marker < 0 ? NULL : take(&in, 2);
        if (!size) {
            return JA_PROOF_TRUNCATED;
        }
        if (be16(size) < (jpeg_is_frame(marker) ? 8U : 2U)) {
            return JA_PROOF_NOT_AN_IMAGE;
        }
        const unsigned char *data = take(&in, be16(size) - 2);
        if (!data) {
            return JA_PROOF_TRUNCATED;
        }
        if (jpeg_is_frame(marker)) {
            frame = set_size(image, be16(data + 3), be16(data + 1));
            if (!frame) {
                return JA_PROOF_NOT_AN_IMAGE;
            }
        }
        if (marker == SOS) {
            scan = true;
            if (!jpeg_skip_scan(&in)) {
                return JA_PROOF_TRUNCATED;
            }
        }
    }
}

/* ---- GIF ---------------------------------------------------------------------------------- */

/* Steps over a colour table, if the flags announce one. */
static bool gif_skip_colours(bytes_t *in, unsigned flags)
{
    return !(flags & 0x80) || take(in, (size_t)3 << ((flags & 7) + 1));
}

/* Steps over sub-blocks up to the empty one. */
static bool gif_skip_blocks(bytes_t *in)
{
    const unsigned char *size;
    do {
        size = take(in, 1);
    } while (size && take(in, *size) && *size > 0);
    return size && *size == 0;
}

/* A frame: its place on the canvas, flags, colours, code size, pixels. */
static ja_proof_t gif_frame(bytes_t *in)
{
    const unsigned char *p = take(in, 9);
    if (!p) {
        return JA_PROOF_TRUNCATED;
    }
    if (!is_sane(le16(p + 4), le16(p + 6)) ||
        !is_sane(le16(p) + le16(p + 4), le16(p + 2) + le16(p + 6))) {
        return JA_PROOF_NOT_AN_IMAGE;
    }
    return gif_skip_colours(in, p[8]) && take(in, 1) && gif_skip_blocks(in) ? JA_PROOF_IMAGE
                                                                            : JA_PROOF_TRUNCATED;
}

static ja_proof_t prove_gif(bytes_t in, ja_image_t *image)
{
    const unsigned char *screen = take(&in, 7);
    if (screen && !set_size(image, le16(screen), le16(screen + 2))) {
        return JA_PROOF_NOT_AN_IMAGE;
    }
    if (!screen || !gif_skip_colours(&in, screen[4])) {
        return JA_PROOF_TRUNCATED;
    }
    bool frames = false;
    for (const unsigned char *block = take(&in, 1); block; block = take(&in, 1)) {
        ja_proof_t proof;
        switch (*block) {
        case ';':
            return frames ? JA_PROOF_IMAGE : JA_PROOF_NOT_AN_IMAGE;
        case ',':
            frames = true;
            proof = gif_frame(&in);
            break;
        case '!':
            proof = take(&in, 1) && gif_skip_blocks(&in) ? JA_PROOF_IMAGE : JA_PROOF_TRUNCATED;
            break;
        default:
            proof = JA_PROOF_NOT_AN_IMAGE;
        }
        if (proof != JA_PROOF_IMAGE) {
            return proof;
        }
    }
    return JA_PROOF_TRUNCATED;
}

/* ---- WebP --------------------------------------------------------------------------------- */

/* The chunks that say dimensions: the lossy and the lossless picture, and the canvas of both. */
static bool webp_lossy(const unsigned char *p, ja_image_t *image)
{
    bool key_frame = !(p[0] & 1) && p[3] == 0x9d && p[4] == 0x01 && p[5] == 0x2a;
    return key_frame && set_size(image, le16(p + 6) & 0x3fff, le16(p + 8) & 0x3fff);
}

static bool webp_lossless(const unsigned char *p, ja_image_t *image)
{
    uint32_t bits = le32(p + 1);
    return p[0] == 0x2f && bits >> 29 == 0 &&
           set_size(image, (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
}

static bool webp_canvas(const unsigned char *p, ja_image_t *image)
{
    return set_size(image, le24(p + 4) + 1, le24(p + 7) + 1);
}

static const struct webp_header_t {
    const char *tag;
    size_t min;
    bool pixels;
    bool (*parse)(const unsigned char *p, ja_image_t *image);
} webp_headers[] = {
    {"VP8 ", 10, true, webp_lossy},
    {"VP8L", 5, true, webp_lossless},
    {"VP8X", 10, false, webp_canvas},
};

/* One chunk: the first says the dimensions, a later one repeats them or brings a frame. */
static bool webp_chunk(const unsigned char *tag, bytes_t data, ja_image_t *image, bool *pixels)
{
    for (size_t i = 0; i < sizeof webp_headers / sizeof webp_headers[0]; i++) {
        const struct webp_header_t *row = &webp_headers[i];
        ja_image_t seen = *image;
        if (!is_tag(tag, row->tag)) {
            continue;
        }
        if (data.left < row->min || !row->parse(data.at, &seen)) {
            return false;
        }
        bool first = image->width == 0;
        bool same = seen.width == image->width && seen.height == image->height;
        *pixels = *pixels || row->pixels;
        *image = seen;
        return first || same;
    }
    *pixels = *pixels || (is_tag(tag, "ANMF") && data.left > 16);
    return image->width > 0;
}

static ja_proof_t prove_webp(bytes_t in, ja_image_t *image)
{
    const unsigned char *head = take(&in, 8);
    if (!head) {
        return JA_PROOF_TRUNCATED;
    }
    if (!is_tag(head + 4, "WEBP") || le32(head) < 4) {
        return JA_PROOF_NOT_AN_IMAGE;
    }
    size_t body = le32(head) - 4;
    bool whole = body <= in.left;
    bool pixels = false;
    in.left = whole ? body : in.left;
    for (head = take(&in, 8); head; head = take(&in, 8)) {
        bytes_t data = {in.at, le32(head + 4)};
        if (!take(&in, data.left)) {
            return whole ? JA_PROOF_NOT_AN_IMAGE : JA_PROOF_TRUNCATED;
        }
        if (!webp_chunk(head, data, image, &pixels)) {
            return JA_PROOF_NOT_AN_IMAGE;
        }
        (void)take(&in, data.left & 1); /* padding, which some writers leave out at the end */
    }
    if (!whole) {
        return JA_PROOF_TRUNCATED;
    }
    return pixels ? JA_PROOF_IMAGE : JA_PROOF_NOT_AN_IMAGE;
}

/* ---- all ---------------------------------------------------------------------------------- */

static const struct signature_t {
    const char *bytes;
    size_t len;
    ja_image_type_t type;
    ja_proof_t (*prove)(bytes_t in, ja_image_t *image);
} signatures[] = {
    {"\x89PNG\r\n\x1a\n", 8, JA_IMAGE_PNG, prove_png},
    {"\xff\xd8", 2, JA_IMAGE_JPEG, prove_jpeg},
    {"GIF87a", 6, JA_IMAGE_GIF, prove_gif},
    {"GIF89a", 6, JA_IMAGE_GIF, prove_gif},
    {"RIFF", 4, JA_IMAGE_WEBP, prove_webp},
};

/* The row whose signature the bytes begin with, or begin. */
static const struct signature_t *find_signature(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        size_t least = len < signatures[i].len ? len : signatures[i].len;
        if (memcmp(bytes, signatures[i].bytes, least) == 0) {
            return &signatures[i];
        }
    }
    return NULL;
}

ja_proof_t ja_image_prove(const unsigned char *bytes, size_t len, ja_image_t *image)
{
    const struct signature_t *row = len > 0 ? find_signature(bytes, len) : NULL;
    ja_image_t seen = {JA_IMAGE_NONE, 0, 0};
    bytes_t in = {bytes, len};
    ja_proof_t proof;
    if (!row) {
        proof = ja_svg_prove((ja_slice_t){(const char *)bytes, len});
    } else {
        proof = take(&in, row->len) ? row->prove(in, &seen) : JA_PROOF_TRUNCATED;
    }
    seen.type = row ? row->type : JA_IMAGE_SVG;
    *image = proof == JA_PROOF_IMAGE ? seen : (ja_image_t){JA_IMAGE_NONE, 0, 0};
    return proof;
}

const char *ja_image_content_type(ja_image_type_t type)
{
    static const char *const names[] = {
        [JA_IMAGE_PNG] = "image/png",     [JA_IMAGE_JPEG] = "image/jpeg",
        [JA_IMAGE_GIF] = "image/gif",     [JA_IMAGE_WEBP] = "image/webp",
        [JA_IMAGE_SVG] = "image/svg+xml",
    };
    return (size_t)type < sizeof names / sizeof names[0] ? names[type] : NULL;
}

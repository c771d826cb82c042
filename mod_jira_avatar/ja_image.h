/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_image: what bytes are an image.
 *
 * Nothing is decoded: a format is walked by its own lengths from its signature to its end, which
 * tells an image from an error page, and a whole one from one that broke off.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated.
 */
#ifndef JA_IMAGE_H
#define JA_IMAGE_H

#include "ja_svg.h"

typedef enum {
    JA_IMAGE_NONE,
    JA_IMAGE_PNG,
    JA_IMAGE_JPEG,
    JA_IMAGE_GIF,
    JA_IMAGE_WEBP,
    JA_IMAGE_SVG
} ja_image_type_t;

typedef struct ja_image_t {
    ja_image_type_t type;
    uint32_t width; /* pixels; 0 for SVG, which need not say */
    uint32_t height;
} ja_image_t;

/** Larger pictures are no avatars: a few bytes would cost a browser gigabytes. */
enum { JA_IMAGE_SIDE_MAX = 8192, JA_IMAGE_AREA_MAX = 16 * 1024 * 1024 };

/** Proves an image by its bytes: signature, header with sane dimensions, and its end; what comes
 *  after that is tolerated, but in an SVG (ja_svg.h).
 *  @param image filled on JA_PROOF_IMAGE, else of type JA_IMAGE_NONE */
ja_proof_t ja_image_prove(const unsigned char *bytes, size_t len, ja_image_t *image);

/** The Content-Type that is sent, never the upstream's; NULL for JA_IMAGE_NONE. */
const char *ja_image_content_type(ja_image_type_t type);

#endif

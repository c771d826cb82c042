/* SPDX-License-Identifier: Apache-2.0 */
/* What is proven an image has a type and sane dimensions, and no cut of it is another image. */
#include "ja_image.h"

#include <stdlib.h>
#include <string.h>

#define ASSERT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ja_proof_t prove(const uint8_t *data, size_t size, ja_image_t *image)
{
    uint8_t *copy = malloc(size + 1); /* of its own, to see a byte read too many */
    ASSERT(copy != NULL);
    memcpy(copy + 1, data, size);
    ja_proof_t proof = ja_image_prove(copy + 1, size, image);
    free(copy);
    ASSERT((proof == JA_PROOF_IMAGE) == (image->type != JA_IMAGE_NONE));
    return proof;
}

static void check_dimensions(const ja_image_t *image)
{
    if (image->type == JA_IMAGE_SVG || image->type == JA_IMAGE_NONE) {
        ASSERT(image->width == 0 && image->height == 0);
    } else {
        ASSERT(image->width >= 1 && image->width <= JA_IMAGE_SIDE_MAX);
        ASSERT(image->height >= 1 && image->height <= JA_IMAGE_SIDE_MAX);
        ASSERT((uint64_t)image->width * image->height <= JA_IMAGE_AREA_MAX);
    }
}

/* Markup is SVG or nothing: a page never passes as a picture. */
static void check_markup(const uint8_t *data, size_t size, const ja_image_t *image)
{
    if (size > 0 && *data == '<' && image->type != JA_IMAGE_NONE) {
        ASSERT(image->type == JA_IMAGE_SVG);
        ASSERT(memchr(data, '\0', size) == NULL);
        ASSERT(ja_text_is_utf8((ja_slice_t){(const char *)data, size}));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ja_image_t whole;
    ja_image_t part;
    ja_proof_t proof = prove(data, size, &whole);
    check_dimensions(&whole);
    check_markup(data, size, &whole);
    if (size == 0) {
        return 0;
    }
    size_t cut = (data[size / 2] | (size_t)data[size - 1] << 8) % size;
    ja_proof_t cut_proof = prove(data, cut, &part);
    check_dimensions(&part);
    if (cut_proof == JA_PROOF_IMAGE && part.type != JA_IMAGE_SVG) {
        /* It was whole before the cut: what comes after the end changes nothing. */
        ASSERT(proof == JA_PROOF_IMAGE && memcmp(&whole, &part, sizeof whole) == 0);
    }
    if (whole.type == JA_IMAGE_SVG) {
        ASSERT(part.type == JA_IMAGE_SVG || part.type == JA_IMAGE_NONE);
    }
    return 0;
}

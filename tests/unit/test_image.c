/* SPDX-License-Identifier: Apache-2.0 */
/* What bytes are an image: files of real encoders, and rows of bytes -> proof. */
#include "ja_image.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(text)  (text), sizeof(text) - 1

enum { FILE_MAX = 4096 };

static size_t read_image(const char *name, unsigned char bytes[FILE_MAX])
{
    const char *root = getenv("srcdir");
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/data/images/%s", root ? root : ".", name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file, "no %s", path);
    size_t len = fread(bytes, 1, FILE_MAX, file);
    ck_assert(feof(file));
    fclose(file);
    return len;
}

/* A copy of its own size, so that a sanitizer sees a byte too many. */
static ja_proof_t prove(const void *bytes, size_t len, ja_image_t *image)
{
    unsigned char *copy = malloc(len ? len : 1);
    ck_assert(copy != NULL);
    memcpy(copy, bytes, len);
    ja_proof_t proof = ja_image_prove(copy, len, image);
    free(copy);
    return proof;
}

static const struct {
    const char *name;
    ja_image_t image;
} good[] = {
    {"rgb.png", {JA_IMAGE_PNG, 24, 16}},          {"palette.png", {JA_IMAGE_PNG, 24, 16}},
    {"grey16.png", {JA_IMAGE_PNG, 24, 16}},       {"baseline.jpg", {JA_IMAGE_JPEG, 24, 16}},
    {"progressive.jpg", {JA_IMAGE_JPEG, 24, 16}}, {"exif.jpg", {JA_IMAGE_JPEG, 24, 16}},
    {"87a.gif", {JA_IMAGE_GIF, 24, 16}},          {"animated.gif", {JA_IMAGE_GIF, 24, 16}},
    {"lossy.webp", {JA_IMAGE_WEBP, 24, 16}},      {"lossless.webp", {JA_IMAGE_WEBP, 24, 16}},
    {"extended.webp", {JA_IMAGE_WEBP, 24, 16}},   {"animated.webp", {JA_IMAGE_WEBP, 24, 16}},
    {"plain.svg", {JA_IMAGE_SVG, 0, 0}},          {"drawn.svg", {JA_IMAGE_SVG, 0, 0}},
    {"prefixed.svg", {JA_IMAGE_SVG, 0, 0}},       {"script.svg", {JA_IMAGE_SVG, 0, 0}},
};

START_TEST(whole_files)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        unsigned char bytes[FILE_MAX];
        ja_image_t image;
        size_t len = read_image(good[i].name, bytes);
        ck_assert_msg(prove(bytes, len, &image) == JA_PROOF_IMAGE, "%s", good[i].name);
        ck_assert_msg(memcmp(&image, &good[i].image, sizeof image) == 0, "%s: %d %ux%u",
                      good[i].name, image.type, image.width, image.height);
    }
}
END_TEST

START_TEST(broken_files)
{
    static const struct {
        const char *name;
        ja_proof_t proof;
    } rows[] = {
        {"bomb.png", JA_PROOF_NOT_AN_IMAGE},   {"gzip.svgz", JA_PROOF_NOT_AN_IMAGE},
        {"utf16.svg", JA_PROOF_NOT_AN_IMAGE},  {"utf7.svg", JA_PROOF_NOT_AN_IMAGE},
        {"nul.svg", JA_PROOF_NOT_AN_IMAGE},    {"entity.svg", JA_PROOF_NOT_AN_IMAGE},
        {"login.html", JA_PROOF_NOT_AN_IMAGE}, {"inline.html", JA_PROOF_NOT_AN_IMAGE},
        {"error.json", JA_PROOF_NOT_AN_IMAGE},
    };
    for (size_t i = 0; i < COUNT(rows) + COUNT(good); i++) {
        bool half = i >= COUNT(rows);
        char name[64];
        unsigned char bytes[FILE_MAX];
        ja_image_t image;
        snprintf(name, sizeof name, "broken/%s%s", half ? "half-" : "",
                 half ? good[i - COUNT(rows)].name : rows[i].name);
        size_t len = read_image(name, bytes);
        ja_proof_t expected = half ? JA_PROOF_TRUNCATED : rows[i].proof;
        ck_assert_msg(prove(bytes, len, &image) == expected, "%s", name);
        ck_assert_msg(image.type == JA_IMAGE_NONE && image.width == 0, "%s", name);
    }
}
END_TEST

START_TEST(every_cut)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        unsigned char bytes[FILE_MAX];
        ja_image_t image;
        size_t len = read_image(good[i].name, bytes);
        if (good[i].image.type == JA_IMAGE_SVG) { /* may be whole before its last byte */
            len = strcmp(good[i].name, "plain.svg") == 0 ? len - 1 : 0;
        }
        for (size_t cut = 1; cut < len; cut++) {
            ck_assert_msg(prove(bytes, cut, &image) == JA_PROOF_TRUNCATED, "%s at %zu",
                          good[i].name, cut);
        }
    }
}
END_TEST

START_TEST(bytes_after_the_end)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        bool raster = good[i].image.type != JA_IMAGE_SVG;
        unsigned char bytes[FILE_MAX];
        ja_image_t image;
        size_t len = read_image(good[i].name, bytes);
        bytes[len] = '<';
        ck_assert_msg(prove(bytes, len + 1, &image) ==
                          (raster ? JA_PROOF_IMAGE : JA_PROOF_NOT_AN_IMAGE),
                      "%s", good[i].name);
    }
}
END_TEST

#define PNG           "\x89PNG\r\n\x1a\n"
#define IHDR          "\0\0\0\x0dIHDR"
#define PNG_SIZE      "\0\0\0\x18\0\0\0\x10"
#define CRC           "\0\0\0\0"
#define IDAT          "\0\0\0\1IDATx" CRC
#define IEND          "\0\0\0\0IEND" CRC
#define SOI           "\xff\xd8"
#define SOF           "\xff\xc0\0\x0b\x08\0\x10\0\x18\1\1\x11\0"
#define SOS           "\xff\xda\0\x08\1\1\0\0\x3f\0"
#define EOI           "\xff\xd9"
#define GIF_FRAME     ",\0\0\0\0\x18\0\x10\0\0\x02\x01x\0"
#define RIFF(size)    "RIFF" size "\0\0\0WEBP"
#define VP8           "VP8 \x0a\0\0\0\x10\0\0\x9d\x01\x2a\x18\0\x10\0"
#define VP8X(w, h)    "VP8X\x0a\0\0\0\0\0\0\0" w "\0\0" h "\0\0"
#define VP8L(version) "VP8L\5\0\0\0\x2f\x17\xc0\x03" version "\0"

START_TEST(raster_bytes)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t len;
        ja_proof_t proof;
    } rows[] = {
        {"nothing", BYTES(""), JA_PROOF_NOT_AN_IMAGE},
        {"text", BYTES("not found"), JA_PROOF_NOT_AN_IMAGE},
        {"BMP", BYTES("BM\0\0\0\0\0\0"), JA_PROOF_NOT_AN_IMAGE},
        {"ICO", BYTES("\0\0\1\0\1\0"), JA_PROOF_NOT_AN_IMAGE},
        {"MNG", BYTES("\x8aMNG\r\n\x1a\n"), JA_PROOF_NOT_AN_IMAGE},

        {"PNG", BYTES(PNG IHDR PNG_SIZE "\x08\2\0\0\0" CRC IDAT IEND), JA_PROOF_IMAGE},
        {"PNG, signature", BYTES(PNG), JA_PROOF_TRUNCATED},
        {"PNG, half a signature", BYTES("\x89PN"), JA_PROOF_TRUNCATED},
        {"PNG, as text", BYTES("\x89PNG\n\x1a\n"), JA_PROOF_NOT_AN_IMAGE},
        {"PNG, no header", BYTES(PNG IDAT IEND), JA_PROOF_NOT_AN_IMAGE},
        {"PNG, two headers",
         BYTES(PNG IHDR PNG_SIZE "\x08\2\0\0\0" CRC IHDR PNG_SIZE "\x08\2\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, long header", BYTES(PNG "\0\0\0\x0eIHDR" PNG_SIZE "\x08\2\0\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, no pixels", BYTES(PNG IHDR PNG_SIZE "\x08\2\0\0\0" CRC IEND), JA_PROOF_NOT_AN_IMAGE},
        {"PNG, no end", BYTES(PNG IHDR PNG_SIZE "\x08\2\0\0\0" CRC IDAT), JA_PROOF_TRUNCATED},
        {"PNG, depth 3", BYTES(PNG IHDR PNG_SIZE "\3\0\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, depth 255", BYTES(PNG IHDR PNG_SIZE "\xff\0\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, colour type 1", BYTES(PNG IHDR PNG_SIZE "\x08\1\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, colour type 7", BYTES(PNG IHDR PNG_SIZE "\x08\7\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, palette of 16 bits", BYTES(PNG IHDR PNG_SIZE "\x10\3\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, interlace 2", BYTES(PNG IHDR PNG_SIZE "\x08\2\0\0\2" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, width 0", BYTES(PNG IHDR "\0\0\0\0\0\0\0\x10\x08\2\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, 8192x2048", BYTES(PNG IHDR "\0\0\x20\0\0\0\x08\0\x08\2\0\0\0" CRC IDAT IEND),
         JA_PROOF_IMAGE},
        {"PNG, 8192x2049", BYTES(PNG IHDR "\0\0\x20\0\0\0\x08\1\x08\2\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, 8193x1", BYTES(PNG IHDR "\0\0\x20\1\0\0\0\1\x08\2\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, 65536x65536", BYTES(PNG IHDR "\0\1\0\0\0\1\0\0\x08\2\0\0\0" CRC IDAT IEND),
         JA_PROOF_NOT_AN_IMAGE},
        {"PNG, endless chunk", BYTES(PNG IHDR PNG_SIZE "\x08\2\0\0\0" CRC "\xff\xff\xff\xffIDAT"),
         JA_PROOF_NOT_AN_IMAGE},

        {"JPEG", BYTES(SOI SOF SOS "xyz" EOI), JA_PROOF_IMAGE},
        {"JPEG, restarts, stuffing, two scans",
         BYTES(SOI SOF SOS "x\xff\xd0y\xff\x00z\xff\xd7" SOS "x" EOI), JA_PROOF_IMAGE},
        {"JPEG, filled markers", BYTES(SOI "\xff\xff" SOF SOS "x\xff\xff" EOI), JA_PROOF_IMAGE},
        {"JPEG, no frame", BYTES(SOI SOS "xyz" EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, two frames", BYTES(SOI SOF SOF SOS "xyz" EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, no scan", BYTES(SOI SOF EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, ends at once", BYTES(SOI EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, starts twice", BYTES(SOI SOI SOF SOS "xyz" EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, restart out of place", BYTES(SOI "\xff\xd0" SOF SOS EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, no marker", BYTES(SOI "x" SOF SOS EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, no end", BYTES(SOI SOF SOS "xyz"), JA_PROOF_TRUNCATED},
        {"JPEG, half an end", BYTES(SOI SOF SOS "xyz\xff"), JA_PROOF_TRUNCATED},
        {"JPEG, no length", BYTES(SOI "\xff\xe0"), JA_PROOF_TRUNCATED},
        {"JPEG, length 1", BYTES(SOI "\xff\xe0\0\1" SOF SOS EOI), JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, short frame", BYTES(SOI "\xff\xc0\0\7\x08\0\x10\0\x18" SOS EOI),
         JA_PROOF_NOT_AN_IMAGE},
        {"JPEG, end in a comment", BYTES(SOI "\xff\xfe\0\4" EOI SOF SOS "x" EOI), JA_PROOF_IMAGE},
        {"JPEG, height 0", BYTES(SOI "\xff\xc0\0\x0b\x08\0\0\0\x18\1\1\x11\0" SOS "x" EOI),
         JA_PROOF_NOT_AN_IMAGE},

        {"GIF", BYTES("GIF89a\x18\0\x10\0\0\0\0" GIF_FRAME ";"), JA_PROOF_IMAGE},
        {"GIF, extension, colours",
         BYTES("GIF89a\x18\0\x10\0\x80\0\0rgbRGB!\xfe\5;;;;;\0" GIF_FRAME ";"), JA_PROOF_IMAGE},
        {"GIF, colours of the frame",
         BYTES("GIF87a\x18\0\x10\0\0\0\0,\0\0\0\0\x18\0\x10\0\x80rgbRGB\x02\x01x\0;"),
         JA_PROOF_IMAGE},
        {"GIF 88a", BYTES("GIF88a\x18\0\x10\0\0\0\0" GIF_FRAME ";"), JA_PROOF_NOT_AN_IMAGE},
        {"GIF, no frame", BYTES("GIF89a\x18\0\x10\0\0\0\0;"), JA_PROOF_NOT_AN_IMAGE},
        {"GIF, width 0", BYTES("GIF89a\0\0\x10\0\0\0\0" GIF_FRAME ";"), JA_PROOF_NOT_AN_IMAGE},
        {"GIF, unknown block", BYTES("GIF89a\x18\0\x10\0\0\0\0?" GIF_FRAME ";"),
         JA_PROOF_NOT_AN_IMAGE},
        {"GIF, huge frame",
         BYTES("GIF89a\x18\0\x10\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\x01x\0;"),
         JA_PROOF_NOT_AN_IMAGE},
        {"GIF, far frame", BYTES("GIF89a\x18\0\x10\0\0\0\0,\xff\xff\0\0\1\0\1\0\0\x02\x01x\0;"),
         JA_PROOF_NOT_AN_IMAGE},
        {"GIF, no trailer", BYTES("GIF89a\x18\0\x10\0\0\0\0" GIF_FRAME), JA_PROOF_TRUNCATED},
        {"GIF, no colours", BYTES("GIF89a\x18\0\x10\0\xf7\0\0rgb"), JA_PROOF_TRUNCATED},

        {"WebP", BYTES(RIFF("\x16") VP8), JA_PROOF_IMAGE},
        {"WebP, lossless", BYTES(RIFF("\x12") VP8L("\0")), JA_PROOF_IMAGE},
        {"WebP, lossless version 1", BYTES(RIFF("\x12") VP8L("\x20")), JA_PROOF_NOT_AN_IMAGE},
        {"WebP, canvas", BYTES(RIFF("\x28") VP8X("\x17", "\x0f") VP8), JA_PROOF_IMAGE},
        {"WebP, canvas of another size", BYTES(RIFF("\x28") VP8X("\x17", "\x10") VP8),
         JA_PROOF_NOT_AN_IMAGE},
        {"WebP, canvas alone", BYTES(RIFF("\x16") VP8X("\x17", "\x0f")), JA_PROOF_NOT_AN_IMAGE},
        {"WebP, not a key frame",
         BYTES(RIFF("\x16") "VP8 \x0a\0\0\0\x11\0\0\x9d\x01\x2a\x18\0\x10\0"),
         JA_PROOF_NOT_AN_IMAGE},
        {"WebP, short chunk", BYTES(RIFF("\x10") "VP8 \4\0\0\0\x10\0\0\x9d"),
         JA_PROOF_NOT_AN_IMAGE},
        {"WebP, unknown chunk first", BYTES(RIFF("\x1e") "ALPH\0\0\0\0" VP8),
         JA_PROOF_NOT_AN_IMAGE},
        {"WebP, chunk beyond the end",
         BYTES(RIFF("\x16") "VP8 \x0b\0\0\0\x10\0\0\x9d\x01\x2a\x18"
                            "\0\x10\0"),
         JA_PROOF_NOT_AN_IMAGE},
        {"WebP, nothing in it", BYTES(RIFF("\4")), JA_PROOF_NOT_AN_IMAGE},
        {"WebP, size 0", BYTES(RIFF("\0") VP8), JA_PROOF_NOT_AN_IMAGE},
        {"WebP, short of its size", BYTES(RIFF("\x17") VP8), JA_PROOF_TRUNCATED},
        {"WAV", BYTES("RIFF\x16\0\0\0WAVEfmt "), JA_PROOF_NOT_AN_IMAGE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_image_t image;
        ck_assert_msg(prove(rows[i].bytes, rows[i].len, &image) == rows[i].proof, "%s",
                      rows[i].what);
    }
}
END_TEST

START_TEST(svg_text)
{
    static const struct {
        const char *text;
        ja_proof_t proof;
    } rows[] = {
        {"<svg/>", JA_PROOF_IMAGE},
        {" \r\n\t<svg />\n", JA_PROOF_IMAGE},
        {"\xef\xbb\xbf<svg></svg>", JA_PROOF_IMAGE},
        {"<?xml version='1.0' encoding = \"utf-8\" ?><svg/>", JA_PROOF_IMAGE},
        {"<?xml version=\"1.0\" encoding=\"US-ascii\"?>\n<svg/>", JA_PROOF_IMAGE},
        {"<?xml version=\"1.0\"?><svg/>", JA_PROOF_IMAGE},
        {"<!-- a --><?b c?><!DOCTYPE svg><!-- d --><svg/>", JA_PROOF_IMAGE},
        {"<!DOCTYPE svg SYSTEM \"[x>]\"><svg/>", JA_PROOF_IMAGE},
        {"<a:svg><a:g/></a:svg >", JA_PROOF_IMAGE},
        {"<svg a='>' b=\"/>\"><g></g></svg>", JA_PROOF_IMAGE},
        {"<svg><svg></svg></svg>", JA_PROOF_IMAGE},
        {"<svg><!-- </svg> --><![CDATA[</svg>]]><?x </svg>?></svg>", JA_PROOF_IMAGE},
        {"<svg/> <!-- a --> <!-- b -->\n", JA_PROOF_IMAGE},
        {"<svg><script>alert(1)</script></svg>", JA_PROOF_IMAGE},
        {"<svg>\xc3\xb6</svg>", JA_PROOF_IMAGE},

        {"<", JA_PROOF_TRUNCATED},
        {"<svg", JA_PROOF_TRUNCATED},
        {"<svg ", JA_PROOF_TRUNCATED},
        {"<svg>", JA_PROOF_TRUNCATED},
        {"<svg a=\"", JA_PROOF_TRUNCATED},
        {"<svg><g>", JA_PROOF_TRUNCATED},
        {"<svg><g></svg>", JA_PROOF_TRUNCATED},
        {"<svg></svg", JA_PROOF_TRUNCATED},
        {"<svg><!-- </svg>", JA_PROOF_TRUNCATED},
        {"<svg><![CDATA[", JA_PROOF_TRUNCATED},
        {"<svg><!", JA_PROOF_TRUNCATED},
        {"<svg/><!--", JA_PROOF_TRUNCATED},
        {"<?xml version=\"1.0\"?>\n", JA_PROOF_TRUNCATED},
        {"<?xml version=\"1.0\"", JA_PROOF_TRUNCATED},
        {"<?xm", JA_PROOF_TRUNCATED},
        {"<!-- only", JA_PROOF_TRUNCATED},
        {"<!DOCTYPE svg ", JA_PROOF_TRUNCATED},

        {" \n", JA_PROOF_NOT_AN_IMAGE},
        {"svg", JA_PROOF_NOT_AN_IMAGE},
        {"x<svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<SVG></SVG>", JA_PROOF_NOT_AN_IMAGE},
        {"<svgx/>", JA_PROOF_NOT_AN_IMAGE},
        {"<:svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg:g/>", JA_PROOF_NOT_AN_IMAGE},
        {"<a:b:svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<html><svg></svg></html>", JA_PROOF_NOT_AN_IMAGE},
        {"<!DOCTYPE html><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<!doctype svg><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<!DOCTYPE svg><!DOCTYPE svg><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<!DOCTYPE svg [ ]><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<!DOCTYPE svg[<!ENTITY a \"b\">]><svg>&a;</svg>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml version=\"1.0\" encoding=\"UTF-16\"?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml version=\"1.0\" encoding='UTF-7' ?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml version=\"1.0\" encoding=\"\"?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml version=\"1.0\" encoding=UTF-8?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml version=\"1.0\" encoding?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml version=\"1.0\" encoding=\"UTF-8?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"\n<?xml version=\"1.0\" encoding=\"UTF-7\"?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<!-- --><?XML encoding=\"UTF-7\"?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<?xml?><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg></g>", JA_PROOF_NOT_AN_IMAGE},
        {"<a:svg></b:svg>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg <g/></svg>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg a='<'></svg>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg>< g/></svg>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg/>x", JA_PROOF_NOT_AN_IMAGE},
        {"<svg/><svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg></svg></svg>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg></svg><script/>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg>\xf6</svg>", JA_PROOF_NOT_AN_IMAGE},
        {"<svg>\xc0\xbc</svg>", JA_PROOF_NOT_AN_IMAGE},
        {"{\"svg\": \"<svg/>\"}", JA_PROOF_NOT_AN_IMAGE},
        {"\xff\xfe<", JA_PROOF_NOT_AN_IMAGE},
        {"+ADw-svg/>", JA_PROOF_NOT_AN_IMAGE},
        {"\x1f\x8b\x08", JA_PROOF_NOT_AN_IMAGE},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ja_image_t image;
        ck_assert_msg(prove(rows[i].text, strlen(rows[i].text), &image) == rows[i].proof, "%s",
                      rows[i].text);
        ck_assert_msg((image.type == JA_IMAGE_SVG) == (rows[i].proof == JA_PROOF_IMAGE), "%s",
                      rows[i].text);
    }
}
END_TEST

START_TEST(content_types)
{
    ck_assert_ptr_null(ja_image_content_type(JA_IMAGE_NONE));
    ck_assert_str_eq(ja_image_content_type(JA_IMAGE_PNG), "image/png");
    ck_assert_str_eq(ja_image_content_type(JA_IMAGE_JPEG), "image/jpeg");
    ck_assert_str_eq(ja_image_content_type(JA_IMAGE_GIF), "image/gif");
    ck_assert_str_eq(ja_image_content_type(JA_IMAGE_WEBP), "image/webp");
    ck_assert_str_eq(ja_image_content_type(JA_IMAGE_SVG), "image/svg+xml");
    ck_assert_ptr_null(ja_image_content_type((ja_image_type_t)99));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ja_image");
    TCase *tests = tcase_create("image");
    tcase_add_test(tests, whole_files);
    tcase_add_test(tests, broken_files);
    tcase_add_test(tests, every_cut);
    tcase_add_test(tests, bytes_after_the_end);
    tcase_add_test(tests, raster_bytes);
    tcase_add_test(tests, svg_text);
    tcase_add_test(tests, content_types);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever answers, the verdict is one that can be served: only a proven image that was not
 * given to a stranger is an image, only Jira's own "no" is kept short, and a credential is called
 * refused only if one was sent.
 *
 * The input is text:  KIND CREDENTIAL IDENTITY NET STATUS (numbers), then header lines
 * "name: value", an empty line, and the body.
 */
#include "ja_policy.h"

#include <stdlib.h>
#include <string.h>

#define ASSERT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t take_number(ja_slice_t *line, uint64_t max)
{
    uint64_t number = 0;
    ja_text_number(ja_text_piece(line, ' '), max, &number);
    return number;
}

static void set_header(ja_answer_t *answer, ja_slice_t line)
{
    ja_slice_t name = ja_text_piece(&line, ':');
    ja_slice_t value = ja_slice_trim(line);
    for (size_t i = 0; i < JA_HEADER_COUNT; i++) {
        if (ja_slice_is_nocase(name, ja_header_names[i])) {
            ja_buf_t out = ja_buf(answer->header[i], JA_HEADER_MAX);
            ja_buf_add_slice(&out, value);
        }
    }
}

static void read_case(ja_slice_t in, ja_asked_t *asked, ja_answer_t *answer)
{
    ja_slice_t line = ja_text_piece(&in, '\n');
    asked->kind = take_number(&line, 1) ? JA_SITE_DATACENTER : JA_SITE_CLOUD;
    asked->credential = take_number(&line, 1) != 0;
    asked->identity = take_number(&line, 1) != 0;
    answer->net = (ja_net_t)take_number(&line, JA_NET_INTERNAL);
    answer->status = (int)take_number(&line, 9999);
    while (in.data) {
        line = ja_text_piece(&in, '\n');
        if (line.len == 0) {
            break;
        }
        set_header(answer, line);
    }
    answer->body = (const unsigned char *)in.data;
    answer->body_len = in.len;
}

static bool says(const ja_answer_t *answer, ja_header_t header, const char *word)
{
    return strstr(answer->header[header], word) != NULL;
}

static void check_image(const ja_asked_t *asked, const ja_answer_t *answer, ja_verdict_t verdict)
{
    ja_image_t image;
    ASSERT(answer->net == JA_NET_OK && answer->status == 200);
    ASSERT(ja_image_prove(answer->body, answer->body_len, &image) == JA_PROOF_IMAGE);
    ASSERT(memcmp(&image, &verdict.image, sizeof image) == 0);
    ASSERT(!says(answer, JA_HEADER_CONTENT_ENCODING, "gzip"));
    if (asked->credential) {
        ASSERT(!says(answer, JA_HEADER_LOGIN_REASON, "AUTHENTICATED_FAILED"));
        ASSERT(!says(answer, JA_HEADER_LOGIN_REASON, "AUTHENTICATION_DENIED"));
        ASSERT(strcmp(answer->header[JA_HEADER_USERNAME], "anonymous") != 0);
        ASSERT(asked->kind != JA_SITE_CLOUD || !asked->identity ||
               *answer->header[JA_HEADER_ACCOUNT_ID]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ja_answer_t answer;
    ja_asked_t asked;
    memset(&answer, 0, sizeof answer);
    read_case((ja_slice_t){(const char *)data, size}, &asked, &answer);

    ja_verdict_t verdict = ja_policy_judge(&asked, &answer);
    const ja_outcome_row_t *row = ja_policy_outcome(verdict.outcome);
    ASSERT((size_t)verdict.outcome < JA_OUTCOME_COUNT);
    ASSERT(verdict.cause && *verdict.cause && verdict.remedy);
    ASSERT((verdict.outcome == JA_OUTCOME_IMAGE) == (verdict.image.type != JA_IMAGE_NONE));
    if (verdict.outcome == JA_OUTCOME_IMAGE) {
        check_image(&asked, &answer, verdict);
    }
    if (row->keep == JA_KEEP_SHORT) {
        ASSERT(answer.net == JA_NET_OK && answer.status >= 400 && answer.status <= 404);
    }
    switch (verdict.outcome) {
    case JA_OUTCOME_CREDENTIAL_REFUSED:
    case JA_OUTCOME_ANONYMOUS:
        ASSERT(asked.credential);
        break;
    case JA_OUTCOME_UNKNOWN_PATH: /* these are not Jira's to say */
    case JA_OUTCOME_BAD_VALUE:
    case JA_OUTCOME_BUSY:
        abort();
    default:
        break;
    }
    return 0;
}

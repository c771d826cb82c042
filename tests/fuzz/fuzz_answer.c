/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever answers, the verdict is one that can be served: only a proven image that was not
 * given to a stranger is an image, only Jira's own "no" is kept short, and a credential is called
 * refused only if one was sent.
 *
 * The input is text:  KIND MEANS IDENTITY NET STATUS WHAT GATEWAY ALTERNATIVE GRANT (numbers; the
 * last ones may be missing), then header lines "name: value", an empty line, and the body.
 */
#include "ja_diagnosis.h"

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

static void read_case(ja_slice_t in, ja_asked_t *asked, ja_answer_t *answer, ja_grant_t *grant)
{
    ja_slice_t line = ja_text_piece(&in, '\n');
    asked->kind = take_number(&line, 1) ? JA_SITE_DATACENTER : JA_SITE_CLOUD;
    asked->means = (ja_means_t)take_number(&line, JA_MEANS_COUNT - 1);
    asked->identity = take_number(&line, 1) != 0;
    answer->net = (ja_net_t)take_number(&line, JA_NET_COUNT - 1);
    answer->status = (int)take_number(&line, 9999);
    asked->what = (ja_asked_what_t)take_number(&line, JA_ASKED_COUNT - 1);
    asked->gateway = take_number(&line, 1) != 0;
    asked->alternative = take_number(&line, 1) != 0;
    grant->status = (ja_grant_status_t)take_number(&line, JA_GRANT_TROUBLE);
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
    if (asked->means != JA_MEANS_NONE) {
        ASSERT(!says(answer, JA_HEADER_LOGIN_REASON, "AUTHENTICATED_FAILED"));
        ASSERT(!says(answer, JA_HEADER_LOGIN_REASON, "AUTHENTICATION_DENIED"));
        ASSERT(strcmp(answer->header[JA_HEADER_USERNAME], "anonymous") != 0);
        ASSERT(asked->kind != JA_SITE_CLOUD || !asked->identity ||
               *answer->header[JA_HEADER_ACCOUNT_ID]);
    }
}

/* There is always something to say, and none of it is what the other side chose. */
static void check_words(const ja_verdict_t *verdict, const ja_asked_t *asked,
                        const ja_answer_t *answer)
{
    char cause[1024], remedy[1024];
    ja_buf_t text = ja_buf(cause, sizeof cause);
    ja_buf_t advice = ja_buf(remedy, sizeof remedy);

    ja_diagnosis_cause(verdict, answer, &text);
    ja_diagnosis_remedy(verdict->cause, asked, &advice);
    ASSERT((size_t)verdict->cause < JA_CAUSE_COUNT && text.len > 0);
    ASSERT(!text.overflow && !advice.overflow);
    ASSERT(strchr(cause, '\n') == NULL && strpbrk(remedy, "{}\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ja_answer_t answer;
    static ja_grant_t grant;
    ja_asked_t asked = {.what = JA_ASKED_IMAGE};
    memset(&answer, 0, sizeof answer);
    read_case((ja_slice_t){(const char *)data, size}, &asked, &answer, &grant);

    ja_verdict_t verdict = asked.what == JA_ASKED_TOKEN ? ja_diagnose_grant(&asked, &answer, &grant)
                                                        : ja_diagnose(&asked, &answer);
    check_words(&verdict, &asked, &answer);
    const ja_outcome_row_t *row = ja_policy_outcome(verdict.outcome);
    ASSERT((size_t)verdict.outcome < JA_OUTCOME_COUNT);
    ASSERT((verdict.outcome == JA_OUTCOME_IMAGE) == (verdict.image.type != JA_IMAGE_NONE));
    if (verdict.outcome == JA_OUTCOME_IMAGE) {
        check_image(&asked, &answer, verdict);
    }
    if (row->keep == JA_KEEP_SHORT) {
        ASSERT(answer.net == JA_NET_OK && answer.status >= 400 && answer.status <= 499);
    }
    switch (verdict.outcome) {
    case JA_OUTCOME_CREDENTIAL_REFUSED:
    case JA_OUTCOME_ANONYMOUS:
        ASSERT(asked.means != JA_MEANS_NONE || asked.what == JA_ASKED_TOKEN);
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

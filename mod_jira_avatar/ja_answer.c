/* SPDX-License-Identifier: Apache-2.0 */
/* ja_answer: the names of what is looked at. */
#include "ja_answer.h"

const char *const ja_header_names[JA_HEADER_COUNT] = {
#define X(id, name) [JA_HEADER_##id] = name,
    JA_HEADERS(X)
#undef X
};

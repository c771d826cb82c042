/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_page: the state of every site, for a person. One HTML page without script and without
 * anything from elsewhere, for wide and narrow, light and dark screens.
 *
 * Threads: any.
 * Memory:  none.
 */
#ifndef JA_PAGE_H
#define JA_PAGE_H

#include "ja_report.h"

/** Content-Security-Policy of the page: nothing but its own styles. */
#define JA_PAGE_SECURITY_POLICY                                                                    \
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "         \
    "frame-ancestors 'none'"

/** The whole page. */
void ja_page(const ja_report_t *report, const ja_out_t *out);

/** A section for a page of somebody else's style: mod_status. */
void ja_page_section(const ja_report_t *report, const ja_out_t *out);

#endif

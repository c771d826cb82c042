/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_svg: what text is an SVG image.
 *
 * Not a validator: enough of XML to find the root element and its end for sure, and to refuse what
 * a browser might read in another way than we do (other encodings, entities of the text's own).
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated.
 */
#ifndef JA_SVG_H
#define JA_SVG_H

#include "ja_text.h"

typedef enum { JA_PROOF_IMAGE, JA_PROOF_NOT_AN_IMAGE, JA_PROOF_TRUNCATED } ja_proof_t;

/**
 * Proves an SVG by its root element: `svg`, with or without a prefix, behind nothing but white
 * space, comments, processing instructions and a DOCTYPE of SVG; and by its end: the root's end
 * tag, then nothing but white space and comments. UTF-8 (a byte order mark is fine) without NUL;
 * an XML declaration may name UTF-8 and US-ASCII only, a DOCTYPE must have no internal subset.
 * Scripts are no reason to refuse: what we send is sent under a policy that lets nothing run.
 */
ja_proof_t ja_svg_prove(ja_slice_t text);

#endif

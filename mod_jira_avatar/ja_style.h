/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_style: how the status page looks, in light and in dark, on a desk and on a telephone.
 */
#ifndef JA_STYLE_H
#define JA_STYLE_H

/** The content of its style element: nothing in it comes from elsewhere. */
extern const char ja_style[];

#endif

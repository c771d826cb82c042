/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_sign: JSON Web Tokens signed with HS256 (RFC 7519, RFC 7515), and Atlassian Connect's digest
 * of a request, `qsh`.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated; what was derived from a key is wiped.
 */
#ifndef JA_SIGN_H
#define JA_SIGN_H

#include "ja_text.h"

enum { JA_QSH_LEN = 64 };

/** Appends the compact form of a token with these claims (a JSON object).
 *  @return false if it does not fit */
bool ja_sign_jwt(ja_slice_t key, ja_slice_t claims, ja_buf_t *out);

/** Appends what `qsh` is the digest of: method, path below `base`, sorted query.
 *  @param base URL of the site, without a slash at its end
 *  @return false if `url` is not below `base`, has too many parameters, or it does not fit */
bool ja_sign_canonical(const char *method, const char *base, const char *url, ja_buf_t *out);

/** The digest itself, lower-case hex. */
bool ja_sign_qsh(const char *method, const char *base, const char *url, char qsh[JA_QSH_LEN + 1]);

#endif

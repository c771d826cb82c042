/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ja_address: is this an address of the public Internet?
 *
 * A name may resolve to anything, to another thing each time; what is judged here is the address
 * that is about to be connected to.
 *
 * Threads: no state, any thread.
 * Memory:  nothing is allocated.
 */
#ifndef JA_ADDRESS_H
#define JA_ADDRESS_H

#include <sys/socket.h>

#include "ja_text.h"

typedef struct ja_address_t {
    bool six;                /* IPv6 */
    unsigned char bytes[16]; /* network order; the first four for IPv4 */
} ja_address_t;

/** "10.1.2.0/24", "fd00::/8", or one address. */
typedef struct ja_range_t {
    ja_address_t first;
    unsigned bits;
} ja_range_t;

/** False for what is neither IPv4 nor IPv6. */
bool ja_address_of(const struct sockaddr *from, ja_address_t *address);

/** Globally reachable unicast, not one that holds an IPv4 address in an IPv6 one: loopback,
 *  private, link-local, shared, documentation, multicast and reserved addresses are not. */
bool ja_address_is_public(const ja_address_t *address);

/** Writes it as people do; `out` of 64 bytes always suffices. */
void ja_address_write(const ja_address_t *address, ja_buf_t *out);

/** False for what is not a range; bits behind the prefix do not matter. */
bool ja_range_parse(ja_slice_t text, ja_range_t *range);
bool ja_range_holds(const ja_range_t *range, const ja_address_t *address);

#endif

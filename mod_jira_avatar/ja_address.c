/* SPDX-License-Identifier: Apache-2.0 */
/* ja_address: the special-purpose address registries of IANA, as a table. */
#include "ja_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

enum { ADDRESS_TEXT = 64 };

/* Of IPv4 all is public but these; of IPv6 only 2000::/3, but for those of these within it. */
static const char *const special[] = {
    "0.0.0.0/8",       /* this network; 0.0.0.0 is this machine */
    "10.0.0.0/8",      /* private */
    "100.64.0.0/10",   /* shared by carriers (CGNAT) */
    "127.0.0.0/8",     /* loopback */
    "169.254.0.0/16",  /* link-local; metadata of clouds */
    "172.16.0.0/12",   /* private */
    "192.0.0.0/24",    /* protocol assignments */
    "192.0.2.0/24",    /* documentation */
    "192.88.99.0/24",  /* 6to4 relays */
    "192.168.0.0/16",  /* private */
    "198.18.0.0/15",   /* benchmarks */
    "198.51.100.0/24", /* documentation */
    "203.0.113.0/24",  /* documentation */
    "224.0.0.0/4",     /* multicast */
    "240.0.0.0/4",     /* reserved, broadcast */
    "2001::/23",       /* protocol assignments; Teredo, which holds an IPv4 address */
    "2001:db8::/32",   /* documentation */
    "2002::/16",       /* 6to4, which holds an IPv4 address */
    "3fff::/20",       /* documentation */
};

bool ja_address_of(const struct sockaddr *from, ja_address_t *address)
{
    memset(address, 0, sizeof(*address));
    switch (from->sa_family) {
    case AF_INET:
        memcpy(address->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
        return true;
    case AF_INET6:
        address->six = true;
        memcpy(address->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr, 16);
        return true;
    default:
        return false;
    }
}

bool ja_address_is_public(const ja_address_t *address)
{
    ja_range_t range;

    if (address->six && (address->bytes[0] & 0xe0) != 0x20) {
        return false;
    }
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (!ja_range_parse(ja_slice(special[i]), &range) || ja_range_holds(&range, address)) {
            return false;
        }
    }
    return true;
}

void ja_address_write(const ja_address_t *address, ja_buf_t *out)
{
    char text[ADDRESS_TEXT];

    if (inet_ntop(address->six ? AF_INET6 : AF_INET, address->bytes, text, sizeof(text)) != NULL) {
        ja_buf_add(out, text);
    }
}

static bool parse_address(ja_slice_t text, ja_address_t *address)
{
    char copy[ADDRESS_TEXT];
    ja_buf_t buf = ja_buf(copy, sizeof(copy));

    memset(address, 0, sizeof(*address));
    ja_buf_add_slice(&buf, text);
    address->six = memchr(copy, ':', buf.len) != NULL;
    return !buf.overflow && text.len > 0 &&
           inet_pton(address->six ? AF_INET6 : AF_INET, copy, address->bytes) == 1;
}

bool ja_range_parse(ja_slice_t text, ja_range_t *range)
{
    ja_slice_t address = ja_text_piece(&text, '/');
    uint64_t bits;

    if (!parse_address(address, &range->first)) {
        return false;
    }
    range->bits = range->first.six ? 128 : 32;
    if (text.data == NULL) {
        return true;
    }
    if (!ja_text_number(text, range->bits, &bits)) {
        return false;
    }
    range->bits = (unsigned)bits;
    return true;
}

bool ja_range_holds(const ja_range_t *range, const ja_address_t *address)
{
    size_t whole = range->bits / 8;
    unsigned char mask = (unsigned char)(0xff00u >> (range->bits % 8));

    if (range->first.six != address->six ||
        memcmp(range->first.bytes, address->bytes, whole) != 0) {
        return false;
    }
    return range->bits % 8 == 0 ||
           ((range->first.bytes[whole] ^ address->bytes[whole]) & mask) == 0;
}

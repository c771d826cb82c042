/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into a server: the kernel refuses to connect to the port in DENIED_PORT, as SELinux
 * makes it. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int port_of(const struct sockaddr *address)
{
    /* in_port and in6_port are at the same place */
    return address->sa_family == AF_INET || address->sa_family == AF_INET6
               ? ntohs(((const struct sockaddr_in *)address)->sin_port)
               : -1;
}

int connect(int socket, const struct sockaddr *address, socklen_t len)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    const char *denied = getenv("DENIED_PORT");
    char port[16];

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "connect");
    }
    snprintf(port, sizeof(port), "%d", port_of(address));
    if (denied != NULL && strcmp(denied, port) == 0) {
        errno = EACCES;
        return -1;
    }
    return real(socket, address, len);
}

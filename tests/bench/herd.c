/* SPDX-License-Identifier: Apache-2.0 */
/*
 * herd: many HTTP/1.1 clients in one thread, and when each of them got its answer.
 *
 *   herd -p PORT [-c CLIENTS] [-t SECONDS] [-P PAUSE_MS] [-w]  <REQUESTS  >ANSWERS
 *
 * A line of REQUESTS is "MILLISECONDS PATH": when to ask, counted from the start, and for what, in
 * the order of time. A client that is free takes the next line; after an answer it pauses for -P.
 * With -w all are connected before the clock starts. A line of ANSWERS is
 * "LINE SENT_US LATENCY_US STATUS RIGHT", where RIGHT says that the body names what was asked for,
 * the last segment of the path. STATUS 0 is no answer until -t, 1 a broken connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 64 * 1024, EVENTS = 256, TRIES = 2 };

typedef struct line_t {
    int64_t due_us;
    char *path;
} line_t;

typedef struct client_t {
    int fd; /* -1: not connected */
    bool is_connected, is_used;
    int line; /* -1: none */
    int tries;
    int64_t sent_us;
    int64_t ready_us;
    size_t have;
    char text[ROOM + 1];
    struct client_t *next_free;
} client_t;

static int poller;
static int port;
static int64_t began_us, pause_us;
static line_t *lines;
static int line_count, next_line, answered;
static client_t *first_free, **last_free = &first_free;
static volatile sig_atomic_t is_over;

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void die(const char *what)
{
    perror(what);
    exit(2);
}

/* ---- connections --------------------------------------------------------------------------- */

static void hang_up(client_t *client)
{
    if (client->fd >= 0) {
        close(client->fd);
    }
    client->fd = -1;
    client->is_connected = client->is_used = false;
}

static void dial(client_t *client)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = client};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        die("socket");
    }
    if (connect(client->fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS) {
        die("connect");
    }
    if (epoll_ctl(poller, EPOLL_CTL_ADD, client->fd, &event) != 0) {
        die("epoll_ctl");
    }
}

static void set_free(client_t *client, int64_t now)
{
    client->line = -1;
    client->ready_us = now + pause_us;
    client->next_free = NULL;
    *last_free = client;
    last_free = &client->next_free;
}

static void send_request(client_t *client)
{
    char request[1024];
    int len = snprintf(request, sizeof(request),
                       "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: image/*\r\n\r\n",
                       lines[client->line].path);

    client->have = 0;
    if (len < 0 || (size_t)len >= sizeof(request) ||
        send(client->fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
        shutdown(client->fd, SHUT_RDWR); /* the poller reports it */
    }
}

/* ---- answers ------------------------------------------------------------------------------- */

static void report(client_t *client, int status, bool is_right, int64_t now)
{
    printf("%d %lld %lld %d %d\n", client->line, (long long)(client->sent_us - began_us),
           (long long)(now - client->sent_us), status, is_right);
    answered++;
    set_free(client, now);
}

static const char *field(const char *head, const char *name)
{
    const char *at = strcasestr(head, name);

    return at != NULL ? at + strlen(name) : NULL;
}

static bool names_what_was_asked(const client_t *client, const char *body)
{
    char wanted[80];
    const char *id = strrchr(lines[client->line].path, '/');
    int len = snprintf(wanted, sizeof(wanted), "avatar-%s;", id + 1);

    return len > 0 && (size_t)len < sizeof(wanted) &&
           memmem(body, client->have - (size_t)(body - client->text), wanted, (size_t)len) != NULL;
}

/* True if the answer is whole. */
static bool is_whole(const client_t *client, const char *body, bool is_closed)
{
    const char *length = field(client->text, "\r\nContent-Length:");
    size_t got = client->have - (size_t)(body - client->text);

    if (length != NULL && length < body) {
        return got >= strtoul(length, NULL, 10);
    }
    const char *chunked = field(client->text, "\r\nTransfer-Encoding: chunked");
    if (chunked != NULL && chunked < body) {
        return got >= 5 && memcmp(client->text + client->have - 5, "0\r\n\r\n", 5) == 0;
    }
    return is_closed;
}

static void broke(client_t *client, int64_t now)
{
    bool was_used = client->is_used;

    hang_up(client);
    if (client->line < 0) {
        return; /* the server closed an idle connection */
    }
    if (was_used && client->have == 0 && ++client->tries < TRIES) {
        dial(client); /* it crossed our request, as browsers know it */
        return;
    }
    report(client, 1, false, now);
}

static void read_answer(client_t *client, int64_t now)
{
    bool is_closed = false;

    for (;;) {
        ssize_t got = recv(client->fd, client->text + client->have, ROOM - client->have, 0);
        if (got > 0) {
            client->have += (size_t)got;
            continue;
        }
        is_closed = got == 0 || (errno != EAGAIN && errno != EINTR) || client->have == ROOM;
        break;
    }
    client->text[client->have] = '\0';
    char *body = client->line >= 0 ? strstr(client->text, "\r\n\r\n") : NULL;
    if (body != NULL && is_whole(client, body + 4, is_closed)) {
        int status = (int)strtol(client->text + sizeof("HTTP/1.1 ") - 1, NULL, 10);
        const char *closing = field(client->text, "\r\nConnection: close");
        client->is_used = true;
        if (is_closed || (closing != NULL && closing < body)) {
            hang_up(client);
        }
        report(client, status, names_what_was_asked(client, body), now);
    } else if (is_closed) {
        broke(client, now);
    }
}

static void happened(client_t *client, uint32_t events, int64_t now)
{
    if (!client->is_connected && (events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
        client->is_connected = true;
        if (client->line >= 0) {
            send_request(client);
        }
        return;
    }
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
        if (client->is_connected) {
            read_answer(client, now);
        } else {
            broke(client, now);
        }
    }
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* Gives due lines to free clients; returns the milliseconds until there is more to give. */
static int give_out(void)
{
    while (next_line < line_count && first_free != NULL) {
        int64_t now = now_us();
        int64_t due = began_us + lines[next_line].due_us;
        int64_t wait = due > first_free->ready_us ? due - now : first_free->ready_us - now;
        if (wait > 0) {
            return (int)((wait + 999) / 1000);
        }
        client_t *client = first_free;
        first_free = client->next_free;
        if (first_free == NULL) {
            last_free = &first_free;
        }
        client->line = next_line++;
        client->sent_us = now;
        client->tries = 0;
        if (client->fd < 0) {
            dial(client);
        } else if (client->is_connected) {
            send_request(client);
        }
    }
    return 100;
}

static void wait_for_events(int timeout_ms)
{
    struct epoll_event events[EVENTS];
    int count = epoll_wait(poller, events, EVENTS, timeout_ms);
    int64_t now = now_us();

    for (int i = 0; i < count; i++) {
        client_t *client = events[i].data.ptr;
        if (client->fd >= 0) {
            happened(client, events[i].events, now);
        }
    }
}

static void connect_first(client_t **clients, int count)
{
    int64_t end = now_us() + 5000000;
    int connected = 0;

    for (int i = 0; i < count; i++) {
        dial(clients[i]);
    }
    while (connected < count && now_us() < end && !is_over) {
        wait_for_events(20);
        connected = 0;
        for (int i = 0; i < count; i++) {
            connected += clients[i]->is_connected;
        }
    }
}

static void read_lines(void)
{
    char path[900];
    double due_ms;

    while (scanf("%lf %899s", &due_ms, path) == 2) {
        if ((line_count & (line_count + 1)) == 0) {
            lines = realloc(lines, sizeof(*lines) * 2 * ((size_t)line_count + 1));
        }
        if (lines == NULL || strchr(path, '/') == NULL) {
            die("requests");
        }
        lines[line_count++] = (line_t){(int64_t)(due_ms * 1000), strdup(path)};
    }
}

static void stop(int number)
{
    (void)number;
    is_over = 1;
}

int main(int argc, char **argv)
{
    int option, count = 1;
    bool is_warm = false;
    double seconds = 60;

    while ((option = getopt(argc, argv, "p:c:t:P:w")) != -1) {
        switch (option) {
        case 'p':
            port = (int)strtol(optarg, NULL, 10);
            break;
        case 'c':
            count = (int)strtol(optarg, NULL, 10);
            break;
        case 't':
            seconds = strtod(optarg, NULL);
            break;
        case 'P':
            pause_us = (int64_t)(strtod(optarg, NULL) * 1000);
            break;
        case 'w':
            is_warm = true;
            break;
        default:
            return 2;
        }
    }
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    read_lines();
    poller = epoll_create1(EPOLL_CLOEXEC);
    client_t **clients = calloc((size_t)count, sizeof(*clients));
    for (int i = 0; i < count; i++) {
        clients[i] = calloc(1, sizeof(**clients));
        clients[i]->fd = -1;
        set_free(clients[i], -pause_us);
    }
    if (is_warm) {
        connect_first(clients, count);
    }
    began_us = now_us();
    int64_t end = began_us + (int64_t)(seconds * 1e6);
    while (!is_over && answered < line_count && now_us() < end) {
        int wait = give_out();
        wait_for_events(wait < 100 ? wait : 100);
    }
    for (int i = 0; i < count; i++) {
        if (clients[i]->line >= 0) {
            report(clients[i], 0, false, now_us());
        }
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_curl: lanes, sockets and the loop that serves them. */
#include "ja_curl.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ja_handle.h"

enum {
    IDLE_MAX = 32, /* handles kept per lane */
    READY_MAX = 64 /* sockets handled per turn; the rest comes with the next */
};

typedef struct transfer_t transfer_t;

/* All traffic of one realm. */
typedef struct lane_t {
    struct lane_t *next;
    ja_curl_t *curl;
    const ja_realm_t *realm;
    CURLM *multi;
    CURLSH *share;  /* TLS sessions and names, for this realm's handles only */
    int64_t due_ms; /* libcurl's timer; -1: none */
    transfer_t *idle;
    unsigned idle_count;
} lane_t;

struct transfer_t {
    transfer_t *next, **link; /* in the list of transfers under way, or the lane's idle ones */
    lane_t *lane;
    ja_handle_t *handle;
    ja_flight_t *flight;
    bool failed; /* libcurl would not take it: to be answered in the next turn */
};

struct ja_curl_t {
    int wake[2];
    lane_t *lanes;
    transfer_t *flying;
    bool any_failed;
    struct pollfd *fds; /* [0] is the wake pipe; parallel to `owners` */
    lane_t **owners;
    nfds_t fd_count, fd_cap;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- handles ------------------------------------------------------------------------------- */

static transfer_t *create_transfer(lane_t *lane)
{
    transfer_t *transfer = calloc(1, sizeof(*transfer));

    if (transfer == NULL ||
        (transfer->handle = ja_handle_create(lane->realm, lane->share)) == NULL) {
        free(transfer);
        return NULL;
    }
    transfer->lane = lane;
    curl_easy_setopt(ja_handle_easy(transfer->handle), CURLOPT_PRIVATE, transfer);
    return transfer;
}

static void destroy_transfer(transfer_t *transfer)
{
    ja_handle_destroy(transfer->handle);
    free(transfer);
}

static transfer_t *take_transfer(lane_t *lane)
{
    transfer_t *transfer = lane->idle;

    if (transfer == NULL) {
        return create_transfer(lane);
    }
    lane->idle = transfer->next;
    lane->idle_count--;
    return transfer;
}

static void put_transfer(transfer_t *transfer)
{
    lane_t *lane = transfer->lane;

    if (lane->idle_count >= IDLE_MAX) {
        destroy_transfer(transfer);
        return;
    }
    transfer->next = lane->idle;
    lane->idle = transfer;
    lane->idle_count++;
}

/* ---- lanes --------------------------------------------------------------------------------- */

static int on_timer(CURLM *multi, long timeout_ms, void *self)
{
    lane_t *lane = self;

    (void)multi;
    lane->due_ms = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
    return 0;
}

static bool add_fd(ja_curl_t *curl, int fd, lane_t *owner)
{
    if (curl->fd_count == curl->fd_cap) {
        nfds_t cap = curl->fd_cap == 0 ? 16 : curl->fd_cap * 2;
        struct pollfd *fds = realloc(curl->fds, cap * sizeof(*fds));
        if (fds != NULL) {
            curl->fds = fds;
        }
        lane_t **owners = realloc(curl->owners, cap * sizeof(*owners));
        if (owners != NULL) {
            curl->owners = owners;
        }
        if (fds == NULL || owners == NULL) {
            return false;
        }
        curl->fd_cap = cap;
    }
    curl->fds[curl->fd_count] = (struct pollfd){.fd = fd, .events = POLLIN};
    curl->owners[curl->fd_count++] = owner;
    return true;
}

static nfds_t find_fd(const ja_curl_t *curl, int fd)
{
    nfds_t i = 1;

    while (i < curl->fd_count && curl->fds[i].fd != fd) {
        i++;
    }
    return i;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *socket_data)
{
    lane_t *lane = self;
    ja_curl_t *curl = lane->curl;
    nfds_t i = find_fd(curl, fd);

    (void)easy;
    (void)socket_data;
    if (what == CURL_POLL_REMOVE) {
        if (i < curl->fd_count) {
            curl->fds[i] = curl->fds[--curl->fd_count];
            curl->owners[i] = curl->owners[curl->fd_count];
        }
        return 0;
    }
    if (i == curl->fd_count && !add_fd(curl, fd, lane)) {
        return -1;
    }
    curl->owners[i] = lane;
    curl->fds[i].events =
        (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));
    return 0;
}

static void destroy_lane(lane_t *lane)
{
    while (lane->idle != NULL) {
        transfer_t *transfer = lane->idle;
        lane->idle = transfer->next;
        destroy_transfer(transfer);
    }
    curl_multi_cleanup(lane->multi);
    curl_share_cleanup(lane->share);
    free(lane);
}

static lane_t *create_lane(ja_curl_t *curl, const ja_realm_t *realm)
{
    lane_t *lane = calloc(1, sizeof(*lane));

    if (lane == NULL) {
        return NULL;
    }
    lane->curl = curl;
    lane->realm = realm;
    lane->due_ms = -1;
    lane->multi = curl_multi_init();
    lane->share = curl_share_init();
    if (lane->multi == NULL || lane->share == NULL) {
        destroy_lane(lane);
        return NULL;
    }
    curl_share_setopt(lane->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    curl_share_setopt(lane->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(lane->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)realm->network.max_fetches);
    lane->next = curl->lanes;
    curl->lanes = lane;
    return lane;
}

static lane_t *lane_of(ja_curl_t *curl, const ja_realm_t *realm)
{
    for (lane_t *lane = curl->lanes; lane != NULL; lane = lane->next) {
        if (lane->realm == realm) {
            return lane;
        }
    }
    return create_lane(curl, realm);
}

/* ---- transfers ----------------------------------------------------------------------------- */

static void link_transfer(ja_curl_t *curl, transfer_t *transfer)
{
    transfer->next = curl->flying;
    transfer->link = &curl->flying;
    if (transfer->next != NULL) {
        transfer->next->link = &transfer->next;
    }
    curl->flying = transfer;
}

static void unlink_transfer(transfer_t *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next != NULL) {
        transfer->next->link = transfer->link;
    }
}

static void begin(void *self, ja_flight_t *flight, ja_ask_t *ask)
{
    ja_curl_t *curl = self;
    lane_t *lane = lane_of(curl, ask->realm);
    transfer_t *transfer = lane != NULL ? take_transfer(lane) : NULL;

    if (transfer == NULL) { /* no memory for a handle: none for an orderly failure either */
        ja_answer_t answer = {.net = JA_NET_INTERNAL};
        ja_handle_wipe_ask(ask);
        ja_fetch_io_answer(flight, &answer);
        return;
    }
    transfer->flight = flight;
    link_transfer(curl, transfer);
    transfer->failed =
        !ja_handle_set(transfer->handle, ask) ||
        curl_multi_add_handle(lane->multi, ja_handle_easy(transfer->handle)) != CURLM_OK;
    curl->any_failed = curl->any_failed || transfer->failed;
}

static void finish(transfer_t *transfer, CURLcode code)
{
    const ja_answer_t *answer = ja_handle_answer(transfer->handle, code);

    curl_multi_remove_handle(transfer->lane->multi, ja_handle_easy(transfer->handle));
    unlink_transfer(transfer);
    ja_fetch_io_answer(transfer->flight, answer);
    ja_handle_clear(transfer->handle);
    put_transfer(transfer);
}

static void finish_failed(ja_curl_t *curl)
{
    transfer_t *next;

    for (transfer_t *transfer = curl->flying; transfer != NULL; transfer = next) {
        next = transfer->next;
        if (transfer->failed) {
            finish(transfer, CURLE_FAILED_INIT);
        }
    }
    curl->any_failed = false;
}

static void finish_done(lane_t *lane)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(lane->multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            transfer_t *transfer;
            CURLcode code = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
            finish(transfer, code);
        }
    }
}

static void abort_all(void *self)
{
    ja_curl_t *curl = self;

    while (curl->flying != NULL) {
        finish(curl->flying, CURLE_ABORTED_BY_CALLBACK);
    }
}

/* ---- the loop ------------------------------------------------------------------------------ */

static int poll_timeout(const ja_curl_t *curl, int64_t wait_ms)
{
    int64_t now = now_ms();

    for (const lane_t *lane = curl->lanes; lane != NULL; lane = lane->next) {
        if (lane->due_ms >= 0) {
            int64_t left = lane->due_ms > now ? lane->due_ms - now : 0;
            wait_ms = wait_ms < 0 || left < wait_ms ? left : wait_ms;
        }
    }
    return curl->any_failed ? 0 : wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

static void drain_wake(ja_curl_t *curl)
{
    char bytes[64];

    while (read(curl->wake[0], bytes, sizeof(bytes)) > 0) {
    }
}

/* libcurl changes the list of sockets while it works: events are copied first. */
static void serve_sockets(ja_curl_t *curl)
{
    struct {
        int fd;
        int events;
        lane_t *lane;
    } ready[READY_MAX];
    size_t count = 0;
    int running;

    for (nfds_t i = 1; i < curl->fd_count && count < READY_MAX; i++) {
        short events = curl->fds[i].revents;
        if (events != 0) {
            ready[count].fd = curl->fds[i].fd;
            ready[count].events = (events & POLLIN ? CURL_CSELECT_IN : 0) |
                                  (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
                                  (events & (POLLERR | POLLHUP | POLLNVAL) ? CURL_CSELECT_ERR : 0);
            ready[count++].lane = curl->owners[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        curl_multi_socket_action(ready[i].lane->multi, ready[i].fd, ready[i].events, &running);
    }
}

static void serve_timers(ja_curl_t *curl)
{
    int64_t now = now_ms();
    int running;

    for (lane_t *lane = curl->lanes; lane != NULL; lane = lane->next) {
        if (lane->due_ms >= 0 && lane->due_ms <= now) {
            lane->due_ms = -1; /* on_timer may set it anew */
            curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
    }
}

static void turn(void *self, int64_t wait_ms)
{
    ja_curl_t *curl = self;

    if (poll(curl->fds, curl->fd_count, poll_timeout(curl, wait_ms)) > 0) {
        drain_wake(curl);
        serve_sockets(curl);
    }
    serve_timers(curl);
    finish_failed(curl);
    for (lane_t *lane = curl->lanes; lane != NULL; lane = lane->next) {
        finish_done(lane);
    }
}

static void wake(void *self)
{
    ja_curl_t *curl = self;

    /* A full pipe wakes as well as one more byte. */
    if (write(curl->wake[1], "", 1) < 0) {
        return;
    }
}

/* ---- lifetime ------------------------------------------------------------------------------ */

/* libcurl would open the file that SSLKEYLOGFILE names and write the keys of our connections to it.
 */
static bool init_without_key_log(void)
{
    const char *set = getenv("SSLKEYLOGFILE");
    char *copy = set != NULL ? strdup(set) : NULL;

    unsetenv("SSLKEYLOGFILE");
    bool started = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
    if (copy != NULL) {
        setenv("SSLKEYLOGFILE", copy, 1);
        free(copy);
    }
    return started;
}

bool ja_curl_global_init(const char **reason)
{
    const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);

    if (!init_without_key_log()) {
        *reason = "libcurl does not start";
        return false;
    }
    if (!(info->features & CURL_VERSION_SSL) || info->ssl_version == NULL ||
        strstr(info->ssl_version, "OpenSSL") == NULL) {
        *reason = "libcurl is built without OpenSSL; install the OpenSSL flavour (libcurl4)";
        return false;
    }
    if (!(info->features & CURL_VERSION_ASYNCHDNS)) {
        *reason = "libcurl resolves names synchronously and would block; install a build with the "
                  "threaded resolver or c-ares";
        return false;
    }
    return true;
}

void ja_curl_global_cleanup(void)
{
    curl_global_cleanup();
}

static bool open_wake(int wake_fds[2])
{
    if (pipe(wake_fds) != 0) {
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(wake_fds[i], F_SETFL, O_NONBLOCK);
        fcntl(wake_fds[i], F_SETFD, FD_CLOEXEC);
    }
    return true;
}

ja_curl_t *ja_curl_create(void)
{
    ja_curl_t *curl = calloc(1, sizeof(*curl));

    if (curl == NULL || !open_wake(curl->wake)) {
        free(curl);
        return NULL;
    }
    if (!add_fd(curl, curl->wake[0], NULL)) {
        ja_curl_destroy(curl);
        return NULL;
    }
    return curl;
}

void ja_curl_destroy(ja_curl_t *curl)
{
    while (curl->lanes != NULL) {
        lane_t *lane = curl->lanes;
        curl->lanes = lane->next;
        destroy_lane(lane);
    }
    close(curl->wake[0]);
    close(curl->wake[1]);
    free(curl->fds);
    free(curl->owners);
    free(curl);
}

ja_transport_t ja_curl_transport(ja_curl_t *curl)
{
    ja_transport_t transport = {
        .self = curl, .begin = begin, .turn = turn, .abort = abort_all, .wake = wake};
    return transport;
}

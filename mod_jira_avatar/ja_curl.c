/* SPDX-License-Identifier: Apache-2.0 */
/* ja_curl: libcurl behind the transport interface. */
#include "ja_curl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

enum {
    HEADER_BYTES_MAX = 64 * 1024, /* of one answer, all lines together */
    BODY_FIRST = 16 * 1024,       /* most avatars fit */
    BODY_KEEP = 64 * 1024,        /* a larger buffer is not kept for the next answer */
    IDLE_MAX = 32,                /* easy handles kept per lane */
    READY_MAX = 64                /* sockets handled per turn; the rest comes with the next */
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
    CURL *easy;
    ja_flight_t *flight;
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    ja_answer_t answer;
    unsigned char *body;
    size_t cap;
    size_t max_bytes;
    size_t header_bytes;
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

/* ---- reading an answer --------------------------------------------------------------------- */

static bool grow(transfer_t *transfer, size_t need)
{
    size_t cap = transfer->cap == 0 ? BODY_FIRST : transfer->cap;

    while (cap < need) {
        cap *= 2;
    }
    unsigned char *body = realloc(transfer->body, cap);
    if (body == NULL) {
        return false;
    }
    transfer->body = body;
    transfer->cap = cap;
    return true;
}

static size_t on_body(char *data, size_t size, size_t count, void *self)
{
    transfer_t *transfer = self;
    size_t len = size * count;
    size_t need = transfer->answer.body_len + len;

    if (need > transfer->max_bytes) {
        transfer->answer.net = JA_NET_TOO_LARGE;
        return 0;
    }
    if (need > transfer->cap && !grow(transfer, need)) {
        transfer->answer.net = JA_NET_INTERNAL;
        return 0;
    }
    memcpy(transfer->body + transfer->answer.body_len, data, len);
    transfer->answer.body_len = need;
    return len;
}

/* RFC 9110 5.3: fields of one name are one list. What is too long is cut. */
static void keep_header(ja_answer_t *answer, ja_slice_t name, ja_slice_t value)
{
    for (int i = 0; i < JA_HEADER_COUNT; i++) {
        if (ja_slice_is_nocase(name, ja_header_names[i])) {
            char *kept = answer->header[i];
            size_t used = strlen(kept);
            if (used > 0 && used < JA_HEADER_MAX - 3) {
                memcpy(kept + used, ", ", 3);
                used += 2;
            }
            size_t room = JA_HEADER_MAX - 1 - used;
            size_t len = value.len < room ? value.len : room;
            memcpy(kept + used, value.data, len);
            kept[used + len] = '\0';
            return;
        }
    }
}

static size_t on_header(char *data, size_t size, size_t count, void *self)
{
    transfer_t *transfer = self;
    ja_slice_t line = {data, size * count};

    transfer->header_bytes += line.len;
    if (transfer->header_bytes > HEADER_BYTES_MAX) {
        transfer->answer.net = JA_NET_HEADERS;
        return 0;
    }
    if (line.len >= 5 && memcmp(line.data, "HTTP/", 5) == 0) { /* an interim answer may precede */
        memset(transfer->answer.header, 0, sizeof(transfer->answer.header));
    } else if (transfer->answer.body_len == 0) { /* what follows a body is a trailer: not read */
        ja_slice_t name = ja_text_piece(&line, ':');
        if (line.data != NULL) {
            keep_header(&transfer->answer, name, ja_slice_trim(line));
        }
    }
    return size * count;
}

static const struct {
    CURLcode code;
    ja_net_t net;
} net_of_code[] = {
    {CURLE_OK, JA_NET_OK},
    {CURLE_COULDNT_RESOLVE_HOST, JA_NET_DNS},
    {CURLE_COULDNT_RESOLVE_PROXY, JA_NET_PROXY},
    {CURLE_PROXY, JA_NET_PROXY},
    {CURLE_COULDNT_CONNECT, JA_NET_CONNECT},
    {CURLE_PEER_FAILED_VERIFICATION, JA_NET_CERTIFICATE},
    {CURLE_SSL_ISSUER_ERROR, JA_NET_CERTIFICATE},
    {CURLE_SSL_CONNECT_ERROR, JA_NET_TLS},
    {CURLE_SSL_CERTPROBLEM, JA_NET_TLS},
    {CURLE_SSL_CIPHER, JA_NET_TLS},
    {CURLE_SSL_CACERT_BADFILE, JA_NET_TLS},
    {CURLE_SSL_ENGINE_INITFAILED, JA_NET_TLS},
    {CURLE_FILESIZE_EXCEEDED, JA_NET_TOO_LARGE},
    {CURLE_PARTIAL_FILE, JA_NET_BROKEN},
    {CURLE_GOT_NOTHING, JA_NET_BROKEN},
    {CURLE_RECV_ERROR, JA_NET_BROKEN},
    {CURLE_SEND_ERROR, JA_NET_BROKEN},
    {CURLE_HTTP2_STREAM, JA_NET_BROKEN},
    {CURLE_HTTP2, JA_NET_BROKEN},
    {CURLE_WEIRD_SERVER_REPLY, JA_NET_PROTOCOL},
    {CURLE_UNSUPPORTED_PROTOCOL, JA_NET_PROTOCOL}, /* HTTP/0.9 */
    {CURLE_ABORTED_BY_CALLBACK, JA_NET_ABORTED},
    {CURLE_OPERATION_TIMEDOUT, JA_NET_TIMEOUT},
};

static ja_net_t net_of(transfer_t *transfer, CURLcode code)
{
    long connect_code = 0;
    curl_off_t sent_at = 0;
    ja_net_t net = JA_NET_INTERNAL;

    if (transfer->answer.net != JA_NET_OK) { /* one of our callbacks stopped it */
        return transfer->answer.net;
    }
    for (size_t i = 0; i < sizeof(net_of_code) / sizeof(net_of_code[0]); i++) {
        if (net_of_code[i].code == code) {
            net = net_of_code[i].net;
        }
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
    curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    if (net == JA_NET_BROKEN && connect_code != 0 && connect_code / 100 != 2) {
        return JA_NET_PROXY; /* libcurl reports a refused CONNECT as a receive error */
    }
    return net == JA_NET_TIMEOUT && sent_at == 0 ? JA_NET_CONNECT_TIMEOUT : net;
}

/* libcurl's sentence, fit for a log line and a header field. */
static void keep_detail(transfer_t *transfer, CURLcode code)
{
    const char *text = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
    size_t len = 0;

    for (; text[len] != '\0' && len < JA_DETAIL_MAX - 1; len++) {
        unsigned char c = (unsigned char)text[len];
        transfer->answer.detail[len] =
            c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '\'' : text[len];
    }
    transfer->answer.detail[len] = '\0';
}

/* ---- handles ------------------------------------------------------------------------------- */

static bool add_roots(SSL_CTX *ctx, ja_slice_t pem)
{
    BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    bool added = false;
    X509 *root;

    while (bio != NULL && (root = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        added = X509_STORE_add_cert(store, root) == 1 || added;
        X509_free(root);
    }
    ERR_clear_error(); /* the end of the file is reported as an error */
    BIO_free(bio);
    return added;
}

/* JiraAvatarCAFile adds to the system's roots (CURLOPT_CAINFO would replace them), and no
 * environment variable makes us write TLS keys to a file. */
static CURLcode on_ssl_ctx(CURL *easy, void *ctx, void *self)
{
    const ja_network_t *network = self;

    (void)easy;
    SSL_CTX_set_keylog_callback(ctx, NULL);
    if (network->ca_pem.len > 0 && !add_roots(ctx, network->ca_pem)) {
        return CURLE_SSL_CACERT_BADFILE;
    }
    return CURLE_OK;
}

static void set_blob(CURL *easy, CURLoption option, ja_slice_t pem)
{
    struct curl_blob blob = {(void *)(uintptr_t)pem.data, pem.len, CURL_BLOB_NOCOPY};

    curl_easy_setopt(easy, option, &blob);
}

static void set_tls(CURL *easy, const ja_network_t *network)
{
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, network);
    if (network->cert_pem.len > 0) {
        set_blob(easy, CURLOPT_SSLCERT_BLOB, network->cert_pem);
        set_blob(easy, CURLOPT_SSLKEY_BLOB, network->key_pem);
    }
}

static void set_proxy(CURL *easy, const ja_network_t *network)
{
    char userpwd[JA_SECRET_MAX + 1];
    ja_buf_t buf = ja_buf(userpwd, sizeof(userpwd));

    /* An empty proxy and an empty no-proxy list: the environment is not asked. */
    curl_easy_setopt(easy, CURLOPT_PROXY, network->proxy != NULL ? network->proxy : "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L); /* the proxy never reads a credential */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (network->proxy_secret != NULL) {
        (void)ja_secret_refresh(network->proxy_secret);
        ja_secret_reveal(network->proxy_secret, &buf);
        curl_easy_setopt(easy, CURLOPT_PROXYUSERPWD, userpwd);
        OPENSSL_cleanse(userpwd, sizeof(userpwd));
    }
}

static void set_manners(CURL *easy, const lane_t *lane)
{
    const ja_network_t *network = &lane->realm->network;
    bool plain = strcmp(lane->realm->site.base.scheme, "http") == 0;

#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, plain ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, CURLPROTO_HTTPS | (plain ? CURLPROTO_HTTP : 0L));
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L); /* one connection where HTTP/2 is offered */
    curl_easy_setopt(easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, network->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)network->connect_ms);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)network->total_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_SHARE, lane->share);
}

static transfer_t *create_transfer(lane_t *lane)
{
    transfer_t *transfer = calloc(1, sizeof(*transfer));

    if (transfer == NULL || (transfer->easy = curl_easy_init()) == NULL) {
        free(transfer);
        return NULL;
    }
    transfer->lane = lane;
    set_manners(transfer->easy, lane);
    set_tls(transfer->easy, &lane->realm->network);
    set_proxy(transfer->easy, &lane->realm->network);
    curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(transfer->easy, CURLOPT_ERRORBUFFER, transfer->error);
    return transfer;
}

static void destroy_transfer(transfer_t *transfer)
{
    curl_easy_cleanup(transfer->easy);
    free(transfer->body);
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
    if (transfer->cap > BODY_KEEP) {
        free(transfer->body);
        transfer->body = NULL;
        transfer->cap = 0;
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

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *line = headers; line != NULL; line = line->next) {
        OPENSSL_cleanse(line->data, strlen(line->data));
    }
    curl_slist_free_all(headers);
}

static bool add_header(transfer_t *transfer, const char *name, const char *value)
{
    char line[JA_AUTHORIZATION_MAX + 64];
    ja_buf_t buf = ja_buf(line, sizeof(line));

    ja_buf_add(&buf, name);
    ja_buf_add(&buf, value);
    struct curl_slist *headers = buf.overflow ? NULL : curl_slist_append(transfer->headers, line);
    OPENSSL_cleanse(line, buf.len);
    if (headers == NULL) {
        return false;
    }
    transfer->headers = headers;
    return true;
}

static bool set_ask(transfer_t *transfer, ja_ask_t *ask)
{
    memset(&transfer->answer, 0, sizeof(transfer->answer));
    transfer->error[0] = '\0';
    transfer->header_bytes = 0;
    transfer->headers = NULL;
    transfer->failed = false;
    transfer->max_bytes = (size_t)ask->max_bytes;
    bool added = add_header(transfer, "Accept: ", ask->accept) &&
                 (ask->authorization[0] == '\0' ||
                  add_header(transfer, "Authorization: ", ask->authorization));
    OPENSSL_cleanse(ask->authorization, sizeof(ask->authorization));
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(transfer->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ask->max_bytes);
    return added && curl_easy_setopt(transfer->easy, CURLOPT_URL, ask->url) == CURLE_OK;
}

static void begin(void *self, ja_flight_t *flight, ja_ask_t *ask)
{
    ja_curl_t *curl = self;
    lane_t *lane = lane_of(curl, ask->realm);
    transfer_t *transfer = lane != NULL ? take_transfer(lane) : NULL;

    if (transfer == NULL) { /* no memory for a handle: none for an orderly failure either */
        ja_answer_t answer = {.net = JA_NET_INTERNAL};
        ja_fetch_io_answer(flight, &answer);
        return;
    }
    transfer->flight = flight;
    link_transfer(curl, transfer);
    if (!set_ask(transfer, ask) || curl_multi_add_handle(lane->multi, transfer->easy) != CURLM_OK) {
        transfer->failed = true;
        curl->any_failed = true;
    }
}

static void finish(transfer_t *transfer, CURLcode code)
{
    long status = 0;

    transfer->answer.net = net_of(transfer, code);
    if (transfer->answer.net != JA_NET_OK) {
        keep_detail(transfer, code);
    }
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    transfer->answer.status = (int)status;
    transfer->answer.body = transfer->body;
    curl_multi_remove_handle(transfer->lane->multi, transfer->easy);
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, NULL);
    free_headers(transfer->headers);
    unlink_transfer(transfer);
    ja_fetch_io_answer(transfer->flight, &transfer->answer);
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
        curl->flying->answer.net = JA_NET_ABORTED;
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
    return curl->any_failed ? 0 : wait_ms > 60000 ? 60000 : (int)wait_ms;
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

/* SPDX-License-Identifier: Apache-2.0 */
/* ja_handle: what we say to libcurl about one request, and what it says about the answer. */
#include "ja_handle.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

enum {
    HEADER_BYTES_MAX = 64 * 1024, /* of one answer, all lines together */
    BODY_FIRST = 16 * 1024,       /* most avatars fit */
    BODY_KEEP = 64 * 1024         /* a larger buffer is not kept for the next answer */
};

struct ja_handle_t {
    CURL *easy;
    const ja_realm_t *realm;
    const ja_host_t *host; /* of a realm outside of Jira: which one is asked, */
    char refused[64];      /* and at which address it may not be */
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];
    ja_answer_t answer;
    unsigned char *body;
    size_t cap;
    size_t max_bytes;
    size_t header_bytes;
    char *post; /* what is being sent; ours */
    size_t post_len;
};

/* ---- reading an answer --------------------------------------------------------------------- */

static bool grow(ja_handle_t *handle, size_t need)
{
    size_t cap = handle->cap == 0 ? BODY_FIRST : handle->cap;

    while (cap < need) {
        cap *= 2;
    }
    unsigned char *body = realloc(handle->body, cap);
    if (body == NULL) {
        return false;
    }
    handle->body = body;
    handle->cap = cap;
    return true;
}

static size_t on_body(char *data, size_t size, size_t count, void *self)
{
    ja_handle_t *handle = self;
    size_t len = size * count;
    size_t need = handle->answer.body_len + len;

    if (need > handle->max_bytes) {
        handle->answer.net = JA_NET_TOO_LARGE;
        return 0;
    }
    if (need > handle->cap && !grow(handle, need)) {
        handle->answer.net = JA_NET_INTERNAL;
        return 0;
    }
    memcpy(handle->body + handle->answer.body_len, data, len);
    handle->answer.body_len = need;
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
    ja_handle_t *handle = self;
    ja_slice_t line = {data, size * count};

    handle->header_bytes += line.len;
    if (handle->header_bytes > HEADER_BYTES_MAX) {
        handle->answer.net = JA_NET_HEADERS;
        return 0;
    }
    if (line.len >= 5 && memcmp(line.data, "HTTP/", 5) == 0) { /* an interim answer may precede */
        memset(handle->answer.header, 0, sizeof(handle->answer.header));
    } else if (handle->answer.body_len == 0) { /* what follows a body is a trailer: not read */
        ja_slice_t name = ja_text_piece(&line, ':');
        if (line.data != NULL) {
            keep_header(&handle->answer, name, ja_slice_trim(line));
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

/* Who did not let us connect, and where to? */
static ja_net_t net_of_no_connection(ja_handle_t *handle)
{
    long error = 0;

    curl_easy_getinfo(handle->easy, CURLINFO_OS_ERRNO, &error);
    if (error == EACCES || error == EPERM) {
        return JA_NET_DENIED; /* by SELinux, say */
    }
    if (handle->refused[0] != '\0') {
        return JA_NET_ADDRESS;
    }
    return handle->realm->network.proxy != NULL ? JA_NET_PROXY : JA_NET_CONNECT;
}

static ja_net_t net_of(ja_handle_t *handle, CURLcode code)
{
    long connect_code = 0;
    curl_off_t sent_at = 0;
    ja_net_t net = JA_NET_INTERNAL;

    if (handle->answer.net != JA_NET_OK) { /* one of our callbacks stopped it */
        return handle->answer.net;
    }
    for (size_t i = 0; i < sizeof(net_of_code) / sizeof(net_of_code[0]); i++) {
        if (net_of_code[i].code == code) {
            net = net_of_code[i].net;
        }
    }
    curl_easy_getinfo(handle->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
    curl_easy_getinfo(handle->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_at);
    if (connect_code == 407) {
        return JA_NET_PROXY_LOGIN;
    }
    if (net == JA_NET_BROKEN && connect_code != 0 && connect_code / 100 != 2) {
        return JA_NET_PROXY; /* libcurl reports a refused CONNECT as a receive error */
    }
    if (net == JA_NET_CONNECT) {
        return net_of_no_connection(handle);
    }
    return net == JA_NET_TIMEOUT && sent_at == 0 ? JA_NET_CONNECT_TIMEOUT : net;
}

/* libcurl's sentence, fit for a log line and a header field. */
static void keep_detail(ja_handle_t *handle, CURLcode code)
{
    const char *text = handle->answer.net == JA_NET_ADDRESS ? handle->refused
                       : handle->error[0] != '\0'           ? handle->error
                                                            : curl_easy_strerror(code);
    size_t len = 0;

    for (; text[len] != '\0' && len < JA_DETAIL_MAX - 1; len++) {
        unsigned char c = (unsigned char)text[len];
        handle->answer.detail[len] =
            c < 0x20 || c > 0x7e || c == '"' || c == '\\' ? '\'' : text[len];
    }
    handle->answer.detail[len] = '\0';
}

/* ---- manners ------------------------------------------------------------------------------- */

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

static void set_manners(CURL *easy, const ja_realm_t *realm)
{
    const ja_network_t *network = &realm->network;
    bool plain = strcmp(realm->site.base.scheme, "http") == 0;

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
}

/* ---- asking -------------------------------------------------------------------------------- */

static void free_headers(struct curl_slist *headers)
{
    for (struct curl_slist *line = headers; line != NULL; line = line->next) {
        OPENSSL_cleanse(line->data, strlen(line->data));
    }
    curl_slist_free_all(headers);
}

static bool add_header(ja_handle_t *handle, const char *name, const char *value)
{
    char line[JA_AUTHORIZATION_MAX + 64];
    ja_buf_t buf = ja_buf(line, sizeof(line));

    ja_buf_add(&buf, name);
    ja_buf_add(&buf, value);
    struct curl_slist *headers = buf.overflow ? NULL : curl_slist_append(handle->headers, line);
    OPENSSL_cleanse(line, buf.len);
    if (headers == NULL) {
        return false;
    }
    handle->headers = headers;
    return true;
}

static bool add_header_if(ja_handle_t *handle, const char *name, const char *value)
{
    return *value == '\0' || add_header(handle, name, value);
}

/* On a connection that breaks, libcurl would send even a POST again, which may cost a refresh
 * token: it does so only where the connection is not a new one. */
static void set_connection(const ja_handle_t *handle)
{
    bool once = handle->post != NULL;

    curl_easy_setopt(handle->easy, CURLOPT_FRESH_CONNECT, once ? 1L : 0L);
    curl_easy_setopt(handle->easy, CURLOPT_FORBID_REUSE, once ? 1L : 0L);
}

/* libcurl reads the body where it is; an empty Expect keeps it from asking whether it may send. */
static bool set_body(ja_handle_t *handle, ja_ask_t *ask)
{
    handle->post = ask->body;
    handle->post_len = ask->body_len;
    ask->body = NULL;
    if (handle->post == NULL) {
        curl_easy_setopt(handle->easy, CURLOPT_HTTPGET, 1L);
        return true;
    }
    curl_easy_setopt(handle->easy, CURLOPT_POST, 1L);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, handle->post);
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)handle->post_len);
    return add_header(handle, "Content-Type: ", ask->content_type) &&
           add_header(handle, "Expect:", "");
}

void ja_handle_wipe_ask(ja_ask_t *ask)
{
    OPENSSL_cleanse(ask->authorization, sizeof(ask->authorization));
    if (ask->body != NULL) {
        OPENSSL_cleanse(ask->body, ask->body_len);
        free(ask->body);
        ask->body = NULL;
    }
}

/* What was posted, and what it brought: a token service answers with secrets, too. */
static void wipe_body(ja_handle_t *handle)
{
    if (handle->post == NULL) {
        return;
    }
    curl_easy_setopt(handle->easy, CURLOPT_POSTFIELDS, NULL);
    OPENSSL_cleanse(handle->post, handle->post_len);
    free(handle->post);
    handle->post = NULL;
    if (handle->body != NULL) {
        OPENSSL_cleanse(handle->body, handle->answer.body_len);
    }
}

bool ja_handle_set(ja_handle_t *handle, ja_ask_t *ask)
{
    handle->host = ja_hosts_find(handle->realm->hosts, ja_slice(ask->url));
    handle->max_bytes = (size_t)ask->max_bytes;
    bool added = set_body(handle, ask) && add_header(handle, "Accept: ", ask->accept) &&
                 add_header_if(handle, "If-None-Match: ", ask->held.etag) &&
                 add_header_if(handle, "If-Modified-Since: ", ask->held.last_modified) &&
                 add_header_if(handle, "Authorization: ", ask->authorization);
    ja_handle_wipe_ask(ask);
    set_connection(handle);
    curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, handle->headers);
    curl_easy_setopt(handle->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ask->max_bytes);
    added = added && (handle->realm->hosts == NULL || handle->host != NULL);
    return added && curl_easy_setopt(handle->easy, CURLOPT_URL, ask->url) == CURLE_OK;
}

const ja_answer_t *ja_handle_answer(ja_handle_t *handle, CURLcode code)
{
    long status = 0;

    handle->answer.net = net_of(handle, code);
    if (handle->answer.net != JA_NET_OK) {
        keep_detail(handle, code);
    }
    curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status);
    handle->answer.status = (int)status;
    handle->answer.body = handle->body;
    return &handle->answer;
}

void ja_handle_clear(ja_handle_t *handle)
{
    curl_easy_setopt(handle->easy, CURLOPT_HTTPHEADER, NULL);
    free_headers(handle->headers);
    handle->headers = NULL;
    wipe_body(handle);
    if (handle->cap > BODY_KEEP) {
        free(handle->body);
        handle->body = NULL;
        handle->cap = 0;
    }
    memset(&handle->answer, 0, sizeof(handle->answer));
    handle->error[0] = '\0';
    handle->refused[0] = '\0';
    handle->header_bytes = 0;
}

/* The address is the one that is about to be connected to: a second answer of the name service, or
 * another form of writing it, changes nothing. */
static curl_socket_t on_open_socket(void *self, curlsocktype purpose, struct curl_sockaddr *at)
{
    ja_handle_t *handle = self;
    ja_address_t address;
    ja_buf_t text = ja_buf(handle->refused, sizeof(handle->refused));

    if (purpose != CURLSOCKTYPE_IPCXN || !ja_address_of(&at->addr, &address)) {
        ja_buf_add(&text, "not an internet address");
        return CURL_SOCKET_BAD;
    }
    if (handle->host == NULL || !ja_host_may_be_at(handle->host, &address)) {
        ja_address_write(&address, &text);
        return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* An outbound proxy resolves names itself; then its rules decide where it connects to. */
static void set_guard(ja_handle_t *handle)
{
    if (handle->realm->hosts != NULL && handle->realm->network.proxy == NULL) {
        curl_easy_setopt(handle->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
        curl_easy_setopt(handle->easy, CURLOPT_OPENSOCKETDATA, handle);
    }
}

/* ---- lifetime ------------------------------------------------------------------------------ */

ja_handle_t *ja_handle_create(const ja_realm_t *realm, CURLSH *share)
{
    ja_handle_t *handle = calloc(1, sizeof(*handle));

    if (handle == NULL || (handle->easy = curl_easy_init()) == NULL) {
        free(handle);
        return NULL;
    }
    handle->realm = realm;
    set_guard(handle);
    set_manners(handle->easy, realm);
    set_tls(handle->easy, &realm->network);
    set_proxy(handle->easy, &realm->network);
    curl_easy_setopt(handle->easy, CURLOPT_SHARE, share);
    curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA, handle);
    curl_easy_setopt(handle->easy, CURLOPT_HEADERDATA, handle);
    curl_easy_setopt(handle->easy, CURLOPT_ERRORBUFFER, handle->error);
    return handle;
}

void ja_handle_destroy(ja_handle_t *handle)
{
    curl_easy_cleanup(handle->easy);
    free(handle->body);
    free(handle);
}

CURL *ja_handle_easy(ja_handle_t *handle)
{
    return handle->easy;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the configuration: certificates by OpenSSL, pictures by ja_image. */
#include "mod_jira_avatar_files.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum { FALLBACK_MAX = 1024 * 1024, PEM_MAX = 4 * 1024 * 1024 };

typedef struct content_t {
    const char *path; /* absolute */
    unsigned char *bytes;
    size_t len;
    apr_fileperms_t protection;
} content_t;

static const char *refuse(apr_pool_t *pool, const char *path, apr_status_t rv)
{
    char text[120];
    return apr_psprintf(pool, "%s cannot be read: %s", path, apr_strerror(rv, text, sizeof(text)));
}

static apr_status_t read_bytes(apr_pool_t *pool, content_t *content)
{
    apr_file_t *file = NULL;
    apr_status_t rv =
        apr_file_open(&file, content->path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, pool);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    content->bytes = apr_palloc(pool, content->len);
    rv = apr_file_read_full(file, content->bytes, content->len, NULL);
    apr_file_close(file);
    return rv;
}

static const char *read_file(apr_pool_t *pool, const char *name, apr_off_t max, content_t *content)
{
    apr_finfo_t info;
    content->path = ap_server_root_relative(pool, name);
    if (!content->path) {
        return apr_psprintf(pool, "\"%s\" is not a path", name);
    }
    apr_status_t rv =
        apr_stat(&info, content->path, APR_FINFO_TYPE | APR_FINFO_SIZE | APR_FINFO_PROT, pool);
    if (rv != APR_SUCCESS) {
        return refuse(pool, content->path, rv);
    }
    if (info.filetype != APR_REG) {
        return apr_psprintf(pool, "%s is not a file", content->path);
    }
    if (info.size < 1 || info.size > max) {
        return apr_psprintf(pool, "%s has %" APR_OFF_T_FMT " bytes, not 1 to %" APR_OFF_T_FMT,
                            content->path, info.size, max);
    }
    content->len = (size_t)info.size;
    content->protection = info.protection;
    rv = read_bytes(pool, content);
    return rv == APR_SUCCESS ? NULL : refuse(pool, content->path, rv);
}

/* ---- PEM ------------------------------------------------------------------------------------ */

/* Nobody is there to be asked for a passphrase. */
static int no_passphrase(char *buf, int size, int rwflag, void *ctx)
{
    (void)buf, (void)size, (void)rwflag, (void)ctx;
    return -1;
}

static X509 *first_certificate(const content_t *content)
{
    BIO *bio = BIO_new_mem_buf(content->bytes, (int)content->len);
    X509 *x509 = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return x509;
}

static EVP_PKEY *private_key(const content_t *content)
{
    BIO *bio = BIO_new_mem_buf(content->bytes, (int)content->len);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

static const char *no_certificate(apr_pool_t *pool, const content_t *content)
{
    return apr_psprintf(pool, "%s holds no certificate in PEM form", content->path);
}

static ja_pem_t pem_of(const content_t *content)
{
    return (ja_pem_t){content->path, {(const char *)content->bytes, content->len}};
}

const char *ja_file_certificates(apr_pool_t *pool, const char *name, ja_pem_t *pem)
{
    content_t content;
    const char *wrong = read_file(pool, name, PEM_MAX, &content);
    if (wrong) {
        return wrong;
    }
    X509 *x509 = first_certificate(&content);
    if (!x509) {
        return no_certificate(pool, &content);
    }
    X509_free(x509);
    *pem = pem_of(&content);
    return NULL;
}

static const char *check_pair(apr_pool_t *pool, const content_t *file, const content_t *key)
{
    X509 *x509 = first_certificate(file);
    EVP_PKEY *pkey = private_key(key);
    const char *wrong = NULL;
    if (!x509) {
        wrong = no_certificate(pool, file);
    } else if (!pkey) {
        wrong = apr_psprintf(pool, "%s holds no private key in PEM form without a passphrase",
                             key->path);
    } else if (X509_check_private_key(x509, pkey) != 1) {
        wrong = apr_psprintf(pool, "the key in %s does not belong to the certificate in %s",
                             key->path, file->path);
    }
    X509_free(x509);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return wrong;
}

static apr_status_t wipe(void *data)
{
    const content_t *content = data;
    OPENSSL_cleanse(content->bytes, content->len);
    return APR_SUCCESS;
}

static const char *read_key(apr_pool_t *pool, const char *name, content_t **content)
{
    *content = apr_pcalloc(pool, sizeof(**content));
    const char *wrong = read_file(pool, name, PEM_MAX, *content);
    if (wrong) {
        return wrong;
    }
    apr_pool_cleanup_register(pool, *content, wipe, apr_pool_cleanup_null);
    return (*content)->protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE)
               ? apr_psprintf(pool, "%s is open to everybody; take that away with chmod o-rwx",
                              (*content)->path)
               : NULL;
}

const char *ja_file_key_pair(apr_pool_t *pool, const char *certificate, const char *key,
                             ja_certificate_t *pair)
{
    content_t certificate_content;
    content_t *key_content = NULL;
    const char *wrong = read_file(pool, certificate, PEM_MAX, &certificate_content);
    if (!wrong) {
        wrong = read_key(pool, key, &key_content);
    }
    if (!wrong) {
        wrong = check_pair(pool, &certificate_content, key_content);
    }
    if (!wrong) {
        *pair = (ja_certificate_t){pem_of(&certificate_content), pem_of(key_content)};
    }
    return wrong;
}

/* ---- pictures ------------------------------------------------------------------------------- */

const char *ja_file_fallback(apr_pool_t *pool, const char *name, ja_fallback_t *fallback)
{
    content_t content;
    ja_image_t image;
    const char *wrong = read_file(pool, name, FALLBACK_MAX, &content);
    if (wrong) {
        return wrong;
    }
    switch (ja_image_prove(content.bytes, content.len, &image)) {
    case JA_PROOF_IMAGE:
        *fallback = (ja_fallback_t){content.path, content.bytes, content.len, image.type};
        return NULL;
    case JA_PROOF_TRUNCATED:
        return apr_psprintf(pool, "the image in %s is not complete", content.path);
    case JA_PROOF_NOT_AN_IMAGE:
    default:
        return apr_psprintf(pool, "%s is not a PNG, JPEG, GIF, WebP or SVG image", content.path);
    }
}

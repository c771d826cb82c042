/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_constant: the least that a handler in httpd can cost. It answers the image in ConstantFile
 * from memory, with the header fields of an avatar, and lets httpd not look for a file.
 */
#include <httpd.h>

#include <http_config.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#define PREFIX "/avatars/"

static const char *image;
static apr_size_t image_len;

static const char *set_file(cmd_parms *cmd, void *unused, const char *path)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *bytes;

    (void)unused;
    if (apr_file_open(&file, path, APR_READ, 0, cmd->temp_pool) != APR_SUCCESS ||
        apr_file_info_get(&info, APR_FINFO_SIZE, file) != APR_SUCCESS) {
        return "cannot read the file";
    }
    image_len = (apr_size_t)info.size;
    bytes = apr_palloc(cmd->pool, image_len);
    if (apr_file_read_full(file, bytes, image_len, NULL) != APR_SUCCESS) {
        return "cannot read the file";
    }
    image = bytes;
    apr_file_close(file);
    return NULL;
}

static int skip_file_system(request_rec *r)
{
    return strncmp(r->uri, PREFIX, sizeof(PREFIX) - 1) == 0 ? OK : DECLINED;
}

static int handle(request_rec *r)
{
    if (r->handler == NULL || strcmp(r->handler, "constant") != 0) {
        return DECLINED;
    }
    ap_set_content_type(r, "image/png");
    ap_set_content_length(r, (apr_off_t)image_len);
    apr_table_setn(r->headers_out, "ETag", "\"0123456789abcdef0123456789abcdef\"");
    apr_table_setn(r->headers_out, "Cache-Control",
                   "public, max-age=3600, stale-while-revalidate=604800, stale-if-error=604800");
    apr_table_setn(r->headers_out, "Age", "1");
    apr_table_setn(r->headers_out, "Cache-Status", "constant; hit; ttl=3599");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->err_headers_out, "Content-Security-Policy",
                   "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    APR_BRIGADE_INSERT_TAIL(
        brigade, apr_bucket_immortal_create(image, image_len, r->connection->bucket_alloc));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(r->connection->bucket_alloc));
    return ap_pass_brigade(r->output_filters, brigade) == APR_SUCCESS ? OK : AP_FILTER_ERROR;
}

static const command_rec commands[] = {
    AP_INIT_TAKE1("ConstantFile", set_file, NULL, RSRC_CONF, "the image that is answered"), {NULL}};

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_map_to_storage(skip_file_system, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(constant) = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands,
                               register_hooks,          0};

/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar: serves Jira's private avatars with a stored credential. The table of contents.
 */
#include "mod_jira_avatar_private.h"

#include <ap_mpm.h>
#include <stdlib.h>
#include <http_core.h>
#include <http_log.h>
#include <mpm_common.h>

#include "ja_curl.h"
#include "mod_jira_avatar_access.h"
#include "mod_jira_avatar_check.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_desk.h"
#include "mod_jira_avatar_dump.h"
#include "mod_jira_avatar_expiry.h"
#include "mod_jira_avatar_handler.h"
#include "mod_jira_avatar_rotation.h"
#include "mod_jira_avatar_sections.h"
#include "mod_jira_avatar_shared.h"
#include "mod_jira_avatar_status.h"
#include "mod_jira_avatar_store.h"
#include "mod_jira_avatar_token.h"

/* What this child fetches with; created after the fork, because handles and threads do not cross
 * it. */
static ja_curl_t *transport;
static ja_engine_t *engine;

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    ja_store_pre_config(pconf);
    ja_shared_pre_config(pconf);
    return OK;
}

static apr_status_t cleanup_curl(void *unused)
{
    (void)unused;
    ja_curl_global_cleanup();
    return APR_SUCCESS;
}

static int start_curl(apr_pool_t *pconf, server_rec *server)
{
    const char *reason;

    if (!ja_curl_global_init(&reason)) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, server, "JAV0011: %s", reason);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    apr_pool_cleanup_register(pconf, NULL, cleanup_curl, apr_pool_cleanup_null);
    return OK;
}

static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *server)
{
    int status;

    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK; /* httpd reads its configuration twice at start */
    }
    if ((status = ja_conf_post_config(pconf, ptemp, server)) != OK ||
        (status = ja_sections_post_config(pconf, server)) != OK ||
        (status = ja_access_post_config(ptemp, server)) != OK ||
        (status = ja_shared_post_config(server)) != OK ||
        (status = ja_rotation_post_config(server)) != OK ||
        (status = ja_store_post_config(pconf, ptemp, server)) != OK ||
        (status = ja_expiry_post_config(pconf, server)) != OK) {
        return status;
    }
    return start_curl(pconf, server);
}

/* httpd -t gives no way to fail from here but to go. */
static void test_config(apr_pool_t *pconf, server_rec *server)
{
    if (ap_exists_config_define("DUMP_JIRA_AVATAR")) {
        ja_dump(pconf);
    }
    if (ap_exists_config_define("JIRA_AVATAR_CHECK") && !ja_check(pconf, server)) {
        exit(EXIT_FAILURE);
    }
}

static apr_status_t stop_fetching(void *unused)
{
    (void)unused;
    ja_fetch_destroy(engine);
    ja_curl_destroy(transport);
    return APR_SUCCESS;
}

/* In a child without threads SIGTERM runs cleanups in the middle of whatever it does: the handles
 * that may be in use are left to the end of the process. */
static void child_init(apr_pool_t *pchild, server_rec *server)
{
    int threaded = 0;

    ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded);
    ja_shared_child_init(pchild, server);
    ja_store_child_init(pchild, server);
    transport = ja_curl_create();
    ja_engine_params_t params = {.desk = ja_desk(),
                                 .transport = ja_curl_transport(transport),
                                 .threaded = threaded != AP_MPMQ_NOT_SUPPORTED};
    engine = ja_fetch_create(&params);
    ja_token_child_init(engine, server);
    ja_expiry_child_init(engine);
    if (!ja_fetch_start(engine)) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, server,
                     "JAV0012: no thread to fetch avatars with; only stored ones are served");
    }
    if (params.threaded) {
        apr_pool_pre_cleanup_register(pchild, NULL, stop_fetching);
    }
    ja_handler_child_init(engine);
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    (void)pchild;
    ja_token_child_stopping();
    if (!graceful && engine != NULL) {
        ja_fetch_abort(engine);
    }
}

static void register_hooks(apr_pool_t *pool)
{
    ja_conf_register_hooks(pool);                                  /* httpd -t */
    ap_hook_test_config(test_config, NULL, NULL, APR_HOOK_MIDDLE); /* httpd -t -D ... */
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);   /* names of locks */
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE); /* what all share */
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);   /* what fetches */
    ja_handler_register_hooks(pool);                               /* requests */
    ja_status_register_hooks(pool);                                /* how it goes */
    ja_expiry_register_hooks();                                    /* how long it still will */
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
}

AP_DECLARE_MODULE(jira_avatar) = {STANDARD20_MODULE_STUFF,
                                  ja_conf_create,
                                  ja_conf_merge,
                                  NULL,
                                  NULL,
                                  ja_conf_commands,
                                  register_hooks,
                                  0};

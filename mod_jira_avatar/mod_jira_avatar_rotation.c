/* SPDX-License-Identifier: Apache-2.0 */
/* mod_jira_avatar_rotation: lock, read, save, ask, save, use; in this order. */
#include "mod_jira_avatar_rotation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_time.h>
#include <http_log.h>
#include <openssl/crypto.h>
#include <unixd.h>

#include "ja_state.h"
#include "mod_jira_avatar_config.h"
#include "mod_jira_avatar_shared.h"

APLOG_USE_MODULE(jira_avatar);

enum {
    LOCKED_MS = 50, /* how soon to look again whether another program is done, which is rare */
    NAME_BYTES = 16 /* of the digest that names a state file */
};

static int64_t now_s(void)
{
    return apr_time_sec(apr_time_now());
}

/* ---- the rotations of this process --------------------------------------------------------- */

/* What a flight holds while it uses a refresh token. */
typedef struct rotation_t {
    struct rotation_t *next;
    const ja_order_t *order;
    int lock;
    bool fell_back;
    char path[JA_STATE_PATH_MAX];
    ja_state_t state;
} rotation_t;

static rotation_t *rotations; /* of this process; the fetch thread's */

static rotation_t *rotation_of(const ja_order_t *order)
{
    rotation_t *rotation = rotations;

    while (rotation != NULL && rotation->order != order) {
        rotation = rotation->next;
    }
    return rotation;
}

void ja_rotation_end(const ja_order_t *order)
{
    rotation_t **link = &rotations;

    while (*link != NULL && (*link)->order != order) {
        link = &(*link)->next;
    }
    rotation_t *rotation = *link;
    if (rotation != NULL) {
        *link = rotation->next;
        ja_state_unlock(rotation->lock);
        OPENSSL_cleanse(rotation, sizeof(*rotation));
        free(rotation);
    }
}

/* ---- the file ------------------------------------------------------------------------------ */

bool ja_rotation_path(const ja_realm_t *service, char path[JA_STATE_PATH_MAX])
{
    char name[2 * JA_STATE_PATH_MAX];
    char hex[2 * NAME_BYTES + 1];
    unsigned char digest[JA_KEY_LEN];
    ja_buf_t text = ja_buf(name, sizeof(name));
    ja_buf_t out = ja_buf(path, JA_STATE_PATH_MAX);

    ja_buf_add(&text, service->site.base.url);
    ja_buf_add(&text, " ");
    ja_cred_grant_name(service->cred, &text);
    ja_digest(text.data, text.len, digest);
    ja_text_hex(digest, NAME_BYTES, hex);
    ja_buf_add(&out, ja_conf_state_dir());
    ja_buf_add(&out, "/");
    ja_buf_add(&out, hex);
    return !text.overflow && !out.overflow;
}

static void choose_refresh_token(const ja_realm_t *service, ja_state_t *state)
{
    char storage[JA_SECRET_MAX + 1];
    ja_buf_t configured = ja_buf(storage, sizeof(storage));

    ja_secret_reveal(ja_cred_refresh_token(service->cred), &configured);
    ja_state_choose(state, (ja_slice_t){configured.data, configured.len});
    OPENSSL_cleanse(storage, sizeof(storage));
}

/* Saved before it is used, which proves that what will come can be saved. */
static ja_state_status_t open_state(rotation_t *rotation, const ja_realm_t *service)
{
    ja_state_status_t status = ja_state_lock(rotation->path, &rotation->lock);

    if (status != JA_STATE_OK) {
        return status;
    }
    status = ja_state_load(rotation->path, &rotation->state);
    if (status == JA_STATE_BROKEN) {
        return status;
    }
    choose_refresh_token(service, &rotation->state);
    return ja_state_save(rotation->path, &rotation->state);
}

static ja_entry_t *state_trouble(const ja_order_t *order, const char *path)
{
    int error = errno;
    const ja_realm_t *service = order->realm->token;
    int level = ja_shared_may_log(service, JA_SAID_STATE) ? APLOG_ERR : APLOG_DEBUG;

    ap_log_error(APLOG_MARK, level, error, order->origin,
                 "JAV0605: %s: the file %s, which keeps the refresh token, %s; no token is asked "
                 "for before that is mended. %s",
                 service->name, path,
                 error != 0 ? "cannot be read and written" : "is not one that this server wrote",
                 error != 0 ? "Let JiraAvatarStateDir belong to the server's user, with mode 0700, "
                              "on a disk with room; where SELinux is on, label it httpd_var_lib_t"
                            : "Remove it, authorise the app again, and put the new refresh token "
                              "where refresh-token= reads it from");
    return ja_entry_failure(JA_OUTCOME_INTERNAL);
}

ja_step_t ja_rotation_begin(const ja_order_t *order, int64_t *later_ms, ja_entry_t **entry)
{
    if (rotation_of(order) != NULL) {
        return JA_STEP_ASK;
    }
    rotation_t *rotation = calloc(1, sizeof(*rotation));
    if (rotation == NULL) {
        *entry = ja_entry_failure(JA_OUTCOME_INTERNAL);
        return JA_STEP_DONE;
    }
    rotation->order = order;
    rotation->lock = -1;
    rotation->next = rotations;
    rotations = rotation;
    errno = ENAMETOOLONG;
    ja_state_status_t status = ja_rotation_path(order->realm->token, rotation->path)
                                   ? open_state(rotation, order->realm->token)
                                   : JA_STATE_BROKEN;
    if (status == JA_STATE_OK) {
        return JA_STEP_ASK;
    }
    if (status == JA_STATE_BUSY) {
        ja_rotation_end(order);
        *later_ms = LOCKED_MS;
        return JA_STEP_LATER;
    }
    *entry = state_trouble(order, rotation->path);
    return JA_STEP_DONE;
}

const char *ja_rotation_refresh(const ja_order_t *order)
{
    const rotation_t *rotation = rotation_of(order);

    return rotation != NULL ? rotation->state.refresh : "";
}

bool ja_rotation_keep(const ja_order_t *order, const char *refresh)
{
    rotation_t *rotation = rotation_of(order);

    if (rotation == NULL) {
        return true;
    }
    ja_state_rotate(&rotation->state, refresh, now_s());
    if (ja_state_save(rotation->path, &rotation->state) == JA_STATE_OK) {
        return true;
    }
    ap_log_error(APLOG_MARK, APLOG_CRIT, errno, order->origin,
                 "JAV0606: %s: a new refresh token cannot be written to %s; the one before is "
                 "tried again, which works for ten minutes. Make room, or let JiraAvatarStateDir "
                 "belong to the server's user",
                 order->realm->token->name, rotation->path);
    return false;
}

bool ja_rotation_fall_back(const ja_order_t *order)
{
    rotation_t *rotation = rotation_of(order);

    if (rotation == NULL || rotation->fell_back || !ja_state_fall_back(&rotation->state, now_s())) {
        return false;
    }
    rotation->fell_back = true;
    return true;
}

/* ---- the directory of state files ---------------------------------------------------------- */

static bool needs_state_dir(void)
{
    const apr_array_header_t *realms = ja_conf_realms();

    for (int i = 0; i < realms->nelts; i++) {
        const ja_realm_t *realm = APR_ARRAY_IDX(realms, i, const ja_realm_t *);
        if (ja_cred_refresh_token(realm->cred) != NULL) {
            return true;
        }
    }
    return false;
}

static int refuse_state_dir(server_rec *server, int error, const char *what)
{
    ap_log_error(APLOG_MARK, APLOG_EMERG | APLOG_STARTUP, error, server,
                 "JAV0607: JiraAvatarStateDir %s %s; make it with: install -d -m 0700 -o %s %s",
                 ja_conf_state_dir(), what, geteuid() == 0 ? ap_unixd_config.user_name : "USER",
                 ja_conf_state_dir());
    return HTTP_INTERNAL_SERVER_ERROR;
}

int ja_rotation_post_config(server_rec *server)
{
    const char *path = ja_conf_state_dir();
    bool is_root = geteuid() == 0;
    uid_t owner = is_root ? ap_unixd_config.user_id : geteuid();
    struct stat dir;

    if (!needs_state_dir()) {
        return OK;
    }
    if (mkdir(path, S_IRWXU) == 0) {
        if (is_root && chown(path, owner, ap_unixd_config.group_id) != 0) {
            return refuse_state_dir(server, errno, "cannot be given to the server's user");
        }
    } else if (errno != EEXIST) {
        return refuse_state_dir(server, errno, "cannot be made");
    }
    if (stat(path, &dir) != 0 || !S_ISDIR(dir.st_mode)) {
        return refuse_state_dir(server, 0, "is not a directory");
    }
    if (dir.st_uid != owner) {
        return refuse_state_dir(server, 0, "does not belong to the user that the server runs as");
    }
    if (dir.st_mode & (S_IRWXG | S_IRWXO)) {
        return refuse_state_dir(server, 0, "is open to others than the server's user");
    }
    return OK;
}

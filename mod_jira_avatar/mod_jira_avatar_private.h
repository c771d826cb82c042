/* SPDX-License-Identifier: Apache-2.0 */
/* What every httpd-side file needs to log under the module's own LogLevel. */
#ifndef MOD_JIRA_AVATAR_PRIVATE_H
#define MOD_JIRA_AVATAR_PRIVATE_H

#include <httpd.h>
#include <http_config.h>

#include <apr_time.h>
#include <stdint.h>

extern module AP_MODULE_DECLARE_DATA jira_avatar_module;

#ifndef JA_VERSION
#define JA_VERSION "0.1.0"
#endif

/** What we call ourselves to Jira, if nobody says otherwise. */
#define JA_USER_AGENT "mod_jira_avatar/" JA_VERSION

#define JA_HANDLER_NAME        "jira-avatar"
#define JA_STATUS_HANDLER_NAME "jira-avatar-status"

/** Unix milliseconds, which all processes of a machine count alike. */
static inline int64_t ja_now_ms(void)
{
    return apr_time_as_msec(apr_time_now());
}

#endif

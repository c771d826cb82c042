/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asked of Jira at all, said a second time and another way than in ja_upstream: one
 * regular expression. Tests and fuzz targets hold every URL against it.
 */
#ifndef AVATAR_URL_H
#define AVATAR_URL_H

#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define AVATAR_TYPE "(project|issuetype|priority|SD_REQTYPE|user)"
#define AVATAR_ID   "(0|[1-9][0-9]{0,18})"
#define AVATAR_TEXT "([A-Za-z0-9._~-]|%[0-9A-F]{2})+"
#define AVATAR_REST                                                                                \
    "/rest/api/3/universal_avatar/view/type/" AVATAR_TYPE "(/avatar/" AVATAR_ID                    \
    "|/owner/[A-Za-z0-9_-]{1,64})?"
#define AVATAR_ICON "/images/icons/([A-Za-z0-9_.-]+/){0,3}[A-Za-z0-9_.-]*[.](svg|png|gif)"
#define AVATAR_PARAM                                                                               \
    "(size=x{0,3}(small|large|medium)|format=(png|svg)|(avatarId|pid)=" AVATAR_ID                  \
    "|avatarType=" AVATAR_TYPE "|noRedirect=(true|false)|(ownerId|username)=" AVATAR_TEXT ")"

/* `url` is `origin` and one of Jira's avatar endpoints. */
static inline bool avatar_url_is_endpoint(const char *url, const char *origin)
{
    static regex_t endpoint;
    static bool compiled;

    if (!compiled) {
        if (regcomp(&endpoint,
                    "^(" AVATAR_REST "|/secure/(project|view|user)avatar|" AVATAR_ICON ")"
                    "([?]" AVATAR_PARAM "(&" AVATAR_PARAM ")*)?$",
                    REG_EXTENDED | REG_NOSUB)) {
            abort();
        }
        compiled = true;
    }
    return strncmp(url, origin, strlen(origin)) == 0 && !strstr(url, "/../") &&
           !strstr(url, "/./") && regexec(&endpoint, url + strlen(origin), 0, NULL, 0) == 0;
}

#endif

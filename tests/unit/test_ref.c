/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a visitor may ask for, and what not. A row's expectation is the form and the upstream URL
 * (without origin), because that is what a reference is for.
 */
#include "ja_ref.h"
#include "ja_upstream.h"
#include "avatar_url.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define CLOUD_ID     "11111111-2222-3333-4444-555555555555"
#define VIEW         "rest/api/3/universal_avatar/view/type/"

enum { CLOUD = JA_SITE_CLOUD, DC = JA_SITE_DATACENTER };

static const ja_site_t sites[] = {
    [JA_SITE_CLOUD] = {.kind = JA_SITE_CLOUD,
                       .base = {"https", "example.atlassian.net", 443, "",
                                "https://example.atlassian.net"},
                       .route = JA_ROUTE_SITE,
                       .cloud_id = CLOUD_ID},
    [JA_SITE_DATACENTER] = {.kind = JA_SITE_DATACENTER,
                            .base = {"https", "jira.example.com", 443, "/jira",
                                     "https://jira.example.com/jira"},
                            .route = JA_ROUTE_SITE},
};

static ja_ref_status_t parse(ja_site_kind_t kind, const char *path, const char *query,
                             ja_ref_t *ref, const char **reason)
{
    return ja_ref_parse(kind, sites[kind].base.path, path, query, ref, reason);
}

/* ---- what is understood ------------------------------------------------------------------- */

static const struct {
    int kind;
    const char *path, *query;
    ja_ref_form_t form;
    const char *url; /* below the site; NULL for a look-up */
} good[] = {
    /* Cloud: ids are asked of universal_avatar/view, in the newest version */
    {CLOUD, VIEW "project", NULL, JA_REF_VIEW_DEFAULT, "/" VIEW "project"},
    {CLOUD, VIEW "SD_REQTYPE", "size=small", JA_REF_VIEW_DEFAULT, "/" VIEW "SD_REQTYPE?size=small"},
    {CLOUD, "rest/api/2/universal_avatar/view/type/issuetype/avatar/10300", "size=medium",
     JA_REF_VIEW_AVATAR, "/" VIEW "issuetype/avatar/10300?size=medium"},
    {CLOUD, "rest/api/latest/universal_avatar/view/type/priority/avatar/1",
     "format=svg&size=XLARGE", JA_REF_VIEW_AVATAR,
     "/" VIEW "priority/avatar/1?size=xlarge&format=svg"},
    {CLOUD, VIEW "project/avatar/9223372036854775807", "s=16", JA_REF_VIEW_AVATAR,
     "/" VIEW "project/avatar/9223372036854775807?size=xsmall"},
    {CLOUD, VIEW "user/avatar/5", NULL, JA_REF_VIEW_AVATAR, "/" VIEW "user/avatar/5"},
    {CLOUD, VIEW "project/avatar/00042", NULL, JA_REF_VIEW_AVATAR, "/" VIEW "project/avatar/42"},
    {CLOUD, VIEW "project/owner/00042", NULL, JA_REF_VIEW_OWNER, "/" VIEW "project/owner/42"},
    {CLOUD, VIEW "issuetype/owner/ab-CD_9", NULL, JA_REF_VIEW_OWNER,
     "/" VIEW "issuetype/owner/ab-CD_9"},
    {CLOUD, VIEW "project/owner/ABC", NULL, JA_REF_LOOKUP, NULL},
    {CLOUD, VIEW "user/owner/abc", NULL, JA_REF_LOOKUP, NULL},
    {CLOUD, "secure/projectavatar", "size=small&s=small&pid=10000&avatarId=10409",
     JA_REF_VIEW_AVATAR, "/" VIEW "project/avatar/10409?size=small"},
    {CLOUD, "secure/projectavatar", "pid=010000", JA_REF_VIEW_OWNER,
     "/" VIEW "project/owner/10000"},
    {CLOUD, "secure/projectavatar", "ownerId=1&pid=01", JA_REF_VIEW_OWNER,
     "/" VIEW "project/owner/1"},
    {CLOUD, "secure/viewavatar", "avatarId=999", JA_REF_VIEW_AVATAR,
     "/" VIEW "issuetype/avatar/999"},
    {CLOUD, "secure/viewavatar", "avatarType=SD_REQTYPE&size=large&avatarId=7&format=png",
     JA_REF_VIEW_AVATAR, "/" VIEW "SD_REQTYPE/avatar/7?size=large&format=png"},
    {CLOUD, "secure/viewavatar", "avatarType=issuetype", JA_REF_VIEW_DEFAULT, "/" VIEW "issuetype"},
    {CLOUD, "servicedesk/customershim/secure/viewavatar", "avatarType=SD_REQTYPE&avatarId=7",
     JA_REF_VIEW_AVATAR, "/" VIEW "SD_REQTYPE/avatar/7"},
    {CLOUD, "secure/useravatar", "size=xsmall&avatarId=10300&avatarType=project", JA_REF_USER,
     "/secure/useravatar?size=xsmall&avatarId=10300&avatarType=project"},
    {CLOUD, "images/icons/priorities/high.svg", NULL, JA_REF_ICON,
     "/images/icons/priorities/high.svg"},
    {CLOUD, "ex/jira/" CLOUD_ID "/secure/projectavatar", "avatarId=1", JA_REF_VIEW_AVATAR,
     "/" VIEW "project/avatar/1"},
    {CLOUD, "ex/jira/" CLOUD_ID "/" VIEW "project/avatar/1", NULL, JA_REF_VIEW_AVATAR,
     "/" VIEW "project/avatar/1"},
    {CLOUD, "ex/jira/" CLOUD_ID "/images/icons/bug.gif", NULL, JA_REF_ICON,
     "/images/icons/bug.gif"},
    {CLOUD, "project/010", "s=48&size=large&format=png", JA_REF_VIEW_OWNER,
     "/" VIEW "project/owner/10?size=large&format=png"},
    {CLOUD, "project/A_1b", NULL, JA_REF_LOOKUP, NULL},
    {CLOUD, "issuetype/10001", "size=1", JA_REF_VIEW_OWNER,
     "/" VIEW "issuetype/owner/10001?size=xsmall"},
    {CLOUD, "priority/3", "size=129", JA_REF_VIEW_OWNER, "/" VIEW "priority/owner/3?size=xxxlarge"},
    {CLOUD, "status/3", NULL, JA_REF_LOOKUP, NULL},
    {CLOUD, "user/557058:1111", NULL, JA_REF_LOOKUP, NULL},

    /* Data Center: servlets, below the context path, whether the visitor wrote it or not */
    {DC, VIEW "project/avatar/5", "size=17&format=png", JA_REF_VIEW_AVATAR,
     "/secure/viewavatar?size=small&avatarId=5&avatarType=project&format=png"},
    {DC, "jira/" VIEW "SD_REQTYPE/avatar/5", NULL, JA_REF_VIEW_AVATAR,
     "/secure/viewavatar?avatarId=5&avatarType=SD_REQTYPE"},
    {DC, VIEW "user/avatar/5", "format=png", JA_REF_USER, "/secure/useravatar?avatarId=5"},
    {DC, VIEW "user/owner/fred", NULL, JA_REF_USER, "/secure/useravatar?ownerId=fred"},
    {DC, VIEW "project/owner/05", NULL, JA_REF_PROJECT, "/secure/projectavatar?pid=5"},
    {DC, VIEW "project/owner/ABC", NULL, JA_REF_LOOKUP, NULL},
    {DC, VIEW "issuetype/owner/5", NULL, JA_REF_LOOKUP, NULL},
    {DC, VIEW "issuetype", NULL, JA_REF_LOOKUP, NULL},
    {DC, "secure/projectavatar", "avatarId=10011&pid=10000&size=xsmall", JA_REF_PROJECT,
     "/secure/projectavatar?size=xsmall&pid=10000&avatarId=10011"},
    {DC, "jira/secure/projectavatar", "ownerId=10000", JA_REF_PROJECT,
     "/secure/projectavatar?pid=10000"},
    {DC, "secure/projectavatar", "avatarId=10324", JA_REF_PROJECT,
     "/secure/projectavatar?avatarId=10324"},
    {DC, "secure/viewavatar", "avatarId=5", JA_REF_VIEW_AVATAR, "/secure/viewavatar?avatarId=5"},
    {DC, "secure/viewavatar", "avatarId=5&avatarType=user", JA_REF_USER,
     "/secure/useravatar?avatarId=5"},
    {DC, "jira/servicedesk/customershim/secure/viewavatar", "avatarId=5&avatarType=SD_REQTYPE",
     JA_REF_VIEW_AVATAR, "/secure/viewavatar?avatarId=5&avatarType=SD_REQTYPE"},
    {DC, "secure/useravatar", "ownerId=first.last%40example.com&size=48&noRedirect=true",
     JA_REF_USER, "/secure/useravatar?size=large&ownerId=first.last%40example.com&noRedirect=true"},
    {DC, "secure/useravatar", "username=J%c3%bcrgen+X&avatarId=01&noRedirect=false", JA_REF_USER,
     "/secure/useravatar?username=J%C3%BCrgen%20X&avatarId=1&noRedirect=false"},
    {DC, "jira/images/icons/a/b/c/ico_story-1.new.png", NULL, JA_REF_ICON,
     "/images/icons/a/b/c/ico_story-1.new.png"},
    {DC, "project/10", NULL, JA_REF_PROJECT, "/secure/projectavatar?pid=10"},
    {DC, "project/ABC", NULL, JA_REF_LOOKUP, NULL},
    {DC, "user/fred b&c", "size=small", JA_REF_USER,
     "/secure/useravatar?size=small&ownerId=fred%20b%26c"},
    {DC, "user/007", NULL, JA_REF_USER, "/secure/useravatar?ownerId=007"},
    {DC, "issuetype/1", NULL, JA_REF_LOOKUP, NULL},
    {DC, "priority/1", NULL, JA_REF_LOOKUP, NULL},
    {DC, "status/1", NULL, JA_REF_LOOKUP, NULL},

    /* names are compared after decoding, empty pieces are nothing */
    {CLOUD, "secure/viewavatar", "&&avatar%49d=5&", JA_REF_VIEW_AVATAR,
     "/" VIEW "issuetype/avatar/5"},
    {CLOUD, "secure/viewavatar", "avatarId=%31%30", JA_REF_VIEW_AVATAR,
     "/" VIEW "issuetype/avatar/10"},
};

START_TEST(understood)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        ja_site_kind_t kind = (ja_site_kind_t)good[i].kind;
        const char *reason = NULL;
        ja_target_t target;
        ja_ref_t ref;
        ja_ref_status_t status = parse(kind, good[i].path, good[i].query, &ref, &reason);

        ck_assert_msg(status == JA_REF_OK, "row %zu: %s?%s: %s", i, good[i].path, good[i].query,
                      reason);
        ck_assert_msg(ref.form == good[i].form, "row %zu: %s is %s", i, good[i].path,
                      ja_ref_form_name(ref.form));
        ck_assert(!ref.extra_params);
        ja_url_status_t built =
            ja_upstream_target(&sites[kind], sites[kind].route, &ref, NULL, &target);
        ck_assert_msg(built == (good[i].url ? JA_URL_OK : JA_URL_NEEDS_LOOKUP), "row %zu", i);
        if (good[i].url) {
            ck_assert(avatar_url_is_endpoint(target.url, sites[kind].base.url));
            ck_assert_str_eq(target.url + strlen(sites[kind].base.url), good[i].url);
        }
    }
}
END_TEST

/* ---- what is refused ---------------------------------------------------------------------- */

#define LONG_64  "a123456789b123456789c123456789d123456789e123456789f123456789g123"
#define LONG_256 LONG_64 LONG_64 LONG_64 LONG_64

static const struct {
    int kind;
    const char *path, *query;
    ja_ref_status_t status;
    const char *reason; /* a part of the sentence */
} bad[] = {
    {CLOUD, "", NULL, JA_REF_UNKNOWN_PATH, "address"},
    {CLOUD, NULL, NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "project", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "project/", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "project/1/", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "project/1/x.css", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "Project/1", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "secure/ProjectAvatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "secure/projectavatar/", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "secure/projectavatar/x", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "secure", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "useravatar", "avatarId=1", JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "avatars/240/site.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "rest/api/1/universal_avatar/view/type/project", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "rest/api/02/universal_avatar/view/type/project", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, VIEW, NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, VIEW "project/", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, VIEW "project/avatar", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, VIEW "project/avatar/", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, VIEW "project/avatar/1/", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, VIEW "project/temp/1", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "jira/secure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {DC, "other/secure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {DC, "jira/jira/secure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {DC, "jirasecure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {DC, "jira/project/1", NULL, JA_REF_UNKNOWN_PATH, "address"},
    {DC, "ex/jira/" CLOUD_ID "/secure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "ex/jira/" CLOUD_ID "/project/1", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "ex/jira/" CLOUD_ID "/ex/jira/" CLOUD_ID "/images/icons/bug.gif", NULL,
     JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "ex/jira/" CLOUD_ID, NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "ex/jira/x/secure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "ex/jira/" CLOUD_ID "0/secure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "ex/confluence/" CLOUD_ID "/secure/projectavatar", "pid=1", JA_REF_UNKNOWN_PATH, ""},

    {CLOUD, "images/icons/", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/bug", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/bug.PNG", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/bug.jsp", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/a/b/c/d/e.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/a/b/c/d.png/e.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/a//e.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons//e.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/e.png/", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/./e.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/../e.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/a/../../../rest/api/2/myself/x.png", NULL, JA_REF_UNKNOWN_PATH, ""},
    {CLOUD, "images/icons/b g.png", NULL, JA_REF_BAD_VALUE, "icon"},
    {CLOUD, "images/icons/b;x=.png", NULL, JA_REF_BAD_VALUE, "icon"},
    {CLOUD, "images/icons/..;/x.png", NULL, JA_REF_BAD_VALUE, "icon"},
    {CLOUD, "images/icons/b%2f.png", NULL, JA_REF_BAD_VALUE, "icon"},
    {CLOUD, "images/icons/" LONG_256 ".png", NULL, JA_REF_BAD_VALUE, "icon"},

    {CLOUD, VIEW "Project/avatar/1", NULL, JA_REF_BAD_VALUE, "type"},
    {CLOUD, VIEW "status", NULL, JA_REF_BAD_VALUE, "type"},
    {CLOUD, VIEW "project/avatar/x", NULL, JA_REF_BAD_VALUE, "avatarId"},
    {CLOUD, VIEW "project/avatar/-1", NULL, JA_REF_BAD_VALUE, "avatarId"},
    {CLOUD, VIEW "project/avatar/9223372036854775808", NULL, JA_REF_BAD_VALUE, "avatarId"},
    {CLOUD, VIEW "project/owner/a.b", NULL, JA_REF_BAD_VALUE, "owner"},
    {CLOUD, VIEW "project/owner/" LONG_64 "x", NULL, JA_REF_BAD_VALUE, "owner"},
    {CLOUD, VIEW "project/owner/99999999999999999999", NULL, JA_REF_BAD_VALUE, "owner"},
    {CLOUD, "project/1a", NULL, JA_REF_BAD_VALUE, "project"},
    {CLOUD, "project/_A", NULL, JA_REF_BAD_VALUE, "project"},
    {CLOUD, "project/A-1", NULL, JA_REF_BAD_VALUE, "project"},
    {CLOUD, "project/" LONG_256, NULL, JA_REF_BAD_VALUE, "project"},
    {CLOUD, "issuetype/bug", NULL, JA_REF_BAD_VALUE, "id"},
    {DC, "user/" LONG_256, NULL, JA_REF_BAD_VALUE, "user"},
    {DC, "user/a\nb", NULL, JA_REF_BAD_VALUE, "user"},
    {DC, "user/\xff", NULL, JA_REF_BAD_VALUE, "user"},
    {DC, "user/\xc0\xae", NULL, JA_REF_BAD_VALUE, "user"},

    {CLOUD, "secure/projectavatar", NULL, JA_REF_BAD_VALUE, "pid or avatarId"},
    {DC, "secure/projectavatar", "size=small", JA_REF_BAD_VALUE, "pid or avatarId"},
    {CLOUD, "secure/projectavatar", "pid=1&ownerId=2", JA_REF_BAD_VALUE, "pid and ownerId"},
    {CLOUD, "secure/projectavatar", "pid=", JA_REF_BAD_VALUE, "pid"},
    {CLOUD, "secure/projectavatar", "pid", JA_REF_BAD_VALUE, "pid"},
    {CLOUD, "secure/projectavatar", "ownerId=fred", JA_REF_BAD_VALUE, "pid"},
    {CLOUD, "secure/projectavatar", "PID=1", JA_REF_BAD_VALUE, "missing"},
    {CLOUD, "secure/viewavatar", NULL, JA_REF_BAD_VALUE, "avatarId"},
    {DC, "secure/viewavatar", "avatarType=issuetype", JA_REF_BAD_VALUE, "avatarId"},
    {CLOUD, "secure/viewavatar", "avatarId=1&avatarType=bug", JA_REF_BAD_VALUE, "type"},
    {CLOUD, "secure/viewavatar", "avatarId=1&avatarType=", JA_REF_BAD_VALUE, "type"},
    {DC, "secure/useravatar", "size=small", JA_REF_BAD_VALUE, "ownerId, username or avatarId"},
    {DC, "secure/useravatar", "ownerId=", JA_REF_BAD_VALUE, "user"},
    {DC, "secure/useravatar", "username=", JA_REF_BAD_VALUE, "username"},
    {DC, "secure/useravatar", "username=" LONG_256, JA_REF_BAD_VALUE, "username"},
    {DC, "secure/useravatar", "ownerId=a%0d%0ab", JA_REF_BAD_VALUE, "encoded"},
    {DC, "secure/useravatar", "ownerId=a%00b", JA_REF_BAD_VALUE, "encoded"},
    {DC, "secure/useravatar", "ownerId=%ff", JA_REF_BAD_VALUE, "encoded"},
    {DC, "secure/useravatar", "ownerId=a&noRedirect=1", JA_REF_BAD_VALUE, "noRedirect"},

    {CLOUD, "project/1", "size=", JA_REF_BAD_VALUE, "size"},
    {CLOUD, "project/1", "size", JA_REF_BAD_VALUE, "size"},
    {CLOUD, "project/1", "size=0", JA_REF_BAD_VALUE, "size"},
    {CLOUD, "project/1", "size=-1", JA_REF_BAD_VALUE, "size"},
    {CLOUD, "project/1", "size=huge", JA_REF_BAD_VALUE, "size"},
    {CLOUD, "project/1", "size=xxlarge@2x", JA_REF_BAD_VALUE, "size"},
    {CLOUD, "project/1", "s=", JA_REF_BAD_VALUE, "size"},
    {CLOUD, "project/1", "size=small&s=32", JA_REF_BAD_VALUE, "differ"},
    {CLOUD, "project/1", "format=jpeg", JA_REF_BAD_VALUE, "format"},
    {CLOUD, "project/1", "format=PNG", JA_REF_BAD_VALUE, "format"},
    {CLOUD, "project/1", "format=", JA_REF_BAD_VALUE, "format"},
    {CLOUD, "project/1", "size=16&size=16", JA_REF_BAD_VALUE, "twice"},
    {CLOUD, "project/1", "size=16&%73ize=16", JA_REF_BAD_VALUE, "twice"},
    {CLOUD, "project/1", "s=16&s=16", JA_REF_BAD_VALUE, "twice"},
    {CLOUD, "project/1", "x=1&y=2&x=1", JA_REF_BAD_VALUE, "twice"},
    {CLOUD, "project/1", "=1&=1", JA_REF_BAD_VALUE, "twice"},
    {CLOUD, "project/1", "x=%", JA_REF_BAD_VALUE, "encoded"},
    {CLOUD, "project/1", "x=%0a", JA_REF_BAD_VALUE, "encoded"},
    {CLOUD, "project/1", "%0a=x", JA_REF_BAD_VALUE, "encoded"},
    {CLOUD, "project/1", "%zz=x", JA_REF_BAD_VALUE, "encoded"},
};

START_TEST(refused)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        ja_ref_t untouched, ref;
        const char *reason = NULL;

        memset(&untouched, 0x5a, sizeof(untouched));
        memset(&ref, 0x5a, sizeof(ref));
        ja_ref_status_t status =
            parse((ja_site_kind_t)bad[i].kind, bad[i].path, bad[i].query, &ref, &reason);
        ck_assert_msg(status == bad[i].status, "row %zu: %s?%s", i, bad[i].path, bad[i].query);
        ck_assert_msg(reason && strstr(reason, bad[i].reason), "row %zu: %s", i, reason);
        ck_assert_msg(reason[strlen(reason) - 1] == '.', "row %zu: %s", i, reason);
        ck_assert_mem_eq(&ref, &untouched, sizeof(ref));
    }
}
END_TEST

/* ---- what is ignored ---------------------------------------------------------------------- */

START_TEST(ignored)
{
    static const struct {
        int kind;
        const char *path, *query;
    } rows[] = {
        {CLOUD, "project/1", "x=1"},
        {CLOUD, "project/1", "x"},
        {CLOUD, "project/1", "=1"},
        {CLOUD, "project/1", "SIZE=small"},
        {CLOUD, "project/1", "avatarId=2"},
        {CLOUD, "secure/projectavatar", "pid=1&format=png"},
        {CLOUD, "secure/projectavatar", "pid=1&amp;avatarId=2"},
        {CLOUD, "secure/viewavatar", "avatarId=1&pid=x"},
        {DC, "secure/useravatar", "avatarId=1&pid=2"},
        {DC, "images/icons/bug.gif", "size=small"},
        {DC, "images/icons/bug.gif", "url=http%3A%2F%2F127.0.0.1%3A1%2F"},
        {DC, "jira/images/icons/bug.gif", "consumerUri=http://127.0.0.1:1/"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *reason = NULL;
        ja_target_t target;
        ja_ref_t ref;
        ja_site_kind_t kind = (ja_site_kind_t)rows[i].kind;

        ck_assert_msg(parse(kind, rows[i].path, rows[i].query, &ref, &reason) == JA_REF_OK,
                      "row %zu: %s", i, reason);
        ck_assert_msg(ref.extra_params, "row %zu", i);
        ck_assert_int_eq(ja_upstream_target(&sites[kind], sites[kind].route, &ref, NULL, &target),
                         JA_URL_OK);
        ck_assert(avatar_url_is_endpoint(target.url, sites[kind].base.url));
        ck_assert(!strstr(target.url, "127"));
    }
}
END_TEST

/* ---- one avatar, one key ------------------------------------------------------------------ */

static void key_of(ja_site_kind_t kind, const char *path, const char *query, char out[1024])
{
    ja_buf_t key = ja_buf(out, 1024);
    const char *reason = NULL;
    ja_ref_t ref;

    ck_assert_msg(parse(kind, path, query, &ref, &reason) == JA_REF_OK, "%s?%s: %s", path, query,
                  reason);
    ja_ref_key(&ref, &key);
    ck_assert(!key.overflow);
}

START_TEST(keys)
{
    static const struct {
        int kind;
        const char *path[2], *query[2];
        bool same;
    } rows[] = {
        {CLOUD,
         {"secure/projectavatar", VIEW "project/avatar/2"},
         {"pid=1&avatarId=2", NULL},
         true},
        {CLOUD, {"secure/projectavatar", "project/1"}, {"pid=1", "size=large"}, true},
        {CLOUD, {"secure/projectavatar", "project/1"}, {"ownerId=01", "s=33&x=y"}, true},
        {CLOUD, {"secure/viewavatar", VIEW "issuetype/avatar/2"}, {"avatarId=02", NULL}, true},
        {CLOUD,
         {"ex/jira/" CLOUD_ID "/secure/viewavatar", "secure/viewavatar"},
         {"avatarId=2", "avatarType=issuetype&avatarId=2"},
         true},
        {CLOUD, {"project/1", "project/1"}, {"size=small", "size=17"}, true},
        {CLOUD, {"project/1", "project/1"}, {"size=small", NULL}, false},
        {CLOUD, {"project/1", "project/1"}, {"format=png", NULL}, false},
        {CLOUD, {"project/1", "project/11"}, {NULL, NULL}, false},
        {CLOUD, {"project/1", "issuetype/1"}, {NULL, NULL}, false},
        {CLOUD, {VIEW "project/owner/1", VIEW "project/avatar/1"}, {NULL, NULL}, false},
        {CLOUD, {VIEW "project", VIEW "issuetype"}, {NULL, NULL}, false},
        {CLOUD, {"images/icons/a.png", "images/icons/b.png"}, {NULL, NULL}, false},
        {DC, {"jira/secure/projectavatar", "project/1"}, {"pid=1", NULL}, true},
        {DC, {"secure/useravatar", "user/a b"}, {"ownerId=a+b", "format=png"}, true},
        {DC, {"secure/useravatar", "secure/useravatar"}, {"ownerId=a", "username=a"}, false},
        {DC,
         {"secure/useravatar", "secure/useravatar"},
         {"ownerId=a&noRedirect=true", "ownerId=a"},
         false},
        {DC,
         {"secure/projectavatar", "secure/projectavatar"},
         {"pid=1&avatarId=2", "pid=12"},
         false},
        {DC, {"secure/projectavatar", "secure/projectavatar"}, {"pid=1", "avatarId=1"}, false},
        {DC,
         {"secure/viewavatar", "secure/viewavatar"},
         {"avatarId=1&avatarType=issuetype", "avatarId=1"},
         false},
        {DC, {"project/ABC", "project/abc"}, {NULL, NULL}, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char key[2][1024];

        for (int j = 0; j < 2; j++) {
            key_of((ja_site_kind_t)rows[i].kind, rows[i].path[j], rows[i].query[j], key[j]);
        }
        ck_assert_msg((strcmp(key[0], key[1]) == 0) == rows[i].same, "row %zu", i);
    }
}
END_TEST

/* The key's bound holds for the longest reference there is. */
START_TEST(longest_key)
{
    char path[512], query[2048], key[1024];
    ja_buf_t text = ja_buf(query, sizeof(query));

    ja_buf_add(&text, "avatarId=9223372036854775807&avatarType=SD_REQTYPE&noRedirect=false&"
                      "size=xxxlarge&ownerId=");
    ja_buf_add_slice(&text, (ja_slice_t){LONG_256, 255});
    ja_buf_add(&text, "&username=");
    ja_buf_add_slice(&text, (ja_slice_t){LONG_256, 255});
    key_of(JA_SITE_DATACENTER, "secure/useravatar", query, key);

    text = ja_buf(path, sizeof(path));
    ja_buf_add(&text, "images/icons/");
    ja_buf_add_slice(&text, (ja_slice_t){LONG_256, 251});
    ja_buf_add(&text, ".png");
    key_of(JA_SITE_DATACENTER, path, NULL, key);
}
END_TEST

/* ---- attacks: nothing but an avatar endpoint is ever asked -------------------------------- */

static const char *const attack_paths[] = {
    /* out of the directory, in every spelling that survives one decoding */
    "../rest/api/2/myself",
    "..;/rest/api/2/search",
    "..;x=y/rest/api/2/search",
    "project/../rest/api/2/myself",
    "project/..;/rest/api/2/myself",
    "project/%2e%2e/rest/api/2",
    "project/.%2e/x",
    "project/%252e%252e/x",
    "project/..%2fx",
    "project/..%5cx",
    "project/..\\x",
    "secure/../rest/api/2/myself",
    "secure/projectavatar/../../rest/api/2/myself",
    "secure/projectavatar;jsessionid=1",
    "secure/projectavatar;/../x",
    "secure//projectavatar",
    "secure/./projectavatar",
    "secure\\projectavatar",
    "/secure/projectavatar",
    "//evil.example/secure/projectavatar",
    "secure/projectavatar%3fx",
    "secure/projectavatar?x",
    "secure/projectavatar#x",
    "secure/projectavatar\n",
    "secure/projectavatar\r\nHost: evil",
    "secure/projectavatar HTTP/1.1",
    "secure/projectavatar\tx",
    "secure/projectavatar ",
    "secure/projectavatar%00.png",
    "secure/projectavatar.png",
    "secure/useravatar/x.css",
    VIEW "project/avatar/1;x=..",
    VIEW "project/avatar/1/../../../..",
    VIEW "project/avatar/1%2f..",
    VIEW "project/avatar/1?x=y",
    VIEW "project/avatar/1#x",
    VIEW "project/avatar/1 HTTP/1.1",
    VIEW "project/avatar/1\r\nX: y",
    VIEW "project/avatar/\xd9\xa1",
    VIEW "project/avatar/0x1",
    VIEW "project/avatar/1e1",
    VIEW "project/avatar/+1",
    VIEW "project/owner/..",
    VIEW "project/owner/..;",
    VIEW "project/owner/%2e%2e",
    VIEW "project/owner/1/../../x",
    VIEW "project/owner/@evil.example",
    VIEW "../../../search",
    VIEW "..;/owner/1",
    VIEW "project;x/owner/1",
    "rest/api/3/../2/universal_avatar/view/type/project",
    "rest/api/3;x/universal_avatar/view/type/project",
    "rest/api/3/universal_avatar/type/project",
    "rest/api/2/search",
    "rest/api/2/myself",
    "rest/api/3/avatar/project/system",
    "rest/auth/1/session",
    "rest/gadget/1.0/makeRequest",
    /* Jira's own holes of the past */
    "plugins/servlet/oauth/users/icon-uri",
    "plugins/servlet/gadgets/makeRequest",
    "s/cfx/_/;/WEB-INF/web.xml",
    "s/x/_/META-INF/maven/x/pom.xml",
    "s/x/_/%2e/WEB-INF/web.xml",
    "secure/ContactAdministrators!default.jspa",
    "secure/attachment/1/x.png",
    "secure/InsightPluginShowGeneralConfiguration.jspa;",
    "login.jsp",
    "WEB-INF/web.xml",
    /* other hosts and schemes */
    "http://127.0.0.1:1/x.png",
    "https:/evil.example/x.png",
    "@evil.example/x",
    "unix:/run/x|http:/",
    "ex/jira/" CLOUD_ID "/../../../x",
    "ex/jira/" CLOUD_ID ";/secure/projectavatar",
    "ex/jira/" CLOUD_ID "@evil/secure/projectavatar",
    "ex/jira/../secure/projectavatar",
    "ex/jira/" CLOUD_ID "/rest/api/2/search",
    "jira/../secure/projectavatar",
    "jira;/secure/projectavatar",
    "jira//secure/projectavatar",
    /* icons */
    "images/icons/../../rest/api/2/myself.png",
    "images/icons/..;/..;/rest/api/2/myself.png",
    "images/icons/%2e%2e/x.png",
    "images/icons/..\\x.png",
    "images/icons/x.jsp%00.png",
    "images/icons/x.jsp;.png",
    "images/icons/x?y.png",
    "images/icons/x#y.png",
    "images/icons/http:/evil.example/x.png",
    "images/icons/\xc0\xae\xc0\xae/x.png",
    "images/icons/\xef\xbc\x8e\xef\xbc\x8e/x.png",
    "images/icons/x\ny.png",
    "images/icons/.../x.png",
    "images/icons/.svg",
    "images/icons/a b.png",
    "images/icons/*.png",
    "images/other/x.png",
    /* names are data, whatever they look like */
    "user/..",
    "user/..;",
    "user/../x",
    "user/%2e%2e%2fx",
    "user/a?b=c&d#e",
    "user/a\r\nHost: evil",
    "user/a\\b",
    "user/@evil.example",
    "user/\xe2\x80\xaezyx",
    "user/http:",
    "user/;x=y",
    "project/ABC/x.css",
    "project/ABC;x.css",
    "project/ABC%2fx.css",
    "project/@evil",
    "project//1",
    "issuetype/1;x",
    "priority/1 or 1=1",
    "status/../1",
};

static const char *const attack_queries[] = {
    NULL,
    "pid=1",
    "avatarId=1",
    "ownerId=a&avatarId=1",
    "username=x",
    "pid=1/../2",
    "pid=1%2f..",
    "pid=1%26url=x",
    "avatarId=1%23x",
    "avatarId=1;x=y",
    "avatarId=1%00",
    "avatarId=1%0d%0aX:%20y",
    "avatarId=1%20HTTP/1.1",
    "ownerId=..%2f..%2frest%2fapi%2f2%2fmyself",
    "ownerId=a%26avatarId=1%23&avatarId=2",
    "ownerId=a%0d%0aHost:%20evil",
    "ownerId=%c0%ae",
    "username=%3fx%3dy&ownerId=%2523",
    "username=http://127.0.0.1:1/",
    "ownerId=a&ownerId=b",
    "ownerId=a&owner%49d=b",
    "ownerId=%u0041",
    "ownerId=%%32%65",
    "avatarType=../x&avatarId=1",
    "avatarType=project%2f..&avatarId=1",
    "size=../x&avatarId=1",
    "size=small%26x=y&avatarId=1",
    "format=png%0d%0a&avatarId=1",
    "url=http://127.0.0.1:1/&avatarId=1",
    "consumerUri=http://127.0.0.1:1/&avatarId=1",
    "src=//evil.example/&avatarId=1",
    "noRedirect=true%26x=y&avatarId=1",
    "os_authType=basic&avatarId=1",
    "jwt=x&avatarId=1",
    "avatarId=1&amp;size=small",
    "avatarId[]=1",
    "avatarId=1&avatarid=2",
    "avatarId=\xd9\xa1",
    "ownerId=\xff",
    "ownerId=a\tb",
    "avatarId=1#x",
    "?avatarId=1",
};

static const char *const endpoints[] = {
    "secure/projectavatar", "secure/viewavatar", "servicedesk/customershim/secure/viewavatar",
    "secure/useravatar",    "project/1",         "user/fred",
    VIEW "project",         "images/icons/x.png"};

/* Either refused, or an avatar's URL. */
static void attack(ja_site_kind_t kind, const char *path, const char *query)
{
    const char *reason = NULL;
    ja_target_t target;
    ja_ref_t ref;

    if (parse(kind, path, query, &ref, &reason) == JA_REF_OK &&
        ja_upstream_target(&sites[kind], sites[kind].route, &ref, NULL, &target) == JA_URL_OK) {
        ck_assert_msg(avatar_url_is_endpoint(target.url, sites[kind].base.url), "%s?%s became %s",
                      path, query, target.url);
    }
}

START_TEST(attacks)
{
    for (int kind = CLOUD; kind <= DC; kind++) {
        for (size_t i = 0; i < COUNT(attack_queries); i++) {
            for (size_t j = 0; j < COUNT(attack_paths); j++) {
                attack((ja_site_kind_t)kind, attack_paths[j], attack_queries[i]);
            }
            for (size_t j = 0; j < COUNT(endpoints); j++) {
                attack((ja_site_kind_t)kind, endpoints[j], attack_queries[i]);
            }
        }
    }
}
END_TEST

/* Of the paths above only those are anything at all that are plain data. */
START_TEST(attack_paths_refused)
{
    static const char *const data[] = {"user/..",
                                       "user/..;",
                                       "user/%2e%2e%2fx",
                                       "user/a?b=c&d#e",
                                       "user/a\\b",
                                       "user/@evil.example",
                                       "user/\xe2\x80\xaezyx",
                                       "user/http:",
                                       "user/;x=y",
                                       "images/icons/.../x.png",
                                       "images/icons/.svg"};

    for (int kind = CLOUD; kind <= DC; kind++) {
        for (size_t i = 0; i < COUNT(attack_paths); i++) {
            const char *reason = NULL;
            bool plain = false;
            ja_ref_t ref;

            for (size_t j = 0; j < COUNT(data); j++) {
                plain |= strcmp(data[j], attack_paths[i]) == 0;
            }
            bool ok =
                parse((ja_site_kind_t)kind, attack_paths[i], NULL, &ref, &reason) == JA_REF_OK;
            ck_assert_msg(ok == plain, "%s", attack_paths[i]);
        }
    }
}
END_TEST

/* ---- cloudIds and words ------------------------------------------------------------------- */

START_TEST(cloud_ids)
{
    static const struct {
        const char *text;
        bool ok;
    } rows[] = {
        {CLOUD_ID, true},
        {"ABCDEF01-2345-6789-abcd-ef0123456789", true},
        {"", false},
        {"11111111-2222-3333-4444-55555555555", false},
        {"11111111-2222-3333-4444-5555555555555", false},
        {"11111111-2222-3333-4444-55555555555g", false},
        {"111111112222-3333-4444-555555555555-", false},
        {CLOUD_ID "-", false},
        {"{1111111-2222-3333-4444-555555555555", false},
        {"11111111-2222-3333-4444-55555555555/", false},
        {"11111111-2222-3333-4444", false},
    };
    const char *reason;
    ja_ref_t ref;

    for (size_t i = 0; i < COUNT(rows); i++) {
        ck_assert_msg(ja_ref_is_cloud_id(ja_slice(rows[i].text)) == rows[i].ok, "row %zu", i);
    }
    ck_assert_int_eq(parse(JA_SITE_CLOUD,
                           "ex/jira/ABCDEF01-2345-6789-abcd-ef0123456789/images/icons/bug.gif",
                           NULL, &ref, &reason),
                     JA_REF_OK);
    ck_assert_str_eq(ref.cloud_id, "abcdef01-2345-6789-abcd-ef0123456789");
}
END_TEST

START_TEST(words)
{
    ck_assert_str_eq(ja_type_name(JA_TYPE_NONE), "");
    ck_assert_str_eq(ja_type_name(JA_TYPE_SD_REQTYPE), "SD_REQTYPE");
    ck_assert_str_eq(ja_type_name(JA_TYPE_STATUS), "status");
    ck_assert_str_eq(ja_size_name(JA_SIZE_NONE), "");
    ck_assert_str_eq(ja_size_name(JA_SIZE_XXXLARGE), "xxxlarge");
    ck_assert_str_eq(ja_format_name(JA_FORMAT_NONE), "");
    ck_assert_str_eq(ja_format_name(JA_FORMAT_SVG), "svg");
    ck_assert_str_eq(ja_ref_form_name(JA_REF_VIEW_AVATAR), "view-avatar");
    ck_assert_str_eq(ja_ref_form_name(JA_REF_LOOKUP), "look-up");
}
END_TEST

/* ---- the sample of real URLs -------------------------------------------------------------- */

/* The path of a URL, without its leading slash. */
static ja_slice_t path_of(ja_slice_t url)
{
    if (ja_text_take(&url, "https://") || ja_text_take(&url, "http://")) {
        ja_text_piece(&url, '/');
    } else {
        ja_text_take(&url, "/");
    }
    return url;
}

/* Jira answers these itself; the rest of the sample is on hosts that need no credential. */
static bool is_jira_served(const char *path)
{
    return strstr(path, "secure/projectavatar") || strstr(path, "secure/viewavatar") ||
           strstr(path, "secure/useravatar") || strstr(path, "universal_avatar/view/") ||
           strstr(path, "images/icons/");
}

/* As httpd hands it over: decoded, the query apart. */
static bool comes_through(ja_site_kind_t kind, ja_slice_t url)
{
    ja_slice_t encoded = ja_text_piece(&url, '?');
    char path[512], query[512];
    ja_buf_t text = ja_buf(query, sizeof(query));
    const char *reason = NULL;
    ja_target_t target;
    ja_ref_t ref;

    ja_buf_add_slice(&text, url);
    ck_assert(!text.overflow && ja_text_decode(encoded, false, path, sizeof(path)));
    return parse(kind, path, query, &ref, &reason) == JA_REF_OK && !ref.extra_params &&
           ja_upstream_target(&sites[kind], sites[kind].route, &ref, NULL, &target) == JA_URL_OK &&
           avatar_url_is_endpoint(target.url, sites[kind].base.url);
}

START_TEST(real_urls)
{
    const char *top = getenv("srcdir");
    char name[4096], line[4096];
    unsigned served = 0, others = 0;

    snprintf(name, sizeof(name), "%s/tests/data/avatar_urls.tsv", top ? top : ".");
    FILE *file = fopen(name, "r");
    ck_assert_msg(file != NULL, "%s", name);
    ck_assert(fgets(line, sizeof(line), file)); /* the header */
    while (fgets(line, sizeof(line), file)) {
        ja_slice_t row = ja_slice_trim(ja_slice(line));
        ja_slice_t url = path_of(ja_text_piece(&row, '\t'));
        ja_text_piece(&row, '\t'); /* the kind of avatar; the deployment remains */
        bool cloud = ja_slice_is(row, "Cloud");
        bool either = ja_slice_is(row, "unknown") && strncmp(url.data, "jira/", 5) != 0;
        bool jira = is_jira_served(line);

        served += jira;
        others += !jira;
        if (cloud || either) {
            ck_assert_msg(comes_through(JA_SITE_CLOUD, url) == jira, "%s", line);
        }
        if (!cloud) {
            ck_assert_msg(comes_through(JA_SITE_DATACENTER, url) == jira, "%s", line);
        }
    }
    fclose(file);
    ck_assert_uint_gt(served, 250);
    ck_assert_uint_gt(others, 40);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ref");
    TCase *tests = tcase_create("ref");
    SRunner *runner = srunner_create(suite);

    tcase_add_test(tests, understood);
    tcase_add_test(tests, refused);
    tcase_add_test(tests, ignored);
    tcase_add_test(tests, keys);
    tcase_add_test(tests, longest_key);
    tcase_add_test(tests, attacks);
    tcase_add_test(tests, attack_paths_refused);
    tcase_add_test(tests, cloud_ids);
    tcase_add_test(tests, words);
    tcase_add_test(tests, real_urls);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses are forgotten together: by owner, by picture, by neither. */
#include "ja_tag.h"

#include <stdlib.h>

#include <check.h>

enum { REALM = 7 };

typedef struct pair_row_t {
    ja_site_kind_t kind;
    const char *path, *query;
    const char *other_path, *other_query;
    bool same_owner, same_picture;
} pair_row_t;

#define VIEW  "rest/api/3/universal_avatar/view/type/"
#define CLOUD JA_SITE_CLOUD
#define DC    JA_SITE_DATACENTER

static const pair_row_t pairs[] = {
    {CLOUD, "project/10000", NULL, "project/10000", "size=small", true, true},
    {CLOUD, "project/10000", NULL, VIEW "project/owner/10000", "format=png", true, true},
    {CLOUD, "project/10000", NULL, "secure/projectavatar", "pid=10000", true, true},
    {CLOUD, "project/10000", NULL, "project/10001", NULL, false, true},
    {CLOUD, "project/10000", NULL, "issuetype/10000", NULL, false, true},
    {CLOUD, "project/10000", NULL, VIEW "project/avatar/10000", NULL, false, false},
    {CLOUD, VIEW "project/avatar/1", NULL, VIEW "project/avatar/1", "size=48", true, true},
    {CLOUD, VIEW "project/avatar/1", NULL, VIEW "issuetype/avatar/1", NULL, true, false},
    {CLOUD, VIEW "project", NULL, VIEW "issuetype", NULL, false, true},
    {CLOUD, VIEW "project", "size=small", VIEW "project", NULL, true, true},
    {CLOUD, "images/icons/bug.png", NULL, "images/icons/bug.gif", NULL, false, true},
    {DC, "project/10000", NULL, "secure/projectavatar", "pid=10000&avatarId=9", true, false},
    {DC, "secure/projectavatar", "pid=1&avatarId=9", "secure/projectavatar", "avatarId=9", false,
     true},
    {DC, "user/fred", NULL, "secure/useravatar", "ownerId=fred&size=small", true, true},
    {DC, "user/fred", NULL, "secure/useravatar", "username=fred", true, true},
};

static ja_tags_t tags_of(uint64_t realm, ja_site_kind_t kind, const char *path, const char *query)
{
    const char *reason = NULL;
    ja_ref_t ref;

    ck_assert_msg(ja_ref_parse(kind, "", path, query, &ref, &reason) == JA_REF_OK, "%s: %s", path,
                  reason);
    return ja_tags(realm, &ref);
}

START_TEST(what_is_forgotten_together)
{
    const pair_row_t *row = &pairs[_i];
    ja_tags_t a = tags_of(REALM, row->kind, row->path, row->query);
    ja_tags_t b = tags_of(REALM, row->kind, row->other_path, row->other_query);

    ck_assert_msg((a.owner == b.owner) == row->same_owner, "owner in row %d", _i);
    ck_assert_msg((a.picture == b.picture) == row->same_picture, "picture in row %d", _i);
    ck_assert_msg(a.owner != 0 || a.picture != 0, "no tag in row %d", _i);
}
END_TEST

START_TEST(realms_are_apart)
{
    ja_tags_t a = tags_of(1, CLOUD, "project/10000", NULL);
    ja_tags_t b = tags_of(2, CLOUD, "project/10000", NULL);

    ck_assert_uint_ne(a.owner, b.owner);
    ck_assert_uint_eq(a.owner, ja_tag_owner(1, JA_TYPE_PROJECT, "10000"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tag");
    TCase *tests = tcase_create("tag");
    SRunner *runner = srunner_create(suite);

    tcase_add_loop_test(tests, what_is_forgotten_together, 0, sizeof(pairs) / sizeof(pairs[0]));
    tcase_add_test(tests, realms_are_apart);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

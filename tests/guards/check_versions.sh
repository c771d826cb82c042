#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The packages are of the version that configure.ac says.
cd "${srcdir:=.}" || exit 1

version=$(sed -n 's/^AC_INIT(\[mod_jira_avatar\], \[\(.*\)\])$/\1/p' configure.ac)
spec=packaging/rpm/mod_jira_avatar.spec

bad=0
head -n 1 debian/changelog | grep -qF "($version)" || {
    echo "debian/changelog: its newest entry is not $version"
    bad=1
}
[ "$(sed -n 's/^Version: *//p' $spec)" = "$version" ] || {
    echo "$spec: Version is not $version"
    bad=1
}
grep -q "^## $version\>" CHANGES.md || {
    echo "CHANGES.md: says nothing of $version"
    bad=1
}
exit $bad

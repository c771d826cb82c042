#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each header compiles by itself.
cd "${srcdir:=.}/mod_jira_avatar" || exit 1

bad=0
for header in *.h; do
    # shellcheck disable=SC2086
    echo "#include \"$header\"" |
        ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -fsyntax-only $CPPFLAGS -I. -x c - || bad=1
done
exit $bad

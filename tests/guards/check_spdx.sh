#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every file says its licence in its first lines.
cd "${srcdir:=.}" || exit 1

files=$(find bootstrap .ci configure.ac Makefile.am conf.d debian packaging mod_jira_avatar tests \
    -type f ! -path '*/corpus/*' ! -path 'tests/data/*' ! -path '*/__pycache__/*' \
    ! -path '*/.*cache/*' ! -path 'debian/*/*/*' ! -name '*.debhelper' \
    \( -name '*.[ch]' -o -name '*.def' -o -name '*.py' -o -name '*.mjs' -o -name '*.sh' -o -name '*.conf' \
    -o -name '*.load' -o -name '*.ac' -o -name '*.am' -o -name bootstrap -o -name run \
    -o -name '*.spec' -o -name '*.rpmlintrc' -o -name '*.post*' -o -name rules -o -name avatar \))

bad=0
for file in $files; do
    head -n 2 "$file" | grep -q 'SPDX-License-Identifier: Apache-2\.0' || {
        echo "$file: no SPDX-License-Identifier in its first two lines"
        bad=1
    }
done
exit $bad

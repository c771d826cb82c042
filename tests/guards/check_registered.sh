#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A file that Makefile.am does not name is neither run nor distributed.
cd "${srcdir:=.}" || exit 1

files=$(find mod_jira_avatar tests conf.d docs packaging -type f \
    ! -path 'tests/fuzz/corpus/*' ! -path 'tests/data/*' ! -path '*/__pycache__/*' \
    ! -name '*.[ao]' ! -name '*.l[ao]' ! -name '*.log' ! -name '*.trs' \
    ! -name '.*' ! -path '*/.*' | sort)

bad=0
for file in $files; do
    name=$file
    case $file in
    tests/unit/test_*.c | tests/fuzz/fuzz_*.c) name=${file%.c} ;;
    esac
    grep -qE "(^|[[:space:]])$name([[:space:]]|\$)" Makefile.am || {
        echo "$file: Makefile.am does not name it"
        bad=1
    }
done
exit $bad

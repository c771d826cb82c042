#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every message of the code has a number of its own and a section in docs/log-messages.md with
# level, message, cause and remedy, and the page has no others. Every way that a request can end is
# in docs/troubleshooting.md.
cd "${srcdir:=.}" || exit 1
page=docs/log-messages.md
symptoms=docs/troubleshooting.md

bad=0
complain() {
    echo "$*"
    bad=1
}

used=$(grep -rhoE '"JAV[0-9]{4}' mod_jira_avatar | tr -d '"' | sort)
[ -n "$used" ] || complain "mod_jira_avatar: no messages found"
for id in $(echo "$used" | uniq -d); do
    complain "$id: two messages have this number"
done

used=$(echo "$used" | uniq)
told=$(sed -n 's/^## \(JAV[0-9]*\)$/\1/p' $page)
[ "$told" = "$(echo "$told" | sort -u)" ] || complain "$page: not in order, or a number twice"
for id in $told; do
    echo "$used" | grep -qx "$id" || complain "$page: there is no message $id"
done
for id in $used; do
    echo "$told" | grep -qx "$id" || complain "$page: no section of $id"
    for row in Level Message Cause Remedy; do
        sed -n "/^## $id\$/,/^## JAV/p" $page | sed '1b; /^## /,$d' | grep -q "^| $row | ." ||
            complain "$page: $id has no row $row"
    done
done

# name, status and error of Proxy-Status, "-" where there is none
outcomes=$(sed -n 's/^    X([A-Z_]*, "\([a-z-]*\)", \([1-9][0-9]*\), JA_KEEP_[A-Z]*, "*\([A-Za-z_]*\)"*,.*/\1 \2 \3/p' \
    mod_jira_avatar/ja_policy.h | sed 's/ NULL$/ -/; /^image /d')
[ "$(echo "$outcomes" | wc -l)" -eq $(($(grep -c '^    X([A-Z_]*, ".*JA_KEEP_' mod_jira_avatar/ja_policy.h) - 1)) ] ||
    complain "ja_policy.h: a row does not begin as this guard reads it"
# shellcheck disable=SC2016
rows=$(sed -n 's/^| `\([a-z-]*\)` | \([0-9]*\) | `*\([a-z_-]*\)`* | ..* |$/\1 \2 \3/p' $symptoms)
for row in $(echo "$outcomes" | tr ' ' ,); do
    echo "$rows" | tr ' ' , | grep -qx "$row" || complain "$symptoms: no row of $row"
done
for row in $(echo "$rows" | tr ' ' ,); do
    echo "$outcomes" | tr ' ' , | grep -qx "$row" || complain "$symptoms: nothing ends as $row"
done
exit $bad

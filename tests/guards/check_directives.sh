#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every row of ja_settings.def is in docs/directives.md and in conf.d/jira_avatar.conf, with the
# same default and context, an example and what else to see, and in the manual page; and neither
# they nor the examples name a directive that has no row.
cd "${srcdir:=.}" || exit 1
rows=mod_jira_avatar/ja_settings.def
docs=docs/directives.md
conf=conf.d/jira_avatar.conf
manual=docs/mod_jira_avatar.7

bad=0
complain() {
    echo "$*"
    bad=1
}

# Names of the rows of a kind: JA_[A-Z]* are all.
names_of() {
    sed -n "s/^$1([a-z_]*, [a-z0-9_]*, \"\\(JiraAvatar[A-Za-z]*\\)\",.*/\\1/p" $rows
}

# One section of the documentation.
section() {
    sed -n "/^## $1\$/,/^## /p" $docs
}

default_of() {
    sed -n "s/^JA_[A-Z]*([a-z_]*, [a-z0-9_]*, \"$1\", \"\\([^\"]*\\)\",.*/\\1/p" $rows
}

names=$(names_of 'JA_[A-Z]*')
[ "$(echo "$names" | wc -l)" -eq "$(grep -c '^JA_[A-Z]*(' $rows)" ] ||
    complain "$rows: a row does not begin as this guard reads it"

for name in $names; do
    section "$name" | grep -q "^| Syntax | \`$name " || complain "$docs: no section or no syntax of $name"
    section "$name" | grep -q "^| Description | " || complain "$docs: no description of $name"
    section "$name" | grep -qx '```apache' || complain "$docs: no example of $name"
    section "$name" | grep -q '^\*\*See also\*\* \[' || complain "$docs: nothing to see beside $name"
    context='server config, virtual host, directory'
    names_of JA_GLOBAL | grep -qx "$name" && context='server config'
    section "$name" | grep -qx "| Context | $context |" || complain "$docs: context of $name is not \"$context\""
    grep -qx "\.It Ic $name" $manual || complain "$manual: does not list $name"
    grep -q "^ *#$name " $conf || complain "$conf: does not show $name"
    default=$(default_of "$name")
    [ -n "$default" ] || continue
    section "$name" | grep -qxF "| Default | \`$name $default\` |" ||
        complain "$docs: default of $name is not \"$default\""
    sed 's/^ *//' $conf | grep -qxF "#$name $default" || complain "$conf: does not show $name with its default $default"
done

for file in $docs $manual $conf conf.d/examples/*.conf; do
    mentioned=$(grep -o 'JiraAvatar[A-Za-z]*' "$file" | sort -u)
    for name in $mentioned; do
        echo "$names" | grep -qx "$name" || complain "$file: there is no directive $name"
    done
done
exit $bad

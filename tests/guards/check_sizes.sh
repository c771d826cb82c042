#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What fits a reader's head: functions of at most 60 lines and 6 parameters, files of at most 600.
# An iterator of ap_socache has the parameters that httpd gives it.
cd "${srcdir:=.}/mod_jira_avatar" || exit 1

awk '
function complain(what) { print FILENAME ":" FNR ": " what; bad = 1 }

# Parameters of a definition: commas within the outermost parentheses, and one.
function parameters(text,    i, c, depth, count) {
    count = 1
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(") depth++
        if (c == ")") depth--
        if (c == "," && depth == 1) count++
    }
    return count
}

FNR == 1 { start = 0; head = "" }
FNR == 601 { complain("the file has more than 600 lines") }
/^\{/ {
    start = FNR
    if (parameters(head) > 6 && head !~ /ap_socache_instance_t/) complain("more than 6 parameters: " head)
}
/^\}/ && start {
    if (FNR - start - 1 > 60) complain("a function of " FNR - start - 1 " lines ends here")
    start = 0
}
/^$|;$|^[#}]|\*\/$/ { head = "" ; next }
{ head = head $0 }
END { exit bad }
' ./*.[ch]

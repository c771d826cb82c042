#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Functions that have no bound, no error, or shared state are not called.
cd "${srcdir:=.}/mod_jira_avatar" || exit 1

names='atoi|atol|atoll|sscanf|strtol|strtoul|strtoll|strtoull|strcpy|strcat|strncpy|strncat'
names="$names|stpcpy|sprintf|vsprintf|gets|strtok|strtok_r|gmtime|localtime|asctime|ctime|rand"
names="$names|srand|random|sleep|usleep|system|popen|alloca|tmpnam|mktemp"

# A pool without a parent has an allocator that other threads use, too.
if grep -nE "(^|[^A-Za-z0-9_])($names)[[:space:]]*\(" ./*.[ch] ./*.def ||
    grep -nE 'apr_pool_create\(&[A-Za-z_>.-]+, NULL\)' ./*.c; then
    exit 1
fi

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one test program: a fuzz target replays its corpus, $RUNNER (valgrind) goes in front.
: "${srcdir:=.}"
program=$1
case ${program##*/} in
fuzz_*)
    corpus=$srcdir/tests/fuzz/corpus/${program##*/fuzz_}
    # shellcheck disable=SC2086
    exec $RUNNER "$program" "$corpus"
    ;;
esac
# shellcheck disable=SC2086
exec $RUNNER "$program"

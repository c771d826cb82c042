#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one file of tests that need a real httpd and the module that was just built.
# $MPM chooses one MPM instead of all; $PYTEST_ARGS goes to pytest. Without the tools, or with
# nothing selected, the file counts as skipped.
: "${PYTHON:=python3}"
watch=

for need in pytest pytest_timeout starlette hypercorn trustme jwt; do
    "$PYTHON" -c "import $need" 2>/dev/null || {
        echo "skipped: no $need for $PYTHON"
        exit 77
    }
done

# A sanitizer must be the first library of the process that loads the module.
case ,$SANITIZERS, in
*,address,*) HTTPD_PRELOAD=$($CC -print-file-name=libasan.so) ;;
*,thread,*) HTTPD_PRELOAD=$($CC -print-file-name=libtsan.so) ;;
esac
if [ -n "$HTTPD_PRELOAD" ]; then
    # httpd leaves the freeing of its pools to the end of the process.
    export HTTPD_PRELOAD \
        ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:$ASAN_OPTIONS" \
        UBSAN_OPTIONS="print_stacktrace=1:$UBSAN_OPTIONS"
fi
[ -z "$HTTPD" ] || export APACHE="$HTTPD"

# $RUNNER (valgrind) goes in front of httpd, and whatever it says of a process fails the file.
if [ -n "$RUNNER" ]; then
    watch=$(mktemp -d) && chmod 1777 "$watch" || exit 99
    printf '#!/bin/sh\nexec %s --leak-check=no --log-file=%s/%%p.log %s "$@"\n' \
        "$RUNNER" "$watch" "$APACHE" >"$watch/httpd"
    chmod 755 "$watch/httpd"
    APACHE=$watch/httpd
fi

case $1 in
*/integration/* | */oauth/*) PYTEST_ARGS="${MPM:+--mpm=$MPM} $PYTEST_ARGS" ;;
esac

# The tests drive real processes against the clock of a machine that may be busy: what fails is
# tried once more, visibly. What fails twice has failed.
cache=$(mktemp -d) || exit 99
trap 'rm -rf "$cache" "$watch"' EXIT

tests() {
    # shellcheck disable=SC2086
    "$PYTHON" -B -m pytest -o cache_dir="$cache" -q --timeout 120 $PYTEST_ARGS "$@"
}

file=$(realpath "$1")
tests "$file"
status=$?
if [ $status -eq 1 ]; then
    echo "---- what failed, once more ----"
    tests --last-failed "$file"
    status=$?
fi
[ $status -ne 5 ] || exit 77
if [ -n "$RUNNER" ] && cat "$watch"/*.log | grep .; then
    exit 1
fi
exit $status

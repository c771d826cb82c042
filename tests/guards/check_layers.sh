#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The order of the house: a file includes only files above it in this table and, of the libraries,
# only those named beside it. The first include of x.c is x.h, which proves that x.h stands alone.
# In the built core no symbol of httpd is wanted, and curl's by two objects only.
cd "${srcdir:=.}/mod_jira_avatar" || exit 1

# file                    libraries besides libc
table='
ja_text
ja_amount
ja_expiry                 openssl jansson
ja_query
ja_url
ja_address
ja_hosts                  apr
ja_ref
ja_tag
ja_svg
ja_image
ja_answer
ja_policy
ja_counters
ja_metrics
ja_out
ja_report
ja_style
ja_page
ja_limit                  apr
ja_upstream               apr
ja_lookup                 apr jansson
ja_sign                   openssl
ja_secret                 apr openssl
ja_grant                  apr openssl jansson
ja_causes
ja_diagnosis              apr
ja_state                  openssl
ja_kind                   openssl
ja_cred                   apr openssl
ja_realm
ja_entry                  openssl
ja_memory
ja_fetch
ja_handle                 apr openssl curl
ja_curl                   apr curl
ja_settings
mod_jira_avatar_private    apr httpd
mod_jira_avatar_config.h   apr httpd
mod_jira_avatar_files      apr openssl httpd
mod_jira_avatar_directives apr openssl httpd
mod_jira_avatar_realm      apr openssl httpd
mod_jira_avatar_config.c   apr httpd
mod_jira_avatar_sections   apr httpd
mod_jira_avatar_access     apr httpd
mod_jira_avatar_shared     apr openssl httpd
mod_jira_avatar_store      apr openssl httpd
mod_jira_avatar_journal    apr openssl httpd
mod_jira_avatar_gate       apr openssl httpd
mod_jira_avatar_keep       apr openssl httpd
mod_jira_avatar_say        apr httpd
mod_jira_avatar_route      apr openssl httpd
mod_jira_avatar_outside    apr openssl httpd
mod_jira_avatar_lookup     apr openssl httpd
mod_jira_avatar_rotation   apr openssl httpd
mod_jira_avatar_expiry     apr openssl httpd
mod_jira_avatar_token      apr openssl httpd
mod_jira_avatar_desk       apr openssl jansson httpd
mod_jira_avatar_location   apr httpd
mod_jira_avatar_bucket     apr httpd
mod_jira_avatar_response   apr httpd
mod_jira_avatar_handler    apr openssl httpd
mod_jira_avatar_view       apr openssl httpd
mod_jira_avatar_purge      apr openssl httpd
mod_jira_avatar_status     apr httpd
mod_jira_avatar_dump       apr openssl httpd
mod_jira_avatar_check      apr openssl jansson httpd
mod_jira_avatar            apr httpd'

library_of() {
    case $1 in
    apr*) echo apr ;;
    curl/*) echo curl ;;
    openssl/*) echo openssl ;;
    jansson.h) echo jansson ;;
    httpd.h | http_*.h | ap_*.h | util_*.h | mod_*.h | scoreboard.h | mpm_*.h) echo httpd ;;
    *) echo libc ;;
    esac
}

includes() {
    sed -n "s/^ *# *include *$1.*/\\1/p" "$2"
}

bad=0
complain() {
    echo "$*"
    bad=1
}

# check FILE UNIT ABOVE LIBRARIES
check() {
    for header in $(includes '"\(.*\)"' "$1"); do
        case " $3 $2 " in
        *" ${header%.*} "*) ;;
        *) complain "$1: includes $header, which does not stand above it" ;;
        esac
    done
    for header in $(includes '<\(.*\)>' "$1"); do
        case " libc $4 " in
        *" $(library_of "$header") "*) ;;
        *) complain "$1: includes <$header>, which is not its business" ;;
        esac
    done
    if [ "$1" = "$2.c" ] && [ -f "$2.h" ]; then
        first=$(sed -n 's/^# *include *//p' "$1" | head -n 1)
        [ "$first" = "\"$2.h\"" ] || complain "$1: its first include is not \"$2.h\""
    fi
}

above=
while read -r unit libraries; do
    [ -n "$unit" ] || continue
    for file in "$unit" "$unit".[ch] "$unit".def; do
        [ ! -f "$file" ] || check "$file" "${unit%.*}" "$above" "$libraries"
    done
    above="$above ${unit%.*}"
done <<END
$table
END

for file in *.[ch] *.def; do
    case " $above " in
    *" ${file%.*} "*) ;;
    *) complain "$file: has no row in the table of this guard" ;;
    esac
done

[ -f "${LIBJA:?the core library that was built}" ] || complain "no $LIBJA"
wanted=$(nm -A -u "$LIBJA" 2>/dev/null)
for line in $(echo "$wanted" | sed -n 's/.*:\([^:]*\.o\): *U \(ap_.*\)/\1:\2/p'); do
    complain "the core wants a symbol of httpd: $line"
done
for line in $(echo "$wanted" | grep -v 'ja_\(curl\|handle\)\.o:' | sed -n 's/.*:\([^:]*\.o\): *U \(curl_.*\)/\1:\2/p'); do
    complain "curl is called outside of ja_handle and ja_curl: $line"
done
exit $bad

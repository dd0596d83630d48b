#!/usr/bin/env bash
# Runs the program with the action's inputs, which come as variables and never as text of a script.
#
# The verdict is `error` from the beginning, and only the program makes it anything else: a step that
# dies half-way has not allowed anything, and it fails.

set -euo pipefail

printf 'verdict=error\n' >>"$GITHUB_OUTPUT"

arguments=(action)
option() {
    [ -z "$2" ] || arguments+=("$1=$2")
}
option --policy "${CHANGEGATE_POLICY:-}"
option --missing-policy "${CHANGEGATE_MISSING_POLICY:-}"
option --format "${CHANGEGATE_FORMAT:-}"
option --fail-on "${CHANGEGATE_FAIL_ON:-}"
option --check-run "${CHANGEGATE_CHECK_RUN:-}"
option --pull-request "${CHANGEGATE_PULL_REQUEST:-}"
option --pusher "${CHANGEGATE_PUSHER:-}"
option --deadline "${CHANGEGATE_DEADLINE:-}"
option --sarif-file "${CHANGEGATE_SARIF_FILE:-}"
option --record "${CHANGEGATE_RECORD:-}"
option --due "${CHANGEGATE_DUE:-}"
while IFS= read -r place; do
    option --notify "$place"
done <<<"${CHANGEGATE_NOTIFY:-}"
toggle() {
    case $3 in
    true) arguments+=("$2") ;;
    false | '') ;;
    *)
        printf '::error title=changegate::the input `%s` is `true` or `false`\n' "$1"
        exit 2
        ;;
    esac
}
toggle evaluate --evaluate "${CHANGEGATE_EVALUATE:-false}"
toggle comment --comment "${CHANGEGATE_COMMENT:-false}"
case ${CHANGEGATE_LEDGER:-false} in
true) arguments+=(--ledger) ;;
begin) arguments+=(--ledger=begin) ;;
false) ;;
*)
    printf '::error title=changegate::the input `ledger` is `true`, `begin` or `false`\n'
    exit 2
    ;;
esac

exec "${CHANGEGATE_PROGRAM:?the program was not installed}" "${arguments[@]}"

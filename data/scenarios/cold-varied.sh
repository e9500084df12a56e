#!/bin/sh
# The conversations of varied.sh (same seed, same arrivals, same texts) on an engine with prefix caching OFF.
set -eu
. "$(dirname "$0")/loadgen.sh"
conversations=$(mktemp)
trap 'rm -f "$conversations"' EXIT
node "$(dirname "$0")/varied-conversations.mjs" "$SEED" >"$conversations"
loadgen --pattern conversations --endpoint chat --conversations "$conversations" --rate 0.6 --sessions 56 "$@"

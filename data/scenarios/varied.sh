#!/bin/sh
# Conversations that differ (varied-conversations.mjs) on an engine with prefix caching ON: 56 sessions of 1 to 16 turns
# under four system prompts, arriving as a Poisson process at 0.6 a second, with think times of a median of 1.5 s.
set -eu
. "$(dirname "$0")/loadgen.sh"
conversations=$(mktemp)
trap 'rm -f "$conversations"' EXIT
node "$(dirname "$0")/varied-conversations.mjs" "$SEED" >"$conversations"
loadgen --pattern conversations --endpoint chat --conversations "$conversations" --rate 0.6 --sessions 56 "$@"

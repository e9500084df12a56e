#!/bin/sh
# The schedule of llama-warm.sh (same seed, same sessions, same prompts) on an engine with prompt caching OFF.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.25 --duration 400 --sessions 40 --turns 5 --think-time 1 --prefix-count 2 \
  --prefix-tokens 1200 --prompt-tokens 128 --output-tokens 24 --block-size 8 "$@"

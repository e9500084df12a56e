#!/bin/sh
# The schedule of warm.sh (same seed, same sessions, same prompts) on an engine with prefix caching OFF. It asks for more
# prefill than ../engine can do: turns take seconds, the run about 140 s.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.8 --duration 200 --sessions 64 --turns 5 --prefix-count 2 --prefix-tokens 1200 \
  --prompt-tokens 128 --output-tokens 24 "$@"

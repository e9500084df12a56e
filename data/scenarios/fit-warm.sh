#!/bin/sh
# The sessions of warm.sh at half the rate, 28 of them, on an engine with prefix caching ON: decodes between prefills at
# low load. A fitting set, never a judge.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.4 --duration 200 --sessions 28 --turns 5 --prefix-count 2 --prefix-tokens 1200 \
  --prompt-tokens 128 --output-tokens 24 "$@"

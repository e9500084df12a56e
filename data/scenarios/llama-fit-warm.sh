#!/bin/sh
# The sessions of llama-warm.sh, 20 of them at 0.15 a second: decodes between prefills at low load. A fitting set, never a
# judge.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.15 --duration 400 --sessions 20 --turns 5 --think-time 1 --prefix-count 2 \
  --prefix-tokens 1200 --prompt-tokens 128 --output-tokens 24 --block-size 8 "$@"

#!/bin/sh
# The schedule of warm.sh (same seed, same sessions, same prompts) on an engine with prefix caching OFF. It offers about
# 1.7 times the prefill that ../engine computes: turns take seconds, and the run about 140 s.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.8 --duration 80 --turns 5 --prefix-count 2 --prefix-tokens 1200 \
  --prompt-tokens 128 --output-tokens 24 --think-time 0 --timeout 600 "$@"

#!/bin/sh
# Agentic sessions on an engine with prefix caching ON: two shared prefixes of 1,200 tokens, sessions arriving as a
# Poisson process at 0.8 a second for 80 s, 5 closed-loop turns, 128 new tokens and 24 output tokens a turn.
# About 64 sessions and 320 requests in 80 s. The engine that the rates fit: ../engine/README.md.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.8 --duration 80 --turns 5 --prefix-count 2 --prefix-tokens 1200 \
  --prompt-tokens 128 --output-tokens 24 --think-time 0 --timeout 600 "$@"

#!/bin/sh
# Agentic sessions on an engine with prefix caching ON: two shared prefixes of 1,200 tokens, 64 sessions arriving as a
# Poisson process at 0.8 a second, 5 closed-loop turns without think time, 128 new tokens and 24 output tokens a turn.
# 320 requests in about 80 s; the engine of ../engine is 55 to 60 % busy.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.8 --duration 200 --sessions 64 --turns 5 --prefix-count 2 --prefix-tokens 1200 \
  --prompt-tokens 128 --output-tokens 24 "$@"

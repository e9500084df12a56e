#!/bin/sh
# Agentic sessions on an engine of four slots with prompt caching ON: two shared prefixes of 1,200 tokens, 40 sessions
# arriving as a Poisson process at 0.25 a second, 5 closed-loop turns with a second of think time, 128 new tokens and 24
# output tokens a turn. 200 requests in about 130 s. More sessions than slots: some turns find their slot taken.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.25 --duration 400 --sessions 40 --turns 5 --think-time 1 --prefix-count 2 \
  --prefix-tokens 1200 --prompt-tokens 128 --output-tokens 24 --block-size 8 "$@"

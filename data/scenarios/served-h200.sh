#!/bin/sh
# The published scenario at its own numbers, for the simulated engine rather than a real one: start it first with
#   npx prefixlab serve --listen 127.0.0.1:8100 --profile h200-qwen3-8b --kv-cache-size 65536 --max-num-batched-tokens 8192
# Two shared prefixes of 9,750 tokens, 99 sessions arriving as a Poisson process at 1 a second, 5 closed-loop turns
# without think time, 192 new tokens and 128 output tokens a turn. 495 requests in about 105 s.
set -eu
URL=${URL:-http://127.0.0.1:8100}
MODEL=${MODEL:-prefixlab}
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 1 --duration 120 --sessions 99 --turns 5 --prefix-count 2 --prefix-tokens 9750 \
  --prompt-tokens 192 --output-tokens 128 --meta max_num_seqs=1024 --meta max_num_batched_tokens=8192 \
  --meta async_scheduling=true "$@"

#!/bin/sh
# Agentic sessions on a pool that they need several times over, through the tap, which records what the engine says of its
# cache beside the requests. Start vLLM with a small pool and KV events first (data/README.md has the flags), then
#   ENGINE=http://127.0.0.1:8000 KV_EVENTS=ipc:///tmp/kv.sock sh data/scenarios/small-pool.sh
# 24 sessions over two shared prefixes of 640 tokens, 5 turns with a second between them, 160 new tokens and 40 output
# tokens a turn. The tap's trace is $OUT, the client's own stands beside it.
set -eu
ENGINE=${ENGINE:-http://127.0.0.1:8000}
KV_EVENTS=${KV_EVENTS:-ipc:///tmp/kv.sock}
URL=http://127.0.0.1:8103
. "$(dirname "$0")/loadgen.sh"
node "$root/dist/cli/main.js" tap --listen 127.0.0.1:8103 --upstream "$ENGINE" --trace-out "$OUT" \
  --kv-events "$KV_EVENTS" --max-num-batched-tokens 512 --max-num-seqs 64 &
tap=$!
sleep 2
OUT=client-$(basename "$OUT")
loadgen --pattern multiturn --rate 0.8 --duration 200 --sessions 24 --turns 5 --prefix-count 2 --prefix-tokens 640 \
  --prompt-tokens 160 --output-tokens 40 --think-time 1 --warmup 0 "$@"
kill -INT "$tap" 2>/dev/null || true
wait "$tap"

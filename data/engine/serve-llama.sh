#!/bin/sh
# Starts the second engine that captures are made on: llama.cpp's llama-server on one CPU core with a small random-weight
# model (make-gguf.mjs), loopback only.
#
#   MODEL_FILE=... LLAMA_SERVER=... sh data/engine/serve-llama.sh on|off [more llama-server flags]
#
# "on" and "off" are prompt caching, the only difference between the two. Four slots of 4,096 tokens each, batches of 256
# tokens; --cache-ram 0 leaves the slots themselves as the only memory of earlier prompts. Stays in the foreground;
# ready when http://127.0.0.1:$PORT/health answers 200.
set -eu

cache=${1:-}
case $cache in
  on) cache_flag=--cache-prompt ;;
  off) cache_flag=--no-cache-prompt ;;
  *) echo "usage: MODEL_FILE=... serve-llama.sh on|off [llama-server flags]" >&2; exit 2 ;;
esac
shift

: "${MODEL_FILE:?the file that make-gguf.mjs wrote}"
exec taskset -c "${ENGINE_CORE:-0}" "${LLAMA_SERVER:-llama-server}" \
  --model "$MODEL_FILE" --alias small --offline --no-ui \
  --host 127.0.0.1 --port "${PORT:-8000}" \
  --parallel 4 --ctx-size 16384 --no-kv-unified \
  --batch-size 256 --ubatch-size 256 --threads 1 --threads-batch 1 \
  --cache-ram 0 "$cache_flag" "$@"

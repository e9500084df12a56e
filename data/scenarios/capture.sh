#!/bin/sh
# One capture on the engine of ../engine: starts it, runs one scenario, stops it. An engine remembers the blocks of the
# load before, so every capture has an engine start of its own.
#
#   MODEL_DIR=... VLLM_VENV=... SEED=1 OUT=warm-1.jsonl.gz sh data/scenarios/capture.sh warm
#   MODEL_FILE=... LLAMA_SERVER=... SEED=1 OUT=llama-warm-1.jsonl.gz sh data/scenarios/capture.sh llama-warm
#
# Prefix caching is off for cold, cold-low-rate and llama-cold, on for the others (CACHE=on|off decides otherwise);
# ENGINE_FLAGS are more flags for the engine. The client runs on the core of the engine's HTTP server, off the core that
# computes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
scenario=${1:?usage: capture.sh SCENARIO [loadgen flags]}
shift
[ -e "$here/$scenario.sh" ] || { echo "capture.sh: no scenario $scenario in $here" >&2; exit 2; }
case $scenario in
  cold* | llama-cold) CACHE=${CACHE:-off} ;;
  *) CACHE=${CACHE:-on} ;;
esac
case $scenario in
  llama*) engine_script=serve-llama.sh ;;
  *) engine_script=serve-vllm.sh ;;
esac
PORT=${PORT:-8000}
export PORT URL="http://127.0.0.1:$PORT"

if curl -sf "$URL/health" >/dev/null; then
  echo "capture.sh: something already answers at $URL" >&2
  exit 2
fi
log=$(mktemp)
# shellcheck disable=SC2086  # several flags
sh "$here/../engine/$engine_script" "$CACHE" ${ENGINE_FLAGS:-} >"$log" 2>&1 &
engine=$!
trap 'kill "$engine" 2>/dev/null; wait "$engine" 2>/dev/null || true; rm -f "$log"' EXIT
trap 'exit 130' INT TERM

tries=300
until curl -sf "$URL/health" >/dev/null; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ] || ! kill -0 "$engine" 2>/dev/null; then
    tail -20 "$log" >&2
    echo "capture.sh: the engine did not start" >&2
    exit 1
  fi
  sleep 1
done

# The settings of the engine's script that the engine does not tell by itself.
case $scenario in
  llama*) set -- --meta max_num_batched_tokens=256 --meta enable_prefix_caching="$([ "$CACHE" = on ] && echo true || echo false)" "$@" ;;
  *) set -- --meta max_num_seqs=64 --meta max_num_batched_tokens=512 "$@" ;;
esac
taskset -c "${SERVER_CORE:-1}" sh "$here/$scenario.sh" --warmup 3 "$@"

#!/bin/sh
# Starts the engine that the captures are made on: vLLM on one CPU core, a small random-weight model, loopback only.
#
#   MODEL_DIR=... VLLM_VENV=... sh data/engine/serve-vllm.sh on|off [more vllm serve flags]
#
# "on" and "off" are prefix caching, the only difference between the two engines. Stays in the foreground;
# Ctrl-C or a SIGTERM to this pid stops the whole engine. Ready when http://127.0.0.1:$PORT/health answers 200.
set -eu

cache=${1:-}
case $cache in
  on) cache_flag=--enable-prefix-caching ;;
  off) cache_flag=--no-enable-prefix-caching ;;
  *) echo "usage: MODEL_DIR=... serve-vllm.sh on|off [vllm serve flags]" >&2; exit 2 ;;
esac
shift

: "${MODEL_DIR:?the folder that make-model.mjs wrote}"
: "${VLLM_VENV:?the virtual environment that holds vllm}"
PORT=${PORT:-8000}
ENGINE_CORE=${ENGINE_CORE:-0} # scheduler and model: one thread, one core of its own
SERVER_CORE=${SERVER_CORE:-1} # HTTP server; run the client here too

# One process schedules and computes (no worker process that the scheduler spins waiting for), with one thread.
export VLLM_ENABLE_V1_MULTIPROCESSING=0
export OMP_NUM_THREADS=1 VLLM_CPU_OMP_THREADS_BIND=nobind
export VLLM_CPU_KVCACHE_SPACE=1 # GiB; holds the 8,192 blocks below
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1
# Debian's libtcmalloc-minimal4, where present: steadier allocation, as vLLM's CPU guide advises.
tcmalloc=/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4
[ -e "$tcmalloc" ] && export LD_PRELOAD="$tcmalloc${LD_PRELOAD:+:$LD_PRELOAD}"

# The engine process is a child of the server and inherits its core; once it is there it gets its own.
server_pid=$$
(
  while kill -0 "$server_pid" 2>/dev/null; do
    engine_pid=$(pgrep -P "$server_pid" -f VLLM::EngineCore || true)
    if [ -n "$engine_pid" ]; then
      taskset -acp "$ENGINE_CORE" "$engine_pid" >/dev/null
      break
    fi
    sleep 0.2
  done
) &

PATH="$VLLM_VENV/bin:$PATH"
exec taskset -c "$SERVER_CORE" vllm serve "$MODEL_DIR" \
  --served-model-name small \
  --load-format dummy \
  --host 127.0.0.1 --port "$PORT" \
  --distributed-executor-backend uni \
  --max-model-len 8192 \
  --max-num-seqs 64 \
  --max-num-batched-tokens 512 \
  --block-size 32 \
  --num-gpu-blocks-override 8192 \
  --enable-prompt-tokens-details \
  --disable-uvicorn-access-log \
  "$cache_flag" "$@"

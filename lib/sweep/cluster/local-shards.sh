#!/usr/bin/env bash
# The array and the Job on one machine: N processes, one a shard, into one folder.
#
#   lib/sweep/cluster/local-shards.sh N TRACE FIT_TRACE OUT_DIR [sweep flags]
set -euo pipefail
if [ $# -lt 4 ]; then
  echo "usage: local-shards.sh N TRACE FIT_TRACE OUT_DIR [sweep flags, such as --vary kv-cache-size=512,1024]" >&2
  exit 2
fi
shards=$1 trace=$2 fit=$3 out=$4
shift 4
pids=()
for ((shard = 0; shard < shards; shard++)); do
  npx prefixlab sweep "$trace" --latency-trace "$fit" --out-dir "$out" --shard "$shard/$shards" --workers 1 "$@" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done

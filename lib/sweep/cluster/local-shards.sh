#!/usr/bin/env bash
# The array and the Job on one machine: N processes, one a shard, into one folder.
#
#   lib/sweep/cluster/local-shards.sh N TRACE FIT_TRACE OUT_DIR [sweep flags]
#   lib/sweep/cluster/local-shards.sh N inspect TRACE OUT_DIR [inspect flags]
set -euo pipefail
if [ $# -lt 4 ]; then
  echo "usage: local-shards.sh N TRACE FIT_TRACE OUT_DIR [sweep flags, such as --vary kv-cache-size=512,1024]" >&2
  echo "       local-shards.sh N inspect TRACE OUT_DIR [inspect flags]" >&2
  exit 2
fi
shards=$1
shift
if [ "$1" != inspect ]; then
  trace=$1 fit=$2 out=$3
  shift 3
  set -- sweep "$trace" "$fit" "$out" --workers 1 "$@"
fi
pids=()
for ((shard = 0; shard < shards; shard++)); do
  "$(dirname "$0")/shard.sh" "$shard" "$shards" "$@" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done

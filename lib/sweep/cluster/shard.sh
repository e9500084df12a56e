#!/bin/sh
# One shard of a sweep, or of a large trace: what a task of the array, a pod of the Job and local-shards.sh run.
#
#   shard.sh I N sweep TRACE FIT_TRACE OUT_DIR [sweep flags]
#   shard.sh I N inspect TRACE OUT_DIR [inspect flags]
#
# A sweep's last shard to end writes the merged result. What is in a trace is put together once all shards are there:
#
#   npx prefixlab inspect --merge OUT_DIR/*.shard
set -eu
usage() {
  echo "usage: shard.sh I N sweep TRACE FIT_TRACE OUT_DIR [sweep flags, such as --vary kv-cache-size=512,1024]" >&2
  echo "       shard.sh I N inspect TRACE OUT_DIR [inspect flags]" >&2
  exit 2
}
if [ $# -lt 5 ]; then usage; fi
shard=$1 shards=$2 what=$3 trace=$4
shift 4
# shellcheck disable=SC2086 # a command and its arguments
case $what in
  sweep)
    if [ $# -lt 2 ]; then usage; fi
    fit=$1 out=$2
    shift 2
    exec ${PREFIXLAB:-npx prefixlab} sweep "$trace" --latency-trace "$fit" --out-dir "$out" --shard "$shard/$shards" "$@"
    ;;
  inspect)
    out=$1
    shift
    mkdir -p "$out"
    exec ${PREFIXLAB:-npx prefixlab} inspect "$trace" --shard "$shard/$shards" --out "$out/$shard-of-$shards.shard" "$@"
    ;;
  *) usage ;;
esac

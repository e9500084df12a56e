#!/usr/bin/env bash
# A sweep as a Slurm array: one task a shard, all writing into one shared folder. Every finished cell is on disk at
# once, so a requeued task goes on where it was; the last task to end writes the merged result.
#
#   sbatch --array=0-7 --cpus-per-task=2 --mem=4G lib/sweep/cluster/slurm-array.sh TRACE FIT_TRACE OUT_DIR [sweep flags]
#
#SBATCH --job-name=prefixlab-sweep
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: slurm-array.sh TRACE FIT_TRACE OUT_DIR [sweep flags, such as --vary kv-cache-size=512,1024]" >&2
  exit 2
fi
trace=$1 fit=$2 out=$3
shift 3
: "${SLURM_ARRAY_TASK_ID:?run this with sbatch --array=0-N}"
shards=$((SLURM_ARRAY_TASK_MAX + 1))
exec npx prefixlab sweep "$trace" --latency-trace "$fit" --out-dir "$out" \
  --shard "$SLURM_ARRAY_TASK_ID/$shards" --workers "${SLURM_CPUS_PER_TASK:-1}" "$@"

#!/usr/bin/env bash
# A sweep, or what is in a large trace, as a Slurm array: one task a shard, all writing into one shared folder. A sweep's
# finished cells are on disk at once, so a requeued task goes on where it was; the last task to end writes the merged result.
#
#   sbatch --array=0-7 --cpus-per-task=2 --mem=4G lib/sweep/cluster/slurm-array.sh TRACE FIT_TRACE OUT_DIR [sweep flags]
#   sbatch --array=0-7 --mem=4G lib/sweep/cluster/slurm-array.sh inspect TRACE OUT_DIR [inspect flags]
#   sbatch --dependency=afterok:JOB --wrap 'npx prefixlab inspect --merge OUT_DIR/*.shard'
#
#SBATCH --job-name=prefixlab
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: slurm-array.sh TRACE FIT_TRACE OUT_DIR [sweep flags, such as --vary kv-cache-size=512,1024]" >&2
  echo "       slurm-array.sh inspect TRACE OUT_DIR [inspect flags]" >&2
  exit 2
fi
: "${SLURM_ARRAY_TASK_ID:?run this with sbatch --array=0-N}"
shards=$((SLURM_ARRAY_TASK_MAX + 1))
# Slurm runs a copy of this file from a folder of its own: the checkout is where sbatch was called.
step=${SLURM_SUBMIT_DIR:-.}/lib/sweep/cluster/shard.sh
if [ "$1" = inspect ]; then exec "$step" "$SLURM_ARRAY_TASK_ID" "$shards" "$@"; fi
trace=$1 fit=$2 out=$3
shift 3
exec "$step" "$SLURM_ARRAY_TASK_ID" "$shards" sweep "$trace" "$fit" "$out" --workers "${SLURM_CPUS_PER_TASK:-1}" "$@"

#!/bin/sh
# The sweep of fit-sweep.sh for an engine of four slots, twice each. A fitting set, never a judge.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern sweep --prompt-tokens 2048 --output-tokens 48 --concurrency 4 --repeats 2 --block-size 8 "$@"

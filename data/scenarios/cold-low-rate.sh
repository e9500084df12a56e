#!/bin/sh
# The sessions of warm.sh on an engine with prefix caching OFF, at a rate that it keeps up with: cold turns with little
# queueing. 20 sessions at 0.25 a second, 100 requests.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.25 --duration 400 --sessions 20 --turns 5 --prefix-count 2 --prefix-tokens 1200 \
  --prompt-tokens 128 --output-tokens 24 "$@"

#!/bin/sh
# The sessions of warm.sh on an engine with prefix caching OFF, at a rate that it keeps up with: cold turns with little
# queueing. One session every 10 s for 200 s: about 20 sessions and 100 requests.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern multiturn --rate 0.1 --duration 200 --turns 5 --prefix-count 2 --prefix-tokens 1200 \
  --prompt-tokens 128 --output-tokens 24 --think-time 0 --timeout 600 "$@"

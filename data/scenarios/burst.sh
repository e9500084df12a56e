#!/bin/sh
# Bursts, open loop: 12 requests at once every 8 s, ten times; 512 prompt tokens that nothing shares, 24 output tokens.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern burst --burst-size 12 --burst-interval 8 --duration 80 --prompt-tokens 512 --output-tokens 24 "$@"

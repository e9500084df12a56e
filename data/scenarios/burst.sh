#!/bin/sh
# Bursts, open loop: 24 requests at once every 10 s, six times; 256 prompt tokens that nothing shares, 32 output tokens.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern burst --burst-size 24 --burst-interval 10 --duration 60 --prompt-tokens 256 --output-tokens 32 \
  --timeout 600 "$@"

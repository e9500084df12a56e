#!/bin/sh
# Independent requests, open loop: Poisson at 3 a second for 80 s, 512 prompt tokens that nothing shares, 32 output tokens.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern poisson --rate 3 --duration 80 --prompt-tokens 512 --output-tokens 32 --timeout 600 "$@"

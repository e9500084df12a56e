#!/bin/sh
# Independent requests, open loop: Poisson at 2.5 a second for 80 s, 640 prompt tokens that nothing shares, 24 output tokens.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern poisson --rate 2.5 --duration 80 --prompt-tokens 640 --output-tokens 24 "$@"

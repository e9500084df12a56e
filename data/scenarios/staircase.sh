#!/bin/sh
# A staircase, closed loop: 1, 2, 4, 8 and 16 requests kept in flight, 15 s each; 256 prompt tokens, 32 output tokens.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern staircase --stairs 1,2,4,8,16 --duration 75 --prompt-tokens 256 --output-tokens 32 --timeout 600 "$@"

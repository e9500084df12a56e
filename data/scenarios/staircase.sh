#!/bin/sh
# A staircase, closed loop: 1, 2, 4, 8 and 16 requests kept in flight, 20 s each; 384 prompt tokens, 32 output tokens.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern staircase --stairs 1,2,4,8,16 --duration 100 --prompt-tokens 384 --output-tokens 32 "$@"

#!/bin/sh
# The sweep that latency models are fitted on, on an engine with prefix caching ON: isolated prompts from 64 to 2,048
# tokens, cold and on cached prefixes, three times each in random order; staggered decodes at 1 to 32 at a time; prefills
# between decodes. No request waits for another's prefill except where the stage says so. A fitting set, never a judge.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern sweep --prompt-tokens 2048 --output-tokens 48 --stairs 1,2,4,8,16,32 --repeats 3 --timeout 600 "$@"

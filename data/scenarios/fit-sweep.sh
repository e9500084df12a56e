#!/bin/sh
# The sweep that latency models are fitted on, on an engine with prefix caching ON: isolated prompts from 64 to 2,048
# tokens, cold and on cached prefixes, three times each in random order; staggered decodes at 1 to 16 at a time; prefills
# between decodes. About 340 requests in a minute. A fitting set, never a judge.
set -eu
. "$(dirname "$0")/loadgen.sh"
loadgen --pattern sweep --prompt-tokens 2048 --output-tokens 48 --concurrency 16 --repeats 3 "$@"

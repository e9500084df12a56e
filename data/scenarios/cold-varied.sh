#!/bin/sh
# The conversations of varied.sh (same seed, same arrivals, same texts) on an engine with prefix caching OFF.
set -eu
. "$(dirname "$0")/varied.sh"

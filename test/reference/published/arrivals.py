"""Session arrivals of vllm-vcr's published figure: its load generator's, from Python's own generator.

    python3 test/reference/published/arrivals.py 0 1 2 3 > data/published/arrivals.json

One session at 0, then exponential gaps of mean 1 s from random.Random(seed), until 120 s. Seed 0 is the figure's; any others
may be given, `prefixlab figure --published --arrival-seed N` takes those that are in the file.
"""

import json
import random
import sys

RATE_PER_SECOND = 1.0
DURATION_S = 120.0


def arrivals(seed: int) -> list[float]:
    draws = random.Random(seed)
    times, at = [], 0.0
    while at < DURATION_S:
        times.append(at)
        at += draws.expovariate(RATE_PER_SECOND)
    return times


schedules = {str(seed): arrivals(seed) for seed in map(int, sys.argv[1:])}
rows = ",\n".join(f'    "{seed}": {json.dumps(times)}' for seed, times in schedules.items())
print(
    f'{{\n  "rate_per_second": {RATE_PER_SECOND:g},\n  "duration_s": {DURATION_S:g},\n'
    f'  "arrivals_s": {{\n{rows}\n  }}\n}}'
)

"""Arrivals of the captured runs behind neuralmagic/vllm-vcr's step-model figures: its load generator draws exponential
gaps from Python's random.Random(seed), the first session at 0, until the duration is over.

    python3 test/reference/h200/arrivals.py > test/reference/h200/arrivals.csv

The seed and the rate that give the captures' numbers of requests, five a session: 7 at 0.4/s over 240 s, 555 requests.
"""

import random

gaps = random.Random(7)
at = 0.0
print("arrival_ms")
while at < 240:
    print(f"{1000 * at:.3f}")
    at += gaps.expovariate(0.4)

"""Block fingerprints of a few token sequences, computed with Python's big integers, hashlib and hmac.

    python3 test/reference/fingerprints.py > test/reference/fingerprints.json
"""

import hashlib
import hmac
import json
import random

BASIS = 0xCBF29CE484222325
PRIME = 0x100000001B3


def fnv1a(data: bytes) -> int:
    value = BASIS
    for byte in data:
        value = (value ^ byte) * PRIME % 2**64
    return value


def keyed(key: bytes):
    return lambda data: int.from_bytes(hmac.new(key, data, hashlib.sha256).digest()[:8], "little")


def chain(tokens, block_size, digest):
    hashes, previous = [], BASIS
    for start in range(0, len(tokens) - block_size + 1, block_size):
        block = tokens[start : start + block_size]
        data = previous.to_bytes(8, "little") + b"".join(t.to_bytes(4, "little") for t in block)
        previous = digest(data)
        hashes.append(str(previous))
    return hashes


rng = random.Random(20)
sequences = [
    ([], 16),
    (list(range(15)), 16),
    (list(range(16)), 16),
    ([0] * 40, 16),
    ([2**32 - 1] * 33, 16),
    ([rng.randrange(152_000) for _ in range(100)], 16),
    ([rng.randrange(2**32) for _ in range(50)], 7),
    ([7, 8, 9], 1),
]
key = bytes(range(1, 33))
cases = [
    {
        "tokens": tokens,
        "blockSize": size,
        "fnv1a": chain(tokens, size, fnv1a),
        "hmac": chain(tokens, size, keyed(key)),
    }
    for tokens, size in sequences
]
# Published test vectors of FNV-1a 64 (draft-eastlake-fnv): the script checks itself before it speaks.
assert fnv1a(b"") == 0xCBF29CE484222325
assert fnv1a(b"a") == 0xAF63DC4C8601EC8C
assert fnv1a(b"foobar") == 0x85944171F73967E8
print(json.dumps({"key": list(key), "cases": cases}))

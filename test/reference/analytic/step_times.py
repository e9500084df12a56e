"""Step times of models on cards, composed by AISimulate from its tables of operators measured under vLLM.

Writes step-times.csv: a row for each model, card and tensor-parallel size; milliseconds of lone prefills in one step
(`prefill_TOKENS`) and of decode steps (`decode_SEQUENCES_x_CONTEXT`). Measured values and interpolations between them only (database mode SILICON); what the
tables do not cover is left out. KV cache and attention in bfloat16. Needs no GPU and no network:

    python3.11 -m venv venv
    venv/bin/pip install --no-deps aisimulate==0.13.0.dev202610270000000085
    venv/bin/pip install ijson jinja2 msgspec munch numpy orjson packaging pandas plotext prettytable psutil pyarrow \
        pydantic python-dateutil pyyaml tqdm
    venv/bin/python test/reference/analytic/step_times.py > test/reference/analytic/step-times.csv

AISimulate and its tables: Copyright NVIDIA CORPORATION & AFFILIATES, Apache-2.0 (ai-dynamo/aisimulate).
"""

import sys

from aisimulate_core.sdk.engine import EngineHandle

# Ours, and the tables'.
CARDS = {
    "h100": "h100_sxm",
    "h200": "h200_sxm",
    "b200": "b200_sxm",
    "a100": "a100_sxm",
    "l40s": "l40s",
    "rtx-pro-6000": "rtx_pro_6000_server",
}

# Attention over the whole context, one kind of layer; weights in bfloat16 or fp8.
MODELS = [
    ("Qwen/Qwen3-0.6B", "bf16"),
    ("Qwen/Qwen3-1.7B", "bf16"),
    ("Qwen/Qwen3-8B", "bf16"),
    ("Qwen/Qwen3-32B", "bf16"),
    ("Qwen/Qwen3-32B-FP8", "fp8"),
    ("Qwen/Qwen3-30B-A3B", "bf16"),
    ("Qwen/Qwen3-30B-A3B-FP8", "fp8"),
    ("Qwen/Qwen3-235B-A22B", "bf16"),
    ("Qwen/Qwen3-235B-A22B-FP8", "fp8"),
    ("meta-llama/Meta-Llama-3.1-8B", "bf16"),
    ("meta-llama/Meta-Llama-3.1-70B", "bf16"),
    ("nvidia/Llama-3.1-70B-Instruct-FP8", "fp8"),
]

PREFILLS = [128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32000]
SEQUENCES = [1, 2, 4, 8, 16, 32, 64, 128]
CONTEXTS = [512, 2048, 8192]




def main() -> None:
    steps = [("prefill", 1, tokens) for tokens in PREFILLS]
    steps += [("decode", sequences, context) for context in CONTEXTS for sequences in SEQUENCES]
    names = [f"prefill_{n}" if kind == "prefill" else f"decode_{b}_x_{n}" for kind, b, n in steps]
    print(",".join(["model", "card", "tp", "dtype", *names]))
    for model, dtype in MODELS:
        for card, system in CARDS.items():
            for tp in (1, 2, 4, 8):
                try:
                    engine = EngineHandle.compile(
                        model,
                        system,
                        "vllm",
                        tp_size=tp,
                        moe_tp_size=tp,
                        moe_ep_size=1,
                        kvcache_quant_mode="bfloat16",
                        fmha_quant_mode="bfloat16",
                        database_mode="SILICON",
                    )
                    cells = [
                        engine.predict_prefill_latency(1, tokens)
                        if kind == "prefill"
                        else engine.predict_decode_latency(sequences, tokens)
                        for kind, sequences, tokens in steps
                    ]
                except Exception as error:  # what the package has no table for
                    print(f"left out: {model} on {tp} {card}: {str(error)[:160]}", file=sys.stderr)
                    continue
                print(",".join([model, card, str(tp), dtype, *(f"{ms:.4g}" for ms in cells)]))


main()

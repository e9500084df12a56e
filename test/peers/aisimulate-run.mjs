// A run of the aisimulate command (PyPI: aisimulate) on a trace: one engine of vLLM's, a pool of a fixed size, steps of fixed prices.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";

/** What a step may take. */
export const budget = { maxNumBatchedTokens: 8192, maxNumSeqs: 256 };
/** Timing "fixed": a step costs the one for prefills, the other for decodes, and their sum for both. */
export const fixed = { prefill_ms: 20, decode_ms: 10 };

/** Why the command cannot be run; undefined where it can. */
export function missingAisimulate(command) {
  if (command === undefined)
    return "give --command or AISIMULATE, the path of the aisimulate command of a Python environment that has it";
  const { error, status } = spawnSync(command, ["--help"], { stdio: "ignore" });
  return error || status !== 0
    ? `${command} does not run: ${error?.message ?? `exit code ${status}`}`
    : undefined;
}

/** The same prices as a latency model, and what `replay` of the trace is to be told beside it. */
export const fixedModel = {
  kind: "fixed",
  range: { uncachedTokens: [0, 1e9], contextTokens: [0, 1e9], runningSeqs: [0, 1e9] },
  timer: () => ({
    stepMs: ({ prefillTokens, decodeSeqs }) =>
      (prefillTokens > 0 ? fixed.prefill_ms : 0) + (decodeSeqs > 0 ? fixed.decode_ms : 0),
    arrivalOverheadMs: () => 0,
    emissionOverheadMs: () => 0,
  }),
  toJson: () => ({ kind: "fixed", ...fixed }),
};

/**
 * @param spawn how the command is run; a bench measures it there
 * @returns the share of prompt tokens that were reused at first admission, mean TTFT and mean latency, ms, and how long its
 *   simulation took by its own clock, ms; or why there are none
 */
export function aisimulate(command, { format, path, blockSize, blocks, replicas = 1, spawn = spawnSync }) {
  const dir = mkdtempSync(join(tmpdir(), "prefixlab-aisimulate-"));
  try {
    const trace = join(dir, basename(path, ".gz"));
    const text = gunzipSync(readFileSync(path)).toString();
    writeFileSync(trace, format === "weka" ? withModels(text) : text);
    const config = {
      traffic: {
        source: { type: "trace", format, block_size: blockSize, paths: [trace] },
        load: { type: "trace_timestamps", ...(format === "weka" ? { agentic_lanes: 1 } : { speedup: 1 }) },
      },
      engine: {
        model: "Qwen/Qwen3-8B",
        hardware: "h200_sxm",
        backend: "vllm",
        context_length: 1_000_000,
        workers: {
          aggregated: {
            parallelism: { replicas, tensor: 1, pipeline: 1, attention_data: 1 },
            scheduler: {
              max_batched_tokens: budget.maxNumBatchedTokens,
              max_sequences: budget.maxNumSeqs,
            },
            kv_cache: { block_size: blockSize, prefix_caching: true, capacity: { type: "fixed", blocks } },
            timing: { type: "fixed", ...fixed },
          },
        },
      },
    };
    // JSON is YAML.
    const file = join(dir, "config.yaml");
    writeFileSync(file, JSON.stringify(config));
    const out = join(dir, "out");
    const { status, stderr } = spawn(command, ["predict", "-c", file, "--output-dir", out], {
      encoding: "utf8",
    });
    if (status !== 0) return { refusal: stderr.trim().split("\n")[0] };
    const prediction = JSON.parse(readFileSync(join(out, "prediction.json"), "utf8"));
    return {
      share: prediction.first_admission_prefix_cache_reused_ratio,
      ttftMs: prediction.mean_ttft_ms,
      totalMs: prediction.mean_e2e_latency_ms,
      simulationMs: prediction.wall_time_ms,
    };
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** A Weka conversation that declares the models of its sub-agents too, without which AISimulate refuses it. */
function withModels(text) {
  const conversation = JSON.parse(text);
  const models = new Set(conversation.models);
  const add = ({ model, requests = [] }) => {
    if (model !== undefined) models.add(model);
    requests.forEach(add);
  };
  conversation.requests.forEach(add);
  return JSON.stringify({ ...conversation, models: [...models] });
}

import { type Ms, quantile, type Tokens } from "../base/index.js";
import type { SimulationRun } from "../engine/index.js";

/** The parts of a wait for a first token where prefill and decode are apart, in order; they add up to it. */
export const prefillStageNames = [
  "prefillQueue",
  "prefill",
  "decodeRoom",
  "transfer",
  "decodeQueue",
  "firstStep",
] as const;
export type PrefillStageName = (typeof prefillStageNames)[number];

/** Times of a stage, ms; quantiles of type 7. */
export interface StageTimes {
  readonly mean: Ms;
  readonly p50: Ms;
  readonly p90: Ms;
  readonly p99: Ms;
}

/** What prefill engines did of a run, and where requests that they computed waited for their first tokens. */
export interface PrefillStages {
  /** Requests with a first token whose prompt a prefill engine computed, and those whose decode engine did. */
  readonly remote: number;
  readonly local: number;
  /** Of the prompts computed elsewhere: tokens that decode engines had, and tokens of the blocks that they read. */
  readonly foundTokens: Tokens;
  readonly movedTokens: Tokens;
  /** Of these requests; undefined where there are none. */
  readonly stagesMs?: Readonly<Record<PrefillStageName, StageTimes>>;
}

/**
 * Where requests waited for their first token, of a run whose prefills and decodes are apart: until the prefill engine admitted
 * them (prefillQueue), until it had computed them and the decode engine was told (prefill), until that one had room for their KV
 * (decodeRoom), while that was moved (transfer, with the wait for the network), until a step took them (decodeQueue), and until
 * the client had the first token, which that step makes of the last prompt token (firstStep). The first token that the prefill
 * engine made goes to nobody: TTFT is that of the decode engine, as behind vLLM's proxy
 * (`tests/v1/kv_connector/nixl_integration/toy_proxy_server.py`) and llm-d's sidecar.
 * @returns undefined where there are no prefill engines
 * @example
 * ```ts
 * import { latencyProfile, readCapture, replay, workloadOf } from "prefixlab";
 * import { prefillStages } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const { run } = replay(workload, { model: latencyProfile("h200-qwen3-8b"), prefill: { replicas: 1 } });
 * const stages = prefillStages(run);
 * [stages?.remote, stages?.local, stages?.stagesMs?.transfer.p50]; // → [320, 0, 1.944]
 * ```
 */
export function prefillStages(run: SimulationRun): PrefillStages | undefined {
  const { prefill } = run;
  if (!prefill) return undefined;
  const parts: Record<PrefillStageName, Ms[]> = {
    prefillQueue: [],
    prefill: [],
    decodeRoom: [],
    transfer: [],
    decodeQueue: [],
    firstStep: [],
  };
  let [local, foundTokens, movedTokens] = [0, 0, 0];
  for (let i = 0; i < run.requests; i++) {
    const firstMs = run.firstTokenMs(i);
    if (firstMs === undefined) continue;
    if (prefill.replica[i] < 0) {
      local++;
      continue;
    }
    foundTokens += prefill.foundTokens[i];
    movedTokens += prefill.movedTokens[i];
    const times = [
      run.fireMs[i],
      prefill.admittedMs[i],
      prefill.computedMs[i],
      prefill.askedMs[i],
      prefill.movedMs[i],
      run.admittedMs[i],
      firstMs,
    ];
    prefillStageNames.forEach((name, k) => {
      parts[name].push(times[k + 1] - times[k]);
    });
  }
  const remote = parts.prefill.length;
  const stagesMs = Object.fromEntries(
    prefillStageNames.map((name) => [name, timesOf(parts[name])]),
  ) as Record<PrefillStageName, StageTimes>;
  return { remote, local, foundTokens, movedTokens, ...(remote > 0 && { stagesMs }) };
}

function timesOf(values: readonly Ms[]): StageTimes {
  const at = (p: number) => quantile(values, p) as Ms;
  return {
    mean: values.reduce((sum, ms) => sum + ms, 0) / values.length,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
  };
}

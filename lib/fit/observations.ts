import type { Ms, Tokens } from "../base/index.js";
import type { StepLoad } from "../latency/index.js";
import { decodeMs, isComplete, type Trace, type TraceRecord } from "../trace/index.js";
import { lonePrefill } from "./prefill-chunks.js";
import {
  assumedBudgetTokens,
  type ReconstructOptions,
  reconstructSteps,
  type StepReconstruction,
} from "./reconstruct-steps.js";

/**
 * One measured duration and the work behind it.
 *
 * - "isolated": the TTFT of a request that had the engine to itself: overheads and the steps of its prefill, no
 *   waiting.
 * - "decode": a gap between two tokens of a request in which only decodes ran.
 * - "chunk": a gap in which a prefill chunk ran as well.
 * - "span": first to last token of a request whose gaps were not recorded.
 * - "service": scheduled to first token, under load.
 */
export interface Observation {
  readonly kind: "isolated" | "decode" | "chunk" | "span" | "service";
  readonly ms: Ms;
  /** Steps in it. A gap is one step. */
  readonly steps: number;
  /** Summed over its steps. */
  readonly load: StepLoad;
  /** Prompt of the request, cached tokens included. */
  readonly promptTokens: Tokens;
  /** Share of the step it stands for: gaps of n requests in one step count 1/n each. */
  readonly share: number;
  /** Equal for consecutive gaps of one request. */
  readonly run: number;
}

/** Observations of one or more traces, and what was left out. */
export interface ObservationSet {
  readonly observations: readonly Observation[];
  /** How many gaps or TTFTs were left out, by reason. */
  readonly leftOut: ReadonlyMap<string, number>;
  readonly warnings: readonly string[];
}

/** Which records of a trace a fit learns from; the others only load the engine. */
export type RecordFilter = (record: TraceRecord, index: number) => boolean;

/** Why a record that is not to be fitted on is left out. */
export const loadOnly = "records that are not to be fitted on: they only load the engine";

/** Collects what can be learned from a trace with per-token gaps. */
export function observeTrace(
  trace: Trace,
  options: ReconstructOptions,
  isTarget: RecordFilter,
  firstRun = 0,
): ObservationSet {
  const reconstruction = reconstructSteps(trace, options);
  const budget = options.maxNumBatchedTokens ?? trace.meta.engine?.maxNumBatchedTokens ?? assumedBudgetTokens;
  const observations: Observation[] = [];
  const leftOut = new Map<string, number>();
  const leave = (reason: string, count = 1) => leftOut.set(reason, (leftOut.get(reason) ?? 0) + count);
  const alone = loneUntilFirstToken(trace.records, reconstruction);
  let withoutCached = 0;

  trace.records.forEach((record, i) => {
    if (!isTarget(record, i)) {
      leave(loadOnly);
      return;
    }
    if (record.ttftMs === undefined) leave("no first token");
    else if (!isComplete(record)) leave("request ended early: its TTFT is not used");
    else if (alone[i]) {
      if (record.cachedTokens === undefined) withoutCached++;
      const cached = record.cachedTokens ?? 0;
      const prefill = lonePrefill(record.promptTokens, cached, budget, options.longPrefillTokenThreshold);
      observations.push({
        kind: "isolated",
        ms: record.ttftMs,
        steps: prefill.chunks,
        load: {
          prefillTokens: prefill.tokens,
          prefillTokenDepth: prefill.tokenDepth,
          prefillSeqs: prefill.chunks,
          decodeSeqs: 0,
          decodeContextTokens: 0,
        },
        promptTokens: record.promptTokens,
        share: 1,
        run: firstRun + i,
      });
    } else leave("TTFT of a request that was not alone on the engine");
    observeGaps(record, i, reconstruction, firstRun, observations, leave);
  });
  const warnings: string[] = [];
  if (withoutCached > 0)
    warnings.push(`${withoutCached} isolated requests do not say how many tokens were cached: taken as none`);
  if (options.maxNumBatchedTokens === undefined && trace.meta.engine?.maxNumBatchedTokens === undefined)
    warnings.push(`the token budget of a step is not recorded: ${assumedBudgetTokens} assumed`);
  return { observations, leftOut, warnings };
}

function observeGaps(
  record: TraceRecord,
  index: number,
  { steps, firstStep, emissions }: StepReconstruction,
  firstRun: number,
  observations: Observation[],
  leave: (reason: string) => void,
): void {
  const times = emissions[index];
  if (!times) return;
  for (let k = 1; k < times.length; k++) {
    const ms = times[k] - times[k - 1];
    const step = steps[firstStep[index] + k];
    if (Number.isNaN(ms)) leave("gap inside a chunk of several tokens");
    else if (step.doubt !== undefined) leave(`gap in a doubtful step: ${step.doubt}`);
    else if (ms < 0) leave("gap below zero");
    else
      observations.push({
        kind: step.load.prefillSeqs > 0 ? "chunk" : "decode",
        ms,
        steps: 1,
        load: step.load,
        promptTokens: record.promptTokens,
        share: 1 / step.load.decodeSeqs,
        run: firstRun + index,
      });
  }
}

/** Per record: no other request was on the engine from its arrival to its first token. */
function loneUntilFirstToken(records: readonly TraceRecord[], { emissions }: StepReconstruction): boolean[] {
  const alone = new Array<boolean>(records.length).fill(false);
  const order = records.map((_, i) => i).filter((i) => records[i].arrivalMs !== undefined);
  if (order.length < records.length) {
    records.forEach((record, i) => {
      alone[i] = record.concurrency === 1;
    });
    return alone;
  }
  order.sort((a, b) => records[a].arrivalMs! - records[b].arrivalMs!);
  let busyUntil = Number.NEGATIVE_INFINITY;
  order.forEach((i, rank) => {
    const record = records[i];
    const arrivalMs = record.arrivalMs!;
    const next = order[rank + 1];
    const nextArrivalMs = next === undefined ? Number.POSITIVE_INFINITY : records[next].arrivalMs!;
    alone[i] =
      record.ttftMs !== undefined && busyUntil <= arrivalMs && arrivalMs + record.ttftMs <= nextArrivalMs;
    const lifeMs = record.elapsedMs ?? (record.ttftMs ?? 0) + (decodeMs(record) ?? 0);
    busyUntil = Math.max(busyUntil, emissions[i]?.at(-1) ?? arrivalMs + lifeMs);
  });
  return alone;
}

import { isComplete, type Trace, type TraceRecord } from "../trace/index.js";
import { isolatedObservations } from "./isolated-observations.js";
import { loadOnly, type Observation, type ObservationSet, type RecordFilter } from "./observation.js";
import {
  assumedBudgetTokens,
  type ReconstructOptions,
  reconstructSteps,
  type StepReconstruction,
} from "./reconstruct-steps.js";

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
  const isolated = isolatedObservations(trace, {
    budget,
    longPrefillTokenThreshold: options.longPrefillTokenThreshold ?? 0,
    isTarget,
    firstRun,
    cachedTokens: (record) => record.cachedTokens ?? 0,
    lastTokenMs: (_, i) => reconstruction.emissions[i]?.at(-1),
  });
  const used = new Map(isolated.observations.map((o) => [o.run - firstRun, o]));

  trace.records.forEach((record, i) => {
    if (!isTarget(record, i)) {
      leave(loadOnly);
      return;
    }
    const own = used.get(i);
    if (own) observations.push(own);
    else if (record.ttftMs === undefined) leave("no first token");
    else if (!isComplete(record)) leave("request ended early: its TTFT is not used");
    else leave("TTFT of a request that was not alone on the engine");
    observeGaps(record, i, reconstruction, firstRun, observations, leave);
  });
  const warnings: string[] = [];
  const untold = isolated.observations.filter(
    (o) => trace.records[o.run - firstRun].cachedTokens === undefined,
  ).length;
  if (untold > 0)
    warnings.push(`${untold} isolated requests do not say how many tokens were cached: taken as none`);
  warnings.push(...isolated.warnings);
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

import type { Ms } from "../base/index.js";
import type { SimulationRun } from "../engine/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import type { Plan } from "./plan.js";

/**
 * A simulation's result as a trace, record for record beside the source: the same type as a capture, so that every
 * tool reads both. Arrivals are the times at which the client sent; TTFT and gaps are as the client sees them.
 *
 * @param options.gaps false leaves the per-token gaps out and gives their mean and count instead. Default true.
 */
export function modeledTrace(
  source: Trace,
  plan: Plan,
  run: SimulationRun,
  options: { readonly gaps?: boolean; readonly seed?: number | string; readonly modelKind?: string } = {},
): Trace {
  const { gaps = true } = options;
  const concurrency = inFlightAtArrival(run);
  const records = source.records.map((record, i): TraceRecord => {
    const request = plan.requests[i]!;
    const fireMs = run.fireMs[i] as Ms;
    const shared = {
      promptTokens: request.promptTokens,
      ...(record.blockIds && { blockIds: record.blockIds }),
      ...(record.outputBlockIds && { outputBlockIds: record.outputBlockIds }),
      ...(record.session !== undefined && { session: record.session }),
      ...(record.turn !== undefined && { turn: record.turn }),
    };
    if (Number.isNaN(fireMs)) return { ...shared, outputTokens: 0, finishReason: "never sent" };
    const sent = { ...shared, arrivalMs: fireMs, concurrency: concurrency[i] as number };
    if ((run.cachedTokens[i] as number) < 0)
      return {
        ...sent,
        outputTokens: 0,
        finishReason: "refused",
        elapsedMs: Math.max(0, run.endMs - fireMs),
      };
    const known = { ...sent, cachedTokens: run.cachedTokens[i] as number };
    if ((run.firstStep[i] as number) < 0)
      return {
        ...known,
        outputTokens: 0,
        finishReason: "unfinished",
        elapsedMs: Math.max(0, run.endMs - fireMs),
      };
    const steps = tokenSteps(run, i, request.outputTokens);
    const { endMs } = run.steps;
    const firstMs = endMs[steps[0] as number] as Ms;
    const lastMs = endMs[steps[steps.length - 1] as number] as Ms;
    const delayMs = run.emissionMs[i] as Ms;
    const done = steps.length === request.outputTokens;
    return {
      ...known,
      outputTokens: steps.length,
      ttftMs: firstMs + delayMs - fireMs,
      ...(steps.length > 1 &&
        (gaps
          ? { itlMs: gapsOf(steps, endMs), ...contextOf(steps, run) }
          : { itlSummary: { meanMs: (lastMs - firstMs) / (steps.length - 1), count: steps.length - 1 } })),
      finishReason: done ? "length" : "unfinished",
      elapsedMs: (done ? lastMs + delayMs : run.endMs) - fireMs,
    };
  });
  const extra = {
    pacing: plan.pacing,
    prompts: plan.prompts,
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.modelKind !== undefined && { latency_model: options.modelKind }),
  };
  return {
    meta: { ...source.meta, source: "modeled", extra },
    records,
    blocks: source.blocks,
    rejected: [],
    warnings: [],
  };
}

/** The step of each token that a request emitted, over its windows on the step clock. */
function tokenSteps(run: SimulationRun, index: number, outputTokens: number): Int32Array {
  const first = run.firstStep[index] as number;
  const last = run.lastStep[index] as number;
  const windows = run.resumed.get(index);
  const lastKnown = last >= 0 ? last : run.steps.endMs.length - 1;
  if (!windows) {
    const count = Math.min(outputTokens, lastKnown - first + 1);
    return Int32Array.from({ length: count }, (_, k) => first + k);
  }
  const steps = new Int32Array(outputTokens);
  let emitted = 0;
  let windowStart = first;
  for (const [nextStart, emittedBefore] of [...windows, [Number.POSITIVE_INFINITY, outputTokens] as const]) {
    for (let step = windowStart; emitted < emittedBefore && step <= lastKnown; step++)
      steps[emitted++] = step;
    windowStart = nextStart;
  }
  return steps.subarray(0, emitted);
}

function gapsOf(steps: Int32Array, endMs: Float64Array): Float64Array {
  const gaps = new Float64Array(steps.length - 1);
  for (let k = 0; k < gaps.length; k++) gaps[k] = endMs[steps[k + 1]!]! - endMs[steps[k]!]!;
  return gaps;
}

/** The step's load behind each gap, where the run kept it. */
function contextOf(steps: Int32Array, run: SimulationRun): Pick<TraceRecord, "itlCtx"> {
  const { running, finishedPrefillTokens } = run.steps;
  if (!running || !finishedPrefillTokens) return {};
  const closing = steps.subarray(1);
  return {
    itlCtx: {
      numRunning: closing.map((s) => running[s]!),
      prefillTokens: closing.map((s) => finishedPrefillTokens[s]!),
    },
  };
}

/** Requests sent and not done when each request is sent, itself included. */
function inFlightAtArrival(run: SimulationRun): Int32Array {
  const n = run.fireMs.length;
  const doneMs = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const last = run.lastStep[i] as number;
    doneMs[i] =
      last < 0 ? Number.POSITIVE_INFINITY : (run.steps.endMs[last] as Ms) + (run.emissionMs[i] as Ms);
  }
  const byFire = Array.from({ length: n }, (_, i) => i)
    .filter((i) => !Number.isNaN(run.fireMs[i]))
    .sort((a, b) => run.fireMs[a]! - run.fireMs[b]! || a - b);
  const done = byFire.map((i) => doneMs[i]!);
  const doneSorted = Float64Array.from(done).sort();
  const inFlight = new Int32Array(n);
  let finished = 0;
  byFire.forEach((index, sent) => {
    while (finished < doneSorted.length && doneSorted[finished]! <= run.fireMs[index]!) finished++;
    inFlight[index] = sent + 1 - finished;
  });
  return inFlight;
}

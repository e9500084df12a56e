import type { EngineOptions, SimulationRun } from "../engine/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import type { Plan } from "./plan.js";

/**
 * A simulation's result as a trace, record for record beside the source: the same type as a capture, so that every
 * tool reads both. Arrivals are the times at which the client sent; TTFT and gaps are as the client sees them.
 *
 * @param engine the settings it ran under, which the meta line tells
 * @param options.gaps false leaves the per-token gaps out and gives their mean and count instead. Default true.
 */
export function modeledTrace(
  source: Trace,
  plan: Plan,
  run: SimulationRun,
  engine: EngineOptions,
  options: { readonly gaps?: boolean; readonly seed?: number | string; readonly modelKind?: string } = {},
): Trace {
  const { gaps = true } = options;
  const concurrency = inFlightAtArrival(run);
  // One piece of memory for the gaps of all: a piece each would cost more to give back than the gaps to compute.
  const gapsMs = new Float64Array(gaps ? plan.requests.reduce((sum, r) => sum + r.outputTokens - 1, 0) : 0);
  let gapCount = 0;
  const records = source.records.map((record, i): TraceRecord => {
    const request = plan.requests[i];
    const fireMs = run.fireMs[i];
    const { endMs } = run.steps;
    // Built field by field: spreading parts together costs more than the simulation.
    const modeled: Mutable<TraceRecord> = { promptTokens: request.promptTokens, outputTokens: 0 };
    if (record.blockIds) modeled.blockIds = record.blockIds;
    if (record.session !== undefined) modeled.session = record.session;
    if (record.turn !== undefined) modeled.turn = record.turn;
    if (Number.isNaN(fireMs)) {
      modeled.finishReason = "never sent";
      return modeled;
    }
    modeled.arrivalMs = fireMs;
    if (concurrency[i] > 0) modeled.concurrency = concurrency[i];
    const cachedTokens = run.cachedTokens[i];
    if (cachedTokens >= 0) modeled.cachedTokens = cachedTokens;
    if (run.firstStep[i] < 0) {
      modeled.finishReason = cachedTokens < 0 ? "refused" : "unfinished";
      modeled.elapsedMs = Math.max(0, run.endMs - fireMs);
      return modeled;
    }
    const windows = tokenWindows(run, i, request.outputTokens);
    const last = windows[windows.length - 1];
    let outputTokens = 0;
    for (const window of windows) outputTokens += window.count;
    const firstMs = endMs[run.firstStep[i]];
    const lastMs = endMs[last.firstStep + last.count - 1];
    const delayMs = run.emissionMs[i];
    const done = outputTokens === request.outputTokens;
    modeled.outputTokens = outputTokens;
    // Of an answer that was cut short, its blocks are not all there.
    if (done && record.outputBlockIds) modeled.outputBlockIds = record.outputBlockIds;
    modeled.ttftMs = firstMs + delayMs - fireMs;
    if (outputTokens > 1) {
      const count = outputTokens - 1;
      if (gaps) {
        modeled.itlMs = gapsMs.subarray(gapCount, gapCount + count);
        gapCount += count;
        fillGaps(modeled.itlMs, windows, endMs);
        const context = contextOf(windows, count, run);
        if (context) modeled.itlCtx = context;
      } else modeled.itlSummary = { meanMs: (lastMs - firstMs) / count, count };
    }
    modeled.finishReason = done ? "length" : "unfinished";
    modeled.elapsedMs = (done ? lastMs + delayMs : run.endMs) - fireMs;
    return modeled;
  });
  const extra = {
    pacing: plan.pacing,
    // The wire's word, of `--cold-prompts`.
    prompts: plan.prompts === "unique" ? "cold" : plan.prompts,
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.modelKind !== undefined && { latency_model: options.modelKind }),
  };
  return {
    meta: { ...source.meta, engine, source: "modeled", extra },
    records,
    blocks: source.blocks,
    rejected: [],
    warnings: [],
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Tokens that left at the ends of consecutive steps. */
interface TokenWindow {
  readonly firstStep: number;
  readonly count: number;
}

/** A request's tokens as windows on the step clock: one, or several where it was preempted; none is empty. */
function tokenWindows(run: SimulationRun, index: number, outputTokens: number): TokenWindow[] {
  const firstStep = run.firstStep[index];
  const last = run.lastStep[index];
  const lastKnown = last >= 0 ? last : run.steps.endMs.length - 1;
  const resumed = run.resumed.get(index);
  if (!resumed) return [{ firstStep, count: Math.min(outputTokens, lastKnown - firstStep + 1) }];
  const starts: (readonly [step: number, emitted: number])[] = [[firstStep, 0], ...resumed];
  return starts.map(([step, emitted], k) => {
    const emittedNext = starts[k + 1]?.[1] ?? outputTokens;
    return { firstStep: step, count: Math.min(emittedNext - emitted, lastKnown - step + 1) };
  });
}

/** The windows without the very first token, which closes no gap. */
function closingWindows([first, ...later]: readonly TokenWindow[]): TokenWindow[] {
  return [{ firstStep: first.firstStep + 1, count: first.count - 1 }, ...later];
}

function fillGaps(gaps: Float64Array, windows: readonly TokenWindow[], endMs: Float64Array): void {
  let at = 0;
  let beforeMs = endMs[windows[0].firstStep];
  for (const window of closingWindows(windows)) {
    const endStep = window.firstStep + window.count;
    for (let step = window.firstStep; step < endStep; step++) {
      const ms = endMs[step];
      gaps[at++] = ms - beforeMs;
      beforeMs = ms;
    }
  }
}

/** The step's load behind each gap, where the run kept it. */
function contextOf(
  windows: readonly TokenWindow[],
  count: number,
  run: SimulationRun,
): TraceRecord["itlCtx"] | undefined {
  const { running, finishedPrefillTokens } = run.steps;
  if (!running || !finishedPrefillTokens) return undefined;
  const closing = (column: Int32Array): Int32Array => {
    const values = new Int32Array(count);
    let at = 0;
    for (const window of closingWindows(windows)) {
      values.set(column.subarray(window.firstStep, window.firstStep + window.count), at);
      at += window.count;
    }
    return values;
  };
  return { numRunning: closing(running), prefillTokens: closing(finishedPrefillTokens) };
}

/**
 * Requests sent and not done when each request is sent, itself included; of those sent together, the first counts first.
 * 0 for those never sent, and for those refused, which are answered at once.
 */
function inFlightAtArrival(run: SimulationRun): Int32Array {
  const n = run.fireMs.length;
  const sent: number[] = [];
  const doneMs: number[] = [];
  const refused = new Set(run.refused);
  for (let i = 0; i < n; i++) {
    if (Number.isNaN(run.fireMs[i]) || refused.has(i)) continue;
    sent.push(i);
    const last = run.lastStep[i];
    doneMs.push(last < 0 ? Number.POSITIVE_INFINITY : run.steps.endMs[last] + run.emissionMs[i]);
  }
  const byFire = Int32Array.from(sent).sort((a, b) => run.fireMs[a] - run.fireMs[b] || a - b);
  const doneSorted = Float64Array.from(doneMs).sort();
  const inFlight = new Int32Array(n);
  let finished = 0;
  byFire.forEach((index, k) => {
    while (finished < doneSorted.length && doneSorted[finished] <= run.fireMs[index]) finished++;
    inFlight[index] = k + 1 - finished;
  });
  return inFlight;
}

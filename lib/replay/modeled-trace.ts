import type { Ms } from "../base/index.js";
import type { EngineOptions, OnTimeout, SimulationRun } from "../engine/index.js";
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
  options: {
    readonly gaps?: boolean;
    readonly seed?: number | string;
    readonly modelKind?: string;
    readonly onTimeout?: OnTimeout;
  } = {},
): Trace {
  const { gaps = true } = options;
  const refused = new Set(run.refused);
  const concurrency = inFlightAtArrival(run, refused);
  // One piece of memory for the gaps of all: a piece each would cost more to give back than the gaps to compute.
  const gapsMs = new Float64Array(gaps ? plan.requests.reduce((sum, r) => sum + r.outputTokens - 1, 0) : 0);
  let gapCount = 0;
  const records = source.records.map((record, i): TraceRecord => {
    const request = plan.requests[i];
    const fireMs = run.fireMs[i];
    // Built field by field: spreading parts together costs more than the simulation.
    const modeled: Mutable<TraceRecord> = { promptTokens: request.promptTokens, outputTokens: 0 };
    if (record.blockIds) modeled.blockIds = record.blockIds;
    if (record.session !== undefined) modeled.session = record.session;
    if (record.turn !== undefined) modeled.turn = record.turn;
    if (record.requestId !== undefined) modeled.requestId = record.requestId;
    if (record.agent !== undefined) modeled.agent = record.agent;
    if (record.parents) modeled.parents = record.parents;
    if (Number.isNaN(fireMs)) {
      modeled.finishReason = "never sent";
      return modeled;
    }
    modeled.arrivalMs = fireMs;
    if (run.replicas > 1 && run.replica[i] >= 0) modeled.replica = String(run.replica[i]);
    if (concurrency[i] > 0) modeled.concurrency = concurrency[i];
    const cachedTokens = run.cachedTokens[i];
    if (cachedTokens >= 0) modeled.cachedTokens = cachedTokens;
    const firstMs = run.firstTokenMs(i);
    // As a load generator has it: what was seen stays, and the wait is known up to the limit.
    const limitMs = run.timedOutMs(i) === undefined ? undefined : run.requestTimeoutMs;
    const lostMs = run.lostMs?.(i);
    if (firstMs === undefined) {
      modeled.finishReason =
        limitMs !== undefined
          ? "timeout"
          : lostMs !== undefined
            ? "error"
            : refused.has(i)
              ? "refused"
              : "unfinished";
      // A refusal is answered at once, as a server does that has no room for a prompt: no wait, however long the run goes on.
      const until = refused.has(i) ? fireMs : (lostMs ?? run.endMs);
      modeled.elapsedMs = limitMs ?? Math.max(0, until - fireMs);
      return modeled;
    }
    const outputTokens = run.outputTokens[i];
    const lastMs = run.lastTokenMs(i);
    modeled.outputTokens = outputTokens;
    // Of an answer that was cut short, its blocks are not all there.
    if (lastMs !== undefined && record.outputBlockIds) modeled.outputBlockIds = record.outputBlockIds;
    modeled.ttftMs = firstMs - fireMs;
    if (outputTokens > 1) {
      const count = outputTokens - 1;
      if (gaps) {
        modeled.itlMs = gapsMs.subarray(gapCount, gapCount + count);
        gapCount += run.tokenGaps(i, gapsMs, gapCount);
        const context = run.gapContext(i);
        if (context) modeled.itlCtx = context;
      } else modeled.itlSummary = { meanMs: (run.decodeMs(i) as Ms) / count, count };
    }
    const cut = limitMs !== undefined ? "timeout" : lostMs !== undefined ? "error" : "unfinished";
    modeled.finishReason = lastMs === undefined ? cut : "length";
    modeled.elapsedMs = limitMs ?? (lastMs ?? lostMs ?? run.endMs) - fireMs;
    return modeled;
  });
  const extra = {
    pacing: plan.pacing,
    // The wire's word, of `--cold-prompts`.
    prompts: plan.prompts === "unique" ? "cold" : plan.prompts,
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.modelKind !== undefined && { latency_model: options.modelKind }),
    ...(run.requestTimeoutMs !== undefined && {
      request_timeout_ms: run.requestTimeoutMs,
      on_timeout: options.onTimeout ?? "next-turn",
    }),
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

/**
 * Requests sent, not done and not given up when each request is sent, itself included; of those sent together, the first
 * counts first.
 * 0 for those never sent, and for those refused, which are answered at once.
 */
function inFlightAtArrival(run: SimulationRun, refused: ReadonlySet<number>): Int32Array {
  const n = run.fireMs.length;
  const isCounted = (i: number) => !Number.isNaN(run.fireMs[i]) && !refused.has(i);
  const sentMs = new Float64Array(n);
  const doneMs = new Float64Array(n);
  let count = 0;
  for (let i = 0; i < n; i++) {
    if (!isCounted(i)) continue;
    sentMs[count] = run.fireMs[i];
    doneMs[count++] = run.lastTokenMs(i) ?? run.timedOutMs(i) ?? Number.POSITIVE_INFINITY;
  }
  const sent = sentMs.subarray(0, count).sort();
  const done = doneMs.subarray(0, count).sort();
  const inFlight = new Int32Array(n);
  /** By place among those sent: how many of those sent at that time have been counted. */
  const together = new Int32Array(count);
  for (let i = 0; i < n; i++) {
    if (!isCounted(i)) continue;
    const atMs = run.fireMs[i];
    const before = countBelow(sent, atMs, false);
    inFlight[i] = before + ++together[before] - countBelow(done, atMs, true);
  }
  return inFlight;
}

/** How many of sorted times are before a time, or with `orAt` at it too. */
function countBelow(sorted: Float64Array, ms: Ms, orAt: boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < ms || (orAt && sorted[middle] === ms)) low = middle + 1;
    else high = middle;
  }
  return low;
}

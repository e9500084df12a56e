import type { Ms } from "../base/index.js";
import { completionMs } from "../sessions/index.js";
import type { JsonValue, Trace, TraceRecord } from "../trace/index.js";
import { toldConcurrency } from "./told-concurrency.js";

/** When a request of a closed loop is sent: see `EngineRequest.inTurn`. */
export interface ClosedLoopTurn {
  /** It is sent when fewer than this many of the requests before it are in flight. */
  readonly maxInFlight: number;
  /** How long the client took, from the end that made room or from the send before it, whichever was later. */
  readonly gapMs: Ms;
}

/**
 * When each request of a closed-loop capture is sent, in recorded order: the places there were, and the client's own time
 * between an answer and the next request. Places are the client's workers where the meta line tells them, else the
 * requests that were in flight when this one arrived. With `maxInFlight` given, it is that many for all, without gaps; so are
 * told places where some request has no arrival.
 */
export function closedLoopTurns(trace: Trace, maxInFlight?: number): ClosedLoopTurn[] {
  const { records } = trace;
  if (maxInFlight !== undefined) return records.map(() => ({ maxInFlight, gapMs: 0 }));
  if (records.some(({ arrivalMs }) => arrivalMs === undefined)) {
    const told = toldConcurrency(trace);
    return records.map((record) => ({ maxInFlight: told?.(record) ?? 1, gapMs: 0 }));
  }
  const arrivals = records.map(({ arrivalMs }) => arrivalMs as Ms);
  const originMs = arrivals.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY);
  const ends = Float64Array.from(records.flatMap((record) => completionMs(record) ?? [])).sort();
  const order = Int32Array.from(arrivals.keys()).sort((a, b) => arrivals[a] - arrivals[b] || a - b);
  const workers = workersOf(trace);
  const turns = new Array<ClosedLoopTurn>(records.length);
  let ended = 0;
  let beforeMs = originMs;
  order.forEach((index, sent) => {
    const arrivalMs = arrivals[index];
    while (ended < ends.length && ends[ended] <= arrivalMs) ended++;
    const inFlight = records[index].concurrency ?? sent + 1 - ended;
    const lastEventMs = Math.max(beforeMs, ended > 0 ? ends[ended - 1] : originMs);
    turns[index] = {
      maxInFlight: Math.max(1, workers?.(records[index], arrivalMs) ?? inFlight),
      gapMs: Math.max(0, arrivalMs - lastEventMs),
    };
    beforeMs = arrivalMs;
  });
  return turns;
}

/** How many workers the client had when it sent a request; undefined where nothing tells. */
function workersOf(trace: Trace): ((record: TraceRecord, atMs: Ms) => number) | undefined {
  const ofLoadgen = workersAt(trace.meta.extra.options);
  return ofLoadgen ? (_, atMs) => ofLoadgen(atMs) : toldConcurrency(trace);
}

/** How many workers the load generator had at a time of its run, from its options; undefined where they do not tell. */
function workersAt(options: JsonValue | undefined): ((atMs: Ms) => number) | undefined {
  if (options === null || typeof options !== "object" || Array.isArray(options)) return undefined;
  const { pattern, concurrency, stairs, duration_ms: durationMs } = options as Record<string, JsonValue>;
  if (pattern === "constant" && typeof concurrency === "number") return () => concurrency;
  if (pattern !== "staircase" || !Array.isArray(stairs) || typeof durationMs !== "number") return undefined;
  const levels = stairs.filter((level): level is number => typeof level === "number");
  if (levels.length === 0) return undefined;
  const stairMs = durationMs / levels.length;
  return (atMs) => levels[Math.min(levels.length - 1, Math.floor(atMs / stairMs))];
}

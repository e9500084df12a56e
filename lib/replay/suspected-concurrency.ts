import { quantile } from "../base/index.js";
import { completionMs } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import { capturedPacing } from "./captured-pacing.js";
import { closedLoopTurns } from "./closed-loop-turns.js";

/** Fewer requests than this show no pattern. */
const fewestRequests = 30;
/** Share of the arrivals after the first ones that find all places but their own taken. */
const shareAtCap = 0.9;
/** The client's own time before a send, as a share of how long a request takes. */
const promptShare = 0.05;

/**
 * How many requests the client seems to have had in flight at most, where nothing tells how it paced them: nine in ten
 * arrivals made the same number, none made more, and they followed the end of another at once. Undefined where the pacing
 * is told, or the trace does not look so.
 * @example
 * ```ts
 * import { dataDir, importTrace } from "prefixlab";
 * import { suspectedConcurrency } from "prefixlab/replay";
 * const trace = await importTrace("mooncake", `${dataDir()}/examples/mooncake-style.jsonl`);
 * suspectedConcurrency(trace); // → undefined
 * ```
 */
export function suspectedConcurrency(trace: Trace): number | undefined {
  const { records } = trace;
  if (records.length < fewestRequests || capturedPacing(trace).from !== "assumed") return undefined;
  if (records.some(({ arrivalMs }) => arrivalMs === undefined)) return undefined;
  const turns = closedLoopTurns(trace);
  const places = turns.reduce((most, { maxInFlight }) => Math.max(most, maxInFlight), 1);
  const later = turns.slice(places);
  if (later.length < fewestRequests / 2) return undefined;
  const atCap = later.filter(({ maxInFlight }) => maxInFlight === places).length;
  const durationMs = quantile(
    records.flatMap((record) => {
      const endMs = completionMs(record);
      return endMs === undefined ? [] : [endMs - (record.arrivalMs as number)];
    }),
    0.5,
  );
  const ownMs = quantile(
    later.map(({ gapMs }) => gapMs),
    0.5,
  );
  if (durationMs === undefined || ownMs === undefined) return undefined;
  return atCap >= shareAtCap * later.length && ownMs <= promptShare * durationMs ? places : undefined;
}

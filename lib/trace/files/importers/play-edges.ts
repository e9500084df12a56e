import type { ParentEdge } from "../../trace.js";

/** One request of a line of calls, s on the conversation's clock. */
export interface Call {
  readonly requestId: string;
  readonly startS: number;
  readonly endS: number;
}

/** A sub-agent as those who wait for it see it. */
export interface JoinedAgent {
  /** When its result came back; undefined where nobody waits. */
  readonly joinS: number | undefined;
  /** Its last request to end. */
  readonly last: Call | undefined;
}

/** How much earlier than a call's recorded end the next one may start and still follow it: rounding of logged times. */
const clockSlackS = 0.05;

/** Calls in order of start; those whose times are unknown are left out. */
export function lineOfCalls(calls: readonly (Call | undefined)[]): Call[] {
  return calls
    .filter((call): call is Call => call !== undefined && Number.isFinite(call.startS))
    .sort((a, b) => a.startS - b.startS);
}

/** The call of a line that had ended by then and started last; undefined where none had. */
export function latestEnded(line: readonly Call[], atS: number): Call | undefined {
  let found: Call | undefined;
  for (const call of line)
    if (call.endS <= atS + clockSlackS && call.startS < atS && (!found || call.startS >= found.startS))
      found = call;
  return found;
}

/**
 * What a call of a line follows: the one that ended before it and started last. Where none had ended, it is a call beside the
 * one that started before it, and is counted from that one's start. The first follows none.
 */
export function followEdges(line: readonly Call[], requestId: string): ParentEdge[] {
  const at = line.findIndex((call) => call.requestId === requestId);
  if (at <= 0) return [];
  const { startS } = line[at] as Call;
  const ended = latestEnded(line.slice(0, at), startS);
  if (ended) return [{ requestId: ended.requestId, kind: "turn", gapMs: gapMs(ended.endS, startS) }];
  const beside = line[at - 1] as Call;
  return [{ requestId: beside.requestId, kind: "spawn", gapMs: gapMs(beside.startS, startS), from: "start" }];
}

/**
 * What the first call of a sub-agent follows: the call of the main line that had ended by the spawn and started last, or else,
 * from its start, the one that had started by then.
 */
export function spawnEdges(main: readonly Call[], spawnS: number, first: Call): ParentEdge[] {
  const ended = latestEnded(main, spawnS);
  if (ended) return [{ requestId: ended.requestId, kind: "spawn", gapMs: gapMs(ended.endS, first.startS) }];
  const begun = main.findLast((call) => call.startS <= spawnS);
  if (!begun) return [];
  return [
    { requestId: begun.requestId, kind: "spawn", gapMs: gapMs(begun.startS, first.startS), from: "start" },
  ];
}

/** Join edges by the request that waits: the first of the line that starts once a sub-agent's result is back. */
export function joinsOf(line: readonly Call[], agents: readonly JoinedAgent[]): Map<string, ParentEdge[]> {
  const joins = new Map<string, ParentEdge[]>();
  for (const { joinS, last } of agents) {
    if (joinS === undefined || !last) continue;
    const waiting = line.find((call) => call.startS >= joinS - clockSlackS);
    if (!waiting) continue;
    const edges = joins.get(waiting.requestId) ?? [];
    edges.push({ requestId: last.requestId, kind: "join", gapMs: gapMs(last.endS, waiting.startS) });
    joins.set(waiting.requestId, edges);
  }
  return joins;
}

function gapMs(fromS: number, toS: number): number {
  return Math.max(0, Math.round((toS - fromS) * 1e6) / 1e3);
}

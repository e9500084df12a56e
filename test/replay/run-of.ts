import type { GapContext, SimulationRun } from "../../lib/engine/index.js";

/** What came of a request: all of it undefined for one that was never sent. */
export interface Outcome {
  readonly sentMs?: number;
  readonly admittedMs?: number;
  readonly cachedTokens?: number;
  /** When the client has each token. */
  readonly tokensMs?: readonly number[];
  /** Whether these are all tokens. Default: true where there are any. */
  readonly isComplete?: boolean;
  readonly isRefused?: boolean;
  /** When its client gave up on it, a millisecond before the engine dropped it. */
  readonly timedOutMs?: number;
  readonly replica?: number;
  readonly context?: GapContext;
}

/** A run with these outcomes, worked out by hand; tokens reach the client a millisecond after the engine is done. */
export function runOf(outcomes: readonly Outcome[], endMs: number, requestTimeoutMs?: number): SimulationRun {
  const tokensOf = (i: number): readonly number[] => outcomes[i].tokensMs ?? [];
  const isComplete = (i: number): boolean =>
    tokensOf(i).length > 0 && (outcomes[i].isComplete ?? outcomes[i].timedOutMs === undefined);
  const lastTokenMs = (i: number) => (isComplete(i) ? tokensOf(i)[tokensOf(i).length - 1] : undefined);
  return {
    requests: outcomes.length,
    replicas: 1 + Math.max(0, ...outcomes.map(({ replica = 0 }) => replica)),
    replica: Int32Array.from(outcomes, ({ replica = 0 }) => replica),
    fireMs: Float64Array.from(outcomes, ({ sentMs = Number.NaN }) => sentMs),
    admittedMs: Float64Array.from(outcomes, ({ admittedMs = Number.NaN }) => admittedMs),
    runningAtAdmission: Int32Array.from(outcomes, () => 1),
    cachedTokens: Int32Array.from(outcomes, ({ cachedTokens = -1 }) => cachedTokens),
    outputTokens: Int32Array.from(outcomes, (_, i) => tokensOf(i).length),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    timedOutMs: (i) => outcomes[i].timedOutMs,
    refused: outcomes.flatMap(({ isRefused }, i) => (isRefused ? [i] : [])),
    endMs,
    busyMs: endMs,
    preemptions: 0,
    engines: [{ busyMs: endMs, preemptions: 0 }],
    prefixQueryTokens: 0,
    prefixHitTokens: 0,
    evictedBlocks: 0,
    kvLoads: [],
    firstTokenMs: (i) => tokensOf(i)[0],
    lastTokenMs,
    leftMs: (i) => {
      const lastMs = lastTokenMs(i);
      const { timedOutMs } = outcomes[i];
      if (timedOutMs !== undefined) return timedOutMs + 1;
      return lastMs === undefined ? undefined : lastMs - 1;
    },
    decodeMs: (i) => {
      const times = tokensOf(i);
      return times.length === 0 ? undefined : times[times.length - 1] - times[0];
    },
    tokenTimes: (i, into, at) => {
      into.set(tokensOf(i), at);
      return tokensOf(i).length;
    },
    tokenGaps: (i, into, at) => {
      const times = tokensOf(i);
      times.slice(1).forEach((ms, k) => {
        into[at + k] = ms - times[k];
      });
      return Math.max(0, times.length - 1);
    },
    gapContext: (i) => outcomes[i].context,
    recomputations: () => [],
    loads: () => undefined,
  };
}

import { InputError } from "../base/index.js";
import { tellsTtft } from "../cohorts/index.js";
import { type Replay, type ReplayOptions, replay } from "../replay/index.js";
import { sessionsOf, type Workload } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import { alignTraces } from "./align-traces.js";
import { type Comparison, compareTraces } from "./compare.js";

/** One curve of the cache-effect figure. */
export interface CacheEffectSeries extends Workload {
  readonly kind: "captured" | "modeled";
  readonly cache: "on" | "off";
  /** Modeled series made here: the replay behind it. */
  readonly replay?: Replay;
}

/** The captures, the replays of the first with cache on and off, and how they compare. */
export interface CacheEffect {
  readonly series: readonly CacheEffectSeries[];
  /** Modeled against captured, cache on; undefined where the capture had it off. Compared when it is first read. */
  readonly on: Comparison | undefined;
  /**
   * Modeled against captured, cache off; undefined without a capture of the same requests with it off. Compared when it is
   * first read.
   */
  readonly off: Comparison | undefined;
}

export interface CacheEffectOptions extends ReplayOptions {
  /** A capture of the same schedule with the cache off: only judged, never replayed. */
  readonly capturedOff?: Trace;
}

/**
 * What a prefix cache does to time to first token: a capture, its replay, and the same schedule replayed with prefix caching
 * the other way, which is a counterfactual: nothing of a capture of that kind goes into it. The capture is judged by the replay
 * of its own kind, as its meta line tells it; where that is silent its cache was on. A trace without latencies is not drawn
 * itself: it gives the schedule of the replays.
 * @param workload the capture, mostly with the cache on: its arrivals, think gaps and sharing drive both replays
 * @throws InputError when the capture has no block hashes, or had its cache off and `capturedOff` is given beside it
 * @example
 * ```ts
 * import { cacheEffect, fitLatency, readCapture, readCaptures, workloadOf } from "prefixlab";
 * const { model } = fitLatency(await readCaptures({ role: "fit" }));
 * const warm = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const effect = cacheEffect(warm, { model });
 * effect.series.map(({ kind, cache }) => `${kind}, cache ${cache}`); // → ["captured, cache on", "modeled, cache on", "modeled, cache off"]
 * effect.on?.cachedTokens.exactFraction; // → 1
 * ```
 */
export function cacheEffect(workload: Workload, options: CacheEffectOptions): CacheEffect {
  const { trace: captured, sessions } = workload;
  const { capturedOff, ...replayOptions } = options;
  if (captured.records.every((r) => r.blockIds === undefined))
    throw new InputError(
      "cacheEffect: the captured trace has no block_hashes, so nothing says which prompts share a prefix",
    );
  const cache = captured.meta.engine?.enablePrefixCaching === false ? "off" : "on";
  if (cache === "off" && capturedOff)
    throw new InputError(
      "cacheEffect: the capture had its cache off: capturedOff goes with one that had it on",
    );
  const run = (enablePrefixCaching: boolean): Replay =>
    replay(workload, { ...replayOptions, engine: { ...options.engine, enablePrefixCaching } });
  const on = run(true);
  const off = run(false);
  const aligned = capturedOff && alignTraces(captured, capturedOff);
  const compare = (real: Trace | undefined, modeled: Replay) =>
    kept(() => real && compareTraces({ trace: real, sessions }, { modeled: [modeled.trace] }));
  const comparedOn = compare(cache === "on" ? captured : undefined, on);
  const comparedOff = compare(cache === "off" ? captured : aligned, off);
  return {
    series: [
      ...(tellsTtft(captured) ? [{ kind: "captured", cache, trace: captured, sessions } as const] : []),
      { kind: "modeled", cache: "on", trace: on.trace, sessions, replay: on },
      ...(capturedOff
        ? [
            {
              kind: "captured",
              cache: "off",
              trace: aligned ?? capturedOff,
              sessions: aligned ? sessions : sessionsOf(capturedOff),
            } as const,
          ]
        : []),
      { kind: "modeled", cache: "off", trace: off.trace, sessions, replay: off },
    ],
    get on() {
      return comparedOn();
    },
    get off() {
      return comparedOff();
    },
  };
}

/** What is made when it is first asked for. */
function kept<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

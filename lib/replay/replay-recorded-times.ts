import { InputError, type Ms, type Tokens } from "../base/index.js";
import { type LowerTier, lowerTiers } from "../engine/index.js";
import type { Workload } from "../sessions/index.js";
import { type ChosenSettings, chooseSettings, type EngineSettings } from "../settings/index.js";
import { engineCount } from "../trace/index.js";
import { capturedEngine } from "./captured-engine.js";
import { type ClockedRun, onCapturedClock } from "./on-captured-clock.js";

/** A capture's requests at the capture's own times, through the simulated scheduler and cache. */
export interface RecordedTimesReplay extends Workload {
  /** The engine's settings, and how each is known. */
  readonly engine: ChosenSettings;
  /** KV that the pool holds. */
  readonly poolTokens: Tokens;
  /** Tiers behind it, the nearest first. */
  readonly tiers: readonly LowerTier[];
  readonly run: ClockedRun;
  readonly wallMs: Ms;
}

/**
 * Replays a capture without a latency model: every request comes, is given its tokens, and ends when the capture says, so
 * that what the cache is predicted to find differs from what was found by the cache's error alone. The result's records
 * are the capture's with `cachedTokens` as predicted; that of a request which could not be run is undefined.
 * @param options.engine settings that go before those of the captured engine, which are the default
 * @throws InputError when the capture is of several engines, or of one with slots, or tells no arrivals, and as
 * {@link lowerTiers} does
 * @example
 * ```ts
 * import { readTrace, replayRecordedTimes, workloadOf } from "prefixlab";
 * import { dataDir } from "prefixlab/captures";
 * const trace = await readTrace(`${dataDir()}/vllm-small-pool/small-pool-1.jsonl.gz`);
 * const { run } = replayRecordedTimes(workloadOf(trace));
 * [run.hitTokens, run.queriedTokens]; // → [117632, 146000]
 * ```
 */
export function replayRecordedTimes(
  workload: Workload,
  options: { readonly engine?: Partial<EngineSettings> } = {},
): RecordedTimesReplay {
  const startedMs = performance.now();
  const { trace, sessions } = workload;
  const engines = engineCount(trace.meta);
  if (engines > 1)
    throw new InputError(
      `replayRecordedTimes: the capture is of ${engines} engines, and nothing tells which served which request: replay it with a latency model`,
    );
  if (trace.records.every(({ arrivalMs }) => arrivalMs === undefined))
    throw new InputError(
      "replayRecordedTimes: no record tells when it arrived: there are no times to replay",
    );
  const engine = chooseSettings({ given: options.engine, captured: capturedEngine(trace.meta) });
  if (engine.settings.prefixReuse === "slots")
    throw new InputError(
      "replayRecordedTimes: the engine keeps prefixes in slots, and which slot is idle hangs on more than the recorded times: replay it with a latency model",
    );
  const run = onCapturedClock(workload, engine.settings);
  const records = trace.records.map((record, i) => {
    const { cachedTokens: _, ...rest } = record;
    const predicted = run.cachedTokens[i];
    return predicted === undefined ? rest : { ...rest, cachedTokens: predicted };
  });
  return {
    trace: { ...trace, records },
    sessions,
    engine,
    poolTokens: engine.settings.kvCacheBlocks * engine.settings.blockSize,
    tiers: lowerTiers(engine.settings),
    run,
    wallMs: performance.now() - startedMs,
  };
}

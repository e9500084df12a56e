import { type Ms, requireInteger, type Tokens } from "../base/index.js";
import {
  type EngineOptions,
  type EngineRequest,
  engineOptions,
  type OnTimeout,
  type SimulationRun,
  simulate,
} from "../engine/index.js";
import type { LatencyModel } from "../latency/index.js";
import { BlockTable, inArrivalOrder, type Trace, type TraceRecord } from "../trace/index.js";
import type { PlannedSession } from "../workload/index.js";
import { modeledTrace } from "./modeled-trace.js";

/** A planned workload and the engine that is to serve it. */
export interface SimulateSessionsOptions {
  /** From `planSessions`. */
  readonly sessions: readonly PlannedSession[];
  /** Length of each shared prefix. */
  readonly prefixTokens: Tokens;
  readonly model: LatencyModel;
  readonly engine?: Partial<EngineOptions>;
  /** What a client puts up with, and what follows what it did not: as in `replay`. Default: it waits for ever. */
  readonly requestTimeoutMs?: Ms;
  readonly onTimeout?: OnTimeout;
  readonly seed?: number | string;
}

/**
 * Serves a planned multi-turn workload on the simulated engine, with no capture behind it: sessions arrive as planned,
 * each turn follows the answer before it by its think time, and its prompt is the shared prefix and all turns so far,
 * answers included. The trace names session and turn, as a load generator's does.
 * @throws InputError when `prefixTokens` is negative, or an engine setting is wrong
 * @example
 * ```ts
 * import { latencyProfile, planSessions, simulateSessions } from "prefixlab";
 * const sessions = planSessions({
 *   sessions: 4,
 *   turns: 3,
 *   ratePerSecond: 1,
 *   prefixCount: 2,
 *   promptTokens: 128,
 *   outputTokens: 16,
 *   thinkTimeMs: 0,
 *   seed: 1,
 * });
 * const { trace } = simulateSessions({ sessions, prefixTokens: 1024, model: latencyProfile("h200-qwen3-8b") });
 * trace.records.length; // → 12
 * ```
 */
export function simulateSessions(options: SimulateSessionsOptions): {
  readonly trace: Trace;
  readonly run: SimulationRun;
} {
  const { model, seed = 1, requestTimeoutMs, onTimeout } = options;
  requireInteger("simulateSessions", "prefixTokens", options.prefixTokens);
  const engine = engineOptions(options.engine);
  const { requests, records, contentCount, blocks } = planned(options, engine.blockSize);
  const run = simulate({
    requests,
    model,
    engine,
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    ...(onTimeout && { onTimeout }),
    seed,
    contentCount,
  });
  const source: Trace = {
    meta: {
      source: "planned",
      blockSize: engine.blockSize,
      engine,
      extra: {},
    },
    records,
    blocks,
    rejected: [],
    warnings: [],
  };
  const plan = {
    requests,
    pacing: "session",
    prompts: "recorded",
    blockSize: engine.blockSize,
    contentCount,
    assumptions: [],
  } as const;
  const trace = modeledTrace(source, plan, run, engine, {
    seed,
    modelKind: model.kind,
    ...(onTimeout && { onTimeout }),
  });
  return { trace: { ...trace, records: inArrivalOrder([...trace.records]) }, run };
}

/** The requests of all sessions, and what a trace says of them before they run. */
function planned({ sessions, prefixTokens }: SimulateSessionsOptions, blockSize: Tokens) {
  const requests: EngineRequest[] = [];
  const records: TraceRecord[] = [];
  const prefixBlocks = Math.floor(prefixTokens / blockSize);
  const prefixCount = sessions.reduce((most, { prefix }) => Math.max(most, prefix + 1), 0);
  let contentCount = prefixCount * prefixBlocks;
  for (const [place, { session, arrivalMs, prefix, turns }] of sessions.entries()) {
    // A block that begins inside the prefix and ends outside it belongs to the session.
    const chain = Array.from({ length: prefixBlocks }, (_, block) => prefix * prefixBlocks + block);
    let tokens = prefixTokens;
    for (const { turn, newTokens, outputTokens, thinkMs } of turns) {
      const promptTokens = tokens + newTokens;
      tokens = promptTokens + outputTokens;
      while (chain.length < Math.floor(tokens / blockSize)) chain.push(contentCount++);
      const contentIds = Int32Array.from(chain);
      const promptBlocks = Math.floor(promptTokens / blockSize);
      const when =
        turn === 1 ? { fireAtMs: arrivalMs } : { after: { parent: requests.length - 1, gapMs: thinkMs } };
      requests.push({ promptTokens, outputTokens, contentIds, session: place, ...when });
      records.push({
        promptTokens,
        outputTokens,
        blockIds: contentIds.subarray(0, promptBlocks),
        outputBlockIds: contentIds.subarray(promptBlocks),
        session,
        turn,
      });
    }
  }
  const blocks = new BlockTable();
  for (let id = 0; id < contentCount; id++) blocks.intern(0, id);
  return { requests, records, contentCount, blocks };
}

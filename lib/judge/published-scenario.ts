import { InputError, type Ms } from "../base/index.js";
import type { OnTimeout } from "../engine/index.js";
import { latencyProfile } from "../latency/index.js";
import { type Replay, replay, simulateSessions } from "../replay/index.js";
import { workloadOf } from "../sessions/index.js";
import { publishedFigure } from "./published-figure.js";

/** One run of the published scenario. */
export interface PublishedScenarioOptions {
  /** When sessions arrive: those of the figure are `publishedArrivals()`. */
  readonly arrivalsMs: ArrayLike<Ms>;
  /** Default: what the figure's own replay allowed a request, 67.4 s. Infinity: no limit. */
  readonly requestTimeoutMs?: Ms;
  /** Default "next-turn", as the figure's own replay did. */
  readonly onTimeout?: OnTimeout;
  readonly seed?: number | string;
}

/** The published scenario, cache on and off. */
export interface PublishedScenario {
  /** Cache on: nobody comes near the limit. */
  readonly warm: Replay;
  /** Cache off. */
  readonly cold: Replay;
}

/** Turns and tokens of a session: 6,500 words of prefix and 128 words a turn, at 1.5 tokens a word. */
const shape = { turns: 5, prefixTokens: 9_750, promptTokens: 192, outputTokens: 128 } as const;
const prefixCount = 2;
/** 65,536 blocks as the figure's, the budget that its replay ran at, and seats that are never full. */
const engine = { kvCacheBlocks: 65_536, blockSize: 16, maxNumBatchedTokens: 2_048, maxNumSeqs: 128 } as const;

/**
 * The scenario of vllm-vcr's published figure `multiturn-cache-effect.png`, under the conditions under which it was drawn:
 * its arrivals and sizes, its step price (profile `vllm-vcr-published`), a budget of 2,048 tokens, and a client that gives
 * up after 67.4 s and then sends the next turn.
 * @example
 * ```ts
 * import { completedCount, publishedArrivals, publishedScenario } from "prefixlab";
 * const { cold } = publishedScenario({ arrivalsMs: await publishedArrivals() });
 * [cold.trace.records.length, completedCount(cold.trace)]; // → [495, 108]
 * ```
 */
export function publishedScenario(options: PublishedScenarioOptions): PublishedScenario {
  const {
    arrivalsMs,
    requestTimeoutMs = publishedFigure.requestTimeoutMs,
    onTimeout = "next-turn",
    seed = 1,
  } = options;
  if (arrivalsMs.length === 0) throw new InputError("publishedScenario: arrivalsMs is empty, nobody arrives");
  const model = latencyProfile("vllm-vcr-published");
  const { turns, prefixTokens, promptTokens, outputTokens } = shape;
  const sessions = Array.from(arrivalsMs, (arrivalMs, i) => ({
    session: `s${i}`,
    arrivalMs,
    prefix: i % prefixCount,
    turns: Array.from({ length: turns }, (_, t) => ({
      turn: t + 1,
      newTokens: promptTokens,
      outputTokens,
      thinkMs: 0,
    })),
  }));
  const { trace } = simulateSessions({ sessions, prefixTokens, model, engine, seed });
  const workload = workloadOf(trace);
  const [warm, cold] = [true, false].map((enablePrefixCaching) =>
    replay(workload, {
      model,
      engine: { ...engine, enablePrefixCaching },
      pacing: "session",
      requestTimeoutMs,
      onTimeout,
      seed,
    }),
  );
  return { warm, cold };
}

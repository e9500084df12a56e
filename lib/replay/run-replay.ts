import type { Bytes, Ms, Tokens } from "../base/index.js";
import {
  type LowerTier,
  lowerTiers,
  type OnLoss,
  type OnTimeout,
  type ReplicaEvent,
  replicaCount,
  type SimulationRun,
} from "../engine/index.js";
import {
  type FleetOptions,
  type FleetReuse,
  type PrefillPool,
  ReuseWatch,
  type Route,
  type RouterPolicy,
  routerPolicy,
  runFleet,
} from "../fleet/index.js";
import { isExtrapolated, type LatencyModel, type ModelEvidence } from "../latency/index.js";
import type { Workload } from "../sessions/index.js";
import {
  type ChosenSettings,
  chooseSettings,
  type EngineSettings,
  type SettingOrigin,
} from "../settings/index.js";
import { dataParallel, engineCount, importAssumptions, type Trace } from "../trace/index.js";
import { answerReuseWords } from "./answer-reuse.js";
import { capturedEngine } from "./captured-engine.js";
import { capturedPacing } from "./captured-pacing.js";
import { modeledTrace } from "./modeled-trace.js";
import type { Pacing } from "./pacing.js";
import { pacingDoubts } from "./pacing-doubts.js";
import { type Plan, type PlanOptions, type Prompts, planReplay } from "./plan.js";
import { type PrefillConditions, prefillConditions, type ReplayPrefill } from "./prefill-conditions.js";
import { type TierUse, tierUse } from "./tier-use.js";

/** One replay of a trace through the simulated engine. */
export interface ReplayOptions {
  /** How long steps take. */
  readonly model: LatencyModel;
  /** Default: that of the capture's client, see {@link capturedPacing}. */
  readonly pacing?: Pacing;
  /** Closed loop: requests in flight at most. Default: as many as the capture had. */
  readonly maxInFlight?: number;
  /** Default "recorded". */
  readonly prompts?: Prompts;
  /** False: no turn repeats the answer before it, as in `planReplay`. Default true. */
  readonly answerReuse?: boolean;
  /** Settings that go before those of the captured engine, which are the default; see {@link chooseSettings}. */
  readonly engine?: Partial<EngineSettings>;
  /** Equal engines behind a router; with `prefill`, those that decode. Default: the capture's data-parallel ranks that are engines of their own, else 1. */
  readonly replicas?: number;
  /**
   * Which of them a request is sent to: a router, a function that chooses, or the word for a shipped router, with options behind
   * it as in "sticky:ttl=300". Default "round-robin"; for data-parallel ranks "data-parallel".
   */
  readonly router?: string | RouterPolicy | Route;
  /** Engines that compute prompts for the replicas: prefill and decode apart. Default: none. */
  readonly prefill?: ReplayPrefill;
  /** What happens to replicas while they run, and what becomes of requests in flight there: see {@link FleetOptions}. */
  readonly replicaEvents?: readonly ReplicaEvent[];
  readonly onLoss?: OnLoss;
  /**
   * The client gives up on a request that has not its last token this long after it was sent. The engine then drops it;
   * its record keeps what came, is finished by "timeout", and its wait for a first token is censored there. Default: never.
   */
  readonly requestTimeoutMs?: Ms;
  /**
   * What becomes of the turn after one that was given up, where pacing is by sessions: "next-turn" sends it as if that one
   * had been answered then, "end-session" sends no more of the session. Default "next-turn".
   */
  readonly onTimeout?: OnTimeout;
  /** Fixes the latency model's draws. Default 1. */
  readonly seed?: number | string;
  /** Arrivals come this many times as fast; think gaps stay. Default 1. */
  readonly rateScale?: number;
  /** Think gaps are this many times as long. Default 1. */
  readonly thinkScale?: number;
  /** Keep per-token gaps in the modeled trace. Default true. */
  readonly gaps?: boolean;
  /** Keep the load of every step. Default false. */
  readonly keepLoads?: boolean;
  /** Tell what of the prompts could have been found; costs about as much again as the caches themselves. Default false. */
  readonly tellsReuse?: boolean;
  /** Plans this workload; for replays that share plans, see `keepPlan`. Default: {@link planReplay}. */
  readonly planOf?: (options: PlanOptions) => Plan;
  readonly onProgress?: (fraction: number) => void;
}

/** What a replay ran under, and how each of it is known. */
export interface ReplayConditions {
  readonly engine: ChosenSettings;
  /** KV that the pool holds. */
  readonly poolTokens: Tokens;
  /** Undefined where nothing tells the bytes of a token. */
  readonly poolBytes?: Bytes;
  /** Memory behind the pool, the nearest first. */
  readonly tiers: readonly LowerTier[];
  readonly pacing: Pacing;
  readonly pacingFrom: Extract<SettingOrigin, "captured" | "given" | "assumed">;
  readonly replicas: number;
  /** The replicas, and the engines that compute prompts for them. */
  readonly engines: number;
  /** Name of the router; undefined where there is nothing to route. */
  readonly router?: string;
  /** Engines that compute prompts for the replicas; undefined where there are none. */
  readonly prefill?: PrefillConditions;
  /** Data-parallel ranks that make their steps together and are modeled as one engine; undefined where there are none. */
  readonly ranksAsOne?: number;
  /** The client's time limit on a request, and what follows a request that reached it; undefined where there is none. */
  readonly requestTimeoutMs?: Ms;
  readonly onTimeout?: OnTimeout;
  /** Kind of the latency model. */
  readonly latency: string;
  /** Settings of the engine that the model was fitted on, as far as they are known. */
  readonly fittedAt?: Partial<EngineSettings>;
  /** What the model rests on, and what to know beside its predictions, where it tells. */
  readonly evidence?: ModelEvidence;
  readonly notes?: readonly string[];
}

/** What a replay made: a trace of the same requests and sessions as the source, and how the engine fared. */
export interface Replay extends Workload {
  readonly plan: Plan;
  readonly run: SimulationRun;
  readonly conditions: ReplayConditions;
  readonly seed: number | string;
  /** Virtual time covered, and real time spent in planning, simulating and writing the trace. */
  readonly virtualMs: Ms;
  readonly wallMs: Ms;
  /** Fraction of requests outside the latency model's fit range. */
  readonly extrapolated: number;
  /** What came from memory behind the pool; undefined where there is none. */
  readonly tierUse?: TierUse;
  /** What of the prompts could have been found, and was; undefined where it was not asked for. */
  readonly reuse?: FleetReuse;
}

/**
 * Replays a trace: plan, simulate, and the result as a trace. What the trace tells of its engine and of its client's
 * pacing is the default; `conditions` of the result says what was told, given and assumed. A trace without latencies
 * cannot tell its think gaps; they are then taken from the completions of an open-loop replay of the same trace, and the
 * plan's assumptions say so.
 * @throws InputError as {@link planReplay}, {@link chooseSettings} and {@link runFleet} do
 * @example
 * ```ts
 * import { fitLatency, inferSessions, readCapture, readCaptures, replay, summarizeCohorts } from "prefixlab";
 * const { model } = fitLatency(await readCaptures({ role: "fit" }));
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const sessions = inferSessions(trace);
 * const on = replay({ trace, sessions }, { model });
 * const off = replay({ trace, sessions }, { model, engine: { enablePrefixCaching: false } });
 * [on, off].map((run) => summarizeCohorts({ trace: run.trace, sessions }).turns2plus.ttftMs.p50); // → [59.54, 12720]
 * ```
 */
export function replay(workload: Workload, options: ReplayOptions): Replay {
  const startedMs = performance.now();
  const { trace, sessions } = workload;
  const { model, seed = 1, planOf = (given: PlanOptions) => planReplay(workload, given) } = options;
  const conditions = replayConditions(workload, options);
  const { settings } = conditions.engine;
  const planOptions = {
    blockSize: settings.blockSize,
    pacing: conditions.pacing,
    ...(options.maxInFlight !== undefined && { maxInFlight: options.maxInFlight }),
    ...(options.prompts && { prompts: options.prompts }),
    ...(options.answerReuse !== undefined && { answerReuse: options.answerReuse }),
    ...(options.rateScale !== undefined && { rateScale: options.rateScale }),
    ...(options.thinkScale !== undefined && { thinkScale: options.thinkScale }),
  };
  const simulatePlan = (
    plan: Plan,
    more: Pick<
      FleetOptions,
      "requestTimeoutMs" | "onTimeout" | "watchCache" | "replicaEvents" | "onLoss"
    > = {},
  ) =>
    runFleet({
      requests: plan.requests,
      model,
      engine: settings,
      replicas: conditions.replicas,
      ...(options.prefill &&
        conditions.prefill && { prefill: prefillPool(options.prefill, conditions.prefill) }),
      ...(options.router ? { router: options.router } : conditions.router && { router: conditions.router }),
      ...more,
      seed,
      contentCount: plan.contentCount,
      keepLoads: options.keepLoads ?? false,
      ...(options.onProgress && { onProgress: options.onProgress }),
    });

  let plan: Plan;
  const paced = conditions.pacing === "session";
  if (paced && trace.records.every((r) => r.ttftMs === undefined) && sessions.parent.some((p) => p >= 0)) {
    const open = simulatePlan(planOf({ ...planOptions, pacing: "open-loop" }));
    plan = planOf({ ...planOptions, durationsMs: durationsMs(open) });
    plan = {
      ...plan,
      assumptions: [
        "the trace has no latencies: think gaps are arrivals less the modeled completions of an open-loop replay",
        ...plan.assumptions,
      ],
    };
  } else plan = planOf(planOptions);
  plan = {
    ...plan,
    assumptions: [
      ...ranksTogether(conditions),
      ...modelElsewhere(conditions),
      ...pacingDoubts(trace, conditions.pacingFrom),
      ...importAssumptions(trace.meta),
      ...(plan.answerReuse && settings.enablePrefixCaching ? [answerReuseWords(plan.answerReuse)] : []),
      ...plan.assumptions,
    ],
  };

  const { requestTimeoutMs, onTimeout } = conditions;
  const watch = options.tellsReuse
    ? new ReuseWatch({
        requests: plan.requests,
        replicas: replicaCount(conditions.replicas, options.replicaEvents),
        ...(options.prefill && {
          prefillReplicas: replicaCount(options.prefill.replicas, options.prefill.replicaEvents),
        }),
        engine: settings,
        contentCount: plan.contentCount,
      })
    : undefined;
  const run = simulatePlan(plan, {
    ...(watch && { watchCache: watch.watchCache }),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    ...(onTimeout && { onTimeout }),
    ...(options.replicaEvents && { replicaEvents: options.replicaEvents }),
    ...(options.onLoss && { onLoss: options.onLoss }),
  });
  const modeled = modeledTrace(trace, plan, run, settings, {
    gaps: options.gaps ?? true,
    seed,
    modelKind: model.kind,
    ...(onTimeout && { onTimeout }),
  });
  return {
    trace: modeled,
    sessions,
    plan,
    run,
    conditions,
    seed,
    virtualMs: run.endMs,
    wallMs: performance.now() - startedMs,
    extrapolated: extrapolatedFraction(modeled, run, model, options.prefill?.model ?? model),
    ...(conditions.tiers.length > 0 && {
      tierUse: tierUse(run, conditions.tiers, model, settings.maxNumBatchedTokens),
    }),
    ...(watch && { reuse: watch.reuse(run) }),
  };
}

/**
 * What a replay will run under: each engine setting from what is given, what the trace tells, what the model's card or
 * its fitted engine has, else the usual; the pacing as given or as the capture's client had it.
 * @throws InputError for a setting that there is not, or a value that does not fit
 * @example
 * ```ts
 * import { latencyProfile, readCapture, replayConditions } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { engine, poolTokens, pacing } = replayConditions({ trace }, { model: latencyProfile("h200-qwen3-8b") });
 * [engine.from.kvCacheBlocks, poolTokens, pacing]; // → ["captured", 262112, "session"]
 * ```
 */
export function replayConditions(
  { trace }: Pick<Workload, "trace">,
  options: Pick<
    ReplayOptions,
    | "model"
    | "engine"
    | "pacing"
    | "maxInFlight"
    | "replicas"
    | "router"
    | "prefill"
    | "replicaEvents"
    | "requestTimeoutMs"
    | "onTimeout"
  >,
): ReplayConditions {
  const { model, requestTimeoutMs, onTimeout = "next-turn" } = options;
  const { ranks, isLockstep } = dataParallel(trace.meta);
  const engines = engineCount(trace.meta);
  const { replicas = engines } = options;
  const isAsCaptured = replicas === engines && (engines > 1 || !options.prefill);
  const { router = isAsCaptured ? "data-parallel" : "round-robin" } = options;
  const { memory, fittedAt } = model;
  const isLimited = requestTimeoutMs !== undefined && requestTimeoutMs !== Number.POSITIVE_INFINITY;
  const engine = chooseSettings({
    given: options.engine,
    captured: capturedEngine(trace.meta),
    ...(memory && { profile: memory }),
    fitted: fittedAt,
  });
  const { kvCacheBlocks, blockSize, kvBytesPerToken = memory?.kvBytesPerToken } = engine.settings;
  const pacing = options.pacing ?? (options.maxInFlight === undefined ? undefined : "closed-loop");
  const captured = capturedPacing(trace);
  return {
    engine,
    poolTokens: kvCacheBlocks * blockSize,
    ...(kvBytesPerToken !== undefined && { poolBytes: kvCacheBlocks * blockSize * kvBytesPerToken }),
    tiers: lowerTiers(engine.settings),
    pacing: pacing ?? captured.pacing,
    pacingFrom: pacing === undefined ? captured.from : "given",
    replicas,
    engines: replicas + (options.prefill?.replicas ?? 0),
    ...((replicas > 1 || options.replicaEvents || options.prefill) && { router: routerPolicy(router).name }),
    ...(options.prefill && {
      prefill: prefillConditions(trace.meta, options.prefill, {
        model,
        settings: engine.settings,
        given: options.engine,
        router,
      }),
    }),
    ...(isLockstep && { ranksAsOne: ranks }),
    ...(isLimited && { requestTimeoutMs, onTimeout }),
    latency: model.kind,
    ...(fittedAt && { fittedAt }),
    ...(model.evidence && { evidence: model.evidence }),
    ...(model.notes && { notes: model.notes }),
  };
}

function ranksTogether({ ranksAsOne }: ReplayConditions): string[] {
  return ranksAsOne === undefined
    ? []
    : [
        `${ranksAsOne} data-parallel ranks with expert parallelism make their steps together: modeled as one engine with the seats, token budget and blocks of all`,
      ];
}

/** Settings by which the engine differs from the one that the model was fitted on, where they change what a step costs. */
function modelElsewhere({ engine, fittedAt = {} }: ReplayConditions): string[] {
  return (["maxNumBatchedTokens", "blockSize", "maxNumSeqs", "longPrefillTokenThreshold"] as const).flatMap(
    (name) => {
      const there = fittedAt[name];
      const here = engine.settings[name];
      return there === undefined || there === here
        ? []
        : [
            `the latency model was fitted at ${name} ${there} and is used at ${here}: what a step costs there was not measured`,
          ];
    },
  );
}

/** Arrival to last token of each request, ms; undefined where it did not complete. */
export function durationsMs(run: SimulationRun): (Ms | undefined)[] {
  return Array.from(run.fireMs, (fireMs, i) => {
    const lastMs = run.lastTokenMs(i);
    return lastMs === undefined ? undefined : lastMs - fireMs;
  });
}

function prefillPool(given: ReplayPrefill, conditions: PrefillConditions): PrefillPool {
  const { transferGbps: _, transferLatencyMs: __, ...pool } = given;
  return { ...pool, engine: conditions.engine.settings, link: conditions.link };
}

function extrapolatedFraction(
  trace: Trace,
  run: SimulationRun,
  model: LatencyModel,
  prefillModel: LatencyModel,
): number {
  const { range } = model;
  let outside = 0;
  trace.records.forEach(({ promptTokens, outputTokens, cachedTokens = 0 }, i) => {
    const uncachedTokens = promptTokens - cachedTokens;
    const contextTokens = promptTokens + outputTokens;
    const runningSeqs = run.runningAtAdmission[i];
    const isApart = run.prefill !== undefined && run.prefill.replica[i] >= 0;
    // Of what another engine computed, the last token alone is computed again.
    const hereTokens = isApart ? 1 : uncachedTokens;
    if (
      isExtrapolated(range, { uncachedTokens: hereTokens, contextTokens, runningSeqs }) ||
      (isApart &&
        isExtrapolated(prefillModel.range, { uncachedTokens, contextTokens: promptTokens, runningSeqs: 1 }))
    )
      outside++;
  });
  return trace.records.length === 0 ? 0 : outside / trace.records.length;
}

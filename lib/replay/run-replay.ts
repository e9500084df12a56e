import type { Ms } from "../base/index.js";
import { type EngineOptions, engineOptions, type SimulationRun, simulate } from "../engine/index.js";
import { isExtrapolated, type LatencyModel } from "../latency/index.js";
import type { SessionLabels } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import { modeledTrace } from "./modeled-trace.js";
import { type Pacing, type Plan, type Prompts, planReplay } from "./plan.js";

/** One replay of a trace through the simulated engine. */
export interface ReplayOptions {
  readonly trace: Trace;
  readonly sessions: SessionLabels;
  readonly model: LatencyModel;
  readonly pacing?: Pacing;
  readonly prompts?: Prompts;
  readonly engine?: Partial<EngineOptions>;
  readonly seed?: number | string;
  readonly rateScale?: number;
  readonly thinkScale?: number;
  /** Keep per-token gaps in the modeled trace. Default true. */
  readonly gaps?: boolean;
  /** Keep the load of every step. Default false. */
  readonly keepLoads?: boolean;
  readonly onProgress?: (fraction: number) => void;
}

/** What a replay made: a trace beside the source, and how the engine fared. */
export interface Replay {
  readonly trace: Trace;
  readonly plan: Plan;
  readonly run: SimulationRun;
  readonly seed: number | string;
  /** Virtual time covered, and real time spent in planning, simulating and writing the trace. */
  readonly virtualMs: Ms;
  readonly wallMs: Ms;
  /** Fraction of requests outside the latency model's fit range. */
  readonly extrapolated: number;
}

/**
 * Replays a trace: plan, simulate, and the result as a trace. A trace without latencies cannot tell its think gaps; they
 * are then taken from the completions of an open-loop replay of the same trace, and the plan's assumptions say so.
 * @throws InputError as {@link planReplay} and {@link simulate} do
 */
export function replay(options: ReplayOptions): Replay {
  const startedMs = performance.now();
  const { trace, sessions, model, seed = 1 } = options;
  const blockSize = options.engine?.blockSize ?? trace.meta.blockSize ?? 16;
  const engine = engineOptions({ ...options.engine, blockSize });
  const planOptions = {
    trace,
    sessions,
    blockSize,
    ...(options.pacing && { pacing: options.pacing }),
    ...(options.prompts && { prompts: options.prompts }),
    ...(options.rateScale !== undefined && { rateScale: options.rateScale }),
    ...(options.thinkScale !== undefined && { thinkScale: options.thinkScale }),
  };
  const simulatePlan = (plan: Plan): SimulationRun =>
    simulate({
      requests: plan.requests,
      model,
      engine,
      seed,
      contentCount: plan.contentCount,
      keepLoads: options.keepLoads ?? false,
      ...(options.onProgress && { onProgress: options.onProgress }),
    });

  let plan: Plan;
  const paced = (options.pacing ?? "session") === "session";
  if (paced && trace.records.every((r) => r.ttftMs === undefined) && sessions.parent.some((p) => p >= 0)) {
    const open = simulatePlan(planReplay({ ...planOptions, pacing: "open-loop" }));
    plan = planReplay({ ...planOptions, durationsMs: durationsMs(open) });
    plan = {
      ...plan,
      assumptions: [
        "the trace has no latencies: think gaps are arrivals less the modeled completions of an open-loop replay",
        ...plan.assumptions,
      ],
    };
  } else plan = planReplay(planOptions);

  const run = simulatePlan(plan);
  const modeled = modeledTrace(trace, plan, run, engine, {
    gaps: options.gaps ?? true,
    seed,
    modelKind: model.kind,
  });
  return {
    trace: modeled,
    plan,
    run,
    seed,
    virtualMs: run.endMs,
    wallMs: performance.now() - startedMs,
    extrapolated: extrapolatedFraction(modeled, run, model),
  };
}

/** Arrival to last token of each request, ms; undefined where it did not complete. */
export function durationsMs(run: SimulationRun): (Ms | undefined)[] {
  return Array.from(run.fireMs, (fireMs, i) => {
    const lastMs = run.lastTokenMs(i);
    return lastMs === undefined ? undefined : lastMs - fireMs;
  });
}

function extrapolatedFraction(trace: Trace, run: SimulationRun, model: LatencyModel): number {
  const outside = trace.records.filter((record, i) =>
    isExtrapolated(model.range, {
      uncachedTokens: record.promptTokens - (record.cachedTokens ?? 0),
      contextTokens: record.promptTokens + record.outputTokens,
      runningSeqs: run.runningAtAdmission[i],
    }),
  );
  return trace.records.length === 0 ? 0 : outside.length / trace.records.length;
}

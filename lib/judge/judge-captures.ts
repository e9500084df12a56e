import { InputError, type Ms } from "../base/index.js";
import { fitLatency, type LatencyKind } from "../fit/index.js";
import type { LatencyModel } from "../latency/index.js";
import type { Trace } from "../trace/index.js";
import { type AccuracyScenario, accuracyScenarios } from "./accuracy-scenarios.js";
import { allowanceOf } from "./allowance-of.js";
import { captureStarts } from "./capture-starts.js";
import { comparePacing, type PacingComparison } from "./compare-pacing.js";
import { replayScenario, type ScenarioCapture } from "./replay-scenario.js";
import { type ScenarioAccuracy, scenarioAccuracy } from "./scenario-accuracy.js";
import { type NoiseCell, seedNoise } from "./seed-noise.js";
import { type SlowBand, slowBandOf, slowBandThresholdMs } from "./slow-band.js";
import { type StartAccuracy, startAccuracy } from "./start-accuracy.js";
import { pooledStepsWaited, type StepsWaited } from "./steps-waited.js";

/** A model, and what decided how its engine schedules, where the fit looked for it. */
export interface FittedModel {
  readonly model: LatencyModel;
  readonly scheduling?: {
    readonly by: string;
    /** How far from the captures replays are that schedule so. */
    readonly synchronous: number;
    readonly asynchronous: number;
  };
}

/** One scenario under one latency model. */
export interface ScenarioReport {
  readonly kind: LatencyKind;
  readonly scenario: AccuracyScenario;
  readonly accuracy: ScenarioAccuracy;
  /** Share of gaps in the slow band. */
  readonly slowBand: SlowBand;
  /** Steps that requests waited for while others decoded, captured and modeled: whether they reach the scheduler in time. */
  readonly waited: { readonly captured: StepsWaited; readonly modeled: StepsWaited };
  /** What the model was fitted with. */
  readonly fit: FittedModel;
  /** The same as an engine that schedules the other way, where the scenario asks for it and the fit decided. */
  readonly otherScheduling?: ScenarioAccuracy;
  /** What of the errors is the engine start's own speed; undefined where nothing tells it. */
  readonly start?: StartAccuracy;
}

/** How much the engine's own numbers differ over captures of one scenario. */
export interface ScenarioNoise {
  readonly scenario: string;
  readonly captures: number;
  readonly cells: readonly NoiseCell[];
}

/** What the accuracy page says of the captures. */
export interface AccuracyReport {
  /** Model seeds that the modeled numbers are means over. */
  readonly seeds: number;
  /** A gap longer than this is in the slow band. */
  readonly slowMs: Ms;
  readonly scenarios: readonly ScenarioReport[];
  readonly noise: readonly ScenarioNoise[];
  /** Undefined without captures of the same schedule with the cache on and off. */
  readonly pacing?: PacingComparison;
}

/** What is judged, on what the models are fitted, and how. */
export interface JudgeCapturesOptions {
  /** The captures that are judged; none of them may be among those that are fitted on. */
  readonly captures: readonly ScenarioCapture[];
  /** The captures that each engine's models are fitted on, by the engine's name. */
  readonly fitSets: Readonly<Record<string, readonly Trace[]>>;
  /** Model seeds to average over. Default 3. */
  readonly seeds?: number;
  /** Default: both kinds. */
  readonly kinds?: readonly LatencyKind[];
  /** Default: {@link accuracyScenarios}. */
  readonly scenarios?: readonly AccuracyScenario[];
  /** What makes a model of an engine's captures. Default {@link fitLatency}, which leaves open how the engine schedules. */
  readonly fit?: (traces: readonly Trace[], options: { readonly kind: LatencyKind }) => FittedModel;
  /** Called before each scenario. */
  readonly onScenario?: (kind: LatencyKind, scenario: AccuracyScenario) => void;
}

/**
 * Judges latency models on captures that they were not fitted on: every scenario under every kind of model, the
 * engine's own noise, and what pacing decides. Scenarios without captures are left out.
 * @throws InputError where an engine has captures to judge and none to fit on, or a capture is both
 */
export function judgeCaptures(options: JudgeCapturesOptions): AccuracyReport {
  const { captures, fitSets, seeds = 3, kinds = ["physical", "empirical"], onScenario } = options;
  const { fit: fitModel = (traces, { kind }) => fitLatency([...traces], { kind }) } = options;
  const fitted = new Set(Object.values(fitSets).flat());
  const both = captures.find(({ trace }) => fitted.has(trace));
  if (both)
    throw new InputError(
      `judgeCaptures: the ${both.engine} capture of "${both.scenario}" with seed ${both.seed} is among those that are fitted on: a capture is fitted on or judged on, never both`,
    );
  const fitSetOf = (engine: string): readonly Trace[] => {
    const traces = fitSets[engine] ?? [];
    if (traces.length === 0)
      throw new InputError(`judgeCaptures: fitSets has no capture of ${engine} to fit on`);
    return traces;
  };
  const scenarios = (options.scenarios ?? accuracyScenarios).filter((scenario) =>
    captures.some((c) => c.engine === scenario.engine && c.scenario === scenario.judged),
  );
  const slowMs = slowBandThresholdMs(fitSets.vLLM ?? []);
  const reports = kinds.flatMap((kind) => {
    const models = new Map<string, FittedModel>(
      [...new Set(scenarios.map(({ engine }) => engine))].map((engine) => [
        engine,
        fitModel(fitSetOf(engine), { kind }),
      ]),
    );
    const starts = captureStarts(captures, ({ engine }) => models.get(engine)?.model);
    return scenarios.flatMap((scenario): ScenarioReport[] => {
      const fitted = models.get(scenario.engine);
      if (!fitted) return [];
      onScenario?.(kind, scenario);
      const { model } = fitted;
      const judged = replayScenario(scenario, captures, model, seeds);
      const allowance = allowanceOf(scenario);
      const isAsync = model.fittedAt?.asyncScheduling;
      const start = startAccuracy(scenario, captures, model, judged, starts);
      return [
        {
          kind,
          scenario,
          accuracy: scenarioAccuracy(judged, allowance),
          slowBand: slowBandOf(judged, slowMs),
          waited: {
            captured: pooledStepsWaited(judged.map(({ trace }) => trace)),
            modeled: pooledStepsWaited(judged.flatMap(({ modeled }) => modeled)),
          },
          fit: fitted,
          ...(scenario.againstOtherScheduling &&
            isAsync !== undefined && {
              otherScheduling: scenarioAccuracy(
                replayScenario(scenario, captures, model, seeds, { asyncScheduling: !isAsync }),
                allowance,
              ),
            }),
          ...(start && { start }),
        },
      ];
    });
  });
  const ofVllm = captures.filter(({ engine }) => engine === "vLLM");
  const warm = ofVllm.find(({ scenario }) => scenario === "warm");
  const cold = ofVllm.find(({ scenario, seed }) => scenario === "cold" && seed === warm?.seed);
  return {
    seeds,
    slowMs,
    scenarios: reports,
    noise: engineNoise(ofVllm),
    ...(warm && cold && { pacing: comparePacing(warm, cold, fitLatency([...fitSetOf("vLLM")]).model) }),
  };
}

/** Of the multiturn scenarios, which were captured with several seeds. */
function engineNoise(captures: readonly ScenarioCapture[]): ScenarioNoise[] {
  return ["warm", "cold", "low-rate"].flatMap((scenario) => {
    const own = captures.filter((capture) => capture.scenario === scenario);
    return own.length < 2 ? [] : [{ scenario, captures: own.length, cells: seedNoise(own) }];
  });
}

import { InputError, type Ms } from "../base/index.js";
import { fitLatency, type LatencyKind } from "../fit/index.js";
import type { Trace } from "../trace/index.js";
import { type AccuracyScenario, accuracyScenarios } from "./accuracy-scenarios.js";
import { allowanceOf } from "./allowance-of.js";
import { comparePacing, type PacingComparison } from "./compare-pacing.js";
import { replayScenario, type ScenarioCapture } from "./replay-scenario.js";
import { type ScenarioAccuracy, scenarioAccuracy } from "./scenario-accuracy.js";
import { type NoiseCell, seedNoise } from "./seed-noise.js";
import { type SlowBand, slowBandOf, slowBandThresholdMs } from "./slow-band.js";

/** One scenario under one latency model. */
export interface ScenarioReport {
  readonly kind: LatencyKind;
  readonly scenario: AccuracyScenario;
  readonly accuracy: ScenarioAccuracy;
  /** Share of gaps in the slow band. */
  readonly slowBand: SlowBand;
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
    const models = new Map(
      [...new Set(scenarios.map(({ engine }) => engine))].map((engine) => [
        engine,
        fitLatency([...fitSetOf(engine)], { kind }).model,
      ]),
    );
    return scenarios.flatMap((scenario): ScenarioReport[] => {
      const model = models.get(scenario.engine);
      if (!model) return [];
      onScenario?.(kind, scenario);
      const judged = replayScenario(scenario, captures, model, seeds);
      const accuracy = scenarioAccuracy(judged, allowanceOf(scenario));
      return [{ kind, scenario, accuracy, slowBand: slowBandOf(judged, slowMs) }];
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

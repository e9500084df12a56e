import { InputError } from "../base/index.js";
import type { LatencyModel } from "../latency/index.js";
import { replay } from "../replay/index.js";
import type { Workload } from "../sessions/index.js";
import type { EngineSettings } from "../settings/index.js";
import type { AccuracyScenario } from "./accuracy-scenarios.js";
import { alignTraces } from "./align-traces.js";
import type { JudgedCapture } from "./scenario-accuracy.js";

/** A capture and what it is known by. */
export interface ScenarioCapture extends Workload {
  /** The engine that answered, without its version. */
  readonly engine: string;
  /** What was driven: "warm", "cold", "poisson", ... */
  readonly scenario: string;
  /** Captures of two scenarios with the same seed are the same schedule under other conditions. */
  readonly seed: number;
}

/**
 * Replays a scenario for each of its captures, with several model seeds: from the capture itself, or from the capture
 * with the same seed that the scenario names to be replayed.
 * @param model the model of all captures, or what gives that of each
 * @param settings what the engine is told beside the cache. Default: nothing
 * @returns one for each capture of the scenario; none where it was not captured
 * @throws InputError where the capture to be replayed is not there, or holds other requests than the judged one
 */
export function replayScenario(
  scenario: AccuracyScenario,
  captures: readonly ScenarioCapture[],
  model: LatencyModel | ((judged: ScenarioCapture) => LatencyModel),
  seeds: number,
  settings: Partial<EngineSettings> = {},
): JudgedCapture[] {
  const own = captures.filter(({ engine }) => engine === scenario.engine);
  return own
    .filter((capture) => capture.scenario === scenario.judged)
    .map((target) => {
      const source =
        scenario.replayed === undefined
          ? target
          : own.find((c) => c.scenario === scenario.replayed && c.seed === target.seed);
      if (!source)
        throw new InputError(
          `${scenario.title}: there is no ${scenario.engine} capture of "${scenario.replayed}" with seed ${target.seed} to replay`,
        );
      const modelOfIt = typeof model === "function" ? model(target) : model;
      return replayCapture(target, source, scenario, modelOfIt, seeds, settings);
    });
}

function replayCapture(
  target: ScenarioCapture,
  source: ScenarioCapture,
  { title, cache, pacing }: AccuracyScenario,
  model: LatencyModel,
  seeds: number,
  settings: Partial<EngineSettings>,
): JudgedCapture {
  const captured = target === source ? target.trace : alignTraces(source.trace, target.trace);
  if (!captured)
    throw new InputError(
      `${title}: the captures of "${target.scenario}" and "${source.scenario}" with seed ${target.seed} are not of the same requests`,
    );
  const engine = { ...settings, enablePrefixCaching: cache === "on" };
  const replays = Array.from({ length: seeds }, (_, k) =>
    replay(source, { model, pacing, engine, seed: k + 1 }),
  );
  return {
    trace: captured,
    sessions: source.sessions,
    modeled: replays.map((r) => r.trace),
    busyFraction: replays.reduce((sum, r) => sum + r.run.busyMs / r.virtualMs, 0) / seeds,
  };
}

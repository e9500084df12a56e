import { type LatencyModel, type PriceFactors, scalePrices } from "../latency/index.js";
import type { AccuracyScenario } from "./accuracy-scenarios.js";
import { type CaptureStart, lastingSpeed } from "./capture-starts.js";
import { compareTraces, type ErrorCell } from "./compare.js";
import { poolCaptures } from "./pool-captures.js";
import { replayScenario, type ScenarioCapture } from "./replay-scenario.js";
import type { JudgedCapture } from "./scenario-accuracy.js";
import { findCell } from "./seed-noise.js";

/** One number of a scenario: its error as the model is, and with the prices at the speed of each capture's start. */
export interface StartCell extends Pick<ErrorCell, "quantity" | "quantile" | "n" | "capturedMs" | "gates"> {
  /** modeled / captured - 1. */
  readonly error: number;
  /** The same at the speed of the first requests. What this leaves of the error is the model's. */
  readonly atFirstSpeed: number;
  /** The same at the part of that speed that lasts, going by the other starts. */
  readonly atLastingSpeed: number;
  /**
   * The same at the speed of the later idle requests, which are among those judged: no prediction, but what one factor a
   * start can explain. Undefined where a capture has too few of them.
   */
  readonly atLaterSpeed?: number;
}

/** What part of a scenario's errors is the speed of the engine start. */
export interface StartAccuracy {
  readonly captures: readonly CaptureStart[];
  /** Of the requests that arrived after those that the speed is from. */
  readonly cells: readonly StartCell[];
}

/**
 * Replays a scenario with the prices of each capture at the speed of its own start, and judges that, and the replays with
 * the model as it is, on the requests that came after those that told the speed.
 * @param judged the scenario's replays with the model as it is
 * @param starts what is known of the starts of all captures, {@link captureStarts}
 * @returns undefined where nothing tells the speed behind one of the scenario's captures
 */
export function startAccuracy(
  scenario: AccuracyScenario,
  captures: readonly ScenarioCapture[],
  model: LatencyModel,
  judged: readonly JudgedCapture[],
  starts: readonly CaptureStart[],
): StartAccuracy | undefined {
  const targets = captures.filter((c) => c.engine === scenario.engine && c.scenario === scenario.judged);
  const own = targets.flatMap((target) => starts.find(({ capture }) => capture === target) ?? []);
  if (own.length < targets.length || own.length === 0) return undefined;
  const isAfter = judged.flatMap(({ trace }, k) =>
    trace.records.map(({ arrivalMs }) => arrivalMs !== undefined && arrivalMs > own[k].first.untilMs),
  );
  const compared = (replays: readonly JudgedCapture[]) => {
    const pooled = poolCaptures(replays);
    const { modeled } = pooled;
    return compareTraces(pooled, { modeled, intervals: false, isJudged: (index) => isAfter[index] });
  };
  const atSpeed = (speedOf: (start: CaptureStart) => PriceFactors) =>
    compared(
      replayScenario(
        scenario,
        captures,
        (target) => scalePrices(model, speedOf(own[targets.indexOf(target)])),
        judged[0].modeled.length,
      ),
    );
  const first = atSpeed((start) => start.first);
  const lasting = atSpeed((start) => lastingSpeed(start, starts));
  const later = own.every((start) => start.later) ? atSpeed(({ first, later = first }) => later) : undefined;
  const cells = compared(judged).cells.flatMap((cell): StartCell[] => {
    const { group, quantity, quantile, n, capturedMs, error, gates } = cell;
    const atFirstSpeed = findCell(first, cell)?.error;
    const atLastingSpeed = findCell(lasting, cell)?.error;
    const atLaterSpeed = later && findCell(later, cell)?.error;
    return group !== "all" ||
      error === undefined ||
      atFirstSpeed === undefined ||
      atLastingSpeed === undefined
      ? []
      : [
          {
            quantity,
            quantile,
            n,
            ...(capturedMs !== undefined && { capturedMs }),
            gates,
            error,
            atFirstSpeed,
            atLastingSpeed,
            ...(atLaterSpeed !== undefined && { atLaterSpeed }),
          },
        ];
  });
  return { captures: own, cells };
}

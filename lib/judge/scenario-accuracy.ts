import { InputError } from "../base/index.js";
import type { Allowance } from "./allowance-of.js";
import { type Comparison, compareTraces, type ErrorCell } from "./compare.js";
import { type CaptureWithReplays, poolCaptures } from "./pool-captures.js";
import { findCell, spreadOf } from "./seed-noise.js";

/** One capture of a scenario and its replays; every capture of a scenario has as many. */
export interface JudgedCapture extends CaptureWithReplays {
  /** Share of the capture's time in which the modeled engine was computing. */
  readonly busyFraction: number;
}

/** A number of the accuracy table: all captures of a scenario pooled, against the engine's own noise. */
export interface AccuracyCell extends ErrorCell {
  /** (largest - smallest) / mean of the captured number over the scenario's captures; undefined for one capture. */
  readonly seedSpread?: number;
  /** Largest error that holds. */
  readonly allowed: number;
}

/** The numbers of a scenario, all its captures pooled. */
export interface ScenarioAccuracy {
  readonly cells: readonly AccuracyCell[];
  readonly pooled: Comparison;
  readonly captures: number;
  /** Smallest and largest over the captures. */
  readonly busyFraction: readonly [number, number];
}

/**
 * Accuracy of the model on several captures of one scenario: quantiles of the pooled requests, with intervals over
 * sessions, beside how much the engine's own numbers differ from seed to seed.
 * @param allowance largest error that holds, for a cell and its spread from seed to seed
 * @throws InputError without captures
 */
export function scenarioAccuracy(judged: readonly JudgedCapture[], allowance: Allowance): ScenarioAccuracy {
  if (judged.length === 0) throw new InputError("scenarioAccuracy: needs at least one capture");
  const pooled = poolCaptures(judged);
  const comparison = compareTraces(pooled, { modeled: pooled.modeled });
  const single = judged.map((capture) =>
    compareTraces(capture, { modeled: capture.modeled, intervals: false }),
  );
  const cells = comparison.cells.map((cell): AccuracyCell => {
    const captured = single.flatMap((one) => findCell(one, cell)?.capturedMs ?? []);
    const seedSpread = captured.length > 1 ? spreadOf(captured) : undefined;
    const allowed = allowance(cell, seedSpread);
    return {
      ...cell,
      ...(seedSpread !== undefined && { seedSpread }),
      allowed,
      holds: cell.error !== undefined && Math.abs(cell.error) <= allowed,
    };
  });
  const busy = judged.map((capture) => capture.busyFraction);
  return {
    cells,
    pooled: comparison,
    captures: judged.length,
    busyFraction: [Math.min(...busy), Math.max(...busy)],
  };
}

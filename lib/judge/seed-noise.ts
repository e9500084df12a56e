import { type Ms, mean } from "../base/index.js";
import type { Workload } from "../sessions/index.js";
import { type Comparison, compareTraces, type ErrorCell, type Quantity } from "./compare.js";

/** One captured number over the captures of a scenario. */
export interface NoiseCell {
  readonly group: string;
  readonly quantity: Quantity;
  readonly quantile: number;
  /** The number in each capture, in their order. */
  readonly valuesMs: readonly Ms[];
  /** (largest - smallest) / mean. */
  readonly spread: number;
}

/**
 * How much the captured quantiles of each cohort differ over captures of one scenario that were made with different
 * seeds: the engine's own noise, the floor that fidelity is judged by. A number that some capture lacks is left out.
 */
export function seedNoise(captures: readonly Workload[]): NoiseCell[] {
  const each = captures.map((capture) =>
    compareTraces(capture, { modeled: [capture.trace], intervals: false }),
  );
  return (each[0]?.cells ?? []).flatMap((cell) => {
    const valuesMs = each.flatMap((one) => findCell(one, cell)?.capturedMs ?? []);
    if (valuesMs.length < captures.length || cell.group.startsWith("in flight")) return [];
    const { group, quantity, quantile } = cell;
    return [{ group, quantity, quantile, valuesMs, spread: spreadOf(valuesMs) }];
  });
}

/** (largest - smallest) / mean, of at least one value. */
export function spreadOf(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / (mean(values) as number);
}

/** The cell of a comparison for the same number as another cell. */
export function findCell(comparison: Comparison, like: ErrorCell): ErrorCell | undefined {
  return comparison.cells.find(
    (cell) => cell.group === like.group && cell.quantity === like.quantity && cell.quantile === like.quantile,
  );
}

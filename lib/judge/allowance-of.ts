import type { ErrorCell } from "./compare.js";

/** Largest relative error of a cell that holds, given how much the captured number differs from seed to seed. */
export type Allowance = (cell: Pick<ErrorCell, "quantile">, seedSpread: number | undefined) => number;

/**
 * The allowance of a scenario. With the cache on: the larger of 3 % (above p90: 10 %) and the engine's own spread from
 * seed to seed, since no model can be nearer to a capture than another capture is. With the cache off a schedule's
 * queue makes the numbers, and they differ from seed to seed by more than any model's error: 10 %, whatever the spread.
 */
export function allowanceOf({ cache }: { readonly cache: "on" | "off" }): Allowance {
  if (cache === "off") return () => 0.1;
  return ({ quantile }, seedSpread = 0) => Math.max(quantile > 0.9 ? 0.1 : 0.03, seedSpread);
}

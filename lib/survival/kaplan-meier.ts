import type { Observations } from "./observations.js";
import { type RiskTable, riskTable } from "./risk-table.js";

/**
 * A survival curve: a step function, right-continuous, that is 1 before the first time and keeps its last value
 * after the last one. Rows are the distinct times at which an event or a censoring happened.
 */
export interface SurvivalCurve extends RiskTable {
  /** P(T > t) at each time. */
  readonly survival: Float64Array;
  /** Greenwood's estimate of the variance of `survival` at each time; 0 where the curve has reached 0. */
  readonly variance: Float64Array;
}

/**
 * The product-limit estimate of P(T > t): the share of subjects whose time is beyond t, using a subject whose event
 * was never seen for as long as it was watched, instead of dropping it.
 *
 * Definition: Kaplan and Meier (1958), S(t) = product over t_k <= t of (1 - d_k / n_k), with d_k events among n_k at
 * risk; variance S(t)^2 sum d_k / (n_k (n_k - d_k)), Greenwood (1926). Censorings at an event's time are at risk for
 * it. With `entry`, the risk sets of Lynden-Bell (1971). R: `survfit(Surv(time, status) ~ 1)`. Weights are
 * frequencies, in the variance too: for sampling weights or dependent subjects use `clusterRobustCurve`.
 *
 * With no censoring, survival is exactly (number of times > t) / n. No observations give a curve without rows.
 * @throws InputError naming the index of a time, flag, entry or weight that cannot be used
 * @example
 * ```ts
 * import { kaplanMeier } from "prefixlab/survival";
 * // TTFT in ms; the third request timed out after 90 ms.
 * const curve = kaplanMeier({ times: [30, 48, 90, 103], observed: [true, true, false, true] });
 * curve.times; // → [30, 48, 90, 103]
 * curve.survival; // → [0.75, 0.5, 0.5, 0]
 * ```
 */
export function kaplanMeier(observations: Observations): SurvivalCurve {
  return kaplanMeierOf(riskTable("kaplanMeier", observations));
}

/** {@link kaplanMeier} of risk sets that are already counted. */
export function kaplanMeierOf(table: RiskTable): SurvivalCurve {
  const { atRisk, events } = table;
  const rows = atRisk.length;
  const survival = new Float64Array(rows);
  const variance = new Float64Array(rows);
  let current = 1;
  let spread = 0;
  // While only events thin the risk set the product telescopes: one division from the last censoring on, so that
  // rounding does not build up over a million rows.
  let base = 1;
  let baseRisk = 0;
  let expectedRisk = -1;
  for (let k = 0; k < rows; k++) {
    const n = atRisk[k];
    const d = events[k];
    if (d > 0) {
      if (n !== expectedRisk) {
        base = current;
        baseRisk = n;
      }
      const left = Math.max(0, n - d);
      const share = left / n;
      spread = share * share * spread + (current * current * share * (1 - share)) / n;
      current = (base * left) / baseRisk;
      expectedRisk = left;
    }
    survival[k] = current;
    variance[k] = current > 0 ? spread : 0;
  }
  return { ...table, survival, variance };
}

import { mean } from "../../../lib/base/index.js";
import { type AnalyticPrices, type LatencyModel, priceAnalyticStep } from "../../../lib/latency/index.js";
import { replay } from "../../../lib/replay/index.js";
import type { Workload } from "../../../lib/sessions/index.js";

/** Milliseconds between tokens, averaged over a capture's requests, as it was and as a model has it. */
export function meanTpotMs(workload: Workload, model: LatencyModel) {
  const captured = workload.trace.records.flatMap(({ itlSummary }) => itlSummary?.meanMs ?? []);
  const { trace } = replay(workload, { model });
  const modeled = trace.records.flatMap(({ itlMs }) => (itlMs ? (mean(itlMs) ?? []) : []));
  return { captured: mean(captured) ?? Number.NaN, modeled: mean(modeled) ?? Number.NaN };
}

/** Steps that take a sum of operators, times a factor. */
export function operatorsTimes(prices: AnalyticPrices, factor: number): LatencyModel {
  return {
    kind: "operators",
    range: { uncachedTokens: [0, 1e9], contextTokens: [0, 1e9], runningSeqs: [0, 1e9] },
    fittedAt: { asyncScheduling: true },
    timer: () => ({
      stepMs: (load) => factor * priceAnalyticStep(prices, load),
      arrivalOverheadMs: () => 0,
      emissionOverheadMs: () => 0,
    }),
    toJson: () => ({ kind: "operators" }),
  };
}

/** The factor on all steps by which a capture's mean TPOT comes out as it was: between 0.5 and 2, to 0.01. */
export function engineFactorOf(workload: Workload, prices: AnalyticPrices): number {
  let [low, high] = [0.5, 2];
  while (high - low > 0.01) {
    const middle = (low + high) / 2;
    const { captured, modeled } = meanTpotMs(workload, operatorsTimes(prices, middle));
    if (modeled < captured) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

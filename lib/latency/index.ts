/**
 * Latency models: how long an engine step takes.
 *
 * Read `latency-model.ts` first: the interface between models and the engine. Then `physical-model.ts` (prices, combined
 * as `step-form.ts` says), `empirical-model.ts` (observed gaps) and `analytic-model.ts` (a model's shape on a card, no
 * capture); `profiles/` has models of documented constants. `lib/fit` makes the others from captures. Times are
 * milliseconds.
 */
export {
  type CardFactors,
  calibratedCards,
  calibratedFactors,
  type EfficiencyFactors,
  engineFactor,
} from "./analytic-factors.js";
export { analyticModel } from "./analytic-model.js";
export {
  type AnalyticPrices,
  type AnalyticSetup,
  analyticPrices,
  priceAnalyticStep,
} from "./analytic-prices.js";
export {
  collectDonors,
  type DonorAxes,
  type DonorBin,
  type DonorSample,
  type StepKind,
} from "./donor-bins.js";
export {
  type ChunkCost,
  decodeCell,
  type EmpiricalModelParts,
  empiricalModel,
  type LonePrefillPrices,
  prefillStepMs,
  typicalGaps,
} from "./empirical-model.js";
export { isExtrapolated, type RangedRequest } from "./fit-range.js";
export {
  emptyStepLoad,
  type FitRange,
  type LatencyModel,
  type ModelEvidence,
  type ModelMemory,
  type StepLoad,
  type StepTimer,
} from "./latency-model.js";
export { latencyModelFromJson } from "./latency-model-json.js";
export { type ModelConditions, withConditions } from "./model-conditions.js";
export { type PhysicalModelParts, physicalModel } from "./physical-model.js";
export { latencyProfile, profileNames } from "./profiles/latency-profile.js";
export { type PriceFactors, scalePrices } from "./scale-prices.js";
export { decodeAxes, noiseAxes, prefillClass, seqsClass } from "./step-classes.js";
export {
  type CoefficientDescription,
  expertPassDescription,
  type OverheadCoefficients,
  overheadCoefficientTable,
  priceStep,
  type StepCoefficients,
  type StepPriceName,
  stepCoefficientNames,
  stepCoefficientTable,
} from "./step-coefficients.js";
export {
  expertsRead,
  type StepCombination,
  type StepForm,
  stepPricer,
  stepSides,
  sumForm,
} from "./step-form.js";
export { withRequestMs } from "./with-request-ms.js";

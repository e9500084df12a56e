import { InputError, requireFinite, toGib } from "../base/index.js";
import { cards, kvBytesPerTokenOver, poolThatFits, workingBytes } from "../hardware/index.js";
import { engineFactor } from "./analytic-factors.js";
import {
  type AnalyticPrices,
  type AnalyticSetup,
  analyticPrices,
  priceAnalyticStep,
} from "./analytic-prices.js";
import { fitRangeFromJson, fitRangeToJson } from "./fit-range.js";
import type { FitRange, LatencyModel } from "./latency-model.js";
import { withConditions } from "./model-conditions.js";

/** What an analytic model is made of, once priced. */
interface AnalyticModelParts {
  readonly kind: string;
  readonly prices: AnalyticPrices;
  readonly range: FitRange;
  readonly notes: readonly string[];
}

/** Prices under their wire names. */
const wireNames: Readonly<Record<keyof AnalyticPrices, string>> = {
  stepMs: "step_ms",
  weightsMs: "weights_ms",
  expertsMs: "experts_ms",
  expertMissShare: "expert_miss_share",
  tokenMs: "token_ms",
  drawnTokenMs: "drawn_token_ms",
  tokenPassMs: "token_pass_ms",
  tokenDepthMs: "token_depth_ms",
  contextTokenMs: "context_token_ms",
};

/** Sizes that the factors were calibrated on. */
const calibratedRange: FitRange = {
  uncachedTokens: [128, 32_000],
  contextTokens: [0, 32_128],
  runningSeqs: [1, 128],
};

/** How far prices are from measured steps that they were not calibrated on, and what the engine adds. */
const spread =
  "operators within 10 % (half) and 25 % (nine of ten) of AISimulate's measured tables on models and cards left out of the calibration; whole steps 1.23 times that, as in two public vLLM runs (1.19, 1.27)";

/**
 * Step times without a capture: a model's shape on a card by its data sheet, with efficiency factors calibrated on public
 * tables of measured operators, times what whole steps took of that in public runs. Deterministic. The way of a request to
 * the scheduler is not in it. `notes` says how far predictions were from measurements.
 * @param setup.kind default "analytic"; a profile calls itself "profile:NAME"
 * @throws InputError when the model does not fit the cards, the cards cannot share it, or lack its number format
 * @example
 * ```ts
 * import { analyticModel, emptyStepLoad } from "prefixlab/latency";
 * import { shapeOfModel } from "prefixlab/hardware";
 * const shape = shapeOfModel("meta-llama/Llama-3.1-8B");
 * const timer = analyticModel({ shape: shape!, card: "h100" }).timer(1);
 * timer.stepMs({ ...emptyStepLoad(), decodeSeqs: 16, decodeContextTokens: 16 * 2048 }); // → 10.23
 * ```
 */
export function analyticModel(setup: AnalyticSetup & { readonly kind?: string }): LatencyModel {
  const { shape, card, tensorParallel = 1 } = setup;
  const memory = {
    poolTokens: poolThatFits(cards[card], shape, { tensorParallel }),
    kvBytesPerToken: kvBytesPerTokenOver(shape, tensorParallel),
  };
  const on = tensorParallel > 1 ? `${tensorParallel} x ${card}` : card;
  const untabled =
    card === "rtx-4090"
      ? ["no table has the RTX 4090: on a public run of Llama-3.1-8B its steps come out 30 % too long"]
      : [];
  const model = pricedModel({
    kind: setup.kind ?? "analytic",
    prices: wholeSteps(analyticPrices(setup)),
    range: calibratedRange,
    notes: [
      `analytic timings of ${shape.name} on ${on}, weights in ${shape.bytesPerWeight === 1 ? "fp8" : "bf16"}; ${spread}`,
      ...untabled,
      "a request's way to the scheduler (HTTP, tokenizing) is not in them",
      `the pool leaves ${toGib(workingBytes(cards[card], shape)).toFixed(1)} GiB a card for vLLM's work: published logs have 0.4 less to 0.9 GiB more`,
    ],
  });
  // vLLM's default from 0.14 on.
  return withConditions(model, { fittedAt: { asyncScheduling: true }, memory });
}

/** All that takes time, times what an engine takes for it. */
function wholeSteps(operators: AnalyticPrices): AnalyticPrices {
  const names = Object.keys(wireNames) as (keyof AnalyticPrices)[];
  const whole = (name: keyof AnalyticPrices) =>
    name === "expertMissShare" ? operators[name] : operators[name] * engineFactor;
  return Object.fromEntries(names.map((name) => [name, whole(name)])) as Record<keyof AnalyticPrices, number>;
}

/**
 * Reads what `analyticModel(...).toJson()` wrote.
 * @throws InputError naming the part that is missing or wrong
 */
export function analyticModelFromJson(json: Readonly<Record<string, unknown>>): LatencyModel {
  const where = "latencyModelFromJson";
  const given = json.prices;
  if (given === null || typeof given !== "object")
    throw new InputError(`${where}: prices of an analytic model are missing`);
  const names = Object.keys(wireNames) as (keyof AnalyticPrices)[];
  const prices = Object.fromEntries(
    names.map((name) => {
      const wire = wireNames[name];
      const value = (given as Record<string, unknown>)[wire];
      return [name, requireFinite(where, `prices.${wire}`, value, 0)];
    }),
  ) as Record<keyof AnalyticPrices, number>;
  requireFinite(where, "prices.step_ms", prices.stepMs, Number.MIN_VALUE);
  requireFinite(where, "prices.expert_miss_share", prices.expertMissShare, 0, 1);
  const notes = Array.isArray(json.notes) ? json.notes.map(String) : [];
  return pricedModel({ kind: String(json.kind), prices, range: fitRangeFromJson(json.range), notes });
}

function pricedModel({ kind, prices, range, notes }: AnalyticModelParts): LatencyModel {
  const names = Object.keys(wireNames) as (keyof AnalyticPrices)[];
  return {
    kind,
    range,
    notes,
    timer: () => ({
      stepMs: (load) => priceAnalyticStep(prices, load),
      arrivalOverheadMs: () => 0,
      emissionOverheadMs: () => 0,
    }),
    toJson: () => ({
      kind,
      form: "analytic",
      prices: Object.fromEntries(names.map((name) => [wireNames[name], prices[name]])),
      range: fitRangeToJson(range),
      notes,
    }),
  };
}

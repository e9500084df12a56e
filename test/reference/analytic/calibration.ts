import { quantile } from "../../../lib/base/index.js";
import type { CardName } from "../../../lib/hardware/index.js";
import {
  type AnalyticPrices,
  analyticPrices,
  type CardFactors,
  type EfficiencyFactors,
  priceAnalyticStep,
} from "../../../lib/latency/index.js";
import { isCalibrating, type MeasuredSetup, type MeasuredStep } from "./step-times.js";

/** All factors: those of every card and each card's own. */
export interface Factors {
  readonly common: EfficiencyFactors;
  readonly cards: Readonly<Record<CardName, CardFactors>>;
}

/** A step as it is priced, over as it was measured, less one. */
export interface StepError {
  readonly setup: MeasuredSetup;
  readonly step: MeasuredStep;
  readonly error: number;
}

/** Errors of all steps of some setups. */
export function stepErrors(setups: readonly MeasuredSetup[], { common, cards }: Factors): StepError[] {
  return setups.flatMap((setup) => {
    const prices: AnalyticPrices = analyticPrices(setup, common, cards);
    return setup.steps.map((step) => ({
      setup,
      step,
      error: priceAnalyticStep(prices, step.load) / step.ms - 1,
    }));
  });
}

/** What calibration makes small: the mean of sqrt(r^2 + 0.05^2), r the log of priced over measured. */
export function calibrationLoss(setups: readonly MeasuredSetup[], factors: Factors): number {
  const errors = stepErrors(setups, factors);
  return errors.reduce((sum, { error }) => sum + Math.hypot(Math.log(1 + error), 0.05), 0) / errors.length;
}

/** Median, 90 % quantile and share within 30 % of absolute errors. */
export function summary(errors: readonly StepError[]) {
  const sizes = errors.map(({ error }) => Math.abs(error));
  return {
    n: sizes.length,
    median: quantile(sizes, 0.5) ?? Number.NaN,
    p90: quantile(sizes, 0.9) ?? Number.NaN,
    within30: sizes.filter((size) => size <= 0.3).length / sizes.length,
  };
}

/** Setups fitted on, and those kept back. */
export function halves(setups: readonly MeasuredSetup[]) {
  return {
    calibrating: setups.filter(({ pair }) => isCalibrating(pair)),
    keptBack: setups.filter(({ pair }) => !isCalibrating(pair)),
  };
}

/** Cards that are not fitted on their own: one chip with another, or in no table. */
export const sameChip: Partial<Record<CardName, CardName>> = { h200: "h100", "rtx-4090": "l40s" };

/** A factor by its place, read and changed. */
export interface Knob {
  readonly name: string;
  read(factors: Factors): number;
  write(factors: Factors, value: number): Factors;
}

/** Every factor that is fitted: all but the element-wise numbers, which are counted. */
export function knobs(factors: Factors): Knob[] {
  const common = (Object.keys(factors.common) as (keyof EfficiencyFactors)[])
    .filter((name) => name !== "exchangeMs" && name !== "elementWiseNumbers")
    .map(
      (name): Knob => ({
        name,
        read: (of) => of.common[name] as number,
        write: (of, value) => ({ ...of, common: { ...of.common, [name]: value } }),
      }),
    );
  const links = (["nvlink", "pcie"] as const).map(
    (link): Knob => ({
      name: `exchangeMs.${link}`,
      read: (of) => of.common.exchangeMs[link],
      write: (of, value) => ({
        ...of,
        common: { ...of.common, exchangeMs: { ...of.common.exchangeMs, [link]: value } },
      }),
    }),
  );
  const own = (Object.keys(factors.cards) as CardName[])
    .filter((card) => sameChip[card] === undefined)
    .flatMap((card) =>
      (["compute", "exchangeBandwidth"] as const).map(
        (name): Knob => ({
          name: `${card}.${name}`,
          read: (of) => of.cards[card][name],
          write: (of, value) => ({
            ...of,
            cards: Object.fromEntries(
              (Object.entries(of.cards) as [CardName, CardFactors][]).map(([other, factors]) => [
                other,
                other === card || sameChip[other] === card ? { ...factors, [name]: value } : factors,
              ]),
            ) as Record<CardName, CardFactors>,
          }),
        }),
      ),
    );
  return [...common, ...links, ...own];
}

/**
 * Goes down from factor to factor, by ever smaller steps, until none makes the loss smaller. None goes above 1: a share of a
 * data sheet, or a millisecond a layer.
 */
export function calibrate(setups: readonly MeasuredSetup[], start: Factors): Factors {
  let best = start;
  let loss = calibrationLoss(setups, best);
  for (let step = 0.2; step > 0.002; step /= 2) {
    for (let moved = true; moved; ) {
      moved = false;
      for (const knob of knobs(best))
        for (const by of [1 + step, 1 / (1 + step)]) {
          const value = Math.min(1, knob.read(best) * by);
          const changed = knob.write(best, value);
          const changedLoss = calibrationLoss(setups, changed);
          if (changedLoss < loss - 1e-6) {
            [best, loss, moved] = [changed, changedLoss, true];
          }
        }
    }
  }
  return best;
}

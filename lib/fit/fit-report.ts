import type { FitRange, StepForm } from "../latency/index.js";

/** How well one kind of observation is met. */
export interface ResidualSummary {
  /** What was predicted: "TTFT of isolated requests", "decode gap, 4-7 sequences", ... */
  readonly of: string;
  readonly n: number;
  /** Share of the variance that the model explains, over the observations that were not trimmed; undefined when they hardly vary. */
  readonly rSquared: number | undefined;
  /** Quantiles (type 7) of observed / predicted - 1, trimmed observations included. */
  readonly relative: { readonly p05: number; readonly p50: number; readonly p95: number };
}

/** A fitted number. */
export interface FittedCoefficient {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly meaning: string;
  /** Whether the observations tell it apart from the others; undefined where the model does not ask. */
  readonly identified?: boolean;
}

/** What a fit rests on and how well it fits. */
export interface FitReport {
  readonly kind: string;
  /** How the parts of a step add up; undefined for a model without prices. */
  readonly form?: StepForm;
  /**
   * Two readings of "scheduled to first token", in the step that was scheduled or one step later, as an engine that schedules
   * ahead has it: the spread (95th less 5th percentile) of observed / predicted under each; undefined where the traces do not
   * tell when requests were scheduled, or the reading was given.
   */
  readonly scheduling?: { readonly inStep: number; readonly ahead: number };
  readonly range: FitRange;
  readonly coefficients: readonly FittedCoefficient[];
  /** Observations used, by kind. */
  readonly used: Readonly<Record<string, number>>;
  /** Observations trimmed as strays; the noise of the model still has them. */
  readonly trimmed: number;
  /** What was not used, and why. */
  readonly leftOut: readonly { readonly reason: string; readonly count: number }[];
  readonly residuals: readonly ResidualSummary[];
  readonly warnings: readonly string[];
}

import type { Ms } from "../base/index.js";
import type { CacheState, SeriesKind } from "./house-style.js";

/** A survival curve as plain arrays: after `times[i]` (ms, ascending) the curve stands at `survival[i]`. */
export interface SurvivalCurveData {
  readonly times: ArrayLike<number>;
  readonly survival: ArrayLike<number>;
  /** Pointwise confidence band, as long as `times`. A bound that is not finite is drawn at the edge. */
  readonly lower?: ArrayLike<number>;
  readonly upper?: ArrayLike<number>;
}

/** One curve of a panel. */
export interface SurvivalSeries {
  readonly kind: SeriesKind;
  /** Undefined where it is not known. */
  readonly cache?: CacheState;
  readonly curve: SurvivalCurveData;
  /** Requests behind the curve, censored ones included. */
  readonly n: number;
  /** Of these: failed, timed out, or still running when the capture ended. */
  readonly censored: number;
  /** Undefined where the curve never falls to one half. */
  readonly medianMs?: Ms;
  /** First word of the direct label. Default: the kind. */
  readonly label?: string;
}

/** One panel: a cohort of requests. */
export interface SurvivalPanel {
  readonly title: string;
  readonly series: readonly SurvivalSeries[];
}

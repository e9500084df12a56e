import type { Ms } from "../base/index.js";
import type { CacheState, ColourName, SeriesKind } from "./house-style.js";

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
  /** Heading of its direct label, which curves of one heading share. Default: the state of the cache, with its dash. */
  readonly heading?: string;
  /** What its direct label says below the heading, in place of median and n; with none it has no label. */
  readonly texts?: readonly string[];
  /** Where its kind and its cache do not tell it from another curve. Default: theirs, as steps. */
  readonly style?: SurvivalStyle;
}

/** How a curve is drawn. */
export interface SurvivalStyle {
  readonly colour?: ColourName;
  /** Lengths of dashes and gaps, as SVG has them. */
  readonly dash?: string;
  readonly widthPx?: number;
  /** Points: the curve is known at its times alone. */
  readonly draw?: "steps" | "points";
}

/** A vertical reference line in every panel, named at its top. */
export interface SurvivalMark {
  readonly timeMs: Ms;
  readonly text: string;
}

/** One panel: a cohort of requests. */
export interface SurvivalPanel {
  readonly title: string;
  readonly series: readonly SurvivalSeries[];
}

import { type CohortName, ttftSurvival } from "../cohorts/index.js";
import type { SessionLabels } from "../sessions/index.js";
import type { Trace } from "../trace/index.js";
import type { CacheState, SeriesKind } from "./house-style.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { type SurvivalPanelsOptions, survivalPanels } from "./survival-panels.js";
import type { SurvivalPanel } from "./survival-series.js";

/** One curve of the figure, in both panels: what `cacheEffect` makes, or any trace with its sessions. */
export interface CacheEffectCurve {
  readonly kind: SeriesKind;
  /** Undefined where it is not known. */
  readonly cache?: CacheState | undefined;
  /** First word of the direct label. Default: the kind. */
  readonly label?: string;
  readonly trace: Trace;
  readonly sessions: SessionLabels;
}

/** The panels of the cache-effect figure, by cohort, and what a cache finds in it. */
const titles: readonly (readonly [CohortName, string, string])[] = [
  ["turn1", "turn 1", "shared-prefix hit"],
  ["turns2plus", "turns 2+", "growing-context hit"],
];

/**
 * The cache-effect figure: survival curves of TTFT, one panel for first turns and one for later ones, from the series
 * that `cacheEffect` makes. A series without requests in a cohort is left out of its panel, and a panel without series out of
 * the figure.
 * @example
 * ```ts
 * import { cacheEffectFigure, readCapture, sessionsOf } from "prefixlab";
 * const on = await readCapture({ role: "judge", scenario: "warm" });
 * const off = await readCapture({ role: "judge", scenario: "cold" });
 * const figure = cacheEffectFigure([
 *   { kind: "captured", cache: "on", trace: on, sessions: sessionsOf(on) },
 *   { kind: "captured", cache: "off", trace: off, sessions: sessionsOf(off) },
 * ]);
 * figure.data.length; // → 12
 * ```
 */
export function cacheEffectFigure(
  series: readonly CacheEffectCurve[],
  options: Omit<SurvivalPanelsOptions, "panels"> = {},
): PlotlyFigure {
  const hasHits = series.some(({ cache }) => cache !== "off");
  const panels = titles.map(([cohort, title, found]) =>
    panelOf(series, cohort, hasHits ? `${title}: ${found}` : title),
  );
  const drawn = panels.filter((panel) => panel.series.length > 0);
  return survivalPanels({ ...options, panels: drawn.length > 0 ? drawn : panels });
}

function panelOf(series: readonly CacheEffectCurve[], cohort: CohortName, title: string): SurvivalPanel {
  return {
    title,
    series: series.flatMap(({ kind, cache, label, trace, sessions }) => {
      const { curve, lower, upper, n, censored, medianMs } = ttftSurvival({ trace, sessions }, cohort);
      if (n === 0) return [];
      const { times, survival } = curve;
      const median = medianMs === undefined ? {} : { medianMs };
      return [
        {
          kind,
          ...(cache && { cache }),
          ...(label !== undefined && { label }),
          n,
          censored,
          ...median,
          curve: { times, survival, lower, upper },
        },
      ];
    }),
  };
}

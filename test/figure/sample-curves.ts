import { stream } from "../../lib/base/index.js";
import type {
  CacheState,
  SeriesKind,
  SurvivalPanelsOptions,
  SurvivalSeries,
} from "../../lib/figure/index.js";

/** A survival curve of uncensored log-normal times, with a band of constant width on the log scale. */
export function sampleSeries(
  kind: SeriesKind,
  cache: CacheState,
  medianMs: number,
  n: number,
  seed: number,
): SurvivalSeries {
  const random = stream(seed, `${kind}/${cache}`);
  const times = Array.from({ length: n }, () => medianMs * Math.exp(0.4 * random.normal())).sort(
    (a, b) => a - b,
  );
  const survival = times.map((_, i) => 1 - (i + 1) / n);
  return {
    kind,
    cache,
    curve: {
      times,
      survival,
      lower: survival.map((s) => s * 0.8),
      upper: survival.map((s) => Math.min(1, s * 1.2)),
    },
    n,
    censored: 0,
    medianMs: times[Math.floor(n / 2)] as number,
  };
}

/** Two panels of four series: cache on at 36 ms, cache off at 24 s. */
export function samplePanels(seed = 1): SurvivalPanelsOptions {
  const series = (n: number) => [
    sampleSeries("captured", "on", 36, n, seed),
    sampleSeries("modeled", "on", 36, n, seed + 1),
    sampleSeries("captured", "off", 24_000, n, seed + 2),
    sampleSeries("modeled", "off", 24_000, n, seed + 3),
  ];
  return {
    panels: [
      { title: "turn 1", series: series(99) },
      { title: "turns 2+", series: series(396) },
    ],
  };
}

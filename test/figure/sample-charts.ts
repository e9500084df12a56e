import {
  gapChart,
  hashTreeChart,
  hitRateChart,
  loadChart,
  type PlotlyFigure,
  requestTimelineChart,
  residualChart,
  serviceCurveChart,
  sweepChart,
} from "../../lib/figure/index.js";

/** A small chart of each kind, by the name of what makes it. */
export const sampleCharts: Readonly<Record<string, PlotlyFigure>> = {
  gapChart: gapChart({ series: [{ label: "captured", gapsMs: [8, 9, 10, 40], colour: "captured" }] }),
  hashTreeChart: hashTreeChart({ blockSize: 16, chains: [{ name: "A", blockIds: [1, 2] }] }),
  hitRateChart: hitRateChart({
    points: [
      { poolBlocks: 64, hitShare: 0.1 },
      { poolBlocks: 4096, hitShare: 0.9 },
    ],
    unboundedHitShare: 0.93,
    kneeBlocks: 1024,
  }),
  loadChart: loadChart({ timesMs: [0, 1000, 2000], running: [1, 2, 0], waiting: [0, 1, 0] }),
  requestTimelineChart: requestTimelineChart({
    promptTokens: 100,
    cachedTokens: 64,
    ttftMs: 50,
    itlMs: [10, 12],
  }),
  residualChart: residualChart({ pairs: [{ predictedMs: 10, observedMs: 11 }] }),
  serviceCurveChart: serviceCurveChart({ points: [{ uncachedTokens: 100, ttftMs: 50 }] }),
  sweepChart: sweepChart({
    title: "rate",
    parameter: { title: "sessions per second", unit: "number" },
    result: { title: "TTFT", unit: "ms" },
    series: [{ label: "cache on", points: [{ value: 1, result: 30, low: 20, high: 40 }], colour: "modeled" }],
  }),
};

import type { Ms } from "../base/index.js";
import {
  type CohortName,
  cohortIndices,
  countOutcomes,
  summarizeCohort,
  ttftSurvival,
} from "../cohorts/index.js";
import type { Workload } from "../sessions/index.js";
import { kaplanMeier } from "../survival/index.js";
import { isAnswered } from "../trace/index.js";
import { formatCount, formatMs } from "./format-quantity.js";
import type { PlotlyFigure } from "./plotly-figure.js";
import { survivalPanels } from "./survival-panels.js";
import type { SurvivalPanel, SurvivalSeries } from "./survival-series.js";

/** A workload with the cache on, and with it off under a client's time limit. */
export interface TimeLimitFigureOptions {
  readonly on: Workload;
  readonly off: Workload;
  readonly requestTimeoutMs: Ms;
  /** A curve that is known at some quantiles alone, drawn as diamonds beside the later turns; a footnote says what it is. */
  readonly beside?: {
    readonly text: string;
    /** Pairs of a time and the share that waited longer. */
    readonly points: readonly (readonly [timeMs: Ms, share: number])[];
  };
  /** A line below the label of the complete alone, such as what somebody else found of them. */
  readonly notes?: Readonly<Partial<Record<CohortName, string>>>;
  readonly title: string;
  readonly subtitle?: string;
}

const titles: readonly (readonly [CohortName, string])[] = [
  ["turn1", "turn 1"],
  ["turns2plus", "turns 2+"],
];

/**
 * What a client's time limit does to a survival curve of TTFT: the requests that were complete within it, alone, beside
 * Kaplan-Meier's curve of all that were sent, in which those that were cut are censored at the limit.
 * @example
 * ```ts
 * import { publishedArrivals, publishedScenario } from "prefixlab";
 * import { timeLimitFigure } from "prefixlab/figure";
 * const { warm, cold } = publishedScenario({ arrivalsMs: await publishedArrivals() });
 * const figure = timeLimitFigure({ on: warm, off: cold, requestTimeoutMs: 67_400, title: "Censored" });
 * figure.data.length; // → 14
 * ```
 */
export function timeLimitFigure(options: TimeLimitFigureOptions): PlotlyFigure {
  const { beside, requestTimeoutMs } = options;
  const panels = titles.map(([cohort, title]) => {
    const panel = panelOf(options, cohort, title);
    return beside && cohort === "turns2plus"
      ? { ...panel, series: [...panel.series, points(beside)] }
      : panel;
  });
  return survivalPanels({
    panels,
    marks: [{ timeMs: requestTimeoutMs, text: `limit ${formatMs(requestTimeoutMs)}` }],
    title: options.title,
    ...(options.subtitle !== undefined && { subtitle: options.subtitle }),
    ...(beside && { footnote: `◇ ${beside.text}` }),
    widthPx: 1160,
    heightPx: 540,
  });
}

function panelOf(options: TimeLimitFigureOptions, cohort: CohortName, title: string): SurvivalPanel {
  const { on, off, requestTimeoutMs } = options;
  const records = cohortIndices(off.sessions, cohort).map((i) => off.trace.records[i]);
  const { sent, completed } = countOutcomes(records);
  return {
    title: `${title}: ${formatCount(completed)} of ${formatCount(sent)} complete without the cache`,
    series: [
      warmCurve(on, cohort),
      allCurve(off, cohort, requestTimeoutMs),
      survivorsCurve(records, options.notes?.[cohort]),
    ].flatMap((series) => series ?? []),
  };
}

function warmCurve(workload: Workload, cohort: CohortName): SurvivalSeries | undefined {
  const { curve, lower, upper, n, censored, medianMs } = ttftSurvival(workload, cohort);
  if (n === 0) return undefined;
  const { times, survival } = curve;
  return {
    kind: "modeled",
    cache: "on",
    curve: { times, survival, lower, upper },
    n,
    censored,
    ...(medianMs !== undefined && { medianMs }),
  };
}

function allCurve(workload: Workload, cohort: CohortName, limitMs: Ms): SurvivalSeries | undefined {
  const { curve, lower, upper, n, censored, medianMs } = ttftSurvival(workload, cohort);
  if (n === 0) return undefined;
  const { times, survival } = curve;
  const median = medianMs === undefined ? `median over ${formatMs(limitMs)}` : `median ${formatMs(medianMs)}`;
  return {
    kind: "modeled",
    cache: "off",
    heading: "cache off, all that were sent: dashed",
    texts: [
      `Kaplan-Meier: ${median}`,
      `n = ${formatCount(n)}, ${formatCount(censored)} cut while they waited`,
    ],
    curve: { times, survival, lower, upper },
    n,
    censored,
    style: { widthPx: 3 },
  };
}

function survivorsCurve(
  records: Workload["trace"]["records"],
  note: string | undefined,
): SurvivalSeries | undefined {
  const survivors = records.filter(isAnswered);
  if (survivors.length === 0) return undefined;
  const { times, survival } = kaplanMeier({ times: survivors.flatMap(({ ttftMs }) => ttftMs ?? []) });
  const { p50, p99 } = summarizeCohort(survivors).ttftMs;
  const shown = (ms: Ms | undefined) => (ms === undefined ? "-" : formatMs(ms));
  return {
    kind: "modeled",
    cache: "off",
    heading: "cache off, the complete alone: dash-dotted",
    texts: [
      `median ${shown(p50)}, p99 ${shown(p99)}, n = ${formatCount(survivors.length)}`,
      ...(note === undefined ? [] : [note]),
    ],
    curve: { times, survival },
    n: survivors.length,
    censored: 0,
    style: { colour: "accent", dash: "8px,3px,2px,3px", widthPx: 1.75 },
  };
}

function points(beside: NonNullable<TimeLimitFigureOptions["beside"]>): SurvivalSeries {
  return {
    kind: "captured",
    cache: "off",
    label: beside.text,
    texts: [],
    curve: { times: beside.points.map(([ms]) => ms), survival: beside.points.map(([, share]) => share) },
    n: beside.points.length,
    censored: 0,
    style: { draw: "points" },
  };
}

import type { Calibration } from "../calibrate/index.js";
import { type CommittedCapture, engineName } from "../captures/index.js";
import {
  type AccuracyReport,
  type IntervalCoverage,
  intervalCoverage,
  lastingShares,
  lastingSpeed,
  type ScenarioReport,
  type StartCell,
  startRequests,
} from "../judge/index.js";
import type { PriceFactors } from "../latency/index.js";
import { schedulingWord } from "./calibration-text.js";
import type { HalfRun, RefusedRun } from "./half-judged-runs.js";
import { showError, showMs } from "./print-table.js";

/** What the page tells. */
export interface AccuracyPage {
  readonly inventory: readonly CommittedCapture[];
  readonly report: AccuracyReport;
  /** Public vLLM runs, fitted on their first half and judged on their second. */
  readonly halves: readonly HalfRun[];
  /** Public runs that could not be judged. */
  readonly refused: readonly RefusedRun[];
  /** The folders that the public runs were read from, as the command names them. */
  readonly publicDirs: readonly string[];
}

const names = { ttft: "TTFT", itl: "ITL", total: "request total", tpot: "TPOT" } as const;

/** The accuracy page, in Markdown. */
export function accuracyPage(page: AccuracyPage): string {
  const judged = new Set<string>(page.report.scenarios.map(({ scenario }) => scenario.engine));
  const fits = page.inventory.filter((e) => e.role === "fit" && judged.has(engineName(e)));
  const fitted = [...new Set(fits.map((e) => e.engine))].map((engine) => {
    const files = fits.filter((e) => e.engine === engine).map((e) => e.file);
    return `- ${engine}: fitted on ${files.join(", ")}.`;
  });
  return [
    "# Accuracy",
    "",
    "The simulator against captures it was not fitted on. Made by",
    "",
    "```sh",
    `npx prefixlab accuracy --seeds ${page.report.seeds}${page.publicDirs.map((dir) => ` --llmservingsim ${dir}`).join("")} --out data/ACCURACY.md`,
    "```",
    "",
    ...fitted,
    "",
    "Everything below is judged on other captures (README.md here has each); where no engine is named it is vLLM.",
    "Requests of all captures of a scenario are pooled; the modeled numbers are means over",
    `${page.report.seeds} model seeds. *error* is modeled / captured - 1 with its 95 % interval over sessions; -: the values cannot give`,
    "one (see Intervals, at the end). *spread* is (largest - smallest) / mean of the captured number from seed to seed: the",
    "engine's own noise. *holds* says whether the error is within the larger of the spread and 3 % (p99: 10 %); with the",
    "cache off, within 10 %. Rows without a word have too few values (n < 30, or fewer than 5 beyond the quantile) to judge.",
    "",
    ...summary(page.report),
    ...halvesSection(page),
    ...schedulingSection(page.report),
    ...startSection(page.report),
    ...pacingSection(page.report),
    ...page.report.scenarios.flatMap((scenario) => section(scenario, page.report)),
    ...noiseSection(page.report),
    ...intervalsSection(),
  ].join("\n");
}

function summary({ scenarios }: AccuracyReport): string[] {
  const rows = scenarios.map(({ kind, scenario: { title }, accuracy }) => {
    const judged = accuracy.cells.filter((cell) => cell.gates);
    const failed = judged.filter((cell) => !cell.holds);
    const worst = Math.max(0, ...judged.map((cell) => Math.abs(cell.error ?? 0)));
    return `| ${title} | ${kind} | ${accuracy.captures} | ${percentRange(accuracy.busyFraction)} | ${judged.length - failed.length} of ${judged.length} | ${(100 * worst).toFixed(1)} % |`;
  });
  return [
    "## Summary",
    "",
    "| scenario | model | captures | engine busy (modeled) | numbers that hold | largest error judged |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ];
}

function section(
  { kind, scenario: { title }, accuracy, slowBand, waited }: ScenarioReport,
  { slowMs }: AccuracyReport,
): string[] {
  const { cachedTokens, curves } = accuracy.pooled;
  const rows = accuracy.cells
    .filter((cell) => cell.n >= 10)
    .map((cell) => {
      const interval = cell.interval
        ? `${showError(cell.interval[0])} to ${showError(cell.interval[1])}`
        : "-";
      const spread = cell.seedSpread === undefined ? "-" : `${(100 * cell.seedSpread).toFixed(1)} %`;
      const verdict = cell.gates ? (cell.holds ? "holds" : "**no**") : "";
      return `| ${cell.group} | ${names[cell.quantity]} p${100 * cell.quantile} | ${cell.n} | ${showMs(cell.capturedMs)} | ${showMs(cell.modeledMs)} | ${showError(cell.error)} | ${interval} | ${spread} | ${verdict} |`;
    });
  const notes = [
    ...(cachedTokens.exactFraction === undefined
      ? []
      : [
          `Cached tokens: recorded ${cachedTokens.recordedTokens}, predicted ${cachedTokens.predictedTokens}, exact on ${(100 * cachedTokens.exactFraction).toFixed(2)} % of ${cachedTokens.requests} requests.`,
        ]),
    ...curves.map(
      ({ cohort, ks, wassersteinMs }) =>
        `TTFT curves, ${cohort}: Kolmogorov-Smirnov distance ${ks.toFixed(3)}, Wasserstein distance ${showMs(wassersteinMs)}.`,
    ),
    ...(slowBand.captured === undefined || slowBand.modeled === undefined
      ? []
      : [
          `Slow band (gaps over ${slowMs.toFixed(1)} ms, stretched by prefill chunks): captured ${(100 * slowBand.captured).toFixed(1)} % of gaps, modeled ${(100 * slowBand.modeled).toFixed(1)} %.`,
        ]),
    ...(Math.min(waited.captured.n, waited.modeled.n) < 10
      ? []
      : [
          `Step ends that pass from an arrival during decodes to its own step: captured ${waited.captured.mean.toFixed(2)} (${waited.captured.n} requests), modeled ${waited.modeled.mean.toFixed(2)}.`,
        ]),
  ];
  return [
    `## ${title}, ${kind} model`,
    "",
    "| requests | quantity | n | captured | modeled | error | 95 % interval | spread | |",
    "|---|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
    ...notes.map((note) => `- ${note}`),
    "",
  ];
}

function halvesSection({ halves, refused }: AccuracyPage): string[] {
  if (halves.length === 0 && refused.length === 0) return [];
  const rows = halves.flatMap(({ name, cells }) =>
    cells.map(
      (cell) =>
        `| ${name} | ${names[cell.quantity]} ${cell.statistic} | ${showMs(cell.capturedMs)} | ${showMs(cell.modeledMs)} | ${showError(cell.error)} |`,
    ),
  );
  const facts = halves.map(
    ({ name, model, gpu, calibration, fittedRequests, judgedRequests, replay: { run, conditions } }) =>
      `- ${name}: ${[model, gpu].filter((part) => part !== undefined).join(", ")}; fitted on the first ${fittedRequests} requests, judged on the other ${judgedRequests}; ${scheduled(calibration)}, ${calibration.supposed.form.combine} of prices (${calibration.from.form});${conditions.ranksAsOne === undefined ? "" : ` ${conditions.ranksAsOne} data-parallel ranks as one engine;`} ${run.preemptions} preemptions modeled.`,
  );
  return [
    "## Public vLLM 0.19 runs on GPUs",
    "",
    "Runs of casys-kaist/LLMServingSim (`bench/examples`), physical model, open loop. The captures hold mean gaps only.",
    "While fitting, the judged requests are known as what else is in the engine; none of their latencies is a target. The",
    "fit on means was developed with these runs in view, so they show what it can do, not what it does on a run that",
    "nobody has seen.",
    "",
    "| run | quantity | captured | modeled | error |",
    "|---|---|---|---|---|",
    ...rows,
    "",
    ...facts,
    ...refused.map(({ name, why }) => `- ${name}: not judged: ${why}`),
    "",
    ...halves.flatMap(({ name }) => [
      `![Running and waiting requests, captured and modeled](load-${name}.png)`,
      "",
    ]),
  ];
}

function scheduled({ supposed, from }: Calibration): string {
  return `${schedulingWord(supposed.asyncScheduling)} scheduling (${from.asyncScheduling})`;
}

function schedulingSection({ scenarios }: AccuracyReport): string[] {
  const decided = scenarios.filter(({ otherScheduling }) => otherScheduling !== undefined);
  if (decided.length === 0) return [];
  const fits = [
    ...new Map(decided.map((s) => [`${s.scenario.engine}, ${s.kind} model`, s.fit])).entries(),
  ].map(([name, { model, scheduling }]) => {
    const evidence = scheduling
      ? `: ${scheduling.by}, off by ${scheduling.synchronous.toFixed(2)} if synchronous and ${scheduling.asynchronous.toFixed(2)} if asynchronous`
      : "";
    return `- ${name}: ${schedulingWord(model.fittedAt?.asyncScheduling ?? false)}${evidence}.`;
  });
  const rows = decided.flatMap(({ kind, scenario, fit, accuracy, otherScheduling }) =>
    accuracy.cells.flatMap((cell, i) => {
      const other = otherScheduling?.cells[i];
      if (cell.group !== "all" || !cell.gates || other === undefined) return [];
      const verdict = (holds: boolean) => (holds ? "" : ", **no**");
      return [
        `| ${scenario.title} | ${kind} | ${names[cell.quantity]} p${100 * cell.quantile} | ${schedulingWord(fit.model.fittedAt?.asyncScheduling ?? false)} | ${showError(cell.error)}${verdict(cell.holds)} | ${showError(other.error)}${verdict(other.holds)} |`,
      ];
    }),
  );
  return [
    "## Scheduling, decided by the fit",
    "",
    "Nothing in the captures of vLLM-async and vLLM-sync tells how their engine schedules: the calibration decides from the",
    "fitting captures, by how many step ends requests see pass before their own, captured against replays of either kind. The",
    "judged captures are replayed as it decided, and once the other way; **no** where the error is not within the allowance.",
    "",
    ...fits,
    "",
    "| scenario | model | quantity | decided | error | error, scheduled the other way |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ];
}

function startSection({ scenarios }: AccuracyReport): string[] {
  const started = scenarios.flatMap(({ scenario, start }) => (start ? [{ scenario, start }] : []));
  if (started.length === 0) return [];
  const starts = [...new Set(started.flatMap(({ start }) => start.captures))];
  const untold = scenarios.filter((s) => s.kind === "physical" && s.start === undefined);
  const speed = (s: PriceFactors) => `${s.prefill.toFixed(2)} / ${s.decode.toFixed(2)}`;
  const share = lastingShares(starts);
  const captures = starts.map((start) => {
    const { capture, first, later } = start;
    const after = later ? `${speed(later)} (${later.requests})` : "-";
    return `| ${capture.engine}, ${capture.scenario}, seed ${capture.seed} | ${speed(first)} (${first.requests}) | ${after} | ${speed(lastingSpeed(start, starts))} |`;
  });
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  const summaries = started.map(({ scenario, start: { cells } }) => {
    const worst = (errorOf: (cell: StartCell) => number | undefined) => {
      const errors = cells.flatMap((cell) => (cell.gates ? (errorOf(cell) ?? []) : []));
      return errors.length === 0 ? undefined : Math.max(...errors.map(Math.abs));
    };
    const all = [
      worst((c) => c.error),
      worst((c) => c.atFirstSpeed),
      worst((c) => c.atLastingSpeed),
      worst((c) => c.atLaterSpeed),
    ];
    return `| ${scenario.title} | ${all.map((x) => (x === undefined ? "-" : percent(x))).join(" | ")} | ${startVerdict(all)} |`;
  });
  const parts = (error: number, left: number | undefined) =>
    left === undefined ? "-" : `${showError(error - left)} / ${showError(left)}`;
  const rows = started.flatMap(({ scenario, start }) =>
    start.cells
      .filter(({ gates }) => gates)
      .map(({ quantity, quantile, n, capturedMs, error, atFirstSpeed, atLastingSpeed, atLaterSpeed }) => {
        const each = [atFirstSpeed, atLastingSpeed, atLaterSpeed].map((left) => parts(error, left));
        return `| ${scenario.title} | ${names[quantity]} p${100 * quantile} | ${n} | ${showMs(capturedMs)} | ${showError(error)} | ${each.join(" | ")} |`;
      }),
  );
  return [
    "## The engine start's own speed",
    "",
    "An engine is not equally fast after every start, nor all the time. The speed of the start behind a judged capture is taken",
    `from its first ${startRequests} requests, or as many as there are, that found the engine idle and were alone until their first token:`,
    "captured / modeled, on prefill prices / on decode prices (in brackets the requests behind it). *later* is the same of all",
    "idle requests after those, which no prediction for the capture uses: where it differs, the speed changed while the start",
    `ran. Over all starts ${percent(share.prefill)} and ${percent(share.decode)} of the logarithms of the two first factors were found again later; *lasting* is`,
    "the first speed to the power of that share, of the other starts alone.",
    "",
    `| capture | first ${startRequests} | later | lasting |`,
    "|---|---|---|---|",
    ...captures,
    "",
    "Errors of the requests that arrived after those, physical model, all requests of a scenario pooled: with the model's",
    "prices as they are, and with the prices of each capture at its start's speed. The later speed comes from requests that are",
    "judged here: no prediction, it says what one speed a start can explain. The largest error of the numbers that are judged:",
    "",
    "| scenario | as it is | at the first speed | at the lasting speed | at the later speed | |",
    "|---|---|---|---|---|---|",
    ...summaries,
    "",
    ...untold.map(
      ({ scenario }) => `- ${scenario.title}: no request was alone, so nothing tells the start's speed.`,
    ),
    ...(untold.length > 0 ? [""] : []),
    "Each error in two parts, in percentage points: the start's (what goes when the prices are at its speed) / the model's (what",
    "stays).",
    "",
    "| scenario | quantity | n | captured | error | first speed: start's / model's | lasting speed | later speed |",
    "|---|---|---|---|---|---|---|---|",
    ...rows,
    "",
  ];
}

/** What the largest errors say: as it is, at the first speed, at the lasting speed, at the later speed. */
function startVerdict([asItIs = 0, ...atSpeed]: readonly (number | undefined)[]): string {
  const [first = asItIs, lasting = asItIs, later = asItIs] = atSpeed;
  if (Math.min(first, lasting) <= asItIs / 2) return "the start's for half and more";
  if (later <= asItIs / 2) return "the start's, but its first requests do not tell";
  return Math.min(first, lasting, later) <= 0.9 * asItIs ? "the start's in part" : "not the start's";
}

function pacingSection({ pacing }: AccuracyReport): string[] {
  if (!pacing) return [];
  const { captured, sessionPaced, openLoop } = pacing;
  return [
    "## Open loop against session-paced",
    "",
    "The warm capture, seed 1, replayed with prefix caching off in both ways, beside the capture that was made so.",
    `Median TTFT of turns 2+: captured ${showMs(captured.medianMs)}, session-paced ${showMs(sessionPaced.medianMs)}, open loop ${showMs(openLoop.medianMs)}.`,
    "The difference is the clients: open loop fires every turn on the warm schedule, when the answer before it has not",
    "begun, so that up to all turns of a session wait at once and the queue grows to the end of the arrivals. A",
    "closed-loop client has one request in the engine; its later turns are delayed by the answers before them, and the",
    "queue is bounded by the number of sessions.",
    "",
    "![P(TTFT > x) of turns 2+ with the cache off: captured, session-paced, open loop](cold-pacing.png)",
    "",
  ];
}

function noiseSection({ noise }: AccuracyReport): string[] {
  if (noise.length === 0) return [];
  return [
    "## The engine's own noise",
    "",
    "The same scenario captured with different seeds: the captured number of each, and (largest - smallest) / mean.",
    "",
    "| scenario | requests | quantity | captured | spread |",
    "|---|---|---|---|---|",
    ...noise.flatMap(({ scenario, cells }) =>
      cells.map(
        (cell) =>
          `| ${scenario} | ${cell.group} | ${names[cell.quantity]} p${100 * cell.quantile} | ${cell.valuesMs.map(showMs).join(", ")} | ${(100 * cell.spread).toFixed(1)} % |`,
      ),
    ),
    "",
  ];
}

function intervalsSection(): string[] {
  const show = ({ given, held }: IntervalCoverage): string => {
    if (held === undefined) return "none";
    const often = given > 0.9995 ? "" : ` (${(100 * given).toFixed(given < 0.1 ? 1 : 0)} %)`;
    return `${(100 * held).toFixed(1)} %${often}`;
  };
  const samples = intervalCoverage.filter(({ quantile }) => quantile === intervalCoverage[0].quantile);
  const rows = samples.map(({ sessions, censored }) => {
    const own = intervalCoverage.filter((c) => c.sessions === sessions && c.censored === censored);
    return `| ${sessions} | ${(100 * censored).toFixed(0)} % | ${own.map(show).join(" | ")} |`;
  });
  return [
    "## Intervals",
    "",
    "The interval of an error holds all ratios r for which a test does not tell the modeled requests from the captured ones",
    "at the quantile, their times divided by r: the difference of the two shares beyond it over its cluster-robust standard",
    "error, each session with its modeled self, against Student's t (`quantileRatio` in lib/survival). Where a quantile lies at",
    "a gap between two modes it is at least what the intervals of the two quantiles leave open; with fewer than ten sessions,",
    "or where the values end before it does, there is none. By simulation, sessions of four turns, half of the variance of",
    "log TTFT between sessions: how often a nominal 95 % interval held the true ratio, of the samples that gave one; in",
    "brackets how many did, where not all (test/reference/survival/quantile-coverage.md has other samples and methods).",
    "",
    "| sessions | captured requests without an end | p50 | p90 | p99 |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ];
}

function percentRange([low, high]: readonly [number, number]): string {
  const [a, b] = [low, high].map((x) => (100 * x).toFixed(0));
  return a === b ? `${a} %` : `${a}-${b} %`;
}

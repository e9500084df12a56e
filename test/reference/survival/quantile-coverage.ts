/**
 * How often nominal 95 % intervals of quantiles, and of ratios of quantiles, hold the truth where turns come in sessions.
 *
 *     node node_modules/typescript/bin/tsc -p test/tsconfig.json --noEmit false --outDir out/test
 *     node out/test/test/reference/survival/quantile-coverage.js
 *
 * writes quantile-coverage.md here and lib/judge/interval-coverage.ts, which the accuracy page shows. About a quarter of
 * an hour on one core. With 2,000 samples a cell 95 % has a standard error of 0.5 points. The same functions run in a test with fewer
 * samples.
 */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type RandomStream, stream } from "../../../lib/base/index.js";
import {
  clusterRobustCurve,
  kaplanMeier,
  quantileInterval,
  quantileRatio,
} from "../../../lib/survival/index.js";
import { normalCdf, normalQuantile } from "../../../lib/survival/normal.js";
import { bootstrapIntervals, type Limits } from "./bootstrap-intervals.js";

export const shares = [0.5, 0.9, 0.99] as const;

/** How turns are made: log T = session + turn, both normal; some sessions may be slower as a whole. */
export interface Design {
  readonly sessions: number;
  /** Default 4. */
  readonly turns?: number;
  /** Standard deviations of log T between sessions and between the turns of one. Default 0.4 each. */
  readonly between?: number;
  readonly within?: number;
  /** Share of sessions that are five times as slow in all their turns. Default 0. */
  readonly slow?: number;
  /** Share of turns whose end is not seen. Default 0. */
  readonly censored?: number;
  /** Modeled seeds beside the capture. Default 3. */
  readonly seeds?: number;
  /** Share of the variance of a turn that the model reproduces; that of the session it reproduces whole. Default 0.5. */
  readonly alike?: number;
}

/** One method in one cell: in what share of samples it gave limits, and in what share of these they held the truth. */
export interface Cell {
  readonly given: number;
  readonly held: number;
}

class Tally {
  readonly #counts = new Map<string, { given: number; held: number }>();
  #samples = 0;

  add(name: string, { lower, upper }: Limits, truth: number): void {
    const count = this.#counts.get(name) ?? { given: 0, held: 0 };
    this.#counts.set(name, count);
    if (lower === undefined || upper === undefined) return;
    count.given++;
    if (lower <= truth && truth <= upper) count.held++;
  }

  next(): void {
    this.#samples++;
  }

  cells(): Record<string, Cell> {
    return Object.fromEntries(
      [...this.#counts].map(([name, { given, held }]) => [
        name,
        { given: given / this.#samples, held: held / given },
      ]),
    );
  }
}

interface Turns {
  readonly times: number[];
  readonly observed: boolean[];
  readonly clusters: number[];
}

interface Sample {
  readonly captured: Turns;
  readonly modeled: readonly Turns[];
}

/** The model is 5 % too slow: that is the truth about every ratio. */
const slowdown = 1.05;

function drawSample(draw: RandomStream, design: Design): Sample {
  const { sessions, turns = 4, between = 0.4, within = 0.4, slow = 0, seeds = 3, alike = 0.5 } = design;
  const empty = (): Turns => ({ times: [], observed: [], clusters: [] });
  const captured = empty();
  const modeled = Array.from({ length: seeds }, empty);
  const add = (to: Turns, logTime: number, logCut: number, session: number): void => {
    to.times.push(Math.exp(Math.min(logTime, logCut)));
    to.observed.push(logTime <= logCut);
    to.clusters.push(session);
  };
  for (let s = 0; s < sessions; s++) {
    const level = between * draw.normal() + (draw.uniform() < slow ? Math.log(5) : 0);
    for (let t = 0; t < turns; t++) {
      const own = draw.normal();
      add(captured, level + within * own, censoringOf(design).draw(draw), s);
      for (const seed of modeled) {
        const again = Math.sqrt(alike) * own + Math.sqrt(1 - alike) * draw.normal();
        add(seed, Math.log(slowdown) + level + within * again, Number.POSITIVE_INFINITY, s);
      }
    }
  }
  return { captured, modeled };
}

/** Log-normal censoring, independent of everything, placed so that the given share of turns is cut short. */
function censoringOf({ between = 0.4, within = 0.4, censored = 0 }: Design) {
  const spread = Math.hypot(between, within);
  const shift = Math.SQRT2 * spread * normalQuantile(1 - censored);
  return {
    draw: (draw: RandomStream) =>
      censored === 0 ? Number.POSITIVE_INFINITY : shift + spread * draw.normal(),
    /** P(cut > t), of log t. */
    survival: (logTime: number) => (censored === 0 ? 1 : 1 - normalCdf((logTime - shift) / spread)),
  };
}

/** The p quantile of log T: of all turns, or of those that are seen. */
function trueLogQuantile(design: Design, p: number, seenOnly: boolean): number {
  const { between = 0.4, within = 0.4, slow = 0 } = design;
  const spread = Math.hypot(between, within);
  const { survival } = censoringOf(design);
  const density = (x: number, center: number): number => Math.exp(-(((x - center) / spread) ** 2) / 2);
  const [from, to, steps] = [-8 * spread, 8 * spread + Math.log(5), 200_000];
  const width = (to - from) / steps;
  const sums = new Float64Array(steps + 1);
  for (let i = 0; i < steps; i++) {
    const x = from + (i + 0.5) * width;
    const all = (1 - slow) * density(x, 0) + slow * density(x, Math.log(5));
    sums[i + 1] = sums[i] + all * (seenOnly ? survival(x) : 1);
  }
  const goal = p * sums[steps];
  const next = sums.findIndex((sum) => sum >= goal);
  return from + width * (next - 1 + (goal - sums[next - 1]) / (sums[next] - sums[next - 1]));
}

/** Quantiles of the Kaplan-Meier curve with each cluster counted as often as given; the last time where not reached. */
function weightedQuantile({ times, observed, clusters }: Turns, p: number) {
  const order = times.map((_, row) => row).sort((a, b) => times[a] - times[b]);
  const sorted = order.map((row) => ({ time: times[row], seen: observed[row], cluster: clusters[row] }));
  return (multiplicity: Int32Array): number => {
    let atRisk = sorted.reduce((sum, row) => sum + multiplicity[row.cluster], 0);
    let survival = 1;
    for (const { time, seen, cluster } of sorted) {
      const weight = multiplicity[cluster];
      if (seen && weight > 0) survival *= (atRisk - weight) / atRisk;
      atRisk -= weight;
      if (weight > 0 && survival <= 1 - p + 1e-12) return time;
    }
    return sorted[sorted.length - 1].time;
  };
}

/** What is run beside the method of the library: how often it was worse, and where. */
interface Rivals {
  /** In how many of the samples; they cost hundreds of times as much. */
  readonly samples: number;
  readonly replicates: number;
}

/** Methods for a quantile of one sample, at each of {@link shares}. */
export function quantileCoverage(design: Design, samples: number, seed: number, rivals?: Rivals) {
  const draw = stream(seed, `quantile ${JSON.stringify(design)}`);
  const again = stream(seed, "resamples");
  const tallies = shares.map(() => ({ ours: new Tally(), rivals: new Tally() }));
  const truths = shares.map((p) => Math.exp(trueLogQuantile(design, p, false)));
  for (let s = 0; s < samples; s++) {
    const { captured } = drawSample(draw, { ...design, seeds: 0 });
    const curve = clusterRobustCurve(captured, captured.clusters);
    shares.forEach((p, k) => {
      const { ours, rivals: others } = tallies[k];
      const limits = quantileInterval(curve, p);
      ours.add("quantileInterval", limits, truths[k]);
      ours.add("its lower limit", { ...limits, upper: Number.POSITIVE_INFINITY }, truths[k]);
      ours.next();
      if (!rivals || s >= rivals.samples) return;
      const { clusters: _, ...robust } = curve;
      others.add("Brookmeyer-Crowley, robust variance", quantileInterval(robust, p), truths[k]);
      const made = bootstrapIntervals(
        weightedQuantile(captured, p),
        design.sessions,
        rivals.replicates,
        again,
      );
      others.add("bootstrap, percentile", made.percentile, truths[k]);
      others.add("bootstrap, expanded", made.expanded, truths[k]);
      others.add("bootstrap, BCa", made.bca, truths[k]);
      others.next();
    });
  }
  return tallies.map(({ ours, rivals: others }) => ({ ...ours.cells(), ...others.cells() }));
}

/** Methods for modeled / captured, at each of {@link shares}. Turns whose end was not seen are left out, as in a comparison. */
export function ratioCoverage(design: Design, samples: number, seed: number, rivals?: Rivals) {
  const draw = stream(seed, `ratio ${JSON.stringify(design)}`);
  const again = stream(seed, "resamples");
  const tallies = shares.map(() => ({ ours: new Tally(), rivals: new Tally() }));
  const truths = shares.map(
    (p) => slowdown * Math.exp(trueLogQuantile(design, p, false) - trueLogQuantile(design, p, true)),
  );
  for (let s = 0; s < samples; s++) {
    const { captured, modeled } = drawSample(draw, design);
    const seen = onlySeen(captured);
    const pooled = {
      times: modeled.flatMap((seed) => seed.times),
      clusters: modeled.flatMap((seed) => seed.clusters),
    };
    const [a, b] = [pooled, seen].map((turns) => clusterRobustCurve({ times: turns.times }, turns.clusters));
    shares.forEach((p, k) => {
      const { ours, rivals: others } = tallies[k];
      ours.add("quantileRatio", quantileRatio(a, b, p, { paired: true }), truths[k]);
      ours.next();
      if (!rivals || s >= rivals.samples) return;
      const top = modeled.map((seed) => weightedQuantile(seed, p));
      const bottom = weightedQuantile(seen, p);
      const made = bootstrapIntervals(
        (m) => top.reduce((sum, of) => sum + of(m), 0) / top.length / bottom(m),
        design.sessions,
        rivals.replicates,
        again,
      );
      others.add("bootstrap, percentile", made.percentile, truths[k]);
      others.add("bootstrap, BCa", made.bca, truths[k]);
      others.next();
    });
  }
  return tallies.map(({ ours, rivals: others }) => ({ ...ours.cells(), ...others.cells() }));
}

function onlySeen({ times, observed, clusters }: Turns): Turns {
  const rows = times.map((_, row) => row).filter((row) => observed[row]);
  return {
    times: rows.map((row) => times[row]),
    observed: rows.map(() => true),
    clusters: rows.map((row) => clusters[row]),
  };
}

/**
 * The hardest ratio: two modes far apart, the slow one with about a tenth of the values, so that p90 may fall on either
 * side. `slow` and `modeledSlow` are the shares of slow values in the population of each.
 */
export function bimodalCoverage(
  options: { readonly slow: number; readonly modeledSlow: number; readonly alike: number },
  samples: number,
  seed: number,
): Cell {
  const { slow, modeledSlow, alike } = options;
  const draw = stream(seed, `bimodal ${JSON.stringify(options)}`);
  const tally = new Tally();
  const [low, high, width] = [Math.log(6), Math.log(50), 0.05];
  const logQuantile = (share: number): number =>
    0.9 <= 1 - share
      ? low + width * normalQuantile(0.9 / (1 - share))
      : high + width * normalQuantile((0.9 - (1 - share)) / share);
  const truth = slowdown * Math.exp(logQuantile(modeledSlow) - logQuantile(slow));
  for (let s = 0; s < samples; s++) {
    const sides = [0, 1].map((): Turns => ({ times: [], observed: [], clusters: [] }));
    for (let session = 0; session < 60; session++) {
      const z = draw.normal();
      const near = Math.sqrt(alike) * z + Math.sqrt(1 - alike) * draw.normal();
      // Sessions differ in their share of slow values, which is `share` on average.
      const own = (share: number, at: number): number => Math.min(1, share * Math.exp(at / 2 - 1 / 8));
      for (let k = 0; k < 30; k++) {
        const u = draw.uniform();
        const [captured, modeled] = sides;
        captured.times.push(Math.exp((u < own(slow, z) ? high : low) + width * draw.normal()));
        captured.clusters.push(session);
        for (let seed = 0; seed < 3; seed++) {
          const v = draw.uniform() < alike ? u : draw.uniform();
          const mode = v < own(modeledSlow, near) ? high : low;
          modeled.times.push(slowdown * Math.exp(mode + width * draw.normal()));
          modeled.clusters.push(session);
        }
      }
    }
    const [captured, modeled] = sides.map(({ times, clusters }) => clusterRobustCurve({ times }, clusters));
    tally.add("quantileRatio", quantileRatio(modeled, captured, 0.9, { paired: true }), truth);
    tally.next();
  }
  return tally.cells().quantileRatio;
}

/** Independent rows and R's own interval: what `quantileInterval` of a plain curve gives far out in a tail. */
export function plainCoverage(rows: number, censored: number, samples: number, seed: number) {
  const design = { sessions: rows, turns: 1, between: 0, within: 0.5, censored };
  const draw = stream(seed, `plain ${JSON.stringify(design)}`);
  const tallies = shares.map(() => new Tally());
  const truths = shares.map((p) => Math.exp(trueLogQuantile(design, p, false)));
  for (let s = 0; s < samples; s++) {
    const { captured } = drawSample(draw, { ...design, seeds: 0 });
    const curve = kaplanMeier(captured);
    shares.forEach((p, k) => {
      tallies[k].add("quantileInterval", quantileInterval(curve, p), truths[k]);
      tallies[k].next();
    });
  }
  return tallies.map((tally) => tally.cells().quantileInterval);
}

export const sessionCounts = [20, 64, 256] as const;
export const censorings = [0, 0.1] as const;
const cells = sessionCounts.flatMap((sessions) => censorings.map((censored) => ({ sessions, censored })));

type Row = Readonly<Record<string, Cell>>;

function show(cell: Cell | undefined): string {
  if (!cell) return "";
  if (cell.given === 0) return "none";
  const held = `${(100 * cell.held).toFixed(1)}${cell.held > 0.97 ? " +" : ""}`;
  return cell.given > 0.9995 ? held : `${held} (${(100 * cell.given).toFixed(cell.given < 0.1 ? 1 : 0)} %)`;
}

function table(head: string, rows: readonly (readonly [string, Row])[]): string {
  const names = [...new Set(rows.flatMap(([, row]) => Object.keys(row)))];
  const line = (columns: readonly string[]): string => `| ${columns.join(" | ")} |`;
  return [
    line([head, ...names]),
    line(["---", ...names.map(() => "---:")]),
    ...rows.map(([title, row]) => line([title, ...names.map((name) => show(row[name]))])),
  ].join("\n");
}

const percent = (share: number): string => `${Math.round(100 * share)} %`;

function rowsOf(
  designs: readonly (readonly [string, Design])[],
  of: (design: Design) => readonly Row[],
): (readonly [string, Row])[] {
  return designs.flatMap(([title, design]) =>
    of(design).map((row, k) => [`${title}, p${100 * shares[k]}`, row] as const),
  );
}

function main(): void {
  const samples = 2000;
  // Where few samples give an interval, many are needed to tell how often it holds; small ones cost little.
  const samplesOf = ({ sessions }: Design): number =>
    sessions < 64 ? 20_000 : sessions < 256 ? 5000 : samples;
  const rivals = { samples: 500, replicates: 400 };
  const named = cells.map(
    (design) => [`${design.sessions} sessions, ${percent(design.censored)} censored`, design] as const,
  );
  const harder: readonly (readonly [string, Design])[] = [
    ["10 sessions x 10 turns", { sessions: 10, turns: 10 }],
    ["40 sessions x 10 turns", { sessions: 40, turns: 10 }],
    [
      "64 sessions x 10 turns, 90 % of variance between",
      { sessions: 64, turns: 10, between: 0.9, within: 0.3 },
    ],
    [
      "200 sessions x 10 turns, 90 % of variance between",
      { sessions: 200, turns: 10, between: 0.9, within: 0.3 },
    ],
    ["64 sessions, 5 % of them slow", { sessions: 64, slow: 0.05 }],
    ["256 sessions, 5 % of them slow", { sessions: 256, slow: 0.05 }],
  ];
  const closer = named.map(
    ([title, design]) => [`${title}, one seed, 95 % alike`, { ...design, seeds: 1, alike: 0.95 }] as const,
  );
  const one = rowsOf(named, (design) => quantileCoverage(design, samplesOf(design), 1, rivals));
  const ratios = named.map(([title, design]) => ({
    title,
    design,
    rows: ratioCoverage(design, samplesOf(design), 2, rivals),
  }));
  const bimodal = [0.09, 0.098, 0.102, 0.11].flatMap((modeledSlow) =>
    [0, 0.9].map((alike) => {
      const cell = bimodalCoverage({ slow: 0.098, modeledSlow, alike }, 1000, 3);
      const title = `${(100 * modeledSlow).toFixed(1)} % slow modeled, ${percent(alike)} alike`;
      return [title, { quantileRatio: cell }] as const;
    }),
  );
  const page = [
    "# Coverage of intervals of quantiles",
    "",
    "Percent of samples in which nominal 95 % limits held the truth, of those in which both limits were given; in",
    "brackets the share of samples in which they were, where not always. *none*: never. *+*: above 97 %. Made by",
    "`quantile-coverage.ts`; log T = 0.4 N (session) + 0.4 N (turn), four turns a session. Samples a cell: 20,000 below 64",
    "sessions, 5,000 below 256, else 2,000; methods beside the library's own in 500 of them, with 400 resamples. Its lower",
    "limit alone is one-sided, nominal 97.5 %.",
    "",
    "## A quantile of one sample",
    "",
    table("sample", one),
    "",
    "## The ratio of a modeled quantile to a captured one",
    "",
    "Paired by sessions: the model knows each session's level and half of a turn's own variance, in three seeds, and is 5 %",
    "too slow. Captured turns whose end was not seen are left out, as in a comparison: the truth is about those seen.",
    "",
    table(
      "sample",
      ratios.flatMap(({ title, rows }) =>
        rows.map((row, k) => [`${title}, p${100 * shares[k]}`, row] as const),
      ),
    ),
    "",
    "## The same, one seed that knows 95 % of a turn",
    "",
    table(
      "sample",
      rowsOf(closer, (design) => ratioCoverage(design, samplesOf(design), 4)),
    ),
    "",
    "## Harder samples",
    "",
    table(
      "sample",
      rowsOf(harder, (design) => {
        const ratio = ratioCoverage(design, samplesOf(design), 6);
        return quantileCoverage(design, samplesOf(design), 5).map((row, k) => ({ ...row, ...ratio[k] }));
      }),
    ),
    "",
    "## A ratio at a gap between modes",
    "",
    "p90 of values of which 9.8 % are eight times as slow, 60 sessions x 30 values; 1,000 samples a cell.",
    "",
    table("sample", bimodal),
    "",
    "## Independent rows, R's interval",
    "",
    "`quantileInterval` of a curve without clusters (Brookmeyer and Crowley, log-log).",
    "",
    table(
      "sample",
      [80, 256, 1024].flatMap((rows) =>
        censorings.flatMap((censored) =>
          plainCoverage(rows, censored, samples, 7).map(
            (cell, k) =>
              [
                `${rows} rows, ${percent(censored)} censored, p${100 * shares[k]}`,
                { quantileInterval: cell },
              ] as const,
          ),
        ),
      ),
    ),
    "",
  ].join("\n");
  writeFileSync(new URL("test/reference/survival/quantile-coverage.md", root()), page);
  const data = ratios.flatMap(({ design, rows }) =>
    rows.map(({ quantileRatio: cell }, k) => ({ ...design, quantile: shares[k], ...cell })),
  );
  writeFileSync(new URL("lib/judge/interval-coverage.ts", root()), module(data));
}

/** The checkout, from where it was started. */
function root(): URL {
  return pathToFileURL(`${process.cwd()}/`);
}

type CoverageRow = Design & Cell & { readonly quantile: number };

function module(rows: readonly CoverageRow[]): string {
  const lines = rows.map(({ sessions, censored, quantile, given, held }) => {
    const heldText = given === 0 ? "" : `, held: ${held.toFixed(4)}`;
    return `  { sessions: ${sessions}, censored: ${censored}, quantile: ${quantile}, given: ${given.toFixed(4)}${heldText} },`;
  });
  return `/** How often the 95 % intervals of errors hold the truth, by simulation. */
export interface IntervalCoverage {
  /** Sessions of the sample, four turns each. */
  readonly sessions: number;
  /** Share of captured turns whose end was not seen. */
  readonly censored: number;
  readonly quantile: number;
  /** Share of the samples in which there was an interval. */
  readonly given: number;
  /** Share of these in which it held the truth; undefined where there was none. */
  readonly held?: number;
}

/** Written by test/reference/survival/quantile-coverage.ts: run that instead of editing this. */
export const intervalCoverage: readonly IntervalCoverage[] = [
${lines.join("\n")}
];
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) main();

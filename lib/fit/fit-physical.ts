import type { Ms } from "../base/index.js";
import type { FitRange } from "../latency/index.js";
import {
  type CoefficientDescription,
  expertPassDescription,
  type OverheadCoefficients,
  overheadCoefficientTable,
  physicalModel,
  prefillClass,
  type StepCoefficients,
  type StepForm,
  type StepPriceName,
  seqsClass,
  stepCoefficientNames,
  stepCoefficientTable,
  sumForm,
} from "../latency/index.js";
import type { FitReport } from "./fit-report.js";
import { identifiedColumns } from "./identified.js";
import type { ModelFit } from "./model-fit.js";
import type { Observation } from "./observation.js";
import { isSideStable, regressionRow, rowColumns, rowSides } from "./regression-row.js";
import { noiseDonors, residualsByKind, splitOverhead } from "./residual-donors.js";
import { type RobustFit, robustNonNegativeFit } from "./robust-fit.js";

/** A physical fit, with the prices for whoever goes on from it. */
export interface PhysicalFit extends ModelFit {
  readonly step: StepCoefficients;
  readonly form: StepForm;
}

/** Settings for observations that say less. */
export interface PhysicalFitOptions {
  /** A request's overhead where isolated TTFTs do not tell it, ms. Default 0. */
  readonly knownRequestMs?: Ms;
  /** See `ridge` of the robust fit. Default 0. */
  readonly ridge?: number;
  /** How the parts of a step add up. Default: a sum. */
  readonly form?: StepForm;
  /**
   * Price of a prompt token's attention to one token before it, over the price of the token itself, where the
   * observations do not tell them apart; see `depthRatio` of the hardware room. Default {@link assumedDepthRatio}.
   */
  readonly depthRatio?: number;
  /** Take the ratio also where the observations seem to tell it. Default false. */
  readonly pinsDepth?: boolean;
}

/** Chunk gaps, or spans with prefills in them, needed before a price per chunk is told apart from the price of a step. */
const leastChunkGaps = 20;

/** The ratio of a dense model of 7 to 8 billion parameters in bfloat16: Qwen3-8B has 4.2e-5, Llama-3.1-8B 3.8e-5. */
export const assumedDepthRatio = 4e-5;

/** What decides where the observations do not: small enough to leave alone what they do decide. */
const priorStrength = 1e-4;

/** Rounds after which the sides of a step's maximum are taken as they are. */
const sideRounds = 12;

/** The prices of a prefill: what prompts of one size do not tell apart. */
const prefillColumns = [
  rowColumns.prefillTokenMs,
  rowColumns.prefillTokenDepthMs,
  rowColumns.prefillSeqMs,
  rowColumns.requestMs,
  rowColumns.promptTokenMs,
] as const;

/**
 * Fits step prices and overheads at once, by robust non-negative least squares on relative errors over isolated
 * TTFTs, decode gaps and chunk gaps; the residuals become donors of noise. Of prices that the observations do not tell
 * apart, `identified` says so: depth then follows the model's FLOPs, and what is left goes to the prompt tokens.
 */
export function fitPhysical(
  observations: readonly Observation[],
  range: FitRange,
  options: PhysicalFitOptions = {},
): PhysicalFit {
  const { knownRequestMs = 0, form = sumForm, depthRatio = assumedDepthRatio } = options;
  const pricesChunks =
    observations.filter((o) => o.kind === "chunk" || o.kind === "span").length >= leastChunkGaps;
  const groups = observations.map(groupOf);
  const groupShare = new Map<number, number>();
  observations.forEach((o, i) => {
    groupShare.set(groups[i], (groupShare.get(groups[i]) ?? 0) + o.share);
  });
  const targets = observations.map((o) => o.ms);
  // A kind of step that was observed often must not drown the others: its weight grows with the root of n.
  const weights = observations.map((o, i) => o.share / Math.sqrt(groupShare.get(groups[i])!));
  const solveWith = (sides: readonly boolean[][] | undefined): SolvedFit => {
    const rows = observations.map((o, i) => regressionRow(o, form, pricesChunks, sides?.[i]));
    const identified = identifiedColumns(
      rows,
      weights.map((weight, i) => weight / Math.max(targets[i], 1e-3) ** 2),
    );
    const open = prefillColumns.filter(
      (column) => rows.some((row) => row[column] !== 0) && !identified[column],
    );
    const isOpen = open.length > 0;
    const pinned = isOpen || options.pinsDepth ? depthRatio : undefined;
    if (pinned !== undefined) for (const row of rows) pinDepth(row, pinned);
    const fit = robustNonNegativeFit({
      rows,
      targets,
      weights,
      groups,
      ...(isOpen
        ? { ridge: Math.max(priorStrength, options.ridge ?? 0), pulls: openPulls }
        : { ridge: options.ridge ?? 0 }),
    });
    if (pinned !== undefined)
      fit.coefficients[rowColumns.prefillTokenDepthMs] = pinned * fit.coefficients[rowColumns.prefillTokenMs];
    return { ...fit, identified, pinned, open };
  };
  const { coefficients, ratios, kept, identified, pinned, open } = solveSides(observations, form, solveWith);
  const step = stepOf(coefficients, form);
  const overhead: OverheadCoefficients = {
    requestMs: coefficients[rowColumns.requestMs] + knownRequestMs,
    promptTokenMs: coefficients[rowColumns.promptTokenMs],
  };
  const fitted = {
    observations,
    predictedMs: Float64Array.from(observations, (o, i) => o.ms / ratios[i]),
    outsideMs: Float64Array.from(observations, (o) =>
      o.kind === "isolated" ? overhead.requestMs + overhead.promptTokenMs * o.promptTokens : 0,
    ),
    kept,
  };
  const { requestMs, emissionMs } = splitOverhead(fitted, overhead.requestMs);
  const describe = (
    { wireName, unit, meaning }: CoefficientDescription,
    value: number,
    column: number,
  ): FitReport["coefficients"][number] => ({
    name: wireName,
    value,
    unit,
    meaning,
    identified: identified[column],
  });
  const described = [
    ...stepCoefficientNames.map((name) => describe(stepCoefficientTable[name], step[name], rowColumns[name])),
    ...(form.expertShare > 0
      ? [describe(expertPassDescription, step.expertPassMs ?? 0, rowColumns.expertPassMs)]
      : []),
    describe(overheadCoefficientTable.requestMs, overhead.requestMs, rowColumns.requestMs),
    describe(overheadCoefficientTable.promptTokenMs, overhead.promptTokenMs, rowColumns.promptTokenMs),
  ];
  const wireNames: Readonly<Record<number, string>> = {
    ...Object.fromEntries(
      stepCoefficientNames.map((name) => [rowColumns[name], stepCoefficientTable[name].wireName]),
    ),
    [rowColumns.requestMs]: overheadCoefficientTable.requestMs.wireName,
    [rowColumns.promptTokenMs]: overheadCoefficientTable.promptTokenMs.wireName,
  };
  return {
    step,
    form,
    model: physicalModel({
      step,
      form,
      overhead: { ...overhead, requestMs },
      range,
      noise: noiseDonors(fitted),
      emissionMs,
    }),
    coefficients: described,
    residuals: residualsByKind(fitted),
    leftOut: [],
    trimmed: kept.filter((keep) => !keep).length,
    ...(open.length > 0 && { openPrices: open.map((column) => wireNames[column]) }),
    ...(pinned !== undefined && { pinnedDepthRatio: pinned }),
  };
}

interface SolvedFit extends RobustFit {
  readonly identified: readonly boolean[];
  readonly pinned: number | undefined;
  /** Columns. */
  readonly open: readonly number[];
}

/**
 * A sum is linear. A maximum is linear once it is known which side each step is on: guessed from the load, then taken from
 * the prices of the round before, until no side changes.
 */
function solveSides(
  observations: readonly Observation[],
  form: StepForm,
  solveWith: (sides: readonly boolean[][] | undefined) => SolvedFit,
): SolvedFit {
  if (form.combine === "sum") return solveWith(undefined);
  let sides = observations.map((o) => rowSides(o, form, undefined));
  for (let round = 1; ; round++) {
    const solved = solveWith(sides);
    const step = stepOf(solved.coefficients, form);
    const next = observations.map((o) => rowSides(o, form, step));
    if (round === sideRounds || isSideStable(sides, next)) return solved;
    sides = next;
  }
}

function stepOf(coefficients: ArrayLike<number>, form: StepForm): StepCoefficients {
  const prices = Object.fromEntries(
    stepCoefficientNames.map((name) => [name, coefficients[rowColumns[name]]]),
  ) as Record<StepPriceName, number>;
  return form.expertShare > 0 ? { ...prices, expertPassMs: coefficients[rowColumns.expertPassMs] } : prices;
}

/** Depth at a fixed ratio to the token: one column for both. */
function pinDepth(row: Float64Array, ratio: number): void {
  row[rowColumns.prefillTokenMs] += ratio * row[rowColumns.prefillTokenDepthMs];
  row[rowColumns.prefillTokenDepthMs] = 0;
}

/** What is not told apart goes to steps and tokens: the other prices are pulled towards zero. */
const openPulls = Object.keys(rowColumns).map((name, column) =>
  name === "stepMs" || name === "prefillTokenMs"
    ? undefined
    : Float64Array.from(Object.keys(rowColumns), (_, other) => (other === column ? 1 : 0)),
);

function groupOf(o: Observation): number {
  const { kind } = o;
  const kinds = { decode: 0, span: 1, chunk: 2, isolated: 3, service: 4 };
  const load =
    kind === "decode" || kind === "span"
      ? seqsClass(o.load.decodeSeqs / o.steps)
      : prefillClass(o.load.prefillTokens);
  return 100 * kinds[kind] + load;
}

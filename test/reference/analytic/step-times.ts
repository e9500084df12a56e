import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { InputError } from "../../../lib/base/index.js";
import {
  type CardName,
  cardNameOf,
  cards,
  type ModelShape,
  type NumberFormat,
  poolThatFits,
  shapeOfModel,
} from "../../../lib/hardware/index.js";
import { emptyStepLoad, type StepLoad } from "../../../lib/latency/index.js";

/** A measured step. */
export interface MeasuredStep {
  readonly kind: "prefill" | "decode";
  readonly sequences: number;
  /** Of a prefill its prompt, of a decode its context. */
  readonly tokens: number;
  readonly load: StepLoad;
  readonly ms: number;
}

/** Measured steps of a model on so many cards of a kind. */
export interface MeasuredSetup {
  /** The pair by which the halves are chosen: "Qwen/Qwen3-8B on h200". */
  readonly pair: string;
  readonly shape: ModelShape;
  readonly card: CardName;
  readonly tensorParallel: number;
  /** Steps whose context fits beside the weights. */
  readonly steps: readonly MeasuredStep[];
}

/** Pairs that factors are fitted on: those whose name hashes (SHA-256) to a first byte below 128. The others are kept back. */
export function isCalibrating(pair: string): boolean {
  return createHash("sha256").update(pair).digest()[0] < 128;
}

/** The setups of step-times.csv whose model fits the cards. */
export function readMeasuredSetups(csv = "test/reference/analytic/step-times.csv"): readonly MeasuredSetup[] {
  const [header, ...rows] = readFileSync(csv, "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(","));
  return rows.flatMap((row) => {
    const [model, cardName, ranks, dtype, ...times] = row;
    const shape = shapeOfModel(model, { dtype: dtype as NumberFormat });
    if (!shape) throw new Error(`step-times.csv names ${model}, whose shape is not known`);
    const card = cardNameOf(cardName);
    const tensorParallel = Number(ranks);
    const poolTokens = poolOf(card, shape, tensorParallel);
    const steps = times
      .map((ms, at) => measuredStep(header[at + 4], Number(ms)))
      .filter(({ sequences, tokens }) => sequences * tokens <= poolTokens);
    return poolTokens === 0 ? [] : [{ pair: `${model} on ${cardName}`, shape, card, tensorParallel, steps }];
  });
}

function poolOf(card: CardName, shape: ModelShape, tensorParallel: number): number {
  try {
    return poolThatFits(cards[card], shape, { tensorParallel });
  } catch (error) {
    if (error instanceof InputError) return 0;
    throw error;
  }
}

function measuredStep(name: string, ms: number): MeasuredStep {
  const [kind, ...sizes] = name.split(/_x_|_/);
  if (kind === "prefill") {
    const tokens = Number(sizes[0]);
    const load = {
      ...emptyStepLoad(),
      prefillTokens: tokens,
      prefillTokenDepth: tokens ** 2 / 2,
      prefillSeqs: 1,
    };
    return { kind, sequences: 1, tokens, load, ms };
  }
  const [sequences, tokens] = sizes.map(Number);
  const load = { ...emptyStepLoad(), decodeSeqs: sequences, decodeContextTokens: sequences * tokens };
  return { kind: "decode", sequences, tokens, load, ms };
}

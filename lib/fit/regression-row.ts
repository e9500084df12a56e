import {
  emptyStepLoad,
  expertsRead,
  type StepCoefficients,
  type StepForm,
  type StepLoad,
  stepSides,
} from "../latency/index.js";
import type { Observation } from "./observation.js";
import type { PrefillStep } from "./prefill-steps.js";

/** Where each price stands in a regression row. */
export const rowColumns = {
  stepMs: 0,
  prefillTokenMs: 1,
  prefillTokenDepthMs: 2,
  prefillSeqMs: 3,
  decodeSeqMs: 4,
  decodeContextTokenMs: 5,
  expertPassMs: 6,
  requestMs: 7,
  promptTokenMs: 8,
} as const;

const columnCount = Object.keys(rowColumns).length;

/** Prompt tokens in a step above which its prefill is taken for the longer side before any price is known. */
const longPrefillTokens = 256;

/**
 * One observation as a row of what its prices are multiplied with.
 * @param sides of a maximum: per prefill of {@link prefillsOf}, whether its steps take as long as its computing; of a sum
 *   undefined
 */
export function regressionRow(
  o: Observation,
  form: StepForm,
  pricesChunks: boolean,
  sides: readonly boolean[] | undefined,
): Float64Array {
  const row = new Float64Array(columnCount);
  const { kind, load } = o;
  const prefills = prefillsOf(o);
  if (kind === "isolated") {
    row[rowColumns.requestMs] = 1;
    row[rowColumns.promptTokenMs] = o.promptTokens;
  }
  // Of a sum all steps make the pass; of a maximum those that their prefill does not outlast.
  let passSteps = o.steps;
  if (!sides) {
    row[rowColumns.prefillTokenMs] = load.prefillTokens;
    row[rowColumns.prefillTokenDepthMs] = load.prefillTokenDepth;
    row[rowColumns.prefillSeqMs] = pricesChunks ? load.prefillSeqs : 0;
    row[rowColumns.decodeSeqMs] = load.decodeSeqs;
    row[rowColumns.decodeContextTokenMs] = load.decodeContextTokens;
  } else {
    prefills.forEach((prefill, k) => {
      if (!sides[k]) return;
      row[rowColumns.prefillTokenMs] += prefill.tokens;
      row[rowColumns.prefillTokenDepthMs] += prefill.tokenDepth;
      row[rowColumns.prefillSeqMs] += pricesChunks ? prefill.steps : 0;
      passSteps -= prefill.steps;
    });
    passSteps = Math.max(0, passSteps);
    row[rowColumns.decodeSeqMs] = (load.decodeSeqs / o.steps) * passSteps;
    row[rowColumns.decodeContextTokenMs] = (load.decodeContextTokens / o.steps) * passSteps;
  }
  row[rowColumns.stepMs] = passSteps;
  if (form.expertShare > 0) row[rowColumns.expertPassMs] = expertPasses(o, form, prefills, sides);
  return row;
}

/** Per prefill of an observation, whether computing it outlasts its steps' passes, at these prices; before there are any, by its size. */
export function rowSides(o: Observation, form: StepForm, prices: StepCoefficients | undefined): boolean[] {
  const load = emptyStepLoad();
  return prefillsOf(o).map((prefill) => {
    fillStep(load, o, prefill);
    if (!prices) return load.prefillTokens >= longPrefillTokens;
    const { passMs, prefillMs } = stepSides(prices, form, load);
    return prefillMs > passMs;
  });
}

/** Whether two rounds put every prefill on the same side. */
export function isSideStable(before: readonly boolean[][], after: readonly boolean[][]): boolean {
  return before.every((sides, i) => sides.every((side, k) => side === after[i][k]));
}

/** The prefills among an observation's steps; where they are not told one by one, all of them are alike. */
function prefillsOf(o: Observation): readonly Omit<PrefillStep, "endMs">[] {
  if (o.prefillSteps) return o.prefillSteps;
  const { prefillTokens: tokens, prefillTokenDepth: tokenDepth, prefillSeqs: chunks } = o.load;
  return tokens === 0 ? [] : [{ tokens, tokenDepth, chunks, steps: o.kind === "isolated" ? o.steps : 1 }];
}

/** Passes over all experts that the observation's steps make, each as the share that it reads. */
function expertPasses(
  o: Observation,
  form: StepForm,
  prefills: readonly Omit<PrefillStep, "endMs">[],
  sides: readonly boolean[] | undefined,
): number {
  const load = emptyStepLoad();
  let passes = 0;
  let decodeSteps = o.steps;
  prefills.forEach((prefill, k) => {
    decodeSteps -= prefill.steps;
    if (sides?.[k]) return;
    fillStep(load, o, prefill);
    passes += prefill.steps * expertsRead(form, load);
  });
  load.prefillTokens = 0;
  load.decodeSeqs = o.load.decodeSeqs / o.steps;
  return passes + Math.max(0, decodeSteps) * expertsRead(form, load);
}

/** The load of one of a prefill's steps, with the observation's mean decodes beside it. */
function fillStep(load: StepLoad, o: Observation, prefill: Omit<PrefillStep, "endMs">): void {
  load.prefillTokens = prefill.tokens / prefill.steps;
  load.prefillTokenDepth = prefill.tokenDepth / prefill.steps;
  load.prefillSeqs = prefill.chunks / prefill.steps;
  load.decodeSeqs = o.load.decodeSeqs / o.steps;
  load.decodeContextTokens = o.load.decodeContextTokens / o.steps;
}

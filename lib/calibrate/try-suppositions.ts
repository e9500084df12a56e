import { InputError, stream, type Tokens } from "../base/index.js";
import type { LatencyFit } from "../fit/index.js";
import type { StepForm } from "../latency/index.js";
import type { Workload } from "../sessions/index.js";
import type { Supposition } from "./candidates.js";
import { type Fitting, fitSupposed, isReplayable, leastGain, replaySupposed } from "./fit-supposed.js";
import { replayError } from "./replay-error.js";

/** A supposition, and how far replays with it were from what its fit had not seen. */
export interface TriedSupposition extends Supposition {
  /** Mean |log(modeled / captured)| over quantiles of TTFT and TPOT of the records left out of the fit: 0.05 is about 5 %. */
  readonly heldOutError: number;
}

/** Of the fitted records, one in four is left out while forms are tried. */
const heldOutEvery = 4;

/** Every combination, the simplest of each first. */
export function combine(
  forms: readonly StepForm[],
  schedulings: readonly boolean[],
  budgets: readonly Tokens[],
): Supposition[] {
  return budgets.flatMap((maxNumBatchedTokens) =>
    forms.flatMap((form) =>
      schedulings.map((asyncScheduling) => ({ form, asyncScheduling, maxNumBatchedTokens })),
    ),
  );
}

/**
 * Fits each supposition on three of four records and scores it on replays of the whole traces by the fourth. A list of one is
 * not tried; one that was tried already is not tried again.
 */
export function trySuppositions(
  workloads: readonly Workload[],
  list: readonly Supposition[],
  options: Fitting,
  already: readonly TriedSupposition[] = [],
): TriedSupposition[] {
  if (list.length < 2 || !workloads.some(({ trace }) => isReplayable(trace))) return [];
  const longest = workloads.reduce((most, { trace }) => Math.max(most, trace.records.length), 0);
  const heldOut = leftOut(longest, options.seed ?? 1);
  const isHeldOut = (index: number) => heldOut[index];
  return list.flatMap((supposition): TriedSupposition[] => {
    const known = already.find((t) => isSame(t, supposition));
    if (known) return [known];
    const fit = tryFit(workloads, supposition, {
      ...options,
      isFitted: (record, i, trace) => !isHeldOut(i) && options.isFitted(record, i, trace),
    });
    if (!fit) return [];
    let sum = 0;
    let weight = 0;
    for (const workload of workloads) {
      const { trace } = workload;
      const modeled = replaySupposed(workload, fit.model, supposition, options);
      const isScored = (i: number) => isHeldOut(i) && options.isFitted(trace.records[i], i, trace);
      const scored = modeled && replayError(trace, modeled.trace, isScored);
      if (!scored) continue;
      sum += scored.error * scored.n;
      weight += scored.n;
    }
    return weight === 0 ? [] : [{ ...supposition, heldOutError: sum / weight }];
  });
}

/**
 * One record of every four in turn, which of them is drawn: always the last of four would be the last in the queue of a
 * client that keeps four in flight.
 */
function leftOut(records: number, seed: number): boolean[] {
  const draws = stream(seed, "left out");
  const which = Array.from({ length: Math.ceil(records / heldOutEvery) }, () => draws.integer(heldOutEvery));
  return Array.from({ length: records }, (_, i) => i % heldOutEvery === which[Math.floor(i / heldOutEvery)]);
}

/** A fit on three quarters of little data may lack what the whole has: then it is not tried. */
function tryFit(
  workloads: readonly Workload[],
  supposed: Supposition,
  options: Fitting,
): LatencyFit | undefined {
  try {
    return fitSupposed(workloads, supposed, options);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/** The simplest, which comes first, than which none is clearly nearer; where nothing could be tried, the first of all. */
export function choose(list: readonly Supposition[], tried: readonly TriedSupposition[]): Supposition {
  const errorOf = (supposition: Supposition) =>
    tried.find((t) => isSame(t, supposition))?.heldOutError ?? Number.POSITIVE_INFINITY;
  const least = Math.min(...list.map(errorOf));
  return list.find((supposition) => (1 - leastGain) * errorOf(supposition) <= least) ?? list[0];
}

/** The same in every part. */
export function isSame(a: Supposition, b: Supposition): boolean {
  return (
    a.form === b.form &&
    a.asyncScheduling === b.asyncScheduling &&
    a.maxNumBatchedTokens === b.maxNumBatchedTokens
  );
}

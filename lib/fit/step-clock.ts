import { type Ms, median } from "../base/index.js";

/**
 * The engine's visible steps, those that emitted at least one token, in order. In a step every decoding request
 * emits one token, so token k of a request belongs to step `firstStep + k`, and one number a request places all
 * its tokens.
 */
export interface StepClock {
  /** Visible steps. */
  readonly steps: number;
  /** Per request, the step of its first token; -1 where it has no times. */
  readonly firstStep: Int32Array;
  /** Per request, the median distance of its tokens from the other requests' in the same steps, ms; 0 if alone. */
  readonly misfitMs: Float64Array;
  /** Per step, the earliest arrival of one of its tokens at the client, ms. */
  readonly endMs: Float64Array;
}

/** Tokens of a request that are compared with the clock when it is placed. */
const comparedTokens = 48;
/** Steps to either side of the nearest that are tried. */
const triedSteps = 3;

/**
 * Places every request's tokens on one step clock: in order of first token, each at the offset where the median
 * distance between its tokens and those already placed is least. A request whose first token comes after all
 * placed ones starts a new step.
 * @param emissions per request the times of its tokens, NaN where unknown, or undefined
 */
export function alignSteps(emissions: readonly (Float64Array | undefined)[]): StepClock {
  const firstStep = new Int32Array(emissions.length).fill(-1);
  const misfitMs = new Float64Array(emissions.length);
  const order: number[] = [];
  emissions.forEach((times, i) => {
    if (times && times.length > 0) order.push(i);
  });
  const firstKnown = (times: Float64Array) => times.findIndex((t) => !Number.isNaN(t));
  const startOf = (i: number) => (emissions[i] as Float64Array)[firstKnown(emissions[i] as Float64Array)];
  order.sort((a, b) => startOf(a) - startOf(b));

  const clock: Ms[] = [];
  for (const i of order) {
    const times = emissions[i] as Float64Array;
    const lead = firstKnown(times);
    const placed = place(clock, times, lead);
    const first = Math.max(0, placed.firstStep);
    firstStep[i] = first;
    misfitMs[i] = placed.misfitMs;
    for (let k = 0; k < times.length; k++) {
      const time = times[k];
      const step = first + k;
      while (clock.length <= step) clock.push(Number.NaN);
      if (!Number.isNaN(time) && !(clock[step] <= time)) clock[step] = time;
    }
  }
  return { steps: clock.length, firstStep, misfitMs, endMs: Float64Array.from(clock) };
}

function place(clock: readonly Ms[], times: Float64Array, lead: number): { firstStep: number; misfitMs: Ms } {
  const nearest = lowerBound(clock, times[lead]);
  let best = { firstStep: clock.length - lead, misfitMs: 0 };
  let bestScore = beyondEndScore(clock, times, lead);
  for (let step = nearest - triedSteps; step <= nearest + triedSteps; step++) {
    if (step < lead) continue;
    const distances: number[] = [];
    const last = Math.min(times.length, lead + comparedTokens);
    for (let k = lead; k < last && step + k - lead < clock.length; k++) {
      const distance = Math.abs(times[k] - clock[step + k - lead]);
      if (!Number.isNaN(distance)) distances.push(distance);
    }
    const score = median(distances);
    if (score === undefined || score >= bestScore) continue;
    bestScore = score;
    best = { firstStep: step - lead, misfitMs: score };
  }
  return best;
}

/**
 * How badly "a step of its own, after all others" fits, in ms of distance that another placement has to beat: a
 * token that comes later than the clock's last step by a good part of a step is no part of that step.
 */
function beyondEndScore(clock: readonly Ms[], times: Float64Array, lead: number): Ms {
  // Of an empty clock not a number, which is not late.
  const late = times[lead] - clock[clock.length - 1];
  if (late <= 0) return Number.POSITIVE_INFINITY;
  const gaps: number[] = [];
  for (let k = lead + 1; k < Math.min(times.length, lead + comparedTokens); k++) {
    const gap = times[k] - times[k - 1];
    if (!Number.isNaN(gap)) gaps.push(gap);
  }
  const gap = median(gaps) ?? late;
  return late >= gap / 2 ? 0 : Number.POSITIVE_INFINITY;
}

/** Index of the first step at or after `time`. Unknown step times count as those before them. */
function lowerBound(clock: readonly Ms[], time: Ms): number {
  let low = 0;
  let high = clock.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    let known = middle;
    while (known >= low && Number.isNaN(clock[known])) known--;
    if (known < low || clock[known] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

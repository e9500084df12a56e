import { DDSketch } from "@datadog/sketches-js";
import { InputError, requireFinite } from "../base/index.js";
import { kaplanMeierOf, type SurvivalCurve } from "./kaplan-meier.js";
import { requireObservations } from "./observations.js";

// Bounds on the number of bins: the store of DDSketch overflows the stack when it grows by 100,000 at once.
const smallest = 1e-12;
const largest = 1e12;

/** A running summary of censored times, of bounded size, that can be merged with others. */
export interface SurvivalSketch {
  readonly relativeAccuracy: number;
  /** Adds one time; `observed` false means right-censored. Default true. */
  add(time: number, observed?: boolean): void;
  /** Adds all that another sketch holds, as if its times had been added here; the other is unchanged. */
  merge(other: SurvivalSketch): void;
  /** The Kaplan-Meier curve of what was added, its times within the relative accuracy. */
  curve(): SurvivalCurve;
  /** What it holds, as plain numbers: for sending to another process. See {@link restoreSketch}. */
  state(): SketchState;
}

/** The contents of a sketch as plain JSON. */
export interface SketchState {
  readonly relativeAccuracy: number;
  readonly events: SketchCounts;
  readonly censored: SketchCounts;
}

/** Counts of times that are 0, and of those in each logarithmic bin, as [bin, count]. */
export interface SketchCounts {
  readonly zeros: number;
  readonly bins: readonly (readonly [number, number])[];
}

/**
 * A sketch for curves of traces that do not fit in memory: DDSketch (Masson, Rim and Lee 2019), one of the events and
 * one of the censorings. A time t goes to a logarithmic bin that stands for a value within relativeAccuracy x t of it.
 *
 * Error: `curve()` is exactly the Kaplan-Meier curve of data in which each time was moved by at most a factor of
 * 1 -+ relativeAccuracy, with censorings put after the events of their bin. So every quantile of uncensored data is
 * within relativeAccuracy of the exact one. Merging loses nothing: any split of the data gives the same sketch. Memory
 * grows with ln(largest / smallest) / (2 relativeAccuracy): about 7,000 bins of 8 bytes for six decades at 0.001. Times
 * from 1e-12 to 1e12 are told apart; a smaller one counts as 0.
 * @param options.relativeAccuracy default 0.001; from 0.0005 to 0.5
 * @throws InputError when relativeAccuracy is out of range
 * @example
 * ```ts
 * import { quantileOf, survivalSketch } from "prefixlab/survival";
 * const [monday, tuesday] = [survivalSketch({ relativeAccuracy: 0.01 }), survivalSketch({ relativeAccuracy: 0.01 })];
 * for (const ttftMs of [30, 36, 48]) monday.add(ttftMs);
 * tuesday.add(900, false);
 * monday.merge(tuesday);
 * quantileOf(monday.curve(), 0.5); // → 36.24
 * ```
 */
export function survivalSketch(options: { readonly relativeAccuracy?: number } = {}): SurvivalSketch {
  const relativeAccuracy = options.relativeAccuracy ?? 0.001;
  requireFinite("survivalSketch", "relativeAccuracy", relativeAccuracy, 5e-4, 0.5);
  const events = new DDSketch({ relativeAccuracy });
  const censored = new DDSketch({ relativeAccuracy });
  const put = (sketch: DDSketch, counts: SketchCounts): void => {
    if (counts.zeros > 0) sketch.accept(0, counts.zeros);
    for (const [bin, count] of counts.bins) sketch.accept(sketch.mapping.value(bin), count);
  };
  const state = (): SketchState => ({
    relativeAccuracy,
    events: countsOf(events),
    censored: countsOf(censored),
  });
  return {
    relativeAccuracy,
    add(time, observed = true) {
      if (!(time >= 0) || typeof observed !== "boolean")
        requireObservations("survivalSketch.add", { times: [time], observed: [observed] });
      if (time > largest)
        throw new InputError(
          `survivalSketch.add: time must be at most ${largest.toExponential(0).replace("+", "")}, got ${time}`,
        );
      (observed ? events : censored).accept(time < smallest ? 0 : time);
    },
    merge(other) {
      if (other.relativeAccuracy !== relativeAccuracy)
        throw new InputError(
          `survivalSketch.merge: relativeAccuracy must be equal, got ${other.relativeAccuracy} for ${relativeAccuracy}`,
        );
      const theirs = other.state();
      put(events, theirs.events);
      put(censored, theirs.censored);
    },
    curve: () => curveOf(state(), (bin) => events.mapping.value(bin)),
    state,
  };
}

/**
 * The sketch whose `state()` was this.
 * @example
 * ```ts
 * import { restoreSketch, survivalSketch } from "prefixlab/survival";
 * const sketch = survivalSketch({ relativeAccuracy: 0.01 });
 * sketch.add(36);
 * const sent = JSON.stringify(sketch.state());
 * restoreSketch(JSON.parse(sent)).curve().times; // → [36.24]
 * ```
 */
export function restoreSketch(state: SketchState): SurvivalSketch {
  const sketch = survivalSketch({ relativeAccuracy: state.relativeAccuracy });
  sketch.merge({ ...sketch, state: () => state });
  return sketch;
}

function countsOf({ zeroCount, store }: DDSketch): SketchCounts {
  const bins = store.bins.flatMap((count, i): [number, number][] =>
    count > 0 ? [[i + store.offset, count]] : [],
  );
  return { zeros: zeroCount, bins };
}

function curveOf({ events, censored }: SketchState, timeOf: (bin: number) => number): SurvivalCurve {
  const rows = new Map<number, [number, number]>();
  const note = (bin: number, which: 0 | 1, count: number): void => {
    const row = rows.get(bin) ?? [0, 0];
    row[which] += count;
    rows.set(bin, row);
  };
  [events, censored].forEach(({ zeros, bins }, which) => {
    if (zeros > 0) note(Number.NEGATIVE_INFINITY, which as 0 | 1, zeros);
    for (const [bin, count] of bins) note(bin, which as 0 | 1, count);
  });
  const sorted = [...rows].sort(([a], [b]) => a - b);
  const atRisk = new Float64Array(sorted.length);
  let n = 0;
  for (let k = sorted.length - 1; k >= 0; k--) {
    n += sorted[k][1][0] + sorted[k][1][1];
    atRisk[k] = n;
  }
  return kaplanMeierOf({
    times: Float64Array.from(sorted, ([bin]) => (bin === Number.NEGATIVE_INFINITY ? 0 : timeOf(bin))),
    atRisk,
    events: Float64Array.from(sorted, ([, [seen]]) => seen),
    censored: Float64Array.from(sorted, ([, [, cut]]) => cut),
    n,
  });
}

import { describeValue, InputError } from "../base/index.js";

/**
 * Times until an event, some of them cut short. The unit of the times is the caller's: milliseconds in give
 * milliseconds out.
 */
export interface Observations {
  /** Time of the event, or of the last look at a subject whose event was never seen. Finite, >= 0. */
  readonly times: ArrayLike<number>;
  /**
   * Whether the event was seen (true, 1) or the time is right-censored (false, 0). Booleans, or a Uint8Array of
   * 0 and 1. Default: all seen.
   */
  readonly observed?: readonly boolean[] | Uint8Array;
  /**
   * Left truncation: the subject is under observation, and at risk, at times t with entry < t <= time. Finite,
   * >= 0, below the subject's time. Default: at risk from before time zero.
   */
  readonly entry?: ArrayLike<number>;
  /**
   * How many subjects a row stands for (frequency weights). Finite, >= 0; a row of weight 0 counts for nothing.
   * Default: 1.
   */
  readonly weights?: ArrayLike<number>;
}

/**
 * Checks observations once, before any arithmetic, and says which row is wrong.
 * @param where the function that wants them, for the message
 * @throws InputError for a length that differs from that of `times`, and, naming the index, for a time, entry or
 * weight that is NaN, negative or infinite, an entry that is not below its time, a flag that is not a boolean
 */
export function requireObservations(where: string, observations: Observations): void {
  const { times, observed, entry, weights } = observations;
  const n = times.length;
  requireNumbers(where, "times", times);
  if (observed !== undefined) {
    requireLength(where, "observed", observed.length, n);
    requireFlags(where, observed);
  }
  if (weights !== undefined) {
    requireLength(where, "weights", weights.length, n);
    requireNumbers(where, "weights", weights);
  }
  if (entry === undefined) return;
  requireLength(where, "entry", entry.length, n);
  requireNumbers(where, "entry", entry);
  for (let i = 0; i < n; i++) {
    if (entry[i] >= times[i])
      throw new InputError(`${where}: entry[${i}] must be below times[${i}] = ${times[i]}, got ${entry[i]}`);
  }
}

function requireNumbers(where: string, name: string, values: ArrayLike<number>): void {
  const n = values.length;
  for (let i = 0; i < n; i++) {
    const value = values[i];
    if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY))
      throw new InputError(
        `${where}: ${name}[${i}] must be a finite number >= 0, got ${describeValue(value)}`,
      );
  }
}

function requireFlags(where: string, flags: readonly boolean[] | Uint8Array): void {
  const bytes = flags instanceof Uint8Array;
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i];
    if (bytes ? (flag as number) > 1 : typeof flag !== "boolean")
      throw new InputError(
        `${where}: observed[${i}] must be ${bytes ? "0 or 1" : "true or false"}, got ${describeValue(flag)}`,
      );
  }
}

/** @throws InputError when a column is not as long as the times */
export function requireLength(where: string, name: string, got: number, expected: number): void {
  if (got !== expected)
    throw new InputError(`${where}: ${name} must be as long as times, got ${got} for ${expected} times`);
}

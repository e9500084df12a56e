/**
 * Input that a person can correct: an argument, a flag, a file. The message says what was given, what was
 * expected and what to do. The command line turns it into exit code 2.
 * @example
 * ```ts
 * import { InputError, quantile } from "prefixlab";
 * const refused = (work: () => unknown) => {
 *   try { return work(); } catch (error) { return error instanceof InputError && error.message; }
 * };
 * refused(() => quantile([36, 48], 1.5)); // → "quantile: p must be a number from 0 to 1, got 1.5"
 * ```
 */
export class InputError extends Error {
  override readonly name = "InputError";
}

/**
 * Work that could not be done although the input was sound: the command line turns it into exit code 1.
 * @example
 * ```ts
 * import { readCapture, writeTrace } from "prefixlab";
 * import { WorkError } from "prefixlab/base";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const failed = await writeTrace("no-such-folder/copy.jsonl", trace).catch((error) => error);
 * failed instanceof WorkError; // → true
 * ```
 */
export class WorkError extends Error {
  override readonly name = "WorkError";
}

/**
 * Two parts of the program disagree: a fault of the program, which no input should be able to bring about.
 * @example
 * ```ts
 * import { InvariantError } from "prefixlab/base";
 * new InvariantError("the pool holds 3 blocks of 2") instanceof Error; // → true
 * ```
 */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * How a value reads in a message: strings quoted, arrays and objects by their kind.
 * @example
 * ```ts
 * import { describeValue } from "prefixlab/base";
 * describeValue("36"); // → "\"36\""
 * describeValue([36]); // → "an array of 1"
 * ```
 */
export function describeValue(value: unknown): string {
  if (typeof value === "string")
    return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value !== null && typeof value === "object") return "an object";
  return String(value);
}

/**
 * Checks an integer argument and returns it.
 * @param where the function or field that wants it, for the message
 * @throws InputError when it is no safe integer or below `min` (default 0)
 * @example
 * ```ts
 * import { requireInteger } from "prefixlab/base";
 * requireInteger("plan", "turns", 5, 1); // → 5
 * ```
 */
export function requireInteger(where: string, name: string, value: unknown, min = 0): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
  const kind =
    min === 0 ? "a non-negative integer" : min === 1 ? "a positive integer" : `an integer >= ${min}`;
  throw new InputError(`${where}: ${name} must be ${kind}, got ${describeValue(value)}`);
}

/**
 * Checks a finite number argument and returns it.
 * @throws InputError when it is not finite, below `min` or above `max`
 * @example
 * ```ts
 * import { requireFinite } from "prefixlab/base";
 * requireFinite("plan", "share", 0.25, 0, 1); // → 0.25
 * ```
 */
export function requireFinite(
  where: string,
  name: string,
  value: unknown,
  min = Number.NEGATIVE_INFINITY,
  max = Number.POSITIVE_INFINITY,
): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= min && value <= max) return value;
  const range =
    min === Number.NEGATIVE_INFINITY && max === Number.POSITIVE_INFINITY
      ? "a finite number"
      : max === Number.POSITIVE_INFINITY
        ? `a finite number >= ${min}`
        : `a number from ${min} to ${max}`;
  throw new InputError(`${where}: ${name} must be ${range}, got ${describeValue(value)}`);
}

/**
 * Checks an argument that must be a finite number above zero, such as a rate, and returns it.
 * @throws InputError when it is not
 * @example
 * ```ts
 * import { requirePositive } from "prefixlab/base";
 * requirePositive("plan", "ratePerSecond", 0.8); // → 0.8
 * ```
 */
export function requirePositive(where: string, name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new InputError(`${where}: ${name} must be a positive number, got ${describeValue(value)}`);
}

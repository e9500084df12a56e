import { describeValue } from "../base/index.js";
import { RowError } from "./row-error.js";

const largestCount = 0x7fffffff;

/** The last millisecond that a clock shows (ECMA-262, 21.4.1.1). Sums of times up to it stay finite. */
export const latestClockMs = 8.64e15;

/**
 * A count of the row: undefined when it is missing or null.
 * @throws RowError when it is anything but an integer from `min` to 2^31 - 1
 */
export function checkedInt(field: string, value: unknown, min = 0): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= largestCount)
    return value;
  const kind = min === 0 ? "a non-negative integer" : "a positive integer";
  const limit = typeof value === "number" && value > largestCount ? ` up to ${largestCount}` : "";
  throw new RowError(`${field} must be ${kind}${limit}, got ${describeValue(value)}`);
}

/**
 * A duration or time of the row: undefined when it is missing or null.
 * @throws RowError when it is anything but a finite number >= 0, or more than a clock can show
 */
export function checkedMs(field: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value >= 0 && value <= latestClockMs) return value;
  if (typeof value === "number" && value > latestClockMs && value < Number.POSITIVE_INFINITY)
    throw new RowError(`${field} must be a time in ms, up to ${latestClockMs}, got ${value}`);
  throw new RowError(`${field} must be a finite number >= 0, got ${describeValue(value)}`);
}

/**
 * A text of the row: undefined when it is missing or null.
 * @throws RowError when it is anything but a string
 */
export function checkedString(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new RowError(`${field} must be a string, got ${describeValue(value)}`);
}

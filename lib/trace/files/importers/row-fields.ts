import { describeValue, isJsonObject, type JsonObject } from "../../../base/index.js";
import { checkedInt, checkedString } from "../../row-checks.js";
import { RowError } from "../../row-error.js";
import { presentValue } from "./missing.js";
import { scaledMs } from "./time-unit.js";

/** A count that must be there. @throws RowError otherwise */
export function count(row: JsonObject, field: string): number {
  const value = optionalCount(row, field);
  if (value === undefined) throw new RowError(`${field} is missing${insteadOf(row[field])}`);
  return value;
}

/** A count, or undefined where it is missing (see `missing.ts`). @throws RowError when it is something else */
export function optionalCount(row: JsonObject, field: string, min = 0): number | undefined {
  return checkedInt(field, presentValue(row[field]), min);
}

/** A time or duration that must be there, times `scale` to make milliseconds. @throws RowError otherwise */
export function time(row: JsonObject, field: string, scale = 1): number {
  return timeOf(row[field], field, scale);
}

/**
 * A time or duration, times `scale` to make milliseconds, or undefined where it is missing (see `missing.ts`).
 * @throws RowError when it is something else, or no number of milliseconds that a double holds
 */
export function optionalTime(row: JsonObject, field: string, scale = 1): number | undefined {
  return optionalTimeOf(row[field], field, scale);
}

/** A text, or a number as text, or undefined. @throws RowError when it is something else */
export function optionalText(row: JsonObject, field: string): string | undefined {
  const value = presentValue(row[field]);
  return typeof value === "number" ? String(value) : checkedString(field, value);
}

/** An object, or undefined. @throws RowError when it is something else */
export function optionalObject(row: JsonObject, field: string): JsonObject | undefined {
  const value = row[field];
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value)) return value;
  throw new RowError(`${field} must be an object, got ${describeValue(value)}`);
}

/** A list, or undefined. @throws RowError when it is something else */
export function optionalList(row: JsonObject, field: string): readonly unknown[] | undefined {
  const value = row[field];
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new RowError(`${field} must be a list, got ${describeValue(value)}`);
}

/** The first of these names under which the row holds something: newer names first. */
export function fieldOf(row: JsonObject, names: readonly string[]): string {
  return names.find((name) => presentValue(row[name]) !== undefined) ?? (names[0] as string);
}

/** An entry of a list as an object. @throws RowError when it is none */
export function objectAt(value: unknown, what: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw new RowError(`${what} must be an object, got ${describeValue(value)}`);
}

/** The object in a field, or none: for facts beside the rows, which may be anything. */
export function looseObject(row: JsonObject | undefined, field: string): JsonObject {
  const value = row?.[field];
  return isJsonObject(value) ? value : {};
}

/** A duration, times `scale` to make milliseconds. @throws RowError on anything but a number >= 0 */
export function timeOf(value: unknown, field: string, scale = 1): number {
  const checked = optionalTimeOf(value, field, scale);
  if (checked === undefined) throw new RowError(`${field} is missing${insteadOf(value)}`);
  return checked;
}

/** Durations, each times `scale` to make milliseconds. @throws RowError on anything but numbers >= 0 */
export function timesOf(list: readonly unknown[], field: string, scale = 1): Float64Array {
  return Float64Array.from(list, (value, i) => timeOf(value, `${field}[${i}]`, scale));
}

/** A duration or undefined, see {@link optionalTime}. */
export function optionalTimeOf(value: unknown, field: string, scale = 1): number | undefined {
  const given = presentValue(value);
  if (given === undefined) return undefined;
  if (typeof given !== "number" || given < 0)
    throw new RowError(`${field} must be a finite number >= 0, got ${describeValue(value)}`);
  // How late a time can be is judged where the unit of the clock is known.
  const ms = scaledMs(given, scale);
  if (Number.isFinite(ms)) return ms;
  throw new RowError(`${field} must be a time that a clock can show, got ${String(value)}`);
}

function insteadOf(value: unknown): string {
  return value === undefined || value === null ? "" : ` (${describeValue(value)} stands for no measurement)`;
}

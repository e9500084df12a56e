import { describeValue } from "../../../base/index.js";
import { checkedInt, checkedMs, checkedString } from "../../row-checks.js";
import { RowError } from "../../row-error.js";
import type { JsonObject } from "./json-rows.js";

/** A count that must be there. @throws RowError otherwise */
export function count(row: JsonObject, field: string): number {
  const value = checkedInt(field, row[field]);
  if (value === undefined) throw new RowError(`${field} is missing`);
  return value;
}

/** A count, or undefined. @throws RowError when it is something else */
export function optionalCount(row: JsonObject, field: string, min = 0): number | undefined {
  return checkedInt(field, row[field], min);
}

/** A time or duration that must be there, times `scale` to make milliseconds. @throws RowError otherwise */
export function time(row: JsonObject, field: string, scale = 1): number {
  const value = optionalTime(row, field, scale);
  if (value === undefined) throw new RowError(`${field} is missing`);
  return value;
}

/** A time or duration, times `scale` to make milliseconds, or undefined. @throws RowError when it is something else */
export function optionalTime(row: JsonObject, field: string, scale = 1): number | undefined {
  const value = checkedMs(field, row[field]);
  return value === undefined ? undefined : value * scale;
}

/** A text, or a number as text, or undefined. @throws RowError when it is something else */
export function optionalText(row: JsonObject, field: string): string | undefined {
  const value = row[field];
  return typeof value === "number" ? String(value) : checkedString(field, value);
}

/** An object, or undefined. @throws RowError when it is something else */
export function optionalObject(row: JsonObject, field: string): JsonObject | undefined {
  const value = row[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "object" && !Array.isArray(value)) return value as JsonObject;
  throw new RowError(`${field} must be an object, got ${describeValue(value)}`);
}

/** A list, or undefined. @throws RowError when it is something else */
export function optionalList(row: JsonObject, field: string): readonly unknown[] | undefined {
  const value = row[field];
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new RowError(`${field} must be a list, got ${describeValue(value)}`);
}

/** A duration, times `scale` to make milliseconds. @throws RowError on anything but a number >= 0 */
export function timeOf(value: unknown, field: string, scale = 1): number {
  const checked = checkedMs(field, value);
  if (checked === undefined) throw new RowError(`${field} is missing`);
  return checked * scale;
}

/** Durations, each times `scale` to make milliseconds. @throws RowError on anything but numbers >= 0 */
export function timesOf(list: readonly unknown[], field: string, scale = 1): Float64Array {
  return Float64Array.from(list, (value, i) => timeOf(value, `${field}[${i}]`, scale));
}

import type { Ms } from "../../../base/index.js";

/**
 * Units in which sources give times.
 * @example
 * ```ts
 * import { timeUnits } from "prefixlab/trace/files";
 * timeUnits; // → ["s", "ms", "us", "ns"]
 * ```
 */
export const timeUnits = ["s", "ms", "us", "ns"] as const;

/** A unit of {@link timeUnits}. */
export type TimeUnit = (typeof timeUnits)[number];

/** Names of units as they are met in sources. */
const unitNames: Readonly<Record<string, TimeUnit>> = {
  s: "s",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  ms: "ms",
  millisecond: "ms",
  milliseconds: "ms",
  us: "us",
  µs: "us",
  usec: "us",
  microsecond: "us",
  microseconds: "us",
  ns: "ns",
  nanosecond: "ns",
  nanoseconds: "ns",
};

const longNames: Readonly<Record<TimeUnit, string>> = {
  s: "seconds",
  ms: "milliseconds",
  us: "microseconds",
  ns: "nanoseconds",
};

const perSecond: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 };

/** The unit behind a name, or undefined where it is none of time. */
export function timeUnitOf(name: unknown): TimeUnit | undefined {
  return typeof name === "string" ? unitNames[name.toLowerCase()] : undefined;
}

/** A unit in words. */
export function unitText(unit: TimeUnit): string {
  return longNames[unit];
}

/** Milliseconds a unit: to multiply by. */
export function unitMs(unit: TimeUnit): number {
  return 1000 / perSecond[unit];
}

/**
 * What turns a number that was read in one unit into what it is in another. Powers of ten of 1 or more are multiplied by and
 * smaller ones divided by, so that whole numbers stay whole.
 */
export function rescaler(from: TimeUnit, to: TimeUnit): (ms: Ms) => Ms {
  const up = perSecond[from] / perSecond[to];
  if (up >= 1) return (ms) => ms * up;
  const down = perSecond[to] / perSecond[from];
  return (ms) => ms / down;
}

/**
 * A number of a source times its scale to milliseconds. A scale below 1 is divided by, so that whole microseconds stay apart
 * by what they are.
 */
export function scaledMs(value: number, scale: number): Ms {
  return scale < 1 ? value / Math.round(1 / scale) : value * scale;
}

/** Dates between 2000 and 2100, seconds since 1970. */
const [earliestDate, latestDate] = [946_684_800, 4_102_444_800];

/** Whether a number in this unit is a date of this century. */
export function isDate(value: number, unit: TimeUnit): boolean {
  const seconds = value / perSecond[unit];
  return seconds >= earliestDate && seconds < latestDate;
}

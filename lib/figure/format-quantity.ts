/**
 * A time as a person reads it, with three significant digits, in microseconds below 1 ms, then ms, s, min.
 * `formatMs(36.42)` is "36.4 ms", `formatMs(24_130)` is "24.1 s".
 * @example
 * ```ts
 * import { formatMs } from "prefixlab";
 * [0.05, 36.42, 24_130].map(formatMs); // → ["50.0 µs", "36.4 ms", "24.1 s"]
 * ```
 */
export function formatMs(ms: number): string {
  return formatTime(ms, (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)));
}

/** A round time for an axis: {@link formatMs} without trailing zeros or minutes, "10 ms", "1 s", "1,000 s". */
export function formatTickMs(ms: number): string {
  if (ms >= 1_000_000) return `${formatCount(ms / 1000)} s`;
  return formatTime(ms, (value) => String(rounded(value)), 1_000_000);
}

function formatTime(ms: number, digits: (value: number) => string, minutesFromMs = 180_000): string {
  const size = Math.abs(ms);
  if (size === 0) return "0 ms";
  if (size < 0.9995) return `${digits(ms * 1000)} µs`;
  if (size < 999.5) return `${digits(ms)} ms`;
  if (size < minutesFromMs) return `${digits(ms / 1000)} s`;
  return `${digits(ms / 60_000)} min`;
}

/**
 * A count with thousands set apart: `formatCount(12031)` is "12,031".
 * @example
 * ```ts
 * import { formatCount } from "prefixlab";
 * formatCount(12031); // → "12,031"
 * ```
 */
export function formatCount(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

/**
 * A share as a percentage: `formatPercent(0.0312)` is "3.1 %".
 * @example
 * ```ts
 * import { formatPercent } from "prefixlab";
 * formatPercent(0.0312); // → "3.1 %"
 * ```
 */
export function formatPercent(share: number): string {
  const percent = share * 100;
  return `${percent.toFixed(Math.abs(percent) < 99.95 ? 1 : 0)} %`;
}

/** Rounds to six significant digits: drawn figures need no more, and stay small and equal across machines. */
export function rounded(value: number): number {
  return Number(value.toPrecision(6));
}

import type { Ms } from "../base/index.js";
import { formatTickMs, rounded } from "./format-quantity.js";
import { baseAxis } from "./house-style.js";
import type { FigureJson } from "./plotly-figure.js";

/** An axis as plotly takes it, with the mapping that label placement needs. */
export interface ChartAxis {
  readonly attributes: Readonly<Record<string, FigureJson>>;
  readonly min: number;
  readonly max: number;
  /** Where a value lies on the axis: 0 at `min`, 1 at `max`. */
  position(value: number): number;
  /**
   * What plotly's annotations give for a place on the axis, 0 at `min` and 1 at `max`, so that a text there follows the axis
   * when it is zoomed: the value, its logarithm where the axis is logarithmic.
   */
  coordinateAt(position: number): number;
}

/**
 * A logarithmic time axis in milliseconds, labelled with units: at each decade, or at each 1, 2 and 5 where the
 * range is short. It is widened to the next 1, 2 or 5 on either side.
 */
export function logTimeAxis(title: string, minMs: Ms, maxMs: Ms): ChartAxis {
  return logAxis(title, minMs, maxMs, formatTickMs);
}

/** {@link logTimeAxis} of any positive quantity. */
export function logAxis(
  title: string,
  atMost: number,
  atLeast: number,
  format: (value: number) => string,
): ChartAxis {
  const min = niceBelow(atMost);
  const max = Math.max(niceAbove(atLeast), niceAbove(min * 1.5));
  const ticks = max / min > 300 ? decades(min, max) : onesTwosFives(min, max);
  return plotlyAxis(title, "log", min, max, ticks, ticks.map(format));
}

/** A logarithmic axis of probabilities down to `min`: 1, 0.5, 0.1, 0.01, ... */
export function logProbabilityAxis(title: string, min: number): ChartAxis {
  const ticks = [1, 0.5, ...decades(min, 0.1).reverse()];
  return plotlyAxis(title, "log", min, 1.12, ticks, ticks.map(String));
}

/** An axis from its range and its ticks, with minor ticks at 2, 3, ... 9 where it is logarithmic. */
export function plotlyAxis(
  title: string,
  scale: "linear" | "log",
  min: number,
  max: number,
  ticks: readonly number[],
  texts: readonly string[],
): ChartAxis {
  const along = scale === "log" ? Math.log10 : (value: number) => value;
  const low = along(min);
  const span = along(max) - low;
  return {
    min,
    max,
    position: (value) => (along(value) - low) / span,
    coordinateAt: (position) => rounded(low + position * span),
    attributes: {
      ...baseAxis(title),
      type: scale,
      range: [rounded(low), rounded(low + span)],
      tickmode: "array",
      tickvals: [...ticks],
      ticktext: [...texts],
      ...(scale === "log"
        ? { minor: { ticks: "outside", ticklen: 2, tickmode: "array", tickvals: minorTicks(min, max) } }
        : {}),
    },
  };
}

function decades(min: number, max: number): number[] {
  const first = Math.ceil(Math.log10(min) - 1e-9);
  const last = Math.floor(Math.log10(max) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(`1e${first + i}`));
}

function onesTwosFives(min: number, max: number): number[] {
  return decades(min / 10, max)
    .flatMap((decade) => [decade, 2 * decade, 5 * decade])
    .filter((tick) => tick >= min * 0.999 && tick <= max * 1.001);
}

function minorTicks(min: number, max: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power++) {
    for (let digit = 2; digit < 10; digit++) {
      const value = Number(`${digit}e${power}`);
      if (value >= min && value <= max) ticks.push(value);
    }
  }
  return ticks;
}

function niceBelow(value: number): number {
  const power = Math.floor(Math.log10(value));
  const lead = value / 10 ** power;
  return Number(`${lead >= 5 ? 5 : lead >= 2 ? 2 : 1}e${power}`);
}

function niceAbove(value: number): number {
  const power = Math.floor(Math.log10(value));
  const lead = value / 10 ** power;
  return Number(lead > 5 ? `1e${power + 1}` : `${lead > 2 ? 5 : lead > 1 ? 2 : 1}e${power}`);
}

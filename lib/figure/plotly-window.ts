import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { compileFunction } from "node:vm";
import type { DomDocument, DomElement } from "./dom/dom-nodes.js";
import { drawingWindow } from "./dom/drawing-window.js";
import type { PlotlyFigure } from "./plotly-figure.js";

/** The part of plotly that drawing needs. */
export interface Plotly {
  newPlot(div: DomElement, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  purge(div: DomElement): void;
  readonly Snapshot: { toSVG(div: DomElement, format: "svg"): string };
}

/** A window without a browser, with plotly loaded into it. */
export interface PlotlyWindow {
  readonly plotly: Plotly;
  readonly document: DomDocument;
  /** Makes the ids that plotly draws at random the same from render to render. */
  reseed(): void;
}

/** Trace types of plotly's small bundle, a third of the full one; a trace without a type is a scatter. */
const basicTypes: readonly unknown[] = [undefined, "scatter", "bar", "pie"];

/** Path of the smallest of plotly's bundles that draws a figure. */
export function plotlyPath({ data }: PlotlyFigure): string {
  const isBasic = data.every(({ type }) => basicTypes.includes(type));
  const require = createRequire(import.meta.url);
  return require.resolve(
    isBasic ? "plotly.js-basic-dist-min/plotly-basic.min.js" : "plotly.js-dist/plotly.js",
  );
}

const opened = new Map<string, PlotlyWindow>();

/** The window for a figure, opened once a process and bundle. */
export function plotlyWindow(figure: PlotlyFigure): PlotlyWindow {
  const path = plotlyPath(figure);
  const window = opened.get(path) ?? openWindow(path);
  opened.set(path, window);
  return window;
}

function openWindow(path: string): PlotlyWindow {
  const window = drawingWindow();
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
  const seeded = { value: random, configurable: true, writable: true };
  const math = Object.create(null, { ...Object.getOwnPropertyDescriptors(Math), random: seeded });
  const module: { exports: unknown } = { exports: {} };
  const globals: Readonly<Record<string, unknown>> = { ...window, Math: math, module };
  const run = compileFunction(readFileSync(path, "utf8"), Object.keys(globals), { filename: path });
  run(...Object.values(globals));
  return {
    plotly: module.exports as Plotly,
    document: window.document,
    reseed() {
      state = 1;
    },
  };
}

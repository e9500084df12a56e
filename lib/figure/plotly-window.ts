import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { measureTexts } from "./text-box.js";

/** The part of plotly that drawing needs. */
export interface Plotly {
  newPlot(div: Element, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  purge(div: Element): void;
  readonly Snapshot: { toSVG(div: Element, format: "svg"): string };
}

/** A window without a browser, with plotly loaded into it. */
export interface PlotlyWindow {
  readonly plotly: Plotly;
  readonly document: Document;
  /** Makes the ids that plotly draws at random the same from render to render. */
  reseed(): void;
}

/** Path of plotly's full bundle. */
export function plotlyPath(): string {
  return createRequire(import.meta.url).resolve("plotly.js-dist/plotly.js");
}

let opened: Promise<PlotlyWindow> | undefined;

/** The window, opened once a process: about a second the first time, nothing afterwards. */
export function plotlyWindow(): Promise<PlotlyWindow> {
  opened ??= openWindow();
  return opened;
}

async function openWindow(): Promise<PlotlyWindow> {
  const { JSDOM, VirtualConsole } = await import("jsdom");
  // A console that goes nowhere: jsdom reports the parts of CSS and canvas that it leaves out.
  const { window } = new JSDOM("<!doctype html><body></body>", {
    runScripts: "outside-only",
    virtualConsole: new VirtualConsole(),
  });
  const replace = (target: object, name: string, value: unknown) =>
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  for (const prototype of [window.SVGElement.prototype, window.HTMLElement.prototype]) {
    replace(prototype, "getBoundingClientRect", function (this: Element) {
      return rectangle(this, true);
    });
  }
  replace(window.SVGElement.prototype, "getBBox", function (this: Element) {
    return rectangle(this, false);
  });
  replace(window.SVGElement.prototype, "getComputedTextLength", function (this: Element) {
    return measureTexts(this, false).width;
  });
  replace(window.HTMLCanvasElement.prototype, "getContext", () => null);
  replace(window.URL, "createObjectURL", () => "");
  replace(window, "requestAnimationFrame", (callback: (at: number) => void) =>
    setTimeout(() => callback(0), 0),
  );
  replace(window, "matchMedia", () => ({ matches: false, addListener() {}, removeListener() {} }));

  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
  replace(window.eval("Math") as object, "random", random);
  window.eval(readFileSync(plotlyPath(), "utf8"));
  return {
    plotly: window.eval("Plotly") as Plotly,
    document: window.document,
    reseed() {
      state = 1;
    },
  };
}

/** A DOMRect as plotly reads it. */
function rectangle(element: Element, own: boolean) {
  const { left, top, width, height } = measureTexts(element, own);
  const box = { x: left, y: top, left, top, width, height, right: left + width, bottom: top + height };
  return { ...box, toJSON: () => box };
}

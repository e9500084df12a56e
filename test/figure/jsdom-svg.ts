import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { JSDOM, VirtualConsole } from "jsdom";
import type { PlotlyFigure } from "../../lib/figure/index.js";
import { measureTexts } from "../../lib/figure/text-box.js";

interface Plotly {
  newPlot(div: unknown, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  purge(div: unknown): void;
  readonly Snapshot: { toSVG(div: unknown, format: "svg"): string };
}

/** A window of jsdom with plotly's full bundle in it, opened once. */
const opened = openWindow();

/** The oracle of `renderSvg`: plotly's full bundle in jsdom, texts measured alike. */
export async function jsdomSvg(figure: PlotlyFigure): Promise<string> {
  const { plotly, document, reseed } = opened;
  reseed();
  const div = document.createElement("div");
  document.body.append(div);
  const { data, layout } = structuredClone(figure);
  await plotly.newPlot(div, data, layout, { staticPlot: true });
  const svg = plotly.Snapshot.toSVG(div, "svg").replace(/url\('(#[^']*)'\)/g, "url($1)");
  plotly.purge(div);
  div.remove();
  return svg.endsWith("\n") ? svg : `${svg}\n`;
}

function openWindow() {
  const { window } = new JSDOM("<!doctype html><body></body>", {
    runScripts: "outside-only",
    virtualConsole: new VirtualConsole(),
  });
  const replace = (target: object, name: string, value: unknown) =>
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  const box = (element: unknown, own: boolean) => {
    const { left, top, width, height } = measureTexts(element as Parameters<typeof measureTexts>[0], own);
    return { x: left, y: top, left, top, width, height, right: left + width, bottom: top + height };
  };
  for (const prototype of [window.SVGElement.prototype, window.HTMLElement.prototype])
    replace(prototype, "getBoundingClientRect", function (this: unknown) {
      return box(this, true);
    });
  replace(window.SVGElement.prototype, "getBBox", function (this: unknown) {
    return box(this, false);
  });
  replace(window.SVGElement.prototype, "getComputedTextLength", function (this: unknown) {
    return box(this, false).width;
  });
  replace(window.HTMLCanvasElement.prototype, "getContext", () => null);
  replace(window.URL, "createObjectURL", () => "");
  replace(window, "requestAnimationFrame", (callback: (at: number) => void) =>
    setTimeout(() => callback(0), 0),
  );
  replace(window, "matchMedia", () => ({ matches: false, addListener() {}, removeListener() {} }));
  let state = 1;
  replace(window.eval("Math") as object, "random", () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  });
  window.eval(readFileSync(createRequire(import.meta.url).resolve("plotly.js-dist/plotly.js"), "utf8"));
  return {
    plotly: window.eval("Plotly") as Plotly,
    document: window.document,
    reseed() {
      state = 1;
    },
  };
}

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { figureBundle } from "../../lib/figure/display.js";
import { survivalPanels } from "../../lib/figure/index.js";
import { registerLabExtension } from "../../lib/notebook/index.js";
import { chromium, openChromium } from "../chromium-page.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab lab "));
afterAll(() => rmSync(dir, { recursive: true }));

/** A page that shares with the extension what JupyterLab does, and draws an output in an area of this width. */
function labPage(extension: string, bundle: object): string {
  return `<!doctype html><body style="margin:0"><div id="area"></div><script src="${extension}"></script><script>
class Widget {
  constructor() { this.node = document.createElement("div"); }
  get isVisible() { return true; }
  dispose() { this.node.remove(); }
}
const lumino = { "1.0.0": { get: async () => () => ({ Widget }) } };
const container = _JUPYTERLAB["prefixlab-figures"];
container.init({ "@lumino/widgets": lumino });
window.drawn = container.get("./mimeExtension").then((module) => {
  window.renderer = module().default.rendererFactory.createRenderer();
  area.append(renderer.node);
  return renderer.renderModel(${JSON.stringify(bundle).replaceAll("<", "\\u003c")});
}).then(() => { window.isDrawn = true; });
</script></body>`;
}

describe.skipIf(!chromium)(`figures in JupyterLab${chromium ? "" : " (skipped: no Chromium)"}`, () => {
  it("are as wide as their cell, and no narrower than their labels were placed for: such a cell is scrolled", async () => {
    const curve = { times: [30, 36, 48], survival: [0.667, 0.333, 0] };
    const series = (["on", "off"] as const).map((cache) => ({
      kind: "captured" as const,
      cache,
      curve,
      n: 3,
      censored: 0,
      medianMs: 36,
    }));
    const panels = ["turn 1", "turns 2+"].map((title) => ({ title, series }));
    const bundle = await figureBundle(survivalPanels({ panels }));
    const extension = join(await registerLabExtension(dir), "static", "extension.js");
    const page = join(dir, "page.html");
    writeFileSync(page, labPage(pathToFileURL(extension).href, bundle));
    const browser = await openChromium(chromium as string, 1400, 600);
    try {
      await browser.goto(pathToFileURL(page).href);
      await browser.waitFor("window.isDrawn", 30_000);
      const svgWidth = "document.querySelector('.main-svg').getBoundingClientRect().width";
      for (const [areaPx, figurePx] of [
        [1300, 1300],
        [600, 1040],
      ] as const) {
        await browser.evaluate(`area.style.width = "${areaPx}px"`);
        await browser.waitFor(`Math.round(${svgWidth}) === ${figurePx}`, 10_000);
        const [shown, whole] = await browser.evaluate<number[]>(
          "[renderer.node.clientWidth, renderer.node.scrollWidth]",
        );
        expect([shown, whole]).toEqual([areaPx, figurePx]);
      }
      expect(browser.problems).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 60_000);
});

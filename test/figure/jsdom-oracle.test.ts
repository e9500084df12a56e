import { describe, expect, it } from "vitest";
import { type PlotlyFigure, renderSvg, survivalPanels } from "../../lib/figure/index.js";
import { jsdomSvg } from "./jsdom-svg.js";
import { sampleCharts } from "./sample-charts.js";
import { samplePanels } from "./sample-curves.js";

const layout = { width: 400, height: 300, title: { text: "a < b & c > 'd'" } };
const values = [1, 2, 2, 3, 3, 3, 4, 9];

/** Charts that a reader may make of other types, two of them of plotly's full bundle. */
const others: Readonly<Record<string, PlotlyFigure>> = {
  "bars with a pattern and a legend": {
    data: [
      { type: "bar", name: "one", x: ["a", "b"], y: [1, 3], marker: { pattern: { shape: "/" } } },
      { type: "bar", name: "two", x: ["a", "b"], y: [2, 1] },
    ],
    layout: { ...layout, barmode: "stack" },
  },
  "a pie": { data: [{ type: "pie", values: [1, 2, 3], labels: ["a", "b", "c"] }], layout },
  "a histogram": { data: [{ type: "histogram", x: values }], layout },
  "a box": { data: [{ type: "box", y: values }], layout },
};

describe("a drawing is the same text as plotly's in jsdom", () => {
  it.each(Object.entries({ ...others, ...sampleCharts, survivalPanels: survivalPanels(samplePanels()) }))(
    "%s",
    async (_, figure) => {
      expect(await renderSvg(figure)).toBe(await jsdomSvg(figure));
    },
  );
});

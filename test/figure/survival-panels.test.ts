import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { type PlotlyTrace, survivalPanels } from "../../lib/figure/index.js";
import { samplePanels, sampleSeries } from "./sample-curves.js";

const texts = (layout: { readonly [key: string]: unknown }) =>
  (layout.annotations as { text: string }[]).map(({ text }) => text);

describe("survivalPanels", () => {
  const figure = survivalPanels(samplePanels());
  const lines = figure.data.filter(({ name }) => typeof name === "string");

  it("draws captured in black and modeled in colour, on solid and off dashed", () => {
    const style = (name: string) => lines.find((trace) => trace.name === name)?.line;
    expect(style("captured, cache on")).toMatchObject({ color: "#1a1a1a", dash: "solid", shape: "hv" });
    expect(style("modeled, cache on")).toMatchObject({ color: "#0072b2", dash: "solid" });
    expect(style("captured, cache off")).toMatchObject({ color: "#1a1a1a", dash: "6px,4px" });
    expect(style("modeled, cache off")).toMatchObject({ color: "#0072b2", dash: "6px,4px" });
  });

  it("says neither on nor off where the state of the cache is not known", () => {
    const { cache: _, ...series } = sampleSeries("captured", "on", 36, 40, 1);
    const { data, layout } = survivalPanels({ panels: [{ title: "turn 1", series: [series] }] });
    const line = data.find(({ name }) => typeof name === "string");
    expect(line).toMatchObject({ name: "captured", line: { dash: "1.5px,3px" } });
    expect(texts(layout).join("\n")).toContain("cache not recorded, dotted");
    expect(texts(layout).join("\n")).not.toMatch(/cache (on|off)/);
  });

  it("takes curves of 200,000 points", () => {
    const times = Float64Array.from({ length: 200_000 }, (_, i) => i + 1);
    const survival = times.map((time) => 1 - time / 200_000);
    const series = {
      kind: "captured",
      cache: "on",
      n: 200_000,
      censored: 0,
      curve: { times, survival },
    } as const;
    const { data } = survivalPanels({ panels: [{ title: "turn 1", series: [series] }] });
    expect(data[0]?.x).toHaveLength(200_001);
  });

  it("labels every curve with its median and n", () => {
    const medians = samplePanels().panels.flatMap(({ series }) => series.map(({ kind, n }) => ({ kind, n })));
    expect(lines).toHaveLength(medians.length);
    const all = texts(figure.layout).join("\n");
    for (const { kind, n } of medians) {
      expect(all).toContain(`n = ${n}`);
      expect(all).toMatch(new RegExp(`${kind}: median [\\d.]+ m?s`));
    }
  });

  it("keeps texts at their values when the axes are zoomed: quantiles on their height, labels beside their curves", () => {
    const all = figure.layout.annotations as {
      text: string;
      x: number;
      y: number;
      xref: string;
      yref: string;
    }[];
    const quantiles = all.filter(({ text }) => /^p\d+$/.test(text));
    for (const { text, yref, y } of quantiles) {
      expect(yref).toMatch(/^y\d*$/);
      expect(10 ** y).toBeCloseTo(1 - Number(text.slice(1)) / 100, 4);
    }
    expect(quantiles.length).toBeGreaterThanOrEqual(4);
    const label = all.find(({ text }) => text.startsWith("captured: median")) as (typeof all)[number];
    expect([label.xref, label.yref]).toEqual(["x", "y"]);
    const [low, high] = (figure.layout.xaxis as { range: [number, number] }).range;
    expect(label.x).toBeGreaterThan(low);
    expect(label.x).toBeLessThan(high);
  });

  it("says how many are censored, and that a median is not reached", () => {
    const { medianMs: _, ...series } = sampleSeries("captured", "off", 1000, 40, 1);
    const { layout } = survivalPanels({
      panels: [{ title: "turn 1", series: [{ ...series, censored: 25 }] }],
    });
    expect(texts(layout).join("\n")).toMatch(/captured: median not reached, n = 40, 25 censored/);
  });

  it("shares its axes between panels, logarithmic in both, with units on the ticks", () => {
    const { xaxis, xaxis2, yaxis, yaxis2 } = figure.layout as Record<string, Record<string, unknown>>;
    expect(xaxis?.type).toBe("log");
    expect(yaxis?.type).toBe("log");
    expect(xaxis2?.range).toEqual(xaxis?.range);
    expect(yaxis2?.range).toEqual(yaxis?.range);
    expect(xaxis?.ticktext).toEqual(["10 ms", "100 ms", "1 s", "10 s", "100 s"]);
  });

  it("starts each curve at 1 and draws one step a time", () => {
    const [trace] = lines as [PlotlyTrace, ...PlotlyTrace[]];
    const curve = samplePanels().panels[0]?.series[0]?.curve;
    expect((trace.y as number[])[0]).toBe(1);
    expect((trace.x as number[]).slice(1)).toHaveLength(curve?.times.length ?? -1);
  });

  it("is plain JSON", () => expect(JSON.parse(JSON.stringify(figure))).toEqual(figure));

  it("refuses no panels, and curves without a positive time", () => {
    expect(() => survivalPanels({ panels: [] })).toThrow(InputError);
    const series = { ...sampleSeries("captured", "on", 1, 1, 1), curve: { times: [0], survival: [0] } };
    expect(() => survivalPanels({ panels: [{ title: "turn 1", series: [series] }] })).toThrow(InputError);
  });
});

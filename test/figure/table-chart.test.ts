import { describe, expect, it } from "vitest";
import { tableBundle } from "../../lib/figure/display.js";
import { tableChart } from "../../lib/figure/index.js";
import { tableOf } from "../../lib/table/index.js";

describe("tableBundle", () => {
  it("is an HTML table with escaped texts and types in its head, and plain text", () => {
    const bundle = tableBundle(tableOf([{ name: "<a>", n: 1 / 3 }]));
    expect(bundle["text/html"]).toContain('<th title="VARCHAR">name</th><th title="DOUBLE">n</th>');
    expect(bundle["text/html"]).toContain("<td>&lt;a></td><td>0.3333</td>");
    expect(bundle["text/html"]).toContain("<p>numbers to three decimals");
    expect(bundle["text/plain"]).toContain("name       n\n <a>  0.3333");
  });
});

describe("tableChart", () => {
  const rows = ["captured on", "captured off", "other"].flatMap((series, at) =>
    [1, 2, 3].map((turn) => ({ series, turn, p50_ms: 10 * turn + at, hit_share: turn / 4 })),
  );
  const table = tableOf(rows);

  it("has a series a value of a column, with its points, and the units of the names", () => {
    const figure = tableChart(table, { title: "TTFT", x: "turn", y: "p50_ms", by: "series" });
    expect(figure.data.map(({ name, x, y }) => ({ name, x, y }))).toEqual(
      ["captured on", "captured off", "other"].map((name, at) => ({
        name,
        x: [1, 2, 3],
        y: [10 + at, 20 + at, 30 + at],
      })),
    );
    expect(figure.data.map(({ line }) => (line as { dash: string }).dash)).toEqual([
      "solid",
      "6px,4px",
      "solid",
    ]);
    expect(JSON.stringify(figure.layout.xaxis)).toContain('"turn"');
    const named = tableChart(tableOf([{ poolTokens: 1, ttft_p50_ms: 2 }]), {
      title: "",
      x: "poolTokens",
      y: "ttft_p50_ms",
    });
    expect(JSON.stringify(named.layout)).toContain('"pool tokens"');
    expect(JSON.stringify(named.layout)).toContain('"TTFT p50"');
    expect(JSON.stringify(figure.layout.yaxis)).toContain("20 ms");
  });

  it("has a series a column where several are given", () => {
    const wide = tableOf([1, 2].map((turn) => ({ turn, on_p50_ms: turn, off_p50_ms: 9 * turn })));
    const figure = tableChart(wide, { title: "TTFT", x: "turn", y: ["on_p50_ms", "off_p50_ms"] });
    expect(figure.data.map(({ name, y }) => [name, y])).toEqual([
      ["on p50", [1, 2]],
      ["off p50", [9, 18]],
    ]);
    expect(figure.data.map(({ line }) => (line as { dash: string }).dash)).toEqual(["solid", "6px,4px"]);
    expect(() =>
      tableChart(wide, { title: "", x: "turn", y: ["on_p50_ms", "off_p50_ms"], by: "turn" }),
    ).toThrow("told by turn or by several y");
  });

  it("takes shares for shares, and draws logarithmic axes where asked", () => {
    const { layout } = tableChart(table, {
      title: "Hits",
      x: "turn",
      y: "hit_share",
      draw: "points",
      log: "x",
    });
    expect(JSON.stringify(layout.yaxis)).toContain(" %");
    expect((layout.xaxis as { type: string }).type).toBe("log");
    expect((layout.yaxis as { type: string }).type).toBe("linear");
  });

  it("refuses texts, unknown columns and more series than can be told apart", () => {
    expect(() => tableChart(table, { title: "", x: "series", y: "p50_ms" })).toThrow(
      "holds VARCHAR, not numbers",
    );
    expect(() => tableChart(table, { title: "", x: "turn", y: "p50_ms", by: "cache" })).toThrow(
      "no column cache",
    );
    const many = tableOf([1, 2, 3, 4, 5, 6].map((turn) => ({ turn, p50_ms: turn })));
    expect(() => tableChart(many, { title: "", x: "turn", y: "p50_ms", by: "turn" })).toThrow("6 values");
  });
});

import { describe, expect, it } from "vitest";
import { differences } from "../../lib/notebook/compare-outputs.js";
import type { CellOutput, Notebook } from "../../lib/notebook/index.js";
import { notebookOf } from "./sample-notebook.js";

const withOutputs = (...outputs: CellOutput[]): Notebook => {
  const { cells, metadata } = notebookOf("1");
  return { metadata, cells: cells.map((cell) => ({ ...cell, outputs })) };
};
const text = (value: string): CellOutput => ({ output_type: "stream", name: "stdout", text: value });
const picture = (png: string, x: number): CellOutput => ({
  output_type: "display_data",
  data: { "image/png": png, "application/vnd.plotly.v1+json": { data: [{ x: [x], type: "scatter" }] } },
  metadata: {},
});

describe("differences", () => {
  it("is empty for equal outputs, and for pictures that differ in pixels alone", () => {
    expect(
      differences(withOutputs(text("a"), picture("A", 1)), withOutputs(text("a"), picture("B", 1))),
    ).toEqual([]);
  });

  it("says which cell, which output and where", () => {
    expect(differences(withOutputs(text("p50 36 ms")), withOutputs(text("p50 37 ms")))).toEqual([
      'cell 1, output 1: expected "stdout\\np50 36 ms", got "stdout\\np50 37 ms"',
    ]);
    expect(differences(withOutputs(picture("A", 1)), withOutputs(picture("A", 2)))[0]).toMatch(
      /cell 1, output 1/,
    );
    expect(differences(withOutputs(text("a")), withOutputs())).toEqual([
      "cell 1: 1 outputs expected, 0 came",
    ]);
  });
});

import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { formatNotebook, type Notebook, parseNotebook } from "../../lib/notebook/index.js";
import { notebookOf } from "./sample-notebook.js";

const full: Notebook = {
  cells: [
    { cellType: "markdown", id: "m", source: "# A\n\ntext", metadata: {} },
    {
      cellType: "code",
      id: "c",
      source: "const a = 1;\na\n",
      metadata: { tags: ["raises-exception"] },
      executionCount: 3,
      outputs: [
        { output_type: "stream", name: "stdout", text: "1\n2" },
        {
          output_type: "display_data",
          data: {
            "text/plain": "x\ny",
            "image/png": "iVBO",
            "application/vnd.plotly.v1+json": { data: [], layout: {} },
          },
          metadata: {},
        },
        { output_type: "error", ename: "E", evalue: "v", traceback: ["E: v"] },
      ],
    },
  ],
  metadata: { kernelspec: { name: "prefixlab" } },
};

describe("parseNotebook and formatNotebook", () => {
  it("give a notebook back unchanged, with texts as lists of lines in the file", () => {
    const text = formatNotebook(full);
    expect(parseNotebook(text, "a.ipynb")).toEqual(full);
    expect(JSON.parse(text).cells[1].source).toEqual(["const a = 1;\n", "a\n"]);
    expect(JSON.parse(text).cells[1].outputs[1].data["image/png"]).toBe("iVBO");
  });

  it("write the same bytes for the same notebook, whatever the order of keys it was read in", () => {
    const text = formatNotebook(full);
    const shuffled = JSON.stringify(JSON.parse(text), (_, value) =>
      value && typeof value === "object" && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).reverse())
        : value,
    );
    expect(formatNotebook(parseNotebook(shuffled, "a.ipynb"))).toBe(text);
  });

  it("give cells without an id one by their position, and read sources that are one string", () => {
    const text = '{"nbformat":4,"cells":[{"cell_type":"code","source":"1","metadata":{},"outputs":[]}]}';
    expect(parseNotebook(text, "a").cells[0]).toMatchObject({ id: "cell-1", source: "1" });
  });

  it.each([
    ["no JSON", "{", /a.ipynb is not JSON/],
    ["another format", '{"nbformat":3,"worksheets":[]}', /no notebook of nbformat 4/],
    [
      "an unknown cell",
      '{"nbformat":4,"cells":[{"cell_type":"video"}]}',
      /cell 1 has the unknown cell_type "video"/,
    ],
  ])("refuse %s", (_, text, message) => {
    expect(() => parseNotebook(text, "a.ipynb")).toThrow(InputError);
    expect(() => parseNotebook(text, "a.ipynb")).toThrow(message);
  });

  it("keep an empty notebook a notebook", () => {
    expect(parseNotebook(formatNotebook(notebookOf()), "a").cells).toEqual([]);
  });
});

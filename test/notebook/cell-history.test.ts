import { describe, expect, it } from "vitest";
import { CellHistory } from "../../lib/notebook/cell-history.js";

const history = new CellHistory();
for (const [at, code] of ["6 * 7", "const a = 1;", "6 * 7", "a + [1]"].entries())
  history.add(at + 1, code, code.startsWith("const") ? undefined : "value");
const counts = (request: object) => history.find({ ...request }).map(([, count]) => count);

describe("CellHistory", () => {
  it("gives the last cells, a range of them, and those that fit a pattern of the shell", () => {
    expect(counts({ hist_access_type: "tail", n: 2 })).toEqual([3, 4]);
    expect(counts({ hist_access_type: "range", start: 2, stop: 4 })).toEqual([2, 3]);
    expect(counts({ hist_access_type: "search", pattern: "*" })).toEqual([1, 2, 3, 4]);
    expect(counts({ hist_access_type: "search", pattern: "6 ?*7" })).toEqual([1, 3]);
    expect(counts({ hist_access_type: "search", pattern: "6*", unique: true })).toEqual([3]);
    expect(counts({ hist_access_type: "search", pattern: "a + [1]" })).toEqual([4]);
  });

  it("tells session, count and code, and the value where it is asked for", () => {
    expect(history.find({ hist_access_type: "range", start: 1, stop: 2 })).toEqual([[1, 1, "6 * 7"]]);
    expect(history.find({ hist_access_type: "range", start: 1, stop: 3, output: true })).toEqual([
      [1, 1, ["6 * 7", "value"]],
      [1, 2, ["const a = 1;", null]],
    ]);
  });
});

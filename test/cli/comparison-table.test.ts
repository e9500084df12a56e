import { describe, expect, it } from "vitest";
import { formatComparison } from "../../lib/cli/comparison-table.js";
import { comparisonJson } from "../../lib/cli/summary-json.js";
import { compareTraces } from "../../lib/judge/index.js";
import { repeated, sessionsOf, ttftTrace } from "../judge/judged-traces.js";

const comparisonOf = (kind: "error" | "difference") =>
  compareTraces(
    { trace: ttftTrace(repeated(100, 40)), sessions: sessionsOf(10, 4) },
    { modeled: [ttftTrace(repeated(300, 40))], kind },
  );

describe("a comparison for people", () => {
  it("is of errors where both sides answer one question, marked where they gate", () => {
    const text = formatComparison(comparisonOf("error"));
    expect(text).toMatch(/^cohort .* error +95 % interval/);
    expect(text).toMatch(/^all +TTFT p50 \* +40 +100 ms +300 ms +\+200\.0 %/m);
    expect(text).toContain("verdict: fail");
  });

  it("is of differences where one side is a what-if, with no mark and no verdict", () => {
    const text = formatComparison(comparisonOf("difference"), "modeled", "a what-if");
    expect(text).toMatch(/^cohort .* difference +95 % interval/);
    expect(text).not.toMatch(/error|\*/);
    expect(text).toContain("verdict: none (a what-if)");
  });
});

describe("a comparison as JSON", () => {
  it("says which kind it is, and has the names of the trace format", () => {
    const json = comparisonJson(comparisonOf("difference"));
    expect(json).toMatchObject({ kind: "difference", verdict: "none" });
    const { all } = json.errors as Record<string, Record<string, Record<string, unknown>>>;
    expect(Object.keys(all!)).toEqual(["ttft_ms", "total_ms"]);
    expect(all!.ttft_ms!.p50).toMatchObject({
      n: 40,
      captured_ms: 100,
      modeled_ms: 300,
      error: 2,
      gates: false,
    });
  });
});

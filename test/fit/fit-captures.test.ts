import { beforeAll, describe, expect, it } from "vitest";
import { readCaptures } from "../../lib/captures/index.js";
import { fitLatency, type LatencyFit, reconstructSteps } from "../../lib/fit/index.js";
import type { Trace } from "../../lib/trace/index.js";

describe("the fit on the shipped fitting captures", () => {
  let traces: Trace[];
  let fit: LatencyFit;

  beforeAll(async () => {
    traces = await readCaptures({ role: "fit" });
    fit = fitLatency(traces);
  });

  it("places nearly every step of a real engine without a doubt", () => {
    for (const trace of traces) {
      const { steps } = reconstructSteps(trace);
      const doubtful = steps.filter(({ doubt }) => doubt !== undefined).length;
      expect(doubtful / steps.length).toBeLessThan(0.02);
      const emitted = steps.reduce((sum, step) => sum + step.emitted, 0);
      const tokens = trace.records.reduce(
        (sum, { ttftMs, outputTokens }) => sum + (ttftMs === undefined ? 0 : outputTokens),
        0,
      );
      expect(emitted).toBe(tokens);
    }
  });

  it("explains 99 % of the variance of isolated TTFTs and of gaps with a prefill chunk", () => {
    for (const of of ["TTFT of isolated requests", "gaps with a prefill chunk"]) {
      const residuals = fit.report.residuals.find((r) => r.of === of)!;
      expect(residuals.rSquared, of).toBeGreaterThan(0.99);
      expect(Math.abs(residuals.relative.p50), of).toBeLessThan(0.03);
    }
  });

  it("finds that prefill tokens, their depth and decoding context all cost something", () => {
    const price = Object.fromEntries(fit.report.coefficients.map(({ name, value }) => [name, value]));
    for (const name of ["step_ms", "prefill_token_ms", "prefill_token_depth_ms", "decode_context_token_ms"])
      expect(price[name], name).toBeGreaterThan(0);
  });
});

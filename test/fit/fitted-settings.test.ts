import { describe, expect, it } from "vitest";
import { type FitOptions, fitLatency } from "../../lib/fit/index.js";
import type { EngineSettings } from "../../lib/settings/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { timedRecord } from "./record-of.js";
import { traceOf } from "./step-simulator.js";

/** Enough of isolated requests to fit on, captured from an engine that tells this of itself. */
function traceAt(engine: Partial<EngineSettings> | undefined): Trace {
  const records = Array.from({ length: 10 }, (_, i) =>
    timedRecord(2000 * i, 30 + 10 * i, [10, 10, 10, 10, 10, 10, 10], {
      promptTokens: 100 * (1 + i),
      cachedTokens: 0,
    }),
  );
  const trace = traceOf(records);
  return { ...trace, meta: { ...trace.meta, ...(engine && { engine }) } };
}

const fittedAt = (engines: readonly (Partial<EngineSettings> | undefined)[], options?: FitOptions) =>
  fitLatency(engines.map(traceAt), options).model.fittedAt;

describe("the settings that a model was fitted at", () => {
  it("are those of the capture's engine, but for whether prefixes are found: that does not time a step", () => {
    const engine = { maxNumBatchedTokens: 512, maxNumSeqs: 32, enablePrefixCaching: false };
    expect(fittedAt([engine])).toEqual({ maxNumBatchedTokens: 512, maxNumSeqs: 32 });
  });

  it("are those that all captures' engines have in common", () => {
    const at = (maxNumSeqs: number) => ({ maxNumBatchedTokens: 512, maxNumSeqs, blockSize: 16 });
    expect(fittedAt([at(32), at(32)])).toEqual(at(32));
    expect(fittedAt([at(32), at(32), at(64)])).toEqual({ maxNumBatchedTokens: 512, blockSize: 16 });
    expect(fittedAt([at(32), {}])).toBeUndefined();
    expect(fittedAt([at(32), undefined])).toBeUndefined();
  });

  it("are those given, where they are given", () => {
    const engine = { maxNumBatchedTokens: 512, maxNumSeqs: 32, longPrefillTokenThreshold: 128 };
    expect(fittedAt([engine], { maxNumBatchedTokens: 256 })).toEqual({ ...engine, maxNumBatchedTokens: 256 });
    expect(fittedAt([engine], { longPrefillTokenThreshold: 64 })).toEqual({
      ...engine,
      longPrefillTokenThreshold: 64,
    });
    expect(fittedAt([undefined], { maxNumBatchedTokens: 256 })).toEqual({ maxNumBatchedTokens: 256 });
  });

  it("are not told where nobody tells one", () => {
    expect(fittedAt([undefined])).toBeUndefined();
    expect(fittedAt([{ enablePrefixCaching: true }])).toBeUndefined();
    expect(fittedAt([{ maxNumSeqs: 32 }])).toEqual({ maxNumSeqs: 32 });
  });
});

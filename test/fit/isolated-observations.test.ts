import { describe, expect, it } from "vitest";
import { type IsolatedOptions, isolatedObservations } from "../../lib/fit/isolated-observations.js";
import { observeTrace } from "../../lib/fit/observations.js";
import { observeMeans } from "../../lib/fit/observe-means.js";
import type { TraceRecord } from "../../lib/trace/index.js";
import { recordOf, timedRecord } from "./record-of.js";
import { traceOf } from "./step-simulator.js";

function isolated(records: readonly TraceRecord[], options: Partial<IsolatedOptions> = {}) {
  const { observations, warnings } = isolatedObservations(traceOf(records, 100), {
    budget: 100,
    longPrefillTokenThreshold: 0,
    isTarget: () => true,
    firstRun: 0,
    cachedTokens: () => 0,
    lastTokenMs: () => undefined,
    ...options,
  });
  return { ms: observations.map(({ ms }) => ms), observations, warnings };
}

/** So many requests a second apart, with TTFTs of 20 ms. */
function aloneRequests(count: number): TraceRecord[] {
  return Array.from({ length: count }, (_, i) => timedRecord(1000 * i, 20, []));
}

/** The first of a burst, with a TTFT of 60 ms, and the one that joins it when its step must have begun. */
const burst = [timedRecord(50_000, 60, []), timedRecord(50_040, 500, [])];

describe("isolatedObservations", () => {
  it("takes a request alone until its first token, however close the next arrives to it", () => {
    expect(isolated([timedRecord(0, 20, []), timedRecord(20, 30, [])])).toMatchObject({
      ms: [20, 30],
      warnings: [],
    });
  });

  it("takes first ones of a burst where fewer than eight were alone, and says so; of eight, the eight", () => {
    // The one that joined met no one to come, but an engine that was busy.
    const few = isolated([...aloneRequests(7), ...burst]);
    expect(few.ms).toEqual([20, 20, 20, 20, 20, 20, 20, 60]);
    expect(few.warnings).toEqual([
      "7 requests were alone until their first token: 1 that found the engine idle, and were joined later, are taken too",
    ]);
    const enough = isolated([...aloneRequests(8), ...burst]);
    expect(enough.ms).toEqual([20, 20, 20, 20, 20, 20, 20, 20]);
    expect(enough.warnings).toEqual([]);
  });

  it("takes no first one whose prefill takes several steps", () => {
    const several = isolated([timedRecord(0, 60, [], { promptTokens: 101 }), timedRecord(40, 500, [])]);
    expect(several).toMatchObject({ ms: [], warnings: [] });
  });

  it("takes and counts none that is not to be fitted on or did not complete, but they keep the engine busy", () => {
    const records = [...aloneRequests(8), ...burst];
    const asked = isolated(records, { isTarget: (_, i) => i !== 3 });
    expect(asked.ms).toEqual([20, 20, 20, 20, 20, 20, 20, 60]);
    expect(asked.observations.map(({ run }) => run)).toEqual([0, 1, 2, 4, 5, 6, 7, 8]);
    expect(asked.warnings[0]).toMatch(/^7 requests/);
    const failed = [timedRecord(0, 20, [], { finishReason: "error" }), timedRecord(10, 20, [])];
    expect(isolated(failed)).toMatchObject({ ms: [], warnings: [] });
  });

  it("takes the time of a request without an answer for none, where nothing else is known of it", () => {
    const silent = recordOf({ arrivalMs: 100, outputTokens: 0 });
    expect(isolated([silent, timedRecord(100, 20, [])]).ms).toEqual([20]);
  });

  it("warns with gaps and with means alike", () => {
    const said = expect.stringMatching(/^7 requests were alone/);
    expect(
      observeTrace(traceOf([...aloneRequests(7), ...burst], 100), {}, () => true).warnings,
    ).toContainEqual(said);
    expect(
      observeMeans(traceOf([...aloneRequests(7), ...burst], 100), {}, () => true).warnings,
    ).toContainEqual(said);
  });
});

import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { calibrateLatency } from "../../lib/calibrate/index.js";
import { fitLatency, perEngine } from "../../lib/fit/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { fittingSweep, simulateSteps, somePrices } from "./step-simulator.js";

const budget = 512;

/** One engine's capture, with 2 % of noise on its steps; the other's records come between its own. */
function engine(seed: number, replica: string): Trace {
  const noise = stream(seed, "noise");
  const { trace } = simulateSteps({
    requests: fittingSweep(),
    prices: somePrices,
    maxNumBatchedTokens: budget,
    noise: () => 1 + 0.02 * noise.normal(),
  });
  return { ...trace, records: trace.records.map((record) => ({ ...record, replica })) };
}

const engines = [engine(1, "a"), engine(2, "b")];
const inOrder = (records: TraceRecord[]) => records.sort((a, b) => (a.arrivalMs ?? 0) - (b.arrivalMs ?? 0));
const fleet: Trace = { ...engines[0], records: inOrder(engines.flatMap(({ records }) => records)) };

describe("a capture of two engines behind a router", () => {
  it("is fitted as the two captures that it is", () => {
    const { model, report } = fitLatency([fleet]);
    const apart = fitLatency(engines);
    expect(report).toEqual(apart.report);
    expect(model.toJson()).toEqual(apart.model.toJson());
    const price = report.coefficients.find(({ name }) => name === "prefill_token_ms");
    expect(price?.value).toBeCloseTo(somePrices.prefillTokenMs, 2);
  });

  it("is calibrated so too", () => {
    expect(calibrateLatency([fleet]).report).toEqual(calibrateLatency(engines).report);
  });

  it("asks which records to learn from by their place in the whole", () => {
    const half = fleet.records.length / 2;
    const asked = perEngine([fleet], (record, index, trace) => {
      expect(trace).toBe(fleet);
      expect(fleet.records[index]).toBe(record);
      return index < half;
    });
    const kept = asked.traces.flatMap((trace) =>
      trace.records.filter((record, i) => asked.isFitted(record, i, trace)),
    );
    expect(new Set(kept)).toEqual(new Set(fleet.records.slice(0, half)));
  });

  it("leaves out, and counts, what no replica is named for", () => {
    const unnamed = fleet.records.map(({ replica, ...record }, i) =>
      i < 3 ? record : { ...record, replica },
    );
    const { report } = fitLatency([{ ...fleet, records: unnamed as TraceRecord[] }]);
    expect(report.leftOut).toContainEqual({
      reason: "served by a replica that the trace does not name",
      count: 3,
    });
  });

  it("of one replica or of none is left as it is", () => {
    expect(perEngine(engines).traces).toEqual(engines);
    expect(perEngine(engines).leftOut).toEqual([]);
  });
});

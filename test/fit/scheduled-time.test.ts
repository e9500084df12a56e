import { describe, expect, it } from "vitest";
import { schedulingDelayMs } from "../../lib/fit/fit-means.js";
import { scheduledMs } from "../../lib/fit/scheduled-time.js";
import { recordOf } from "./record-of.js";

describe("scheduledMs", () => {
  it("is the arrival and what the request waited", () => {
    expect(scheduledMs(recordOf({ arrivalMs: 100, extra: { waiting_ms: 7 } }))).toBe(107);
    expect(scheduledMs(recordOf({ arrivalMs: 100, extra: { waiting_ms: 0 } }))).toBe(100);
  });

  it("is undefined where it was not recorded, or cannot be", () => {
    expect(scheduledMs(recordOf({ arrivalMs: 100 }))).toBeUndefined();
    expect(scheduledMs(recordOf({ arrivalMs: 100, extra: {} }))).toBeUndefined();
    expect(scheduledMs(recordOf({ arrivalMs: 100, extra: { waiting_ms: "7" } }))).toBeUndefined();
    expect(scheduledMs(recordOf({ arrivalMs: 100, extra: { waiting_ms: -1 } }))).toBeUndefined();
    expect(scheduledMs(recordOf({ arrivalMs: 100, extra: { waiting_ms: Number.NaN } }))).toBeUndefined();
    expect(scheduledMs(recordOf({ extra: { waiting_ms: 7 } }))).toBeUndefined();
  });
});

describe("schedulingDelayMs", () => {
  it("is the least of the waits, of the requests that tell theirs: under load all the rest is queueing", () => {
    const waits = Array.from({ length: 41 }, (_, i) => 3 * i + 0.01);
    const records = waits.map((wait, i) => recordOf({ arrivalMs: 1000 * i, extra: { waiting_ms: wait } }));
    expect(schedulingDelayMs([...records, recordOf({ arrivalMs: 5 })])).toBeCloseTo(0.01, 9);
    expect(schedulingDelayMs([...records].reverse())).toBeCloseTo(0.01, 9);
  });

  it("is zero where no request tells", () => {
    expect(schedulingDelayMs([])).toBe(0);
    expect(schedulingDelayMs([recordOf({ arrivalMs: 5 })])).toBe(0);
  });
});

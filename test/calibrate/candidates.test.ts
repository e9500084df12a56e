import { describe, expect, it } from "vitest";
import { candidatesFor } from "../../lib/calibrate/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { fittingSweep, simulateSteps, somePrices } from "../fit/step-simulator.js";

const { trace } = simulateSteps({ requests: fittingSweep(), prices: somePrices, maxNumBatchedTokens: 512 });
const withMeta = (meta: Partial<Trace["meta"]>, records = trace.records): Trace => ({
  ...trace,
  records,
  meta: { ...trace.meta, ...meta },
});

describe("candidatesFor", () => {
  it("tries what the trace does not tell: a sum and a maximum, either scheduling, budgets up to the one that holds the longest prefill", () => {
    const { forms, asyncScheduling, budgets, from } = candidatesFor([withMeta({ engine: {} })]);
    expect(forms.map(({ combine }) => combine)).toEqual(["sum", "max"]);
    expect(asyncScheduling).toEqual([false, true]);
    // The longest prefill computes 3,521 tokens.
    expect(budgets).toEqual([2048, 512, 1024, 4096]);
    expect(from).toEqual({ form: "fitted", asyncScheduling: "fitted", maxNumBatchedTokens: "fitted" });
  });

  it("takes what all traces tell, and tries what they tell differently", () => {
    const told = (maxNumBatchedTokens: number) => withMeta({ engine: { maxNumBatchedTokens } });
    const alike = candidatesFor([told(512), told(512)]);
    expect([alike.budgets, alike.from.maxNumBatchedTokens]).toEqual([[512], "captured"]);
    const differing = candidatesFor([told(512), told(1024)]);
    expect(differing.budgets.length).toBeGreaterThan(1);
    const ahead = candidatesFor([
      withMeta({ gpu: "NVIDIA H100", extra: { engine: "vllm", engine_version: "0.19.0" } }),
    ]);
    expect([ahead.asyncScheduling, ahead.from.asyncScheduling]).toEqual([[true], "captured"]);
  });

  it("does not try what is given, nor asynchronous scheduling for slots that keep their own prefixes", () => {
    const form = { combine: "max", expertShare: 0 } as const;
    const given = candidatesFor([trace], { form, asyncScheduling: true, maxNumBatchedTokens: 4096 });
    expect(given).toMatchObject({ forms: [form], asyncScheduling: [true], budgets: [4096] });
    expect(given.from).toEqual({ form: "given", asyncScheduling: "given", maxNumBatchedTokens: "given" });
    const slots = candidatesFor([withMeta({ engine: { prefixReuse: "slots", maxNumBatchedTokens: 512 } })]);
    expect([slots.asyncScheduling, slots.from.asyncScheduling]).toEqual([[false], "assumed"]);
  });

  it("assumes the simplest where nothing arrives at a known time", () => {
    const unplaced = trace.records.map(({ arrivalMs: _, ...record }) => record);
    const { forms, asyncScheduling, budgets, from } = candidatesFor([withMeta({ engine: {} }, unplaced)]);
    expect([forms.length, asyncScheduling, budgets]).toEqual([1, [false], [2048]]);
    expect(from).toEqual({ form: "assumed", asyncScheduling: "assumed", maxNumBatchedTokens: "assumed" });
  });
});

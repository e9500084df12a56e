import { describe, expect, it } from "vitest";
import { type InferOptions, inferSessions } from "../../lib/sessions/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { randomTrace } from "./random-trace.js";
import { traceOf } from "./trace-of.js";

const usual = { tailBlocks: 2, answerShare: 0, trunkBranches: 3, trunkFanOut: 16 };
/** Parent and kind of each request. */
function edgesOf(trace: Trace, options?: InferOptions): string {
  const { parent, evidence } = inferSessions(trace, options);
  return Array.from(parent, (p, i) => `${p} ${evidence.kind[i]}`).join(", ");
}

/** Prompts that share a first block, each continued once. */
function fan(width: number): Trace {
  return traceOf(
    ...Array.from({ length: width }, (_, i) => [
      { at: 10 * i, end: 10 * i + 1, prompt: `s u${i}`, rest: 2 },
      { at: 10 * i + 5, end: 10 * i + 6, prompt: `s u${i} a${i} b${i}` },
    ]).flat(),
  );
}

describe("the options of inferSessions", () => {
  it("are tails of 2 blocks, 3 branches and a fan of 16, where they are not given", () => {
    const traces = Array.from({ length: 600 }, (_, seed) =>
      randomTrace(seed, { maxRequests: 14, clockTicks: 60 }),
    );
    const differ = (options: InferOptions) =>
      [...traces, fan(20)].filter((trace) => edgesOf(trace, options) !== edgesOf(trace)).length;
    expect(differ(usual)).toBe(0);
    for (const other of [
      { tailBlocks: 1 },
      { tailBlocks: 3 },
      { answerShare: 0.25 },
      { answerShare: 1 },
      { trunkBranches: 2 },
      { trunkBranches: 4 },
    ])
      expect(differ(other), JSON.stringify(other)).toBeGreaterThan(0);
    const trunks = (width: number, options?: InferOptions) =>
      Math.max(...inferSessions(fan(width), options).evidence.trunkBlocks);
    const noOpenings = { trunkBranches: 100 };
    expect([15, 16, 17].map((width) => trunks(width, noOpenings))).toEqual([0, 1, 1]);
  });

  it("are refused out of range, by name", () => {
    const trace = traceOf({ at: 0, prompt: "a" });
    for (const [name, low, high] of [
      ["tailBlocks", 0, 1000],
      ["answerShare", 0, 1],
      ["trunkBranches", 2, 1000],
      ["trunkFanOut", 2, 1000],
    ] as const) {
      expect(() => inferSessions(trace, { [name]: low })).not.toThrow();
      expect(() => inferSessions(trace, { [name]: high })).not.toThrow();
      expect(() => inferSessions(trace, { [name]: low - 1 })).toThrow(name);
      expect(() => inferSessions(trace, { [name]: Number.NaN })).toThrow(name);
      expect(() => inferSessions(trace, { [name]: name === "answerShare" ? 1.01 : 2.5 })).toThrow(name);
    }
  });

  it("know a fan of more continuations of an answer than a byte counts", () => {
    // The short request is over, so that each of the others goes on from its answer: none opens the block.
    const trunkOf = (width: number, trunkFanOut: number) => {
      const others = Array.from({ length: width }, (_, i) => ({
        at: 10 + i,
        end: 10.5 + i,
        prompt: `s u${i}`,
      }));
      const short = { at: 0, end: 1, prompt: "s", rest: 2 };
      return Math.max(...inferSessions(traceOf(short, ...others), { trunkFanOut }).evidence.trunkBlocks);
    };
    expect([254, 255, 256, 300].map((width) => trunkOf(width, 300))).toEqual([0, 1, 1, 1]);
    expect([100, 254].map((width) => trunkOf(width, 255))).toEqual([0, 0]);
  });

  it("know a trunk of more continuations than a byte counts", () => {
    const wide = fan(300);
    for (const options of [{ trunkFanOut: 300 }, { trunkFanOut: 255, trunkBranches: 1000 }])
      expect(Math.max(...inferSessions(wide, options).evidence.trunkBlocks)).toBe(1);
    expect(
      Math.max(...inferSessions(fan(200), { trunkFanOut: 300, trunkBranches: 300 }).evidence.trunkBlocks),
    ).toBe(0);
  });

  it("take blocks of 16 tokens where the trace does not say", () => {
    for (let seed = 0; seed < 100; seed++) {
      const trace = randomTrace(seed, { maxRequests: 14, clockTicks: 60 });
      const told = { ...trace, meta: { ...trace.meta, blockSize: 16 } };
      expect(edgesOf({ ...trace, meta: { extra: {} } })).toBe(edgesOf(told));
    }
  });
});

describe("the warnings of inferSessions", () => {
  const hashed = { at: 0, prompt: "a b" };
  const short = { at: 1, prompt: "" };

  it("are none of a sound trace, nor of an empty one", () => {
    expect(inferSessions(traceOf(hashed)).warnings).toEqual([]);
    expect(inferSessions(traceOf()).warnings).toEqual([]);
  });

  it("count the requests without a full block", () => {
    expect(inferSessions(traceOf(hashed, short)).warnings).toEqual([
      "1 of 2 requests have no full block: sessions of their own",
    ]);
  });

  it("say that rows stand for time where an arrival is missing, and take them so", () => {
    const trace = traceOf({ at: 50, end: 60, prompt: "s a" }, { at: 0, end: 1, prompt: "s a A b" });
    const [{ arrivalMs: _, ...first }, second] = trace.records;
    const { warnings, parent } = inferSessions({ ...trace, records: [first, second] });
    expect(warnings).toEqual(["no arrivals on some requests: the order of the rows stands for time"]);
    expect([...parent]).toEqual([-1, 0]);
  });
});

import { describe, expect, it } from "vitest";
import { inspectTrace } from "../../lib/cohorts/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

function traceOf(records: readonly Partial<TraceRecord>[], blocks = new BlockTable()): Trace {
  return {
    meta: { blockSize: 32, model: "m", extra: { pattern: "burst" } },
    records: records.map((r) => ({ promptTokens: 64, outputTokens: 2, ...r })),
    blocks,
    rejected: [{ line: 3, reason: "broken" }],
    warnings: [{ line: 4, reason: "odd" }],
  };
}

const inspect = (trace: Trace) => inspectTrace(workloadOf(trace));

describe("inspectTrace", () => {
  const blocks = new BlockTable();
  const [a, b, c] = [1, 2, 3].map((n) => blocks.intern(n, n)) as [number, number, number];
  const found = inspect(
    traceOf(
      [
        {
          arrivalMs: 500,
          ttftMs: 10,
          itlMs: Float64Array.of(4),
          blockIds: Int32Array.of(a, b),
          cachedTokens: 0,
          finishReason: "length",
        },
        {
          arrivalMs: 1500,
          ttftMs: 30,
          itlMs: Float64Array.of(6),
          blockIds: Int32Array.of(a, c),
          cachedTokens: 32,
          finishReason: "length",
        },
        {
          arrivalMs: 2500,
          outputTokens: 0,
          blockIds: Int32Array.of(a, b),
          concurrency: 2,
          finishReason: "error",
        },
      ],
      blocks,
    ),
  );

  it("counts requests, arrivals and why answers ended", () => {
    expect(found).toMatchObject({
      requests: 3,
      completed: 2,
      censored: 1,
      rejected: 1,
      warnings: 1,
      spanMs: 2000,
      ratePerSecond: 1,
      finishReasons: { length: 2, error: 1 },
      problems: [
        { line: 3, reason: "broken" },
        { line: 4, reason: "odd" },
      ],
    });
    expect(found.meta).toEqual({ blockSize: 32, model: "m", pattern: "burst" });
  });

  it("gives smallest, median and largest over the records that tell", () => {
    expect(found.ranges).toEqual({
      promptTokens: { n: 3, min: 64, p50: 64, max: 64 },
      outputTokens: { n: 3, min: 0, p50: 2, max: 2 },
      cachedTokens: { n: 2, min: 0, p50: 16, max: 32 },
      ttftMs: { n: 2, min: 10, p50: 20, max: 30 },
      itlMs: { n: 2, min: 4, p50: 5, max: 6 },
      concurrency: { n: 1, min: 2, p50: 2, max: 2 },
    });
  });

  it("finds which prompt blocks were in an earlier prompt, and what the engine says it reused", () => {
    expect(found.sharing).toEqual({
      hashedRequests: 3,
      blockSize: 32,
      blocks: 6,
      distinctBlocks: 3,
      unboundedHitFraction: 3 / 6,
      recordedCachedFraction: 32 / 128,
      requestsWithHit: 1,
    });
  });

  it("counts why requests have no block hashes, where the trace tells of some", () => {
    const records = [{ extra: { no_hashes: "no tokenizer" } }, { extra: { no_hashes: "no tokenizer" } }, {}];
    expect(inspect(traceOf(records)).sharing.withoutHashes).toEqual({ "no tokenizer": 2, "not recorded": 1 });
  });

  it("leaves out what nothing tells", () => {
    const bare = inspect(traceOf([{}]));
    expect(bare).not.toHaveProperty("spanMs");
    expect(bare).not.toHaveProperty("ratePerSecond");
    expect(bare.sharing).toEqual({
      hashedRequests: 0,
      blockSize: 32,
      blocks: 0,
      distinctBlocks: 0,
      requestsWithHit: 0,
    });
    expect(Object.keys(bare.ranges)).toEqual(["promptTokens", "outputTokens"]);
    expect(bare.finishReasons).toEqual({ "not recorded": 1 });
    expect(inspect(traceOf([{ arrivalMs: 7 }, { arrivalMs: 7 }]))).toMatchObject({ spanMs: 0 });
    expect(inspect(traceOf([{ arrivalMs: 7 }, { arrivalMs: 7 }]))).not.toHaveProperty("ratePerSecond");
  });

  it("shows twenty problems at most, rejected rows first", () => {
    const many = Array.from({ length: 30 }, (_, line) => ({ line, reason: "odd" }));
    const { problems } = inspect({ ...traceOf([{}]), warnings: many });
    expect(problems).toHaveLength(20);
    expect(problems[0]).toEqual({ line: 3, reason: "broken" });
  });

  it("counts sessions, those of more turns than one, and the longest", () => {
    const trace = traceOf([{}, {}, {}, {}]);
    const sessions = {
      parent: Int32Array.of(-1, 0, 1, -1),
      turn: Int32Array.of(1, 2, 3, 1),
      session: Int32Array.of(0, 0, 0, 1),
    };
    expect(inspectTrace({ trace, sessions }).sessions).toEqual({ count: 2, multiTurn: 1, longestTurns: 3 });
  });
});

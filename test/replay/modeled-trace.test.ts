import { describe, expect, it } from "vitest";
import { summarizeCohort } from "../../lib/cohorts/index.js";
import { engineOptions } from "../../lib/engine/index.js";
import { modeledTrace, type Plan } from "../../lib/replay/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";
import { type Outcome, runOf } from "./run-of.js";

const engine = engineOptions({});

function traceOf(records: readonly Partial<TraceRecord>[]): Trace {
  return {
    meta: { model: "some model", blockSize: 16, extra: { pattern: "poisson" } },
    records: records.map((record) => ({ promptTokens: 40, outputTokens: 3, ...record })),
    blocks: new BlockTable(),
    rejected: [{ line: 7, reason: "not JSON" }],
    warnings: [{ line: 0, reason: "of the source" }],
  };
}

function planOf({ records }: Trace, plan: Partial<Plan> = {}): Plan {
  return {
    requests: records.map(({ promptTokens, outputTokens }) => ({
      promptTokens,
      outputTokens,
      contentIds: new Int32Array(0),
      fireAtMs: 0,
    })),
    pacing: "open-loop",
    prompts: "recorded",
    blockSize: 16,
    contentCount: 0,
    assumptions: [],
    ...plan,
  };
}

function modeled(
  outcomes: readonly Outcome[],
  endMs: number,
  records: readonly Partial<TraceRecord>[] = outcomes.map(() => ({})),
  options: Parameters<typeof modeledTrace>[4] = {},
): readonly TraceRecord[] {
  const source = traceOf(records);
  return modeledTrace(source, planOf(source), runOf(outcomes, endMs), engine, options).records;
}

const answered: Outcome = { sentMs: 10, admittedMs: 11, cachedTokens: 0, tokensMs: [30, 35, 45] };

describe("a modeled record", () => {
  it("of an answered request has its times as the client saw them", () => {
    const [record] = modeled([answered], 100);
    expect(record).toEqual({
      promptTokens: 40,
      outputTokens: 3,
      arrivalMs: 10,
      concurrency: 1,
      cachedTokens: 0,
      ttftMs: 20,
      itlMs: Float64Array.of(5, 10),
      finishReason: "length",
      elapsedMs: 35,
    });
  });

  it("names the replica that answered where there are several", () => {
    const replicas = [1, 0].map((replica) => ({ ...answered, replica }));
    expect(modeled(replicas, 100, [{}, {}]).map(({ replica }) => replica)).toEqual(["1", "0"]);
    expect(modeled([answered, answered], 100, [{}, {}]).map(({ replica }) => replica)).toEqual([
      undefined,
      undefined,
    ]);
  });

  it("keeps the names and parents of its source, so that it is the same workload", () => {
    const parents = [{ requestId: "a", kind: "spawn" as const }];
    const [, child] = modeled([answered, answered], 100, [
      { requestId: "a" },
      { requestId: "b", agent: "explore", parents },
    ]);
    expect(child).toMatchObject({ requestId: "b", agent: "explore", parents });
  });

  it("of an answer of one token has no gaps, told or summed up", () => {
    for (const gaps of [true, false]) {
      const [record] = modeled([{ ...answered, tokensMs: [30] }], 100, [{ outputTokens: 1 }], { gaps });
      expect(record).toMatchObject({ ttftMs: 20, outputTokens: 1, finishReason: "length", elapsedMs: 20 });
      expect(Object.keys(record)).not.toContain("itlMs");
      expect(Object.keys(record)).not.toContain("itlSummary");
    }
  });

  it("has its gaps from its own part of the run's, all in one piece of memory no longer than they are", () => {
    const records = modeled([answered, { ...answered, tokensMs: [50, 51] }], 100, [{}, { outputTokens: 2 }]);
    expect(records.map(({ itlMs }) => [...(itlMs ?? [])])).toEqual([[5, 10], [1]]);
    expect(records[0].itlMs?.buffer).toBe(records[1].itlMs?.buffer);
    expect(records[0].itlMs?.buffer.byteLength).toBe(3 * 8);
  });

  it("has mean and count of the gaps where these are not wanted", () => {
    const [record] = modeled([answered], 100, [{}], { gaps: false });
    expect(record.itlSummary).toEqual({ meanMs: 7.5, count: 2 });
    expect(record.itlMs).toBeUndefined();
  });

  it("has the load behind each gap where the run kept it, and no word of it where it did not", () => {
    const context = { numRunning: Int32Array.of(4, 5), prefillTokens: Int32Array.of(0, 60) };
    const [kept, other] = modeled([{ ...answered, context }, answered], 100);
    expect(kept.itlCtx).toBe(context);
    expect(Object.keys(other)).not.toContain("itlCtx");
  });

  it("of a request that was never sent says so, and nothing else", () => {
    const [record] = modeled([{}], 100, [{ session: "s", turn: 2, arrivalMs: 5, ttftMs: 6 }]);
    expect(record).toEqual({
      promptTokens: 40,
      outputTokens: 0,
      session: "s",
      turn: 2,
      finishReason: "never sent",
    });
  });

  it("of a refused request says so, and did not wait: the server answers at once that it has no room", () => {
    const refused = modeled(
      [
        { sentMs: 10, isRefused: true },
        { sentMs: 150, isRefused: true },
      ],
      100,
    );
    expect(refused).toEqual(
      [10, 150].map((arrivalMs) => ({
        promptTokens: 40,
        outputTokens: 0,
        arrivalMs,
        finishReason: "refused",
        elapsedMs: 0,
      })),
    );
    const served = modeled([answered], 100);
    expect(summarizeCohort([...refused, ...served]).ttftMs).toEqual(summarizeCohort(served).ttftMs);
  });

  it("of a request without a first token is unfinished, and was waiting until the end", () => {
    const [found, missed] = modeled(
      [
        { sentMs: 10, admittedMs: 20, cachedTokens: 16 },
        { sentMs: 20, admittedMs: 20, cachedTokens: 0 },
      ],
      100,
    );
    expect(found).toMatchObject({
      finishReason: "unfinished",
      elapsedMs: 90,
      cachedTokens: 16,
      outputTokens: 0,
    });
    expect(missed).toMatchObject({ finishReason: "unfinished", elapsedMs: 80, cachedTokens: 0 });
  });

  it("of a request that its client gave up on is a time-out, with what came until then", () => {
    const outcomes = [
      { sentMs: 10, admittedMs: 11, cachedTokens: 16, tokensMs: [30, 35], timedOutMs: 60 },
      { sentMs: 20, admittedMs: 21, cachedTokens: 0, timedOutMs: 70 },
      { sentMs: 65 },
      { sentMs: 75, admittedMs: 80, cachedTokens: 0, tokensMs: [90, 91, 92] },
    ];
    const source = traceOf(outcomes.map(() => ({})));
    const trace = modeledTrace(source, planOf(source), runOf(outcomes, 100, 50), engine, {
      onTimeout: "end-session",
    });
    expect(trace.meta.extra).toMatchObject({ request_timeout_ms: 50, on_timeout: "end-session" });
    const [seen, unseen, waits, answered] = trace.records;
    expect(seen).toMatchObject({
      finishReason: "timeout",
      elapsedMs: 50,
      ttftMs: 20,
      outputTokens: 2,
      cachedTokens: 16,
    });
    expect([...(seen.itlMs ?? [])]).toEqual([5]);
    expect(unseen).toMatchObject({ finishReason: "timeout", elapsedMs: 50, outputTokens: 0 });
    expect(Object.keys(unseen)).not.toContain("ttftMs");
    // At 65 the second and the third are in flight, at 75 the first two have been given up.
    expect([waits.concurrency, waits.finishReason, waits.elapsedMs]).toEqual([2, "unfinished", 35]);
    expect(answered).toMatchObject({ concurrency: 2, finishReason: "length" });
  });

  it("of an answer that was cut short has the tokens that came, and not the blocks of the whole", () => {
    const blocks = { blockIds: Int32Array.of(1, 2), outputBlockIds: Int32Array.of(3) };
    const [cut, whole] = modeled([{ ...answered, tokensMs: [30, 35], isComplete: false }, answered], 100, [
      blocks,
      blocks,
    ]);
    expect(cut).toMatchObject({ outputTokens: 2, finishReason: "unfinished", ttftMs: 20, elapsedMs: 90 });
    expect(cut.blockIds).toBe(blocks.blockIds);
    expect(Object.keys(cut)).not.toContain("outputBlockIds");
    expect(whole.outputBlockIds).toBe(blocks.outputBlockIds);
  });

  it("has no field that the source does not have", () => {
    const [record] = modeled([answered], 100);
    for (const name of ["blockIds", "outputBlockIds", "session", "turn"])
      expect(Object.keys(record)).not.toContain(name);
  });
});

describe("requests in flight at an arrival", () => {
  const sent = (sentMs: number, doneMs?: number): Outcome =>
    doneMs === undefined ? { sentMs } : { sentMs, tokensMs: [doneMs] };
  const inFlight = (outcomes: readonly Outcome[]) =>
    modeled(outcomes, 1000).map(({ concurrency }) => concurrency);

  it("are those sent and not done, in the order of sending and not of the trace", () => {
    // Sent at 0, 10, 20, 30, 60; done at 50, 25, 60, 90, 61.
    expect(inFlight([sent(30, 90), sent(0, 50), sent(60, 61), sent(10, 25), sent(20, 60)])).toEqual([
      3, 1, 2, 2, 3,
    ]);
  });

  it("count the first first of those sent together, and one that never ends to the end", () => {
    expect(inFlight([sent(5), sent(5, 10), sent(5, 9), sent(800, 900)])).toEqual([1, 2, 3, 2]);
  });

  it("are not told for one that was refused or never sent, and these are not counted", () => {
    expect(inFlight([sent(5, 500), { sentMs: 6, isRefused: true }, {}, sent(7, 8)])).toEqual([
      1,
      undefined,
      undefined,
      2,
    ]);
  });
});

describe("the meta line of a modeled trace", () => {
  const source = traceOf([{}]);
  const metaOf = (plan: Partial<Plan>, options: Parameters<typeof modeledTrace>[4] = {}) =>
    modeledTrace(source, planOf(source, plan), runOf([answered], 100), engine, options).meta;

  it("keeps what the source tells, names what it ran under, and leaves out what the source's client did", () => {
    expect(metaOf({ pacing: "session" }, { seed: 4, modelKind: "physical" })).toEqual({
      model: "some model",
      blockSize: 16,
      engine,
      source: "modeled",
      extra: { pacing: "session", prompts: "recorded", seed: 4, latency_model: "physical" },
    });
  });

  it("names prompts that share nothing by the word of the flag, and no seed or model that is not told", () => {
    expect(metaOf({ prompts: "unique" }).extra).toEqual({ pacing: "open-loop", prompts: "cold" });
  });

  it("goes with the source's blocks, and without its rejected rows and warnings", () => {
    const trace = modeledTrace(source, planOf(source), runOf([answered], 100), engine);
    expect(trace.blocks).toBe(source.blocks);
    expect([trace.rejected, trace.warnings]).toEqual([[], []]);
  });
});

import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataDir } from "../../lib/captures/index.js";
import { compareEngineView } from "../../lib/judge/index.js";
import { onCapturedClock } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { engineSettingsOf } from "../../lib/settings/index.js";
import { readEngineView, readTrace } from "../../lib/trace/files/index.js";
import {
  BlockTable,
  type EngineView,
  metaFromJson,
  type Trace,
  type TraceRecord,
} from "../../lib/trace/index.js";

async function smallPool() {
  const path = join(dataDir(), "vllm-small-pool", "small-pool-1.jsonl.gz");
  const trace = await readTrace(path);
  const view = await readEngineView(path, trace);
  if (!view) throw new Error("the capture has its engine's view beside it");
  return { workload: workloadOf(trace), trace, view };
}

describe("a real vLLM with a small pool", () => {
  it("stored and removed the simulated pool's blocks, in its order, and found as many tokens", async () => {
    const { workload, view } = await smallPool();
    const { counters, pool, doubts } = compareEngineView(workload, view);
    expect(doubts).toEqual([]);
    expect(pool).toMatchObject({ blockSize: 32, kvCacheBlocks: 259, preemptions: 1 });
    const { stored, removed, rowsAlike, rowsWithCached } = pool!;
    expect([stored.a, removed.a, rowsWithCached]).toEqual([973, 718, 121]);
    expect(stored.both).toBe(stored.a);
    expect(stored.b).toBe(stored.a);
    expect(stored.inOrder / stored.a).toBeGreaterThan(0.99);
    expect(removed.both).toBe(removed.a);
    expect(removed.inOrder).toBe(removed.a);
    expect(removed.b - removed.a).toBeLessThanOrEqual(1);
    expect(rowsAlike).toBe(rowsWithCached);
    expect(counters).toMatchObject({
      queriedTokens: 146_000,
      rowPromptTokens: 146_000,
      hitTokens: 117_632,
      rowCachedTokens: 117_632,
      preemptions: 1,
      restarts: 0,
    });
  });

  it("is told from a pool of another size and another policy", async () => {
    const { workload, view } = await smallPool();
    const larger = compareEngineView(workload, view, { kvCacheBlocks: 400 }).pool!;
    expect(larger.removed.both).toBeLessThan(0.9 * larger.removed.a);
    const other = compareEngineView(workload, view, { eviction: "mru" }).pool!;
    expect(other.removed.inOrder).toBeLessThan(0.5 * other.removed.a);
    expect(other.rowsAlike).toBeLessThan(other.rowsWithCached);
  });

  it("counts looked-up and found tokens as the simulated engine does, once a request", async () => {
    const { workload, trace } = await smallPool();
    const run = onCapturedClock(workload, engineSettingsOf({ ...trace.meta.engine }));
    expect(run).toMatchObject({ queriedTokens: 146_000, hitTokens: 117_632, preemptions: 1, leftOut: 0 });
  });
});

/** Rows of whole blocks of 16 that never end before the next ones come, and an engine's view made by hand. */
function traceOf(
  records: readonly Partial<TraceRecord>[],
  meta: object = { num_gpu_blocks: 9, engine_block_size: 16 },
): Trace {
  const blocks = new BlockTable();
  for (let id = 0; id < 100; id++) blocks.intern(7, id);
  return {
    meta: metaFromJson({ block_size: 16, max_num_batched_tokens: 512, ...meta }),
    records: records.map((record) => ({ promptTokens: 32, outputTokens: 1, ...record })),
    blocks,
    rejected: [],
    warnings: [],
  };
}

function viewOf(view: Partial<EngineView>): EngineView {
  return {
    meta: {},
    snapshots: [],
    batches: [],
    missedBatches: 0,
    joinedBlocks: 0,
    storedBlocks: 0,
    problems: [],
    ...view,
  };
}

const batch = (sequence: number, events: EngineView["batches"][number]["events"], rank?: number) => ({
  atMs: sequence,
  sequence,
  ...(rank !== undefined && { rank }),
  events,
});
const storedBlocks = (ids: number[], rest: object = {}) =>
  ({ kind: "stored", blockIds: Int32Array.from(ids), parentId: -1, blockSize: 16, ...rest }) as const;

describe("what an engine counted", () => {
  it("is what its counters grew by, also over a new start of it", () => {
    const snapshots = [
      { queriedTokens: 100, hitTokens: 50, outputTokens: 5, running: 0, waiting: 0 },
      { queriedTokens: 300, hitTokens: 150, outputTokens: 9, running: 3, waiting: 2 },
      { queriedTokens: 40, hitTokens: 10, outputTokens: 1, running: 1, waiting: 0 },
    ].map((counters, i) => ({ atMs: i, counters }));
    const trace = traceOf([{ cachedTokens: 16 }, { cachedTokens: 0 }, {}]);
    expect(compareEngineView(workloadOf(trace), viewOf({ snapshots })).counters).toEqual({
      looks: 3,
      queriedTokens: 240,
      hitTokens: 110,
      mostRunning: 3,
      mostWaiting: 2,
      rowPromptTokens: 64,
      rowCachedTokens: 16,
      rowsWithoutCached: 1,
      restarts: 1,
    });
  });

  it("is nothing by a single look", () => {
    const snapshots = [{ atMs: 0, counters: { hitTokens: 1 } }];
    expect(compareEngineView(workloadOf(traceOf([])), viewOf({ snapshots }))).toEqual({ doubts: [] });
  });
});

describe("what makes the comparison less than it looks is said", () => {
  const record = { arrivalMs: 0, ttftMs: 5, blockIds: Int32Array.of(0, 1) };

  it("events before the capture, missed ones, ranks, blocks without a name, lines that cannot be read", () => {
    const view = viewOf({
      batches: [batch(4, [storedBlocks([0, 1])], 0), batch(2, [], 1)],
      missedBatches: 3,
      storedBlocks: 2,
      joinedBlocks: 1,
      problems: [{ line: 3, reason: "not JSON" }],
    });
    expect(compareEngineView(workloadOf(traceOf([record])), view).doubts).toEqual([
      "6 batches of events were sent before the capture listened: what was stored then is not known",
      "3 batches of events were missed",
      "1 of 2 stored blocks cannot be named in the trace's fingerprints",
      "2 ranks sent events, and the simulated pool is one",
      "1 lines of the engine's view cannot be read",
    ]);
  });

  it("blocks of another size, a pool and a budget that are assumed", () => {
    const view = viewOf({ batches: [batch(0, [storedBlocks([50], { blockSize: 24 })])] });
    const trace = traceOf([record], { max_num_batched_tokens: null });
    expect(compareEngineView(workloadOf(trace), view).doubts).toEqual([
      "the number of blocks is assumed: 65536",
      "the token budget of a step is assumed: 2048",
      "the engine's blocks (24 tokens) are no whole number of the trace's (16): only their numbers can be compared; capture with --block-size 24",
    ]);
  });

  it("blocks in other memories and pools are not those of the simulated one", () => {
    const view = viewOf({
      batches: [
        batch(0, [
          storedBlocks([0, 1]),
          storedBlocks([0, 1], { medium: "CPU" }),
          storedBlocks([0], { group: 1 }),
        ]),
      ],
    });
    expect(compareEngineView(workloadOf(traceOf([record])), view).pool?.stored).toEqual({
      a: 2,
      b: 2,
      both: 2,
      inOrder: 2,
    });
  });

  it("slots, or a cache that is off, have no pool of blocks", () => {
    const view = viewOf({ batches: [batch(0, [storedBlocks([0])])] });
    for (const meta of [{ prefix_reuse: "slots" }, { enable_prefix_caching: false }])
      expect(compareEngineView(workloadOf(traceOf([record], meta)), view).pool).toBeUndefined();
  });
});

describe("the simulated engine on a capture's own clock", () => {
  const settings = engineSettingsOf({ blockSize: 16, kvCacheBlocks: 4, maxNumBatchedTokens: 512 });
  const run = (records: readonly Partial<TraceRecord>[]) =>
    onCapturedClock(workloadOf(traceOf(records)), settings);

  it("runs each request when it came: what one left, the next finds, and the pool evicts the end of the chain first", () => {
    const { events, cachedTokens } = run([
      { arrivalMs: 0, ttftMs: 5, promptTokens: 49, blockIds: Int32Array.of(0, 1, 2) },
      { arrivalMs: 10, ttftMs: 5, promptTokens: 49, blockIds: Int32Array.of(0, 1, 3) },
      { arrivalMs: 20, ttftMs: 5, promptTokens: 33, blockIds: Int32Array.of(8, 9) },
    ]);
    expect(cachedTokens).toEqual([0, 32, 0]);
    const text = events.map(({ kind, contentId }) => `${kind} ${contentId}`);
    expect(text.slice(0, 3)).toEqual(["stored 0", "stored 1", "stored 2"]);
    expect(text.slice(3)).toEqual([
      "removed 2",
      "stored 3",
      "removed 3",
      "removed 1",
      "stored 8",
      "stored 9",
    ]);
  });

  it("leaves out what has no arrival, no prompt, or no room in the pool", () => {
    const { leftOut, cachedTokens } = run([
      { ttftMs: 1 },
      { arrivalMs: 0, promptTokens: 0 },
      { arrivalMs: 0, promptTokens: 80 },
      { arrivalMs: 0, ttftMs: 1 },
    ]);
    expect(leftOut).toBe(3);
    expect(cachedTokens).toEqual([undefined, undefined, undefined, 0]);
  });

  it("gives up a request without an answer when its client did, and takes the next one in", () => {
    const { cachedTokens, leftOut } = run([
      { arrivalMs: 0, outputTokens: 0, elapsedMs: 30, finishReason: "abort", promptTokens: 40 },
      { arrivalMs: 1, ttftMs: 50, promptTokens: 40, blockIds: Int32Array.of(5, 6) },
    ]);
    expect(leftOut).toBe(0);
    expect(cachedTokens).toEqual([0, 0]);
  });

  it("ends for answers that were not streamed, that came in chunks, and that have no times", () => {
    const { cachedTokens } = run([
      { arrivalMs: 0, outputTokens: 8, elapsedMs: 40 },
      { arrivalMs: 1, outputTokens: 6, ttftMs: 3, itlMs: Float64Array.of(9), itlTokens: Int32Array.of(5) },
      { arrivalMs: 2, outputTokens: 4 },
    ]);
    expect(cachedTokens.every((tokens) => tokens === 0)).toBe(true);
  });
});

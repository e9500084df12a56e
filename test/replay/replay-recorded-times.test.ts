import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { dataDir } from "../../lib/captures/index.js";
import { replayRecordedTimes } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import { metaFromJson, type Trace } from "../../lib/trace/index.js";

const captured = async (pool: number) =>
  workloadOf(await readTrace(join(dataDir(), "evicting", `pool-${pool}.jsonl.gz`)));

function exactOf(a: Trace, b: Trace): number {
  return a.records.filter(({ cachedTokens }, i) => cachedTokens === b.records[i].cachedTokens).length;
}

describe("a capture at its own times", () => {
  it.each([
    [180, 124],
    [260, 123],
    [340, 124],
  ])("finds what a real vLLM with a pool of %i blocks found, on %i of 124 requests", async (pool, exact) => {
    const workload = await captured(pool);
    const replayed = replayRecordedTimes(workload);
    expect(replayed.engine.settings.kvCacheBlocks).toBe(pool - 1);
    expect(replayed.run.leftOut).toBe(0);
    expect(exactOf(workload.trace, replayed.trace)).toBe(exact);
    // The pool is what decides it.
    const half = replayRecordedTimes(workload, { engine: { kvCacheBlocks: pool / 2 } });
    expect(exactOf(workload.trace, half.trace)).toBeLessThan(exact - 10);
  });

  it("keeps every record but for what is found, and changes nothing of the capture", async () => {
    const workload = await captured(180);
    const before = structuredClone(workload.trace.records);
    const { trace } = replayRecordedTimes(workload, { engine: { kvCacheBlocks: 90 } });
    expect(workload.trace.records).toEqual(before);
    expect(trace.records.map((record) => ({ ...record, cachedTokens: 0 }))).toEqual(
      before.map((record) => ({ ...record, cachedTokens: 0 })),
    );
  });

  it("finds at most what a prompt has but for its last token, in whole blocks", async () => {
    const { trace, engine } = replayRecordedTimes(await captured(260));
    for (const { cachedTokens = 0, promptTokens } of trace.records) {
      expect(cachedTokens % engine.settings.blockSize).toBe(0);
      expect(cachedTokens).toBeLessThan(promptTokens);
    }
  });

  it("is refused for several engines, for slots, and where nothing tells a time", async () => {
    const { trace } = await captured(180);
    const refused = (meta: object, records = trace.records) => {
      const other = { ...trace, meta: { ...trace.meta, ...metaFromJson(meta) }, records };
      return () => replayRecordedTimes(workloadOf(other as Trace));
    };
    expect(refused({ data_parallel_size: 2 })).toThrow(/capture is of 2 engines/);
    expect(refused({ prefix_reuse: "slots" })).toThrow(/keeps prefixes in slots/);
    const timeless = trace.records.map(({ arrivalMs: _, ...record }) => record);
    expect(refused({}, timeless)).toThrow(InputError);
    expect(refused({}, timeless)).toThrow(/no record tells when it arrived/);
  });
});

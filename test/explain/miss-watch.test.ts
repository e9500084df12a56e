import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataDir } from "../../lib/captures/index.js";
import { explainMisses, isLost, type MissPart, MissWatch, type PrefixLoss } from "../../lib/explain/index.js";
import { completionMs, workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";

/** Parts without the record that they left: its index is another in a window. */
const told = (parts: readonly MissPart[]) => parts.map(({ from: _from, ...part }) => part);
const endMs = (record: TraceRecord) => completionMs(record) as number;

/** Lost parts by arrival, as the finished trace has them. */
function lostInAll(trace: Trace): Map<number, object[]> {
  const { requests } = explainMisses(workloadOf(trace));
  return new Map(
    requests.flatMap(({ index, parts }) => {
      const lost = parts.filter(({ cause }) => isLost(cause));
      return lost.length === 0 ? [] : [[trace.records[index].arrivalMs as number, told(lost)]];
    }),
  );
}

/** Gives the records one by one at their ends, as a tap does, and looks after every `every`th. */
function watched(trace: Trace, every: number, options: { windowTokens?: number } = {}): PrefixLoss[] {
  const watch = new MissWatch({ meta: trace.meta, ...options });
  const losses: PrefixLoss[] = [];
  const inOrderOfEnd = [...trace.records].sort((a, b) => endMs(a) - endMs(b));
  inOrderOfEnd.forEach((record, i) => {
    watch.add(record, trace.blocks, endMs(record));
    if (i % every === 0) losses.push(...watch.settle(endMs(record)));
  });
  losses.push(...watch.settle(endMs(inOrderOfEnd[inOrderOfEnd.length - 1]), true));
  expect(watch.undecided).toBe(0);
  return losses;
}

const byArrival = (losses: readonly PrefixLoss[]) =>
  new Map(losses.map(({ arrivalMs, parts }) => [arrivalMs as number, told(parts)]));

const { faults } = JSON.parse(readFileSync(join(dataDir(), "planted-faults", "inventory.json"), "utf8")) as {
  readonly faults: readonly { readonly file: string }[];
};
const files = [
  ...faults.map(({ file }) => join("planted-faults", file)),
  join("vllm-small-pool", "small-pool-1.jsonl.gz"),
];

describe("losses told while a capture goes on", () => {
  it.each(files)("%s: the causes and tokens of the finished trace, however often one looks", async (file) => {
    const trace = await readTrace(join(dataDir(), file));
    const whole = lostInAll(trace);
    expect(whole.size).toBeGreaterThan(0);
    for (const every of [1, 7, 1000]) expect(byArrival(watched(trace, every))).toEqual(whole);
  });

  it("tells a divergence as soon as its request is over", async () => {
    const trace = await readTrace(join(dataDir(), "planted-faults", "clock.jsonl.gz"));
    const watch = new MissWatch({ meta: trace.meta });
    const told = trace.records.map((record) => {
      watch.add(record, trace.blocks, endMs(record));
      return watch.settle(endMs(record));
    });
    expect(told.slice(1).every((losses) => losses.length === 1)).toBe(true);
    expect(told[31][0]).toMatchObject({ turn: 4, before: { turn: 3 }, sameBefore: 30 });
    expect(told[31][0].parts[0].divergence).toMatchObject({
      kind: "head_changed",
      message: { role: "system" },
    });
  });

  it("tells where prompts part, and nothing else, where the server does not say what it found", async () => {
    const trace = await readTrace(join(dataDir(), "planted-faults", "clock.jsonl.gz"));
    const whole = lostInAll(trace);
    const silent = trace.records.map(({ cachedTokens: _told, ...record }) => record);
    const losses = watched({ ...trace, records: silent }, 1);
    expect(byArrival(losses)).toEqual(whole);
    expect(losses.every(({ cachedTokens }) => cachedTokens === undefined)).toBe(true);
    const evicting = await readTrace(join(dataDir(), "planted-faults", "small-pool.jsonl.gz"));
    const untold = evicting.records.map(({ cachedTokens: _told, ...record }) => record);
    expect(watched({ ...evicting, records: untold }, 1)).toEqual([]);
  });

  it("holds a window: what was last used before it is not told, and what is told is no other cause", async () => {
    const trace = await readTrace(join(dataDir(), "planted-faults", "clock.jsonl.gz"));
    const whole = lostInAll(trace);
    const losses = watched(trace, 1, { windowTokens: 12_000 });
    expect(losses.length).toBeGreaterThan(0);
    expect(losses.length).toBeLessThanOrEqual(whole.size);
    for (const { parts } of losses)
      expect(new Set(parts.map(({ cause }) => cause))).toEqual(new Set(["diverged"]));
  });

  it("waits for the requests that were in flight when one came, and not for ever", async () => {
    const { meta, records, blocks } = await readTrace(join(dataDir(), "cold-1.jsonl.gz"));
    const watch = new MissWatch({ meta, waitMs: 1_000 });
    const [first, second] = records;
    // A third was in flight, and never ends.
    watch.add({ ...first, concurrency: 1 }, blocks, 0);
    watch.add({ ...second, concurrency: 3 }, blocks, 0);
    watch.settle(0);
    expect(watch.undecided).toBe(1);
    watch.settle(999);
    expect(watch.undecided).toBe(1);
    watch.settle(1_000);
    expect(watch.undecided).toBe(0);
  });
});

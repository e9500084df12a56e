import { describe, expect, it } from "vitest";
import { windowedSessions } from "../../lib/scale/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { readTraceRows } from "../../lib/trace/files/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { syntheticTrace, withTraceFile } from "./synthetic-trace.js";

async function labelled(path: string, windowRequests: number, maxBlocks = 1_000_000) {
  const rows = readTraceRows(path, { maxBlocks });
  const labels: { arrivalMs: number; parent: number; turn: number; session: number; index: number }[] = [];
  for await (const { value, ...label } of windowedSessions(rows, {
    windowRequests,
    keep: (record) => record.arrivalMs as number,
  }))
    labels.push({ arrivalMs: value, ...label });
  return labels;
}

describe("windowedSessions", () => {
  it("labels a stream as inferSessions labels the whole trace, in windows a tenth of its length", async () => {
    for (const seed of [1, 2, 3]) {
      const trace = syntheticTrace(1500, seed);
      const whole = inferSessions(trace);
      await withTraceFile(trace, async (path) => {
        const labels = await labelled(path, 400);
        expect(labels.map((l) => l.index)).toEqual(trace.records.map((_, i) => i));
        expect(
          labels.map((l) => l.parent),
          `seed ${seed}`,
        ).toEqual([...whole.parent]);
        expect(labels.map((l) => l.turn)).toEqual([...whole.turn]);
        expect(labels.map((l) => l.session)).toEqual([...whole.session]);
      });
    }
  });

  it("needs no block of the file beyond its window: an emptied block table changes nothing", async () => {
    const trace = syntheticTrace(8000, 4);
    await withTraceFile(trace, async (path) => {
      const rows = readTraceRows(path, { maxBlocks: 500 });
      let most = 0;
      for await (const _ of rows) most = Math.max(most, rows.blocks.size);
      expect(most).toBeLessThan(trace.blocks.size / 2);
      expect(await labelled(path, 2000, 500)).toEqual(await labelled(path, 2000));
    });
  });

  it("puts rows in order of arrival when they are less than a quarter of a window late", async () => {
    const trace = syntheticTrace(600, 5);
    const shuffled = [...trace.records];
    for (let i = 0; i + 7 < shuffled.length; i += 8)
      shuffled.splice(i, 8, ...shuffled.slice(i, i + 8).reverse());
    const late: Trace = { ...trace, records: shuffled };
    await withTraceFile(late, async (path) => {
      const labels = await labelled(path, 400);
      const arrivals = labels.map((l) => l.arrivalMs);
      expect(arrivals).toEqual([...arrivals].sort((a, b) => a - b));
      expect(labels.map((l) => l.parent)).toEqual([...inferSessions(trace).parent]);
    });
  });

  it("starts a session anew when it pauses for longer than a window", async () => {
    const trace = syntheticTrace(400, 6);
    const [first] = trace.records;
    const chain = Array.from(first!.blockIds as Int32Array);
    for (let b = 0; b < 4; b++) chain.push(trace.blocks.intern(7, 1_000_000 + b));
    const lastMs = trace.records[trace.records.length - 1]!.arrivalMs as number;
    const late = {
      ...first!,
      promptTokens: chain.length * 16 + 3,
      blockIds: Int32Array.from(chain),
      arrivalMs: lastMs + 1000,
    };
    const longer = { ...trace, records: [...trace.records, late] };
    expect(inferSessions(longer).parent.at(-1)).toBe(0);
    await withTraceFile(longer, async (path) => {
      expect((await labelled(path, 200)).at(-1)).toMatchObject({ parent: -1, turn: 1 });
    });
  });
});

import { describe, expect, it } from "vitest";
import {
  groupByStep,
  isCacheRecorded,
  type TracedPrefill,
  toPrefillStep,
  tracedPrefills,
} from "../../lib/fit/prefill-steps.js";
import type { Trace, TraceRecord } from "../../lib/trace/index.js";
import { BlockTable } from "../../lib/trace/index.js";
import { recordOf } from "./record-of.js";

function traceOf(records: readonly TraceRecord[], blockSize?: number, blocks = new BlockTable()): Trace {
  return {
    meta: { extra: {}, ...(blockSize === undefined ? {} : { blockSize }) },
    records,
    blocks,
    rejected: [],
    warnings: [],
  };
}

describe("tracedPrefills", () => {
  it("tells of each first token its time, what was computed and in how many chunks, in order of time", () => {
    const late = recordOf({ arrivalMs: 0, ttftMs: 90, promptTokens: 1000, cachedTokens: 400 });
    const early = recordOf({ arrivalMs: 10, ttftMs: 30, promptTokens: 200, extra: { waiting_ms: 5 } });
    const prefills = tracedPrefills(traceOf([late, early]), 256, 0);
    expect(prefills).toEqual([
      {
        index: 1,
        record: early,
        firstTokenMs: 40,
        scheduledMs: 15,
        uncachedTokens: 200,
        tokenDepth: 20_000,
        chunks: 1,
      },
      {
        index: 0,
        record: late,
        firstTokenMs: 90,
        scheduledMs: undefined,
        uncachedTokens: 600,
        tokenDepth: (1000 ** 2 - 400 ** 2) / 2,
        chunks: 3,
      },
    ]);
    expect(tracedPrefills(traceOf([late]), 256, 100)[0].chunks).toBe(6);
  });

  it("leaves out requests without arrival or first token", () => {
    const records = [recordOf({ arrivalMs: 1 }), recordOf({ ttftMs: 1 }), recordOf()];
    expect(tracedPrefills(traceOf(records), 256, 0)).toEqual([]);
  });

  it("takes leading blocks of earlier prompts as cached where no record says how many were", () => {
    const blocks = new BlockTable();
    const chain = (...hashes: number[]) => Int32Array.from(hashes, (hash) => blocks.intern(0, hash));
    const records = [chain(1, 2, 3), chain(1, 2, 4, 3), chain(9, 2), chain(1, 2, 4, 3)].map((blockIds, i) =>
      recordOf({ arrivalMs: i, ttftMs: 1, promptTokens: 100, blockIds }),
    );
    const withoutIds = recordOf({ arrivalMs: 9, ttftMs: 1, promptTokens: 100 });
    const uncached = (blockSize?: number) =>
      tracedPrefills(traceOf([...records, withoutIds], blockSize, blocks), 256, 0).map(
        ({ uncachedTokens }) => uncachedTokens,
      );
    expect(uncached(10)).toEqual([100, 80, 100, 60, 100]);
    expect(uncached()).toEqual([100, 68, 100, 36, 100]);
  });

  it("believes the records as soon as one of them says what was cached", () => {
    const blocks = new BlockTable();
    const blockIds = Int32Array.from([blocks.intern(0, 1), blocks.intern(0, 2)]);
    const records = [0, 1, 2].map((i) => recordOf({ arrivalMs: i, ttftMs: 1, promptTokens: 100, blockIds }));
    expect(isCacheRecorded(traceOf(records))).toBe(false);
    const told = [...records.slice(0, 2), { ...records[2], cachedTokens: 32 }];
    expect(isCacheRecorded(traceOf(told))).toBe(true);
    expect(tracedPrefills(traceOf(told, 16, blocks), 256, 0).map((p) => p.uncachedTokens)).toEqual([
      100, 100, 68,
    ]);
  });
});

describe("groupByStep", () => {
  it("puts first tokens together that came less than a millisecond after the first of them", () => {
    const at = (firstTokenMs: number) => ({ firstTokenMs }) as TracedPrefill;
    const groups = groupByStep([at(10), at(10.6), at(10.99), at(11), at(11.5), at(12.5)]);
    expect(groups.map((group) => group.map(({ firstTokenMs }) => firstTokenMs))).toEqual([
      [10, 10.6, 10.99],
      [11, 11.5],
      [12.5],
    ]);
  });
});

describe("toPrefillStep", () => {
  it("ends with its first token, sums the work, and took the steps of the longest prefill", () => {
    const prefill = (firstTokenMs: number, uncachedTokens: number, tokenDepth: number, chunks: number) =>
      ({ firstTokenMs, uncachedTokens, tokenDepth, chunks }) as TracedPrefill;
    expect(toPrefillStep([prefill(10, 300, 45_000, 2), prefill(10.5, 700, 90_000, 3)])).toEqual({
      endMs: 10,
      tokens: 1000,
      tokenDepth: 135_000,
      chunks: 5,
      steps: 3,
    });
  });
});

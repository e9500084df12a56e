import { describe, expect, it } from "vitest";
import { sequenceBlocks } from "../../lib/replay/index.js";
import { BlockTable, type TraceRecord } from "../../lib/trace/index.js";

const ids = (...values: number[]) => Int32Array.from(values);

function traceOf(records: readonly Partial<TraceRecord>[]) {
  return {
    meta: { blockSize: 16, extra: {} },
    records: records.map((r) => ({ promptTokens: 32, outputTokens: 40, ...r })),
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

const chainsOf = (records: readonly Partial<TraceRecord>[], parent: readonly number[]) =>
  sequenceBlocks(traceOf(records), Int32Array.from(parent), 16).map((chain) => [...chain]);

describe("sequenceBlocks", () => {
  const mother = { blockIds: ids(1, 2) };
  const further = { promptTokens: 64, outputTokens: 1, blockIds: ids(1, 2, 3, 4) };
  const shorter = { promptTokens: 48, outputTokens: 1, blockIds: ids(1, 2, 3) };

  it.each([
    ["first", [mother, further, shorter]],
    ["last", [mother, shorter, further]],
  ])("takes the answer's blocks from the child that goes on the furthest, be it the %s", (_, records) => {
    // 72 tokens hold 4 full blocks.
    expect(chainsOf(records, [-1, 0, 0])[0]).toEqual([1, 2, 3, 4]);
  });

  it("never takes more blocks than prompt and answer fill", () => {
    const long = { promptTokens: 96, outputTokens: 1, blockIds: ids(1, 2, 3, 4, 5, 6) };
    expect(chainsOf([mother, long], [-1, 0])[0]).toEqual([1, 2, 3, 4]);
  });

  it("takes recorded blocks of the answer before those of a child", () => {
    const recorded = { ...mother, outputBlockIds: ids(8, 9) };
    expect(chainsOf([recorded, further], [-1, 0])[0]).toEqual([1, 2, 8, 9]);
  });

  it("takes the first of the children that go on equally far", () => {
    const other = { ...further, blockIds: ids(1, 2, 8, 9) };
    expect(chainsOf([mother, further, other], [-1, 0, 0])[0]).toEqual([1, 2, 3, 4]);
    expect(chainsOf([mother, other, further], [-1, 0, 0])[0]).toEqual([1, 2, 8, 9]);
  });

  it("finds a child wherever it is in the trace", () => {
    expect(chainsOf([further, mother], [1, -1])[1]).toEqual([1, 2, 3, 4]);
  });

  it("takes all from a child where the prompt fills no block, and nothing from a child without hashes", () => {
    const short = { promptTokens: 10, outputTokens: 10, blockIds: ids() };
    expect(chainsOf([short, { promptTokens: 30, blockIds: ids(5) }], [-1, 0])[0]).toEqual([5]);
    expect(chainsOf([mother, { promptTokens: 64 }], [-1, 0])).toEqual([[1, 2], []]);
  });

  it("is empty where a request has no hashes, and as far as a child tells it", () => {
    expect(chainsOf([{}], [-1])).toEqual([[]]);
    expect(chainsOf([{}, further], [-1, 0])[0]).toEqual([1, 2, 3, 4]);
  });

  it("is the prompt alone where a child begins with another block", () => {
    const one = { promptTokens: 16, blockIds: ids(1) };
    expect(chainsOf([one, { promptTokens: 48, blockIds: ids(7, 8, 9) }], [-1, 0])[0]).toEqual([1]);
  });

  it("is the prompt alone where no child goes on with all of it", () => {
    const edited = { promptTokens: 64, blockIds: ids(1, 7, 8, 9) };
    const same = { promptTokens: 32, blockIds: ids(1, 2) };
    expect(chainsOf([mother, edited, same], [-1, 0, 0])[0]).toEqual([1, 2]);
    expect(chainsOf([{ ...mother, promptTokens: 20, blockIds: ids(1, 2) }], [-1])[0]).toEqual([1]);
  });
});

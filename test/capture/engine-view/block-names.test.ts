import { describe, expect, it } from "vitest";
import { BlockNames } from "../../../lib/capture/engine-view/block-names.js";
import type { EngineCacheEvent } from "../../../lib/capture/engine-view/kv-event-batch.js";
import { fingerprintTokens } from "../../../lib/trace/files/index.js";

const key = new Uint8Array([1, 2, 3]);
const ids = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

function stored(
  blocks: string[],
  tokenIds: number[],
  rest: Partial<EngineCacheEvent> = {},
): EngineCacheEvent {
  return {
    kind: "stored",
    blocks,
    parent: undefined,
    tokenIds,
    blockSize: 4,
    lora: undefined,
    isAdapterUnnamed: false,
    extraKeys: undefined,
    medium: "GPU",
    group: 0,
    ...rest,
  } as EngineCacheEvent;
}

function removed(...blocks: string[]): EngineCacheEvent {
  return { kind: "removed", blocks, medium: "GPU", group: 0 };
}

/** Fingerprints of a prompt as a trace's rows have them. */
function rowHashes(tokenIds: number[], blockSize: number, apart?: string): string[] {
  const options = { blockSize, key, ...(apart !== undefined && { apart }) };
  const { highs, lows } = fingerprintTokens(tokenIds, options);
  const hex = (half: number) => half.toString(16).padStart(8, "0");
  return Array.from(highs, (high, i) => hex(high) + hex(lows[i]));
}

describe("names of an engine's blocks", () => {
  it("are the fingerprints of the trace's rows where the sizes agree, also behind a parent", () => {
    const names = new BlockNames({ blockSize: 4, key });
    const expected = rowHashes(ids(12), 4);
    expect(names.named(stored(["a", "b"], ids(8)))).toEqual({
      stored: expected.slice(0, 2),
      after: null,
      block_size: 4,
    });
    expect(names.named(stored(["c"], ids(4, 8), { parent: "b" }))).toEqual({
      stored: [expected[2]],
      after: expected[1],
      block_size: 4,
    });
    expect(names.named(removed("b", "c"))).toEqual({ removed: expected.slice(1) });
  });

  it("are those of the last of the trace's blocks in it where it holds several", () => {
    const names = new BlockNames({ blockSize: 2, key });
    const rows = rowHashes(ids(8), 2);
    expect(names.named(stored(["a", "b"], ids(8)))).toMatchObject({ stored: [rows[1], rows[3]] });
  });

  it("are fingerprints of its own size where the sizes do not agree", () => {
    const names = new BlockNames({ blockSize: 3, key });
    expect(names.named(stored(["a"], ids(4)))).toMatchObject({ stored: rowHashes(ids(4), 4) });
  });

  it("are running numbers behind a block that was not seen, and where more than tokens is in it", () => {
    const names = new BlockNames({ blockSize: 4, key });
    expect(names.named(stored(["c"], ids(4), { parent: "unseen" }))).toEqual({
      stored: ["#0"],
      after: null,
      block_size: 4,
    });
    expect(names.named(stored(["d"], ids(4), { parent: "c" }))).toMatchObject({
      stored: ["#1"],
      after: "#0",
    });
    const image = [null, [["image", 4]], null] as const;
    expect(names.named(stored(["x", "y", "z"], ids(12), { extraKeys: image }))).toMatchObject({
      stored: [rowHashes(ids(4), 4)[0], "#2", "#3"],
    });
    expect(names.named(stored(["l"], ids(4), { isAdapterUnnamed: true }))).toMatchObject({ stored: ["#4"] });
    expect(names.named(stored(["t"], ids(4), { tokenIds: undefined }))).toMatchObject({ stored: ["#5"] });
  });

  it("are kept apart by a salt and an adapter as the tap keeps those of its rows", () => {
    const names = new BlockNames({ blockSize: 4, key });
    const apart = (text: string) => rowHashes(ids(8), 4, text);
    const salted = stored(["s", "t"], ids(8), { extraKeys: [["s1"], null] });
    expect(names.named(salted)).toMatchObject({ stored: apart('[null,"[\\"s1\\",[]]"]') });
    const adapted = stored(["l", "m"], ids(8), { lora: "poet", extraKeys: [["poet"], ["poet"]] });
    expect(names.named(adapted)).toMatchObject({ stored: apart('["poet",null]') });
    expect(
      names.named(stored(["n"], ids(4, 8), { parent: "m", lora: "poet", extraKeys: [["poet"]] })),
    ).toMatchObject({ after: apart('["poet",null]')[1] });
  });

  it("a block that is stored twice is known until it is removed twice; one never seen is null", () => {
    const names = new BlockNames({ blockSize: 4, key });
    const [name] = rowHashes(ids(4), 4);
    names.named(stored(["a"], ids(4)));
    names.named(stored(["a"], ids(4)));
    expect(names.named(removed("a", "a", "a"))).toEqual({ removed: [name, name, null] });
  });

  it("nothing is known after a reset", () => {
    const names = new BlockNames({ blockSize: 4, key });
    names.named(stored(["a"], ids(4)));
    expect(names.named({ kind: "cleared" })).toEqual({ cleared: true });
    expect(names.named(removed("a"))).toEqual({ removed: [null] });
  });

  it("tells other memories and pools apart", () => {
    const names = new BlockNames({ blockSize: 4, key });
    expect(names.named(stored(["a"], ids(4), { medium: "CPU", group: 1 }))).toMatchObject({
      medium: "CPU",
      group: 1,
    });
  });
});

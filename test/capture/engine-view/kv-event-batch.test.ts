import { describe, expect, it } from "vitest";
import { readEventBatch } from "../../../lib/capture/engine-view/kv-event-batch.js";
import { encodeMsgpack, message, recordedFrames } from "./recorded-frames.js";

describe("KV events on the wire", () => {
  it("vLLM 0.32: every message of a recorded run, in order", () => {
    const batches = recordedFrames().map(readEventBatch);
    expect(batches.map(({ sequence }) => sequence)).toEqual(batches.map((_, i) => i));
    const events = batches.flatMap((batch) => batch.events);
    const stored = events.flatMap((event) => (event.kind === "stored" ? [event] : []));
    const removed = events.flatMap((event) => (event.kind === "removed" ? event.blocks : []));
    expect(stored.length).toBe(89);
    expect(stored.flatMap(({ blocks }) => blocks).length).toBe(340);
    expect(removed.length).toBe(82);
    expect(stored.every(({ tokenIds, blocks }) => tokenIds?.length === 32 * blocks.length)).toBe(true);
    expect(stored[0]).toMatchObject({ blockSize: 32, group: 0, medium: "GPU", parent: undefined });
    const [before, after] = [batches[0], batches[batches.length - 1]].map(
      ({ sentUnixMs }) => sentUnixMs ?? 0,
    );
    expect(after - before).toBeGreaterThan(10_000);
  });

  it("earlier vLLM and SGLang: events as arrays, hashes as bytes, the rank behind them", () => {
    const payload = encodeMsgpack([
      12.5,
      [
        ["BlockStored", [new Uint8Array([1, 255])], null, [7, 8], 2, null, "GPU"],
        ["BlockStored", [5], 18_446_744_073_709_551_615n, [1, 2], 2, 3],
        ["BlockRemoved", [5], "CPU"],
        ["AllBlocksCleared"],
        ["SomethingNew", 1],
      ],
      3,
    ]);
    expect(readEventBatch(message(9, payload, ""))).toEqual({
      sequence: 9,
      sentUnixMs: 12_500,
      rank: 3,
      events: [
        {
          kind: "stored",
          blocks: ["0:01ff"],
          parent: undefined,
          tokenIds: [7, 8],
          blockSize: 2,
          lora: undefined,
          isAdapterUnnamed: false,
          extraKeys: undefined,
          medium: "GPU",
          group: 0,
        },
        {
          kind: "stored",
          blocks: ["0:5"],
          parent: "0:18446744073709551615",
          tokenIds: [1, 2],
          blockSize: 2,
          lora: undefined,
          isAdapterUnnamed: true,
          extraKeys: undefined,
          medium: undefined,
          group: 0,
        },
        { kind: "removed", blocks: ["0:CPU:5"], medium: "CPU", group: 0 },
        { kind: "cleared" },
      ],
    });
  });

  it("tokens that are no ids, or not as many as the blocks hold, are not told", () => {
    const stored = (ids: unknown) => ["BlockStored", [1], null, ids, 2, null];
    const payload = encodeMsgpack([0, [stored([[1, 2]]), stored([1]), stored("ab")]]);
    const { events } = readEventBatch(message(0, payload));
    expect(events.map((event) => event.kind === "stored" && event.tokenIds)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each([
    ["two frames", [new Uint8Array(0), new Uint8Array(8)]],
    ["a number of four bytes", [new Uint8Array(0), new Uint8Array(4), encodeMsgpack([0, []])]],
    ["no batch", message(0, encodeMsgpack("hello"))],
    ["a batch without events", message(0, encodeMsgpack([0]))],
    ["no msgpack", message(0, new Uint8Array([0xc1]))],
  ])("%s: a range error", (_, frames) => {
    expect(() => readEventBatch(frames)).toThrow(RangeError);
  });
});

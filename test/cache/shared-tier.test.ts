import { describe, expect, it } from "vitest";
import { KvTier } from "../../lib/cache/index.js";
import { SharedTier } from "../../lib/cache/shared-tier.js";

const [chunk, other] = [7, 8];

/** Two engines at one store of two chunks. */
function twoEngines() {
  const store = new KvTier(2);
  return { store, writer: new SharedTier(store), reader: new SharedTier(store) };
}

describe("a store that two engines share", () => {
  it("has what one writes, who may count on it at once, and the other once it is written", () => {
    const { writer, reader } = twoEngines();
    writer.write(chunk);
    expect([writer.has(chunk), reader.has(chunk)]).toEqual([true, true]);
    expect([writer.isThere(chunk), reader.isThere(chunk)]).toEqual([true, false]);
    expect([writer.isBusy(chunk), reader.isBusy(chunk)]).toEqual([true, false]);
    writer.written(chunk);
    expect([writer.isThere(chunk), reader.isThere(chunk)]).toEqual([true, true]);
    expect([writer.isBusy(chunk), reader.isBusy(chunk)]).toEqual([false, false]);
  });

  it("loses what an engine was writing when it leaves, and keeps what it had written", () => {
    const { store, writer, reader } = twoEngines();
    writer.write(other);
    writer.written(other);
    writer.write(chunk);
    writer.leave();
    expect([reader.has(chunk), reader.isThere(other)]).toEqual([false, true]);
    expect([store.heldChunks, store.pinnedChunks]).toEqual([1, 0]);
    // Who leaves twice gives nothing back twice.
    writer.leave();
    expect([store.heldChunks, store.pinnedChunks]).toEqual([1, 0]);
  });

  it("holds for one what another read until it has read it too, or leaves", () => {
    const { store, writer, reader } = twoEngines();
    writer.store(chunk);
    for (const engine of [writer, writer, reader]) engine.pin(chunk);
    writer.leave();
    expect([writer.isBusy(chunk), reader.isBusy(chunk), store.isPinned(chunk)]).toEqual([false, true, true]);
    reader.unpin(chunk);
    expect([reader.isBusy(chunk), store.isPinned(chunk), store.has(chunk)]).toEqual([false, false, true]);
  });
});

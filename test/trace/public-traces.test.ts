import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importTrace } from "../../lib/trace/files/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { sharedData } from "./helpers.js";

/** Leading blocks seen before, under a cache that never evicts. */
function prefixHits(trace: Trace, withTail: boolean): { hits: number; blocks: number } {
  const seen = new Uint8Array(trace.blocks.size);
  let hits = 0;
  let blocks = 0;
  for (const { blockIds, tailBlockId } of trace.records) {
    const chain = [...(blockIds ?? []), ...(withTail && tailBlockId !== undefined ? [tailBlockId] : [])];
    const first = chain.findIndex((id) => seen[id] === 0);
    hits += first < 0 ? chain.length : first;
    blocks += chain.length;
    for (const id of chain) seen[id] = 1;
  }
  return { hits, blocks };
}

// Skipped where the public traces are not beside the project: see ../shared/data.
describe.skipIf(!existsSync(sharedData))("public traces (skipped where ../shared/data is absent)", () => {
  it.each([
    ["conversation", 12_031, 105_710, 288_500, 105_592, 276_491],
    ["synthetic", 3_993, 77_953, 121_877, 77_740, 117_888],
  ])("Mooncake %s has the known prefix hits", async (name, records, hits, blocks, fullHits, fullBlocks) => {
    const trace = await importTrace("mooncake", `${sharedData}mooncake/${name}_trace.jsonl.gz`, {
      strict: true,
    });
    expect(trace.records).toHaveLength(records);
    expect(prefixHits(trace, true)).toEqual({ hits, blocks });
    expect(prefixHits(trace, false)).toEqual({ hits: fullHits, blocks: fullBlocks });
    expect(Math.round((hits / blocks) * 1e5) / 1e5).toBe(name === "conversation" ? 0.36641 : 0.6396);
  });

  it.each([
    ["rtx4090-llama-3.1-8b", 2588, 65_456.6, 86_578.3],
    ["rtxpro6000-llama-3.1-8b", undefined, 7_097.2, 28_200.7],
  ])(
    "LLMServingSim %s: 1,220 hit blocks and the source's own mean TTFT",
    async (name, kvBlocks, ttftMs, totalMs) => {
      const trace = await importTrace("llmservingsim", `${sharedData}llmservingsim/${name}`, {
        strict: true,
      });
      expect(trace.records).toHaveLength(300);
      expect(trace.meta.blockSize).toBe(16);
      expect(prefixHits(trace, false).hits).toBe(1220);
      expect(trace.records.reduce((sum, r) => sum + r.promptTokens, 0)).toBe(257_239);
      if (kvBlocks !== undefined) expect(trace.meta.engine?.kvCacheBlocks).toBe(kvBlocks - 1);
      expect(trace.records.reduce((sum, r) => sum + r.ttftMs!, 0) / 300).toBeCloseTo(ttftMs, 0);
      expect(trace.records.reduce((sum, r) => sum + r.elapsedMs!, 0) / 300).toBeCloseTo(totalMs, 0);
    },
  );

  it("Weka merged: every top-level request, sessions apart but for the shared preamble", async () => {
    const trace = await importTrace("weka", `${sharedData}weka`, { strict: true });
    expect(trace.records.length).toBeGreaterThan(1_200);
    expect(new Set(trace.records.map((r) => r.session)).size).toBe(40);
    const owners = new Map<number, string | undefined>();
    const shared = new Set<number>();
    for (const { blockIds, session } of trace.records)
      for (const id of blockIds!) {
        if (owners.has(id) && owners.get(id) !== session) shared.add(id);
        owners.set(id, session);
      }
    const preambles = [...shared].filter((id) => trace.blocks.high(id) >= 0x80000000);
    expect(preambles).toHaveLength(shared.size);
    expect(shared.size).toBeGreaterThan(100);
    const apart = await importTrace("weka", `${sharedData}weka`, { sharedPreamble: false });
    expect(apart.blocks.size).toBeGreaterThan(trace.blocks.size);
  });
});

import { describe, expect, it } from "vitest";
import { evictions, lru, serialHits } from "../../lib/cache/index.js";
import { type Workload, workloadOf } from "../../lib/sessions/index.js";
import { memoryCurve, type ServedInTurn, servedInTurn } from "../../lib/size/index.js";
import { capture, hasSharedData, publicTraces, publicWorkload } from "./workloads.js";

function expectExactAt20Sizes(served: ServedInTurn): void {
  const { accesses, blockSize, promptTokens } = served;
  const { rows } = memoryCurve(served, { sizes: 20 });
  expect(rows.length).toBeGreaterThan(10);
  for (const { poolTokens, lru: share } of rows)
    expect(share).toBe((serialHits(accesses, poolTokens / blockSize, lru()) * blockSize) / promptTokens);
}

function expectBounds(served: ServedInTurn): void {
  const { accesses, blockSize, promptTokens } = served;
  const curve = memoryCurve(served, { sizes: 6 });
  for (const { poolTokens, optimum } of curve.rows)
    for (const policy of Object.values(evictions)) {
      const share = (serialHits(accesses, poolTokens / blockSize, policy()) * blockSize) / promptTokens;
      expect(share).toBeLessThanOrEqual(optimum);
    }
  expect(curve.rows.at(-1)).toMatchObject({ lru: curve.unbounded, optimum: curve.unbounded });
}

describe("memoryCurve of a capture", async () => {
  const workload: Workload = await capture();
  const served = servedInTurn(workload);
  const curve = memoryCurve(served);

  it("is what a block pool of each size finds", () => expectExactAt20Sizes(served));

  it("is under the best there can be, as every shipped policy is, and all are one where everything fits", () =>
    expectBounds(served));

  it("finds in a pool without end what was sent before", () => {
    const seen = new Set<number>();
    let again = 0;
    for (const { contentIds, promptBlocks } of served.accesses) {
      again += contentIds.subarray(0, promptBlocks).filter((id) => seen.has(id)).length;
      for (const id of contentIds) seen.add(id);
    }
    expect(curve.unbounded).toBe((again * served.blockSize) / served.promptTokens);
  });

  it("names the smallest pool for a part of it: a block less finds less", () => {
    for (const part of [0.6, 0.8, 0.95, 0.99, 1]) {
      const tokens = curve.poolTokensFor(part);
      expect(curve.lru(tokens)).toBeGreaterThanOrEqual(part * curve.unbounded * (1 - 1e-12));
      expect(curve.lru(tokens - served.blockSize)).toBeLessThan(part * curve.unbounded);
    }
  });

  it("has its knee where no pool is further above the line from nothing to saturation", () => {
    const height = (tokens: number) =>
      curve.lru(tokens) - (curve.unbounded * tokens) / curve.saturationTokens;
    const least = Math.ceil(served.longestTokens / served.blockSize) * served.blockSize;
    for (let tokens = least; tokens <= curve.saturationTokens; tokens += served.blockSize)
      expect(height(tokens)).toBeLessThanOrEqual(height(curve.kneeTokens) + 1e-12);
  });

  it("has its knee in a pool that serves every request, also where less memory finds all", () => {
    const blockIds = Int32Array.from({ length: 20 }, (_, i) => i);
    const records = [0, 1, 2].map((i) => ({ promptTokens: 325, outputTokens: 10, arrivalMs: i, blockIds }));
    const trace = { ...workload.trace, meta: { blockSize: 16, extra: {} }, records };
    const alike = servedInTurn(workloadOf(trace));
    const found = memoryCurve(alike);
    expect(found.saturationTokens).toBeLessThan(alike.longestTokens);
    expect(found.kneeTokens).toBeGreaterThanOrEqual(alike.longestTokens);
    expect(found.lru(found.kneeTokens)).toBe(found.unbounded);
  });

  it("gives a row to each further size, and refuses one in which the longest request has no room", () => {
    expect(memoryCurve(served, { poolTokens: [3210] }).rows.map(({ poolTokens }) => poolTokens)).toContain(
      3200,
    );
    expect(() => memoryCurve(served, { poolTokens: [1000] })).toThrow(/1000 tokens has no room.*1968/);
  });

  it("finds the same share of the same prompts in blocks of half the size, or more", () => {
    const halved = memoryCurve(servedInTurn(workload, { blockSize: 32 }));
    expect(halved.unbounded).toBeLessThanOrEqual(curve.unbounded);
  });

  it("refuses a trace without block hashes", () => {
    const records = workload.trace.records.map(({ blockIds: _, ...record }) => record);
    expect(() => servedInTurn({ ...workload, trace: { ...workload.trace, records } })).toThrow(
      /no block hashes/,
    );
  });
});

describe.skipIf(!hasSharedData)(
  "memoryCurve of public traces (skipped where ../shared/data is absent)",
  () => {
    it.each(publicTraces)("%s %s: what a block pool of each of 20 sizes finds", async (format, path) =>
      expectExactAt20Sizes(servedInTurn(await publicWorkload(format, path))),
    );

    it("Mooncake: every policy is under the best there can be", async () =>
      expectBounds(servedInTurn(await publicWorkload(...publicTraces[0]))));
  },
);

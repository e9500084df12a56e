import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { mean, quantile } from "../../lib/base/index.js";
import { calibrateLatency } from "../../lib/calibrate/index.js";
import { dataDir } from "../../lib/captures/index.js";
import { replay } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import type { Trace } from "../../lib/trace/index.js";

const folder = join(dataDir(), "fleet");
const inventory = JSON.parse(readFileSync(join(folder, "inventory.json"), "utf8")) as {
  plan: string;
  fit: string[];
  rateScale: number;
  kvCacheBlocks: number;
  seeds: number;
  captures: { file: string; router: string; repeat: number }[];
};
const routers = [...new Set(inventory.captures.map(({ router }) => router))];

function hitShare({ records }: Trace): number {
  const sum = (of: (record: Trace["records"][number]) => number) =>
    records.reduce((total, record) => total + of(record), 0);
  return sum(({ cachedTokens = 0 }) => cachedTokens) / sum(({ promptTokens }) => promptTokens);
}

describe("two vLLM engines behind a router, captured and predicted", () => {
  const captured = new Map<string, Trace[]>();
  const predicted = new Map<string, Trace[]>();
  beforeAll(async () => {
    const read = (file: string) => readTrace(join(folder, file));
    const { plan, fit, rateScale, kvCacheBlocks, seeds, captures } = inventory;
    const { model } = calibrateLatency(await Promise.all(fit.map(read)));
    const workload = workloadOf(await read(plan));
    for (const router of routers) {
      const files = captures.filter((capture) => capture.router === router).map(({ file }) => file);
      captured.set(router, await Promise.all(files.map(read)));
      const options = { model, replicas: 2, router, rateScale, engine: { kvCacheBlocks } };
      predicted.set(
        router,
        Array.from({ length: seeds }, (_, k) => replay(workload, { ...options, seed: k + 1 }).trace),
      );
    }
  }, 60_000);

  it.each(routers)("%s: the hit share is predicted within a point of what the engines found", (router) => {
    const found = captured.get(router)!.map(hitShare);
    expect(found.length).toBeGreaterThan(0);
    expect(Math.abs(mean(predicted.get(router)!.map(hitShare))! - mean(found)!)).toBeLessThan(0.01);
  });

  it.each(routers)("%s: the median TTFT is predicted within a tenth of what was captured", (router) => {
    const p50 = (traces: readonly Trace[]) =>
      mean(
        traces.map(
          ({ records }) =>
            quantile(
              records.flatMap(({ ttftMs }) => ttftMs ?? []),
              0.5,
            ) as number,
        ),
      ) as number;
    expect(Math.abs(p50(predicted.get(router)!) / p50(captured.get(router)!) - 1)).toBeLessThan(0.1);
  });

  it("routers come in the same order of hits", () => {
    const order = (of: (router: string) => number) => [...routers].sort((a, b) => of(b) - of(a));
    expect(order((router) => mean(predicted.get(router)!.map(hitShare))!)).toEqual(
      order((router) => mean(captured.get(router)!.map(hitShare))!),
    );
  });

  it.each(routers)("%s: each capture has all requests, each on one of the two engines", (router) => {
    for (const { records } of captured.get(router)!) {
      expect(records).toHaveLength(predicted.get(router)![0]!.records.length);
      expect(records.every(({ ttftMs, replica }) => ttftMs !== undefined && /^[01]$/.test(replica!))).toBe(
        true,
      );
    }
  });
});

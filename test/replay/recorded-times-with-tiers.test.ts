import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { dataDir } from "../../lib/captures/index.js";
import { replayRecordedTimes } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import type { EngineSettings } from "../../lib/settings/index.js";
import { readEngineView, readTrace } from "../../lib/trace/files/index.js";

/** Captures of a real vLLM with its offloading connector behind a pool that evicts, at their own times. */
describe.each([{ file: "small-pool-1", exact: 112, requests: 124 }])("$file", ({ file, exact, requests }) => {
  const path = join(dataDir(), "vllm-tiers", `${file}.jsonl.gz`);
  const captured = async () => workloadOf(await readTrace(path));
  async function replayed(engine?: Partial<EngineSettings>) {
    const workload = await captured();
    const { trace, run } = replayRecordedTimes(workload, { ...(engine && { engine }) });
    const told = workload.trace.records;
    const alike = trace.records.filter(({ cachedTokens }, i) => cachedTokens === told[i]!.cachedTokens);
    const sum = (records: typeof told) =>
      records.reduce((all, { cachedTokens = 0 }) => all + cachedTokens, 0);
    return {
      run,
      exact: alike.length,
      foundTokens: sum(trace.records),
      capturedTokens: sum(told),
      promptTokens: told.reduce((all, { promptTokens }) => all + promptTokens, 0),
    };
  }

  it(`finds what the engine found on ${exact} of ${requests} requests, and all in all within a point`, async () => {
    const { exact: alike, run, foundTokens, capturedTokens, promptTokens } = await replayed();
    expect(run.leftOut).toBe(0);
    expect(alike).toBe(exact);
    expect(Math.abs(foundTokens - capturedTokens) / promptTokens).toBeLessThan(0.01);
  });

  it("finds as much behind the pool as the engine, by its own counters, within a point", async () => {
    const { run, capturedTokens, promptTokens } = await replayed();
    const view = await readEngineView(path, (await captured()).trace);
    const inPool = view!.snapshots.at(-1)!.counters.hitTokens!;
    expect(capturedTokens - inPool).toBeGreaterThan(0.1 * promptTokens);
    expect(Math.abs(run.lowerHitTokens - (capturedTokens - inPool)) / promptTokens).toBeLessThan(0.01);
  });

  it("does so by the tier: without it, of half its size, or storing other things, it finds something else", async () => {
    const { meta } = (await captured()).trace;
    const { cpuKvGib = 0, offloadPromptOnly = true } = meta.engine ?? {};
    for (const engine of [
      { cpuKvGib: 0 },
      { cpuKvGib: cpuKvGib / 2 },
      { offloadPromptOnly: !offloadPromptOnly },
    ])
      expect((await replayed(engine)).exact).toBeLessThan(0.75 * exact);
  });
});

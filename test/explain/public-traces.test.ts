import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { explainMisses, missCauses } from "../../lib/explain/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { replay } from "../../lib/replay/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { importTrace } from "../../lib/trace/files/index.js";

const data = new URL("../../../shared/data/", import.meta.url).pathname;
const model = latencyProfile("h200-qwen3-8b");

const files = (["mooncake", "weka"] as const).flatMap((format) => {
  const folder = join(data, format);
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".gz"))
        .map((name) => [format, join(folder, name)] as const)
    : [];
});

describe.skipIf(files.length === 0)(
  "public traces in ../shared/data (skipped where they are not there)",
  () => {
    it.each(files)(
      "%s %s: every computed token of a replay has one cause, and little is not explained",
      async (format, path) => {
        const workload = workloadOf(await importTrace(format, path));
        const { blockSize = 16 } = workload.trace.meta;
        // A pool that holds about a million tokens, in the trace's own blocks.
        const run = replay(workload, {
          model,
          engine: { blockSize, kvCacheBlocks: Math.floor((1 << 20) / blockSize) },
          pacing: "open-loop",
          gaps: false,
        });
        const { causes, promptTokens, cachedTokens, requests } = explainMisses(run, {
          engine: run.conditions.engine.settings,
          admittedMs: run.run.admittedMs,
        });
        expect(missCauses.reduce((sum, cause) => sum + causes[cause].tokens, 0)).toBe(
          promptTokens - cachedTokens,
        );
        for (const { parts, ...request } of requests)
          expect(parts.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(
            request.promptTokens - request.cachedTokens,
          );
        expect(causes.unexplained.tokens).toBe(0);
        expect(causes.reset.tokens).toBe(0);
        expect(causes.evicted_order_unknown.tokens).toBeLessThanOrEqual(0.02 * promptTokens);
      },
      120_000,
    );
  },
);

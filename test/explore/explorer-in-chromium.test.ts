import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { cohortNames, reportedQuantiles } from "../../lib/cohorts/index.js";
import type { ExploreNumbers } from "../../lib/explore/explore-answer.js";
import { renderExplorer } from "../../lib/explore/index.js";
import { fitLatency } from "../../lib/fit/index.js";
import { workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";
import { type ChromiumPage, chromium, openChromium } from "../chromium-page.js";
import { replayJson } from "./replay-json.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab-explore-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const noBrowser = chromium ? "" : " (skipped: no Chromium)";

const paths = [
  "data/warm-1.jsonl.gz",
  "data/vllm-small-pool/small-pool-1.jsonl.gz",
  "data/staircase-1.jsonl.gz",
];

/** Values that a setting of the test chooses among; those of one row go together. */
const choices: readonly (readonly Readonly<Record<string, string>>[])[] = [
  [{ "enable-prefix-caching": "off" }, { "cold-prompts": "on" }],
  [{ "kv-cache-size": "300" }, { "kv-cache-size": "1000" }, { "kv-cache-size": "3000" }],
  [{ "block-size": "16" }, { "block-size": "64" }],
  [{ "max-num-batched-tokens": "256" }, { "max-num-batched-tokens": "4096" }],
  [{ "max-num-seqs": "4" }, { "max-num-seqs": "128" }],
  [{ "rate-scale": "0.5" }, { "rate-scale": "1.7" }, { "rate-scale": "3" }],
  [{ "think-scale": "0" }, { "think-scale": "40" }],
  [{ turns: "1" }, { turns: "2" }],
  [{ pacing: "open-loop" }, { pacing: "session" }, { "max-concurrency": "3" }],
  [{ "request-timeout": "0.5" }, { "request-timeout": "2", "on-timeout": "end-session" }],
  [{ replicas: "2" }, { replicas: "3", router: "least-loaded" }],
  [{ eviction: "fifo" }, { eviction: "lfu" }, { "scheduling-policy": "priority" }],
  [{ "cpu-kv-gib": "0.01", "bytes-per-token": "12288" }],
  [{ "async-scheduling": "on" }, { seed: "7" }],
];

describe.skipIf(noBrowser !== "")(`the explorer in Chromium${noBrowser}`, () => {
  let page: ChromiumPage;
  let html = "";
  beforeAll(async () => {
    const { model } = fitLatency([await readTrace("data/fit-sweep-1.jsonl.gz")]);
    const modelFile = join(dir, "model.json");
    writeFileSync(modelFile, JSON.stringify(model.toJson()));
    const traces = [];
    for (const path of paths) traces.push({ workload: workloadOf(await readTrace(path)), name: path });
    html = renderExplorer({
      traces,
      models: [{ model, label: "fitted", typed: `--latency-model ${modelFile}` }],
    });
    const file = join(dir, "explore.html");
    writeFileSync(file, html);
    page = await openChromium(chromium as string, 1280, 900);
    await page.goto(pathToFileURL(file).href);
    await page.waitFor("globalThis.prefixlabExplorer !== undefined", 30_000);
  });
  afterAll(() => page.close());

  const ask = (hash: string) =>
    page.evaluate<{ numbers: ExploreNumbers; command: string }>(
      `prefixlabExplorer.choose(${JSON.stringify(hash)}).then(({ numbers }) => ({ numbers, command: document.getElementById("command").textContent }))`,
    );

  it("computes the numbers of replay --json to the last digit, over 30 settings, by the command that it shows", async () => {
    const random = stream("explorer", "settings");
    for (let k = 0; k < 30; k++) {
      const chosen = new URLSearchParams({ trace: String(k % paths.length) });
      if (k % 4 === 3) chosen.set("latency", "h200-qwen3-8b");
      for (const row of choices)
        if (random.uniform() < 0.22)
          for (const [name, value] of Object.entries(row[Math.floor(random.uniform() * row.length)] ?? {}))
            chosen.set(name, value);
      const { numbers, command } = await ask(chosen.toString());
      const json = await replayJson(command);
      expect({ command, ...inWireNames(numbers) }).toEqual({ command, ...json });
    }
  });

  it("answers the newest of questions that come together, and draws it", async () => {
    const scales = [1.1, 1.2, 1.3, 1.4];
    const numbers = await page.evaluate<ExploreNumbers>(
      `Promise.race(${JSON.stringify(scales)}.map((x) => prefixlabExplorer.choose("rate-scale=" + x).then(({ numbers }) => numbers)))`,
    );
    expect(numbers).toEqual((await ask("rate-scale=1.4")).numbers);
    await page.waitFor("document.querySelectorAll('#card-turns2plus .scatterlayer .trace').length > 2", 5000);
  });

  it("says of a choice in its address what does not fit, and shows the trace's own settings", async () => {
    await page.evaluate("void (location.hash = 'rate-scale=fast')");
    await page.waitFor("document.querySelector('[role=alert]').textContent.includes('rate-scale')", 5000);
  });

  it("computes by itself where it may start no worker", async () => {
    const file = join(dir, "alone.html");
    writeFileSync(file, html.replace("<body>", "<body><script>Worker = undefined</script>"));
    const alone = await openChromium(chromium as string, 800, 900);
    try {
      await alone.goto(pathToFileURL(file).href);
      await alone.waitFor("globalThis.prefixlabExplorer !== undefined", 30_000);
      const numbers = await alone.evaluate<ExploreNumbers>(
        "prefixlabExplorer.choose('rate-scale=2').then(({ numbers }) => numbers)",
      );
      expect(numbers).toEqual((await ask("rate-scale=2")).numbers);
      expect(alone.problems).toEqual([]);
      const [width, inner] = await alone.evaluate<[number, number]>(
        "[document.documentElement.scrollWidth, innerWidth]",
      );
      expect(width).toBeLessThanOrEqual(inner);
    } finally {
      await alone.close();
    }
  });

  it("asks for nothing but itself, and tells the console of no error", () => {
    const outside = page.requests.filter((url) => !/^(file|blob|data):/.test(url));
    expect(outside).toEqual([]);
    expect(page.problems).toEqual([]);
  });
});

/** A page's numbers under the names of `replay --json`. */
function inWireNames(n: ExploreNumbers): Record<string, unknown> {
  const cohorts = cohortNames.map((name) => {
    const { n: count, censored, ttftMs, itlMs, totalMs } = n.cohorts[name];
    const quantiles = { ttft_ms: ttftMs, itl_ms: itlMs, total_ms: totalMs };
    return [
      name,
      {
        n: count,
        censored,
        ...Object.fromEntries(
          Object.entries(quantiles).map(([key, told]) => [
            key,
            Object.fromEntries(
              reportedQuantiles.map((q) => {
                const p = `p${100 * q}` as "p50" | "p90" | "p99";
                return [p, told[p] ?? null];
              }),
            ),
          ]),
        ),
      },
    ];
  });
  const engine = Object.entries(n.engine).map(([name, value]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    { value, from: n.from[name as keyof typeof n.from] },
  ]);
  return {
    requests: n.requests,
    completed: n.outcomes.completed,
    censored: n.requests - n.outcomes.completed,
    cohorts: Object.fromEntries(cohorts),
    virtual_s: n.virtualMs / 1000,
    busy_fraction: n.busyFraction,
    hit_fraction: n.hitFraction,
    preemptions: n.preemptions,
    pacing: n.pacing,
    pacing_from: n.pacingFrom,
    extrapolated: n.extrapolated,
    engine: {
      ...Object.fromEntries(engine),
      pool_tokens: n.poolTokens,
      ...(n.poolBytes !== undefined && { pool_gib: n.poolBytes / 2 ** 30 }),
    },
    reuse_tiers: n.tierUse && { pool: n.tierUse.poolTokens, ...n.tierUse.lowerTokens },
    assumptions: n.assumptions,
  };
}

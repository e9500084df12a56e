import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { writeTrace } from "../../../lib/trace/files/index.js";
import type { JsonValue } from "../../../lib/trace/index.js";
import { syntheticTrace } from "../../scale/synthetic-trace.js";
import { fromRoot, runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab figure "));
afterAll(() => rmSync(dir, { recursive: true }));

let count = 0;

/** A trace whose meta line says this of its source and its cache. */
async function traceOf(source: string | undefined, extra: Record<string, JsonValue> = {}): Promise<string> {
  const path = join(dir, `trace-${++count}.jsonl`);
  const { meta: _, ...trace } = syntheticTrace(30, count);
  await writeTrace(path, {
    ...trace,
    meta: { blockSize: 16, ...(source !== undefined && { source }), extra },
  });
  return path;
}

/** The series of the JSON document as `KEY: KIND CACHE`, and the texts of the figure. */
function figure(...args: string[]): { series: string[]; svg: string } {
  const outDir = join(dir, `out-${++count}`);
  const { status, stdout, stderr } = runCli(["figure", ...args, "--out-dir", outDir, "--json"]);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const { series } = JSON.parse(stdout) as { series: Record<string, { kind: string; cache: string | null }> };
  return {
    series: Object.entries(series).map(([key, { kind, cache }]) => `${key}: ${kind} ${cache}`),
    svg: readFileSync(join(outDir, "cache-effect.svg"), "utf8"),
  };
}

describe("prefixlab figure", () => {
  it("labels a capture by what its meta line says of the cache, whatever flag it came with", async () => {
    const { series, svg } = figure("--real", fromRoot("data", "cold-1.jsonl.gz"));
    expect(series).toEqual(["captured_off: captured off"]);
    expect(svg).toContain("cache off, dashed");
    expect(svg).not.toContain("cache on");
    const on = await traceOf("tap", { prefix_caching: true });
    expect(figure("--real", on, "--captured-nocache", on).series).toEqual([
      "captured_on: captured on",
      "captured_on_2: captured on",
    ]);
  });

  it("calls modeled only what a replay wrote", async () => {
    const off = { enable_prefix_caching: false };
    const capture = await traceOf("loadgen", off);
    const real = await traceOf("loadgen", { enable_prefix_caching: true });
    expect(figure("--real", real, "--nocache", capture).series[1]).toBe("captured_off: captured off");
    const replay = await traceOf("modeled", off);
    expect(figure("--real", replay, "--nocache", replay).series).toEqual([
      "modeled_off: modeled off",
      "modeled_off_2: modeled off",
    ]);
  });

  it("says neither on nor off where neither the meta line nor the flag's name tells", async () => {
    const [real, replay, nocache] = [
      await traceOf("tap"),
      await traceOf("modeled"),
      await traceOf(undefined),
    ];
    const { series, svg } = figure("--real", real, "--replay", replay, "--nocache", nocache);
    expect(series).toEqual([
      "captured_on: captured null",
      "modeled_on: modeled null",
      "modeled_off: modeled off",
    ]);
    expect(svg).toContain("cache not recorded, dotted");
    expect(svg).not.toContain("cache on");
  });

  it("refuses to judge the committed replay by a capture with the cache on", () => {
    const warm = fromRoot("data", "warm-1.jsonl.gz");
    const { status, stderr } = runCli(["figure", "--captured-nocache", warm, "--out-dir", dir]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/says that the prefix cache was on, expected a capture with the cache off/);
  });
});

describe("prefixlab figure --real with a latency model", () => {
  const drawn = (...args: string[]) => {
    const outDir = join(dir, `out-${++count}`);
    const { status, stdout, stderr } = runCli(["figure", ...args, "--out-dir", outDir, "--json"]);
    return { status, stderr, json: status === 0 ? JSON.parse(stdout) : undefined, outDir };
  };
  const mooncake = fromRoot("data", "examples", "mooncake-style.jsonl");

  it("imports, replays with the cache on and off, and says the offered load below the figure", () => {
    const profile = ["--profile", "h200-qwen3-8b"];
    const { json, outDir, stderr } = drawn("--real", mooncake, "--format", "mooncake", ...profile);
    expect(stderr).toContain("holds no latencies");
    expect(Object.keys(json.series)).toEqual(["modeled_on", "modeled_off"]);
    const { modeled_on: on, modeled_off: off } = json.series;
    expect(on.hit_fraction).toBeGreaterThan(0);
    expect([off.hit_fraction, off.engine.enable_prefix_caching.value]).toEqual([0, false]);
    expect(json.offered_load.off).toBeGreaterThan(json.offered_load.on);
    const svg = readFileSync(join(outDir, "cache-effect.svg"), "utf8");
    expect(svg).toContain("offered load over capacity: cache on");
  });

  it("stands beside the capture that it was made from, as replay does", () => {
    const warm = fromRoot("data", "warm-1.jsonl.gz");
    const latency = ["--latency-trace", fromRoot("data", "fit-sweep-1.jsonl.gz")];
    const { json } = drawn("--real", warm, ...latency);
    expect(Object.keys(json.series)).toEqual(["captured_on", "modeled_on", "modeled_off"]);
    expect(json.comparisons.on.cached_tokens.exact_fraction).toBe(1);
    expect(json.offered_load.off).toBeGreaterThan(1);
    const replayed = JSON.parse(runCli(["replay", warm, ...latency, "--json"]).stdout);
    expect(json.series.modeled_on.cohorts).toEqual(replayed.cohorts);
    expect(json.comparisons.on.errors).toEqual(replayed.errors);
  });

  it("says which of its curves are of a part of the requests alone", () => {
    const path = join(dir, "partly.jsonl");
    const row = { output_tokens: 2, block_hashes: [1, 2], elapsed_ms: 90, finish_reason: "stop" };
    const rows = Array.from({ length: 40 }, (_, i) => ({
      ...row,
      prompt_tokens: i === 39 ? 400 : 40,
      arrival_ms: 1000 * i,
      ...(i % 4 === 0 && { ttft_ms: 40 }),
    }));
    writeFileSync(path, rows.map((one) => `${JSON.stringify(one)}\n`).join(""));
    const out = join(dir, "partly");
    const args = ["figure", "--real", path, "--profile", "h200-qwen3-8b", "--kv-cache-size", "20"];
    const { stdout } = runCli([...args, "--out-dir", out]);
    const { notes } = JSON.parse(readFileSync(join(out, "cache-effect.json"), "utf8"));
    for (const note of notes) expect(stdout).toContain(`${note}\n`);
    const partly = "captured: the 10 of 40 requests whose TTFT was measured; modeled: all";
    expect(stdout).toContain(partly);
    expect(readFileSync(join(out, "cache-effect.svg"), "utf8")).toContain(partly);
    for (const cache of ["on", "off"])
      expect(stdout).toMatch(
        new RegExp(`^cache ${cache}, unserved: 1 of 40 requests, .*1 need more blocks`, "m"),
      );
  });

  it("hands what it is told of clients and answers on to both replays, as replay takes it", () => {
    const trace = join(dir, "mooncake.jsonl");
    runCli(["import", mooncake, "--format", "mooncake", "--out", trace]);
    const told = [
      "--open-loop",
      "--no-answer-reuse",
      "--request-timeout",
      "2",
      "--on-timeout",
      "end-session",
    ];
    const of = (...flags: string[]) =>
      JSON.parse(runCli(["replay", trace, "--profile", "h200-qwen3-8b", ...told, ...flags, "--json"]).stdout);
    const { modeled_on: on, modeled_off: off } = drawn("--real", trace, "--profile", "h200-qwen3-8b", ...told)
      .json.series;
    const facts = ["cohorts", "pacing", "on_timeout", "request_timeout_s", "timed_out", "answer_reuse"];
    const clients = (series: typeof on) => Object.fromEntries(facts.map((fact) => [fact, series[fact]]));
    expect(clients(on)).toEqual(clients(of()));
    expect(clients(off)).toEqual(clients(of("--no-enable-prefix-caching")));
    expect(off.timed_out).toBeGreaterThan(on.timed_out);
    expect([on.pacing, on.on_timeout, on.request_timeout_s]).toEqual(["open-loop", "end-session", 2]);
  });

  it("draws a trace without hashes with the cache off, and no empty panel", async () => {
    const { meta, ...trace } = syntheticTrace(30, 7);
    const bare = join(dir, "bare.jsonl");
    const records = trace.records.map(({ blockIds: _, tailBlockId: __, ...record }) => record);
    await writeTrace(bare, { ...trace, meta, records });
    const { json, outDir } = drawn("--real", bare, "--profile", "h200-qwen3-8b");
    expect(Object.keys(json.series).at(-1)).toBe("modeled_off");
    expect(Object.keys(json.series)).not.toContain("modeled_on");
    expect(json.series.modeled_off.engine.enable_prefix_caching.value).toBe(false);
    expect(readFileSync(join(outDir, "cache-effect.svg"), "utf8")).not.toContain("-hit");
  });

  it("refuses a model without a trace, replays beside a model, and flags of a replay without a model", () => {
    const profile = ["--profile", "h200-qwen3-8b"];
    expect(drawn(...profile).stderr).toMatch(/goes with --real TRACE/);
    expect(drawn("--real", mooncake, "--nocache", mooncake, ...profile).stderr).toMatch(/leave --replay/);
    expect(drawn("--real", fromRoot("data", "warm-1.jsonl.gz"), "--open-loop").stderr).toMatch(
      /give exactly one of --latency-trace/,
    );
    const off = drawn("--real", mooncake, ...profile, "--no-enable-prefix-caching", "--format", "mooncake");
    expect([off.status, off.stderr]).toEqual([2, expect.stringMatching(/drawn on and off/)]);
  });
});

describe("prefixlab figure --published", () => {
  const published = (name: string, ...flags: string[]) =>
    runCli(["figure", "--published", "--out-dir", join(dir, name), ...flags]);
  const run = published("published", "--json");
  const document = JSON.parse(run.stdout);

  it("writes four files, the same JSON among them, and the same bytes again", () => {
    expect([run.status, run.stderr]).toEqual([0, ""]);
    const read = (name: string, file: string) => readFileSync(join(dir, name, `published.${file}`));
    expect(read("published", "json").toString()).toBe(run.stdout);
    published("again");
    for (const file of ["svg", "png"]) expect(read("again", file).equals(read("published", file))).toBe(true);
    expect(read("published", "html").length).toBeGreaterThan(10_000);
  });

  it("tells what was published beside what was modeled, and both within a quarter of each other", () => {
    const { source, ...rows } = document.published;
    expect(source).toContain("multiturn-cache-effect.png");
    expect(Object.keys(rows)).toEqual([
      "turn1_completed",
      "turn1_max_ttft_ms",
      "turns2plus_completed",
      "turns2plus_ttft_ms_p50",
      "turns2plus_ttft_ms_p99",
    ]);
    for (const row of Object.values<{ published: number; modeled: number; difference: number }>(rows)) {
      expect(row.difference).toBeCloseTo(row.modeled / row.published - 1, 9);
      expect(Math.abs(row.difference)).toBeLessThan(0.25);
    }
  });

  it("has the series of any figure, the run without a limit, other arrivals, and the card's curve that is not compared", () => {
    const { modeled_on: on, modeled_off: off } = document.series;
    expect([on.completed, on.timed_out, on.requests]).toEqual([495, 0, 495]);
    expect(off).toMatchObject({ request_timeout_s: 67.4, on_timeout: "next-turn", pacing: "session" });
    expect(off.engine.enable_prefix_caching).toEqual({ value: false, from: "given" });
    expect(off.latency).toEqual({
      kind: "profile:vllm-vcr-published",
      fitted_at: { max_num_batched_tokens: 2048 },
      in_sample: null,
    });
    expect(document.without_limit).not.toHaveProperty("request_timeout_s");
    expect(document.kaplan_meier.turns2plus.ttft_ms_p50).toBeNull();
    expect(document.kaplan_meier.turns2plus.waiting_at_limit).toBeGreaterThan(0.5);
    const seeds = document.arrival_seeds as {
      seed: number;
      sessions: number;
      turns2plus: { sent: number };
    }[];
    expect(seeds.map(({ seed }) => seed)).toEqual([0, 1, 2, 3]);
    for (const { sessions, turns2plus } of seeds) expect(turns2plus.sent).toBe(4 * sessions);
    expect(document.card).toMatchObject({ compared: false, sessions_per_s: 0.4 });
    expect(document.assumed.length).toBeGreaterThan(3);
  });

  it("says the same to people, with other arrivals where they are asked for", () => {
    const report = published("report", "--arrival-seed", "3").stdout;
    expect(report).toContain("100 sessions, 500 requests sent; arrivals of seed 3");
    expect(report).toContain("step price of the published figure (profile vllm-vcr-published): no card's");
    expect(report).toMatch(/turns 2\+, TTFT p50 of the complete +24 s +30 s/);
    expect(report).toContain("Kaplan-Meier of all of them: median over 67.4 s");
    expect(report).toContain("not compared, another load");
  });

  it("is refused beside traces, and its flag without it", () => {
    const refused = (...flags: string[]) => {
      const { status, stderr } = runCli(["figure", ...flags, "--out-dir", join(dir, "refused")]);
      expect(status).toBe(2);
      return stderr;
    };
    const warm = fromRoot("data", "warm-1.jsonl.gz");
    expect(refused("--published", "--real", warm)).toContain("--published draws its own runs");
    expect(refused("--arrival-seed", "1")).toContain("give it with that");
    expect(refused("--published", "--arrival-seed", "9")).toContain(
      "no schedule of seed 9, there is 0, 1, 2, 3",
    );
    expect(refused("--published", "--arrival-seed", "x")).toContain("expected a whole number >= 0");
  });
});

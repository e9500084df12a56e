import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { committedCaptures, readCapture } from "../../lib/captures/index.js";
import { fromRoot, runCli } from "./run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefix lab contract "));
afterAll(() => rmSync(dir, { recursive: true }));

const warm = fromRoot("data", "warm-1.jsonl.gz");
const cold = fromRoot("data", "cold-1.jsonl.gz");
const fit = fromRoot("data", "fit-sweep-1.jsonl.gz");
const shared = fromRoot("..", "shared", "data", "vllm-vcr");

const quantiles = { p50: expect.any(Number), p90: expect.any(Number), p99: expect.any(Number) };
const cohort = { n: expect.any(Number), ttft_ms: quantiles, itl_ms: quantiles };
const series = {
  requests: 320,
  completed: 320,
  censored: 0,
  virtual_s: expect.any(Number),
  wall_s: expect.any(Number),
  seed: expect.anything(),
  pacing: expect.any(String),
  prompts: expect.any(String),
  cohorts: { all: cohort, turn1: cohort, turns2plus: cohort },
};

/** The same document without the only thing that may differ from run to run. */
function withoutWallTime(text: string): string {
  return text.replace(/"wall_s": [\d.e+-]+/g, '"wall_s": 0');
}

describe("figure", () => {
  const runs = ["one", "two"].map((name) => runCli(["figure", "--json", "--out-dir", join(dir, name)]));
  const document = JSON.parse(runs[0]!.stdout);

  it("draws the committed captures and their replays, and writes four files", () => {
    expect(runs[0]!.status).toBe(0);
    for (const file of ["cache-effect.html", "cache-effect.svg", "cache-effect.png", "cache-effect.json"])
      expect(existsSync(join(dir, "one", file))).toBe(true);
    expect(Object.keys(document.series)).toEqual([
      "captured_on",
      "modeled_on",
      "captured_off",
      "modeled_off",
    ]);
    for (const one of Object.values(document.series)) expect(one).toMatchObject(series);
  });

  it("gives the same bytes for the same seed, wall time apart", () => {
    expect(withoutWallTime(runs[1]!.stdout)).toBe(withoutWallTime(runs[0]!.stdout));
    for (const file of ["cache-effect.svg", "cache-effect.png"])
      expect(readFileSync(join(dir, "two", file)).equals(readFileSync(join(dir, "one", file)))).toBe(true);
  });

  it("shows the cache effect: without the cache, later turns wait at least 50 times as long", () => {
    const p50 = (name: string): number => document.series[name].cohorts.turns2plus.ttft_ms.p50;
    expect(p50("captured_off") / p50("captured_on")).toBeGreaterThan(50);
    expect(p50("modeled_off") / p50("modeled_on")).toBeGreaterThan(50);
  });

  it("reports errors with intervals, and predicted against recorded cached tokens", () => {
    for (const side of ["on", "off"]) {
      const { errors, cached_tokens: cached } = document.comparisons[side];
      for (const name of ["turn1", "turns2plus"])
        for (const quantity of ["ttft_ms", "itl_ms"])
          for (const p of ["p50", "p90", "p99"]) {
            const cell = errors[name][quantity][p];
            // A p99 of a few hundred values has none: all of them may lie below the true one.
            if (quantity === "ttft_ms" && p === "p99") expect(cell.interval).toBeNull();
            else expect(cell.interval[0]).toBeLessThanOrEqual(cell.interval[1]);
            expect(cell.error).toBeCloseTo(cell.modeled_ms / cell.captured_ms - 1, 9);
          }
      expect(cached.requests).toBe(320);
    }
    expect(document.comparisons.on.cached_tokens.exact_fraction).toBeGreaterThanOrEqual(0.99);
  });

  it("draws traces that are given, and refuses a replay without its capture", () => {
    const given = runCli([
      "figure",
      "--real",
      warm,
      "--captured-nocache",
      cold,
      "--out-dir",
      join(dir, "given"),
      "--json",
    ]);
    expect(given.status).toBe(0);
    expect(Object.keys(JSON.parse(given.stdout).series)).toEqual(["captured_on", "captured_off"]);
    expect(runCli(["figure", "--replay", warm]).status).toBe(2);
  });
});

describe("replay", () => {
  const args = ["replay", warm, "--latency-trace", fit, "--replay-sessions", "--json", "--tolerance", "10"];
  const run = runCli([...args, "--dump-trace", join(dir, "modeled.jsonl.gz")]);
  const document = JSON.parse(run.stdout);

  it("prints the keys of the contract", () => {
    expect(run.status).toBe(0);
    expect(document).toMatchObject({
      ...series,
      pacing: "session",
      prompts: "recorded",
      source: { cohorts: { all: cohort, turn1: cohort, turns2plus: cohort } },
      errors: { all: { ttft_ms: { p50: { error: expect.any(Number), interval: expect.any(Array) } } } },
      cached_tokens: {
        recorded: expect.any(Number),
        predicted: expect.any(Number),
        exact_fraction: expect.any(Number),
      },
      extrapolated: expect.any(Number),
      verdict: "pass",
    });
  });

  it("writes the modeled trace, which every command reads as it reads a capture", () => {
    const inspection = JSON.parse(runCli(["inspect", join(dir, "modeled.jsonl.gz"), "--json"]).stdout);
    expect(inspection).toMatchObject({ requests: 320, completed: 320, meta: { source: "modeled" } });
    expect(inspection.sessions.count).toBe(64);
  });

  it("exits with 1 when a gate does not hold", () => {
    expect(runCli([...args.slice(0, -2), "--tolerance", "0.000001"]).status).toBe(1);
  });
});

describe("the committed captures", () => {
  it("are each fitted on or judged on, never both, and each is in the inventory once", async () => {
    const captures = await committedCaptures();
    expect(new Set(captures.map((c) => c.file)).size).toBe(captures.length);
    const readme = readFileSync(fromRoot("data", "README.md"), "utf8");
    for (const { file, role, scenario } of captures) {
      expect(existsSync(fromRoot("data", file))).toBe(true);
      expect(readme).toContain(file);
      expect(["fit", "judge"]).toContain(role);
      if (role === "fit") expect(captures.some((c) => c.role === "judge" && c.file === file)).toBe(false);
      // A counterfactual is one only if no cold conversation was fitted.
      if (role === "fit") expect(scenario).not.toMatch(/cold|low/);
    }
  });

  it("never share a seed between fitting and judging one scenario", async () => {
    const captures = await committedCaptures();
    const judged = new Set(captures.filter((c) => c.role === "judge").map((c) => c.seed));
    for (const { seed } of captures.filter((c) => c.role === "fit")) expect(judged.has(seed)).toBe(false);
  });

  it("have their sessions found exactly, by hash chains alone", async () => {
    for (const scenario of ["warm", "cold"]) {
      const trace = await readCapture({ scenario });
      const path = fromRoot("data", `${scenario}-1.jsonl.gz`);
      const found = JSON.parse(runCli(["sessions", path, "--json"]).stdout) as {
        parent: number | null;
        turn: number;
      }[];
      trace.records.forEach((record, i) => {
        expect(found[i]!.turn).toBe(record.turn);
        const parent = found[i]!.parent;
        if (parent !== null)
          expect(trace.records[parent]).toMatchObject({ session: record.session, turn: record.turn! - 1 });
      });
    }
  });
});

describe.skipIf(!existsSync(shared))(
  `public traces${existsSync(shared) ? "" : " (../shared/data is not there)"}`,
  () => {
    it.each(["gemma4_mm_trace.jsonl", "spec_decode_trace.jsonl", "diffusion_block_trace.jsonl"])(
      "%s: inspect and sessions answer, fit refuses what is too small, replay answers or says what is missing",
      (name) => {
        const path = join(shared, name);
        const inspection = JSON.parse(runCli(["inspect", path, "--json"]).stdout);
        expect(inspection.rejected).toBe(0);
        expect(JSON.parse(runCli(["sessions", path, "--json"]).stdout)).toHaveLength(inspection.requests);
        const fitted = runCli(["fit", path]);
        expect([fitted.status, fitted.stderr]).toEqual([2, expect.stringMatching(/too little to fit/)]);
        const replayed = runCli(["replay", path, "--profile", "h200-qwen3-8b", "--json"]);
        if (replayed.status === 2) expect(replayed.stderr).toMatch(/no arrival times/);
        else expect(JSON.parse(replayed.stdout)).toMatchObject({ requests: inspection.requests });
      },
    );

    it("guidellm's report is no trace in the tap schema, and imports", () => {
      const path = join(shared, "guidellm_sample.json");
      const refused = runCli(["inspect", path]);
      expect([refused.status, refused.stderr]).toEqual([2, expect.stringMatching(/import/)]);
      const imported = runCli(["import", "--format", "guidellm", path, "--out", join(dir, "guidellm.jsonl")]);
      expect(imported.status).toBe(0);
      expect(runCli(["inspect", join(dir, "guidellm.jsonl")]).status).toBe(0);
    });
  },
);

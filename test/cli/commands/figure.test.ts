import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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

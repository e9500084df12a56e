import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { fitCommand } from "../../../lib/cli/commands/fit.js";
import { readJsonFile } from "../../../lib/cli/json-file.js";
import { latencyModelFromJson } from "../../../lib/latency/index.js";
import { writeTrace } from "../../../lib/trace/files/index.js";
import { fittingSweep, simulateSteps, somePrices, traceOf } from "../../fit/step-simulator.js";

const scratch = mkdtempSync(join(tmpdir(), "prefixlab-fit-"));
const tracePath = join(scratch, "sweep.jsonl.gz");
/** The same with nothing cached, so that it replays as it was. */
const uncachedPath = join(scratch, "uncached.jsonl.gz");

beforeAll(async () => {
  const { trace } = simulateSteps({ requests: fittingSweep(), prices: somePrices, maxNumBatchedTokens: 512 });
  await writeTrace(tracePath, trace);
  const uncached = fittingSweep().map(({ cachedTokens: _, ...request }) => request);
  await writeTrace(
    uncachedPath,
    simulateSteps({ requests: uncached, prices: somePrices, maxNumBatchedTokens: 512 }).trace,
  );
});

afterAll(() => {
  rmSync(scratch, { recursive: true });
});

async function run(...args: string[]): Promise<string> {
  const written: string[] = [];
  const stdout = vi
    .spyOn(process.stdout, "write")
    .mockImplementation((text) => written.push(String(text)) > 0);
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    await fitCommand().exitOverride().parseAsync(args, { from: "user" });
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
  return written.join("");
}

describe("prefixlab fit", () => {
  it("prints one JSON document with the report and the model", async () => {
    const document = JSON.parse(await run(tracePath, "--json"));
    expect(document.kind).toBe("physical");
    expect(document.range.running_seqs[1]).toBeGreaterThanOrEqual(8);
    expect(document.residuals.map((r: { of: string }) => r.of)).toContain("gaps with a prefill chunk");
    expect(latencyModelFromJson(document.model).kind).toBe("physical");
  });

  it("says first how replays with the model meet the data that it was fitted on, and what it supposes of the engine", async () => {
    const text = await run(uncachedPath);
    expect(text.split("\n")[0]).toMatch(/^in sample: captured, replayed/);
    expect(text).toMatch(/TTFT +[\d.]+ m?s [+-][\d.]+ %/);
    expect(text).toMatch(/scheduling: synchronous \(fitted/);
    expect(text).toMatch(/form of a step: sum \(fitted\); token budget: 512 \(captured\)/);
    const document = JSON.parse(await run(uncachedPath, "--json"));
    expect(document.in_sample).toHaveLength(1);
    for (const { quantity, statistic, error } of document.in_sample[0])
      if (statistic === "p50") expect(Math.abs(error), quantity).toBeLessThan(0.1);
    expect(document.form).toEqual({ value: "sum", from: "fitted", expert_share: 0 });
    expect(document.async_scheduling).toMatchObject({ value: false, from: "fitted" });
    expect(document.identified.prefill_token_ms).toBe(true);
  });

  it("says that it cannot tell where cached tokens are known and not with whom they were shared", async () => {
    const text = await run(tracePath);
    expect(text).toMatch(/^in sample: not known: .* cached tokens but no block hashes/);
    expect(text).toMatch(/scheduling: synchronous/);
    expect(JSON.parse(await run(tracePath, "--json"))).toMatchObject({ in_sample: [[]], tried: [] });
  });

  it("fits on the first rows, or on all but the first, and not on both", async () => {
    const usedBy = async (...flags: string[]) => JSON.parse(await run(tracePath, "--json", ...flags));
    const all = await usedBy();
    const [first, rest] = [await usedBy("--first", "100"), await usedBy("--skip", "100")];
    const isolated = (d: { used: Record<string, number> }) => d.used.isolated ?? 0;
    expect(isolated(first) + isolated(rest)).toBe(isolated(all));
    expect(first.left_out.some(({ reason }: { reason: string }) => /only load the engine/.test(reason))).toBe(
      true,
    );
    await expect(run(tracePath, "--first", "10", "--skip", "10")).rejects.toThrow(
      "fit: --first and --skip each choose the rows to fit on: give one of them",
    );
  });

  it("does not try what it is given", async () => {
    const given = JSON.parse(
      await run(
        tracePath,
        "--json",
        "--form",
        "max",
        "--async-scheduling",
        "--max-num-batched-tokens",
        "512",
      ),
    );
    expect(given.form).toMatchObject({ value: "max", from: "given" });
    expect(given.async_scheduling).toEqual({ value: true, from: "given" });
    expect(given.tried).toEqual([]);
    expect(given.model).toMatchObject({
      step_form: { combine: "max" },
      fitted_at: { async_scheduling: true },
    });
  });

  it("writes a model that reads back, gzipped where the name says so", async () => {
    const plain = join(scratch, "model.json");
    const packed = join(scratch, "model.json.gz");
    await run(tracePath, "--out", plain, "--kind", "empirical");
    await run(tracePath, "--out", packed, "--kind", "empirical");
    expect(readFileSync(packed).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    expect(await readJsonFile(packed)).toEqual(await readJsonFile(plain));
    expect(latencyModelFromJson(await readJsonFile(packed)).kind).toBe("empirical");
  });

  it("has no form of an empirical model, and refuses to be given one", async () => {
    const text = await run(tracePath, "--kind", "empirical");
    expect(text).toMatch(/^token budget: 512 \(captured\)$/m);
    expect(text).not.toMatch(/form of a step/);
    await expect(run(tracePath, "--kind", "empirical", "--form", "max")).rejects.toThrow(
      /--form says how the prices of a physical model add up/,
    );
  });

  it("shows people the coefficients with their units, and what was left out", async () => {
    const text = await run(tracePath, "--max-num-batched-tokens", "512");
    expect(text).toMatch(/prefill_token_ms +0\.1\d* +ms\/token/);
    expect(text).toMatch(/fit range: \d+ to \d+ uncached tokens/);
    expect(text).toMatch(/TTFT of a request that was not alone/);
  });

  it("refuses a trace that is too small to fit", async () => {
    const small = join(scratch, "small.jsonl");
    await writeTrace(
      small,
      traceOf([{ promptTokens: 9, outputTokens: 2, arrivalMs: 0, ttftMs: 5, itlMs: Float64Array.of(4) }]),
    );
    await expect(run(small)).rejects.toThrow(/too little to fit in 1 records/);
  });
});

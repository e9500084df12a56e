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

beforeAll(async () => {
  const { trace } = simulateSteps({ requests: fittingSweep(), prices: somePrices, maxNumBatchedTokens: 512 });
  await writeTrace(tracePath, trace);
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

  it("writes a model that reads back, gzipped where the name says so", async () => {
    const plain = join(scratch, "model.json");
    const packed = join(scratch, "model.json.gz");
    await run(tracePath, "--out", plain, "--kind", "empirical");
    await run(tracePath, "--out", packed, "--kind", "empirical");
    expect(readFileSync(packed).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]));
    expect(await readJsonFile(packed)).toEqual(await readJsonFile(plain));
    expect(latencyModelFromJson(await readJsonFile(packed)).kind).toBe("empirical");
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

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { judgeServingSimRuns } from "../../lib/cli/half-judged-runs.js";
import { fromRoot } from "./run-cli.js";

const data = fromRoot("..", "shared", "data");
const runs = [
  ["llmservingsim", "rtx4090-llama-3.1-8b"],
  ["llmservingsim", "rtxpro6000-llama-3.1-8b"],
  ["llmservingsim-qwen3", "rtxpro6000-qwen3-32b"],
  ["llmservingsim-qwen3", "rtxpro6000-qwen3-30b-a3b"],
] as const;
const workloads = [
  ["llmservingsim", "sharegpt-llama-3.1-8b-300-sps10.jsonl.gz"],
  ["llmservingsim-qwen3", "sharegpt-qwen3-32b-300-sps10.jsonl.gz"],
  ["llmservingsim-qwen3", "sharegpt-qwen3-30b-a3b-300-sps10.jsonl.gz"],
] as const;
const arePublic = runs.every(([set, name]) => existsSync(join(data, set, name)));

describe.skipIf(!arePublic)(
  "public runs of several models, laid in one folder (skipped where ../shared/data is not there to be read)",
  () => {
    const dir = mkdtempSync(join(tmpdir(), "prefixlab runs "));
    afterAll(() => rmSync(dir, { recursive: true }));
    let judged: Awaited<ReturnType<typeof judgeServingSimRuns>>;

    beforeAll(async () => {
      for (const [set, name] of runs) symlinkSync(join(data, set, name), join(dir, name));
      // One of the workloads as it comes from its source, not gzipped.
      for (const [set, name] of workloads)
        if (name.includes("30b"))
          writeFileSync(join(dir, name.replace(".gz", "")), gunzipSync(readFileSync(join(data, set, name))));
        else symlinkSync(join(data, set, name), join(dir, name));
      mkdirSync(join(dir, "broken"));
      writeFileSync(join(dir, "broken", "requests.jsonl"), '{"request_id": "r0", "input_toks": 3}\n');
      const stderr = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
      judged = await judgeServingSimRuns(dir);
      stderr.mockRestore();
    }, 120_000);

    it("are all judged, each with its own workload, though one of them is refused", () => {
      expect(judged.runs.map(({ name }) => name).sort()).toEqual(runs.map(([, name]) => name).sort());
      expect(judged.refused).toEqual([{ name: "broken", why: expect.stringMatching(/requests\.jsonl/) }]);
      for (const { replay } of judged.runs)
        expect(replay.trace.records.every(({ blockIds }) => blockIds !== undefined)).toBe(true);
    });

    it("have been asynchronous, as vLLM 0.19 is on a GPU: told by one, shown by the others' times to the first token", () => {
      for (const { name, calibration } of judged.runs) {
        expect(calibration.supposed.asyncScheduling, name).toBe(true);
        expect(calibration.from.asyncScheduling).toBe(name.startsWith("rtx4090") ? "captured" : "fitted");
      }
    });

    it("come out on their second halves as the accuracy page has it: TTFT within 5 %, its p99 within 10 %, TPOT p50 within 3 %", () => {
      for (const { name, cells } of judged.runs)
        for (const { quantity, statistic, error } of cells) {
          if (quantity === "ttft")
            expect(Math.abs(error), `${name} ${statistic}`).toBeLessThan(statistic === "p99" ? 0.1 : 0.05);
          else if (statistic === "p50") expect(Math.abs(error), `${name} TPOT`).toBeLessThan(0.03);
        }
    });
  },
);

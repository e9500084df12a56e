import { describe, expect, it } from "vitest";
import { capturedEngine } from "../../lib/replay/index.js";
import type { TraceMeta } from "../../lib/trace/index.js";

const meta = (extra: TraceMeta["extra"], gpu: string | undefined = "NVIDIA H100"): TraceMeta => ({
  ...(gpu !== undefined && { gpu }),
  extra,
});
const isAhead = (told: TraceMeta) => capturedEngine(told).asyncScheduling;

describe("whether a captured engine schedules ahead", () => {
  it("follows from vLLM's version, on a card", () => {
    const of = (engine_version: string) => isAhead(meta({ engine: "vllm", engine_version }));
    expect(["0.13.9", "0.14.0", "0.19.0", "0.32.1rc1", "1.0.0"].map(of)).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
  });

  it("is not known without a card, a version or a name that tells it", () => {
    expect(capturedEngine({ extra: { engine: "vllm", engine_version: "0.32.0" } })).toEqual({});
    expect(isAhead(meta({ engine: "vllm" }))).toBeUndefined();
    expect(isAhead(meta({ engine: "sglang", engine_version: "0.14.0" }))).toBeUndefined();
    expect(isAhead(meta({ engine: "vllm", engine_version: "prefixlab 0.1.0" }))).toBeUndefined();
  });

  it("is not so with pipeline parallelism", () => {
    const told = { engine: "vllm", engine_version: "0.19.0" };
    expect(isAhead(meta({ ...told, pipeline_parallel_size: 2 }))).toBe(false);
    expect(isAhead(meta({ ...told, pipeline_parallel_size: 1 }))).toBe(true);
  });

  it("is what the engine itself tells, where it does", () => {
    const told = meta({ engine: "vllm", engine_version: "0.19.0" });
    expect(isAhead({ ...told, engine: { asyncScheduling: false } })).toBe(false);
    expect(isAhead({ extra: {}, engine: { asyncScheduling: true } })).toBe(true);
  });
});

import { describe, expect, it } from "vitest";
import { engineFacts } from "../../../lib/capture/wire/index.js";

describe("what an engine tells of itself", () => {
  it("vLLM: its version", () => {
    expect(engineFacts({ version: "0.32.0" }, undefined)).toEqual({
      engine: "vllm",
      engine_version: "0.32.0",
    });
  });

  it("llama.cpp: its build and its slots", () => {
    expect(engineFacts(undefined, { total_slots: 4, build_info: "b1-de3ff81" })).toEqual({
      engine: "llama.cpp",
      engine_version: "b1-de3ff81",
      max_num_seqs: 4,
      prefix_reuse: "slots",
    });
  });

  it.each([
    [undefined],
    [null],
    ["no such path"],
    [{ version: 3, total_slots: "4" }],
    [{ total_slots: 0.5 }],
  ])("nothing from %j", (answer) => {
    expect(engineFacts(answer, answer)).toEqual({});
  });
});

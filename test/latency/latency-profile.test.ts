import { describe, expect, it } from "vitest";
import { simulate } from "../../lib/engine/index.js";
import { depthRatio, qwen3With8B } from "../../lib/hardware/index.js";
import { latencyModelFromJson, latencyProfile, profileNames } from "../../lib/latency/index.js";

const model = latencyProfile("h200-qwen3-8b");
const contentIds = (tokens: number, from = 0) =>
  Int32Array.from({ length: Math.floor(tokens / 16) }, (_, i) => from + i);
const request = (promptTokens: number, fireAtMs: number, fresh: number) => {
  const shared = contentIds(10_000);
  const own = contentIds(promptTokens + 128, 100_000 * fresh);
  const ids = Int32Array.from(own, (id, i) => (i < shared.length ? (shared[i] as number) : id));
  return { promptTokens, outputTokens: 128, contentIds: ids, fireAtMs };
};

describe("profile h200-qwen3-8b", () => {
  it("gives back the measurements of isolated requests that it was set from", () => {
    const run = simulate({
      requests: [request(10_207, 0, 1), request(10_205, 60_000, 2)],
      model,
      engine: { ...model.fittedAt },
    });
    const ttftMs = (i: number) =>
      (run.steps.endMs[run.firstStep[i] as number] as number) +
      (run.emissionMs[i] as number) -
      (run.fireMs[i] as number);
    const [cold, warm] = [ttftMs(0), ttftMs(1)];
    expect(run.cachedTokens).toEqual(Int32Array.of(0, 10_000));
    expect(cold).toBeCloseTo(290, 6);
    expect(warm).toBeCloseTo(24, 6);
  });

  it("has gaps of 10.3 ms alone at 10k tokens of context and 13 ms with ten such sequences", () => {
    const timer = model.timer(1);
    const gap = (decodeSeqs: number) =>
      timer.stepMs({
        prefillTokens: 0,
        prefillTokenDepth: 0,
        prefillSeqs: 0,
        decodeSeqs,
        decodeContextTokens: 10_000 * decodeSeqs,
      });
    expect(gap(1)).toBeCloseTo(10.3, 6);
    expect(gap(10)).toBeCloseTo(10.3 + 9 * 0.3072, 6);
  });

  it("prices attention to earlier tokens by the model's shape, and knows the engine and the memory that it stands for", () => {
    const chunk = { prefillTokens: 100, prefillSeqs: 1, decodeSeqs: 0, decodeContextTokens: 0 };
    const at = (depth: number) =>
      model.timer(1).stepMs({ ...chunk, prefillTokenDepth: 100 * depth + 100 ** 2 / 2 });
    const tokenMs = (at(0) - (10.3 - 0.3072)) / (100 + 50 * 100 * depthRatio(qwen3With8B));
    expect(tokenMs).toBeCloseTo(0.0211, 4);
    expect((at(20_000) - at(0)) / (100 * 20_000)).toBeCloseTo(tokenMs * depthRatio(qwen3With8B), 12);
    expect(model.fittedAt).toEqual({ maxNumBatchedTokens: 8_192, maxNumSeqs: 1_024, asyncScheduling: true });
    expect(model.memory).toEqual({ poolTokens: 785_370, kvBytesPerToken: 147_456 });
  });

  it("survives being written and read back", () => {
    const json: unknown = JSON.parse(JSON.stringify(model.toJson()));
    expect(latencyModelFromJson(json).toJson()).toEqual(model.toJson());
  });

  it("is refused under another name, with the names there are", () => {
    expect(profileNames()).toContain("h200-qwen3-8b");
    expect(() => latencyProfile("h100")).toThrow(/no profile "h100", there is h200-qwen3-8b/);
    expect(() => latencyProfile("constructor")).toThrow(/no profile/);
  });
});

describe("profile vllm-vcr-published", () => {
  const published = latencyProfile("vllm-vcr-published");
  const ttftMs = (maxNumBatchedTokens: number) => {
    const requests = [request(10_500, 0, 1), request(10_164, 60_000, 2)];
    const run = simulate({ requests, model: published, engine: { maxNumBatchedTokens } });
    return [0, 1].map((i) => (run.firstTokenMs(i) as number) - run.fireMs[i]!);
  };

  it("has the figure's cold and warm TTFT and its gap, at its budget of 2,048", () => {
    const [cold, warm] = ttftMs(2_048);
    expect(cold).toBeCloseTo(1_100, 6);
    // The warm prompt finds 10,000 tokens and computes 164.
    expect(warm).toBeCloseTo(30, 6);
    const decode = { prefillTokens: 0, prefillTokenDepth: 0, prefillSeqs: 0 };
    const gapMs = published.timer(1).stepMs({ ...decode, decodeSeqs: 1, decodeContextTokens: 10_000 });
    expect(gapMs).toBeCloseTo(8, 9);
  });

  it("says under which budget it was made, and is nobody's card", () => {
    expect(published.fittedAt).toEqual({ maxNumBatchedTokens: 2_048 });
    expect(published.memory).toBeUndefined();
    const json: unknown = JSON.parse(JSON.stringify(published.toJson()));
    expect(latencyModelFromJson(json).toJson()).toEqual(published.toJson());
  });
});

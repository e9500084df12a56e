import { describe, expect, it } from "vitest";
import type { ServerUsage } from "../../../lib/capture/wire/answer-event.js";
import { type PromptEvidence, weighCounts } from "../../../lib/capture/wire/index.js";

function weigh(
  usage: ServerUsage | undefined,
  prompt: PromptEvidence,
  answer: {
    chunks?: number;
    ids?: number;
    characters?: number;
    mostTokens?: number;
    elapsedMs?: number;
  } = {},
) {
  const { chunks = 2, ids = 0, characters = 8, mostTokens, elapsedMs = 200 } = answer;
  return weighCounts({
    usage,
    prompt,
    answer: {
      choice: { streamedTokens: chunks, tokenIds: Array.from({ length: ids }, (_, i) => i), characters },
      elapsedMs,
      ...(mostTokens !== undefined && { mostTokens }),
    },
    blockTokens: 16,
  });
}

const ids: PromptEvidence = { kind: "ids", tokens: 64 };
const tokenized: PromptEvidence = { kind: "tokenized", tokens: 64 };
const bytes: PromptEvidence = { kind: "bytes", tokens: 64, hasThings: false };

describe("a prompt's length", () => {
  it.each<[string, ServerUsage | undefined, PromptEvidence, object]>([
    ["ids, not counted", undefined, ids, { promptTokens: 64, hashedTokens: 64 }],
    [
      "ids outvote a smaller count",
      { promptTokens: 10 },
      ids,
      { promptTokens: 64, extra: { server_prompt_tokens: 10 } },
    ],
    ["a count of zero is none", { promptTokens: 0 }, ids, { promptTokens: 64, extra: {} }],
    ["a server may add a template", { promptTokens: 65 }, ids, { promptTokens: 65, hashedTokens: 64 }],
    [
      "it does not add thousands",
      { promptTokens: 5_000 },
      ids,
      { promptTokens: 64, extra: { server_prompt_tokens: 5_000 } },
    ],
    ["a tokenizer that saw all", { promptTokens: 64 }, tokenized, { promptTokens: 64, hashedTokens: 64 }],
    ["one that missed a begin mark", { promptTokens: 65 }, tokenized, { promptTokens: 65, hashedTokens: 64 }],
    [
      "one that missed a block: no chain",
      { promptTokens: 80 },
      tokenized,
      { promptTokens: 80, hashedTokens: 0 },
    ],
    [
      "bytes keep their unit",
      { promptTokens: 20 },
      bytes,
      { promptTokens: 64, hashedTokens: 64, extra: { server_prompt_tokens: 20 } },
    ],
    [
      "with an image in them the server's unit",
      { promptTokens: 20 },
      { ...bytes, hasThings: true },
      { promptTokens: 20, hashedTokens: 20, extra: {} },
    ],
    ["nothing is nobody's length", undefined, { ...bytes, tokens: 0 }, { promptTokens: 1 }],
    [
      "an expected one",
      undefined,
      { kind: "expected", tokens: 50 },
      { promptTokens: 50, hashedTokens: 0, extra: { prompt_tokens_expected: true } },
    ],
    [
      "a count outvotes what was expected",
      { promptTokens: 40 },
      { kind: "expected", tokens: 50 },
      { promptTokens: 40, extra: {} },
    ],
    [
      "but not the turn before",
      { promptTokens: 12 },
      { kind: "expected", tokens: 50, atLeastTokens: 45 },
      { promptTokens: 50, extra: { prompt_tokens_expected: true, server_prompt_tokens: 12 } },
    ],
    [
      "which is the least",
      { promptTokens: 12 },
      { kind: "expected", tokens: 30, atLeastTokens: 45 },
      { promptTokens: 45 },
    ],
    [
      "no context is billions long",
      { promptTokens: 2e9 },
      { kind: "expected", tokens: 50 },
      { promptTokens: 50, extra: { server_prompt_tokens: 2e9 } },
    ],
  ])("%s", (_name, usage, prompt, expected) => {
    expect(weigh(usage, prompt)).toMatchObject(expected);
  });
});

describe("cached tokens", () => {
  it("are a count up to the prompt's length, and a claim above it or in another unit", () => {
    const counted = weigh({ promptTokens: 64, cachedTokens: 64 }, ids);
    expect([counted.cachedTokens, counted.extra]).toEqual([64, {}]);
    const above = weigh({ promptTokens: 64, cachedTokens: 80 }, ids);
    expect([above.cachedTokens, above.extra]).toEqual([undefined, { server_cached_tokens: 80 }]);
    const other = weigh({ promptTokens: 20, cachedTokens: 16 }, bytes);
    expect([other.cachedTokens, other.extra.server_cached_tokens]).toEqual([undefined, 16]);
  });

  it("of zero are a fact beside a count of the prompt, and nothing without one", () => {
    expect(weigh({ promptTokens: 64, cachedTokens: 0 }, ids).cachedTokens).toBe(0);
    expect(weigh({ promptTokens: 0, cachedTokens: 0 }, ids)).not.toHaveProperty("cachedTokens");
  });
});

describe("output tokens", () => {
  it.each([
    ["the server's count", { outputTokens: 5 }, {}, 5, {}],
    ["chunks, where it tells none", undefined, {}, 2, {}],
    ["chunks, where it tells zero", { outputTokens: 0 }, {}, 2, {}],
    [
      "ids outvote a smaller count",
      { outputTokens: 1 },
      { ids: 4, chunks: 4 },
      4,
      { server_output_tokens: 1 },
    ],
    ["a chunk of text need not be a token", { outputTokens: 1 }, {}, 1, { text_chunks: 2 }],
    ["thinking that was not shown counts", { outputTokens: 1_000 }, {}, 1_000, {}],
    ["no engine gives billions", { outputTokens: 2e9 }, {}, 2, { server_output_tokens: 2e9 }],
    ["nor so many in the time", { outputTokens: 10_000 }, {}, 2, { server_output_tokens: 10_000 }],
    [
      "nor more than was asked for",
      { outputTokens: 900 },
      { mostTokens: 100 },
      2,
      { server_output_tokens: 900 },
    ],
    ["an end mark more is no lie", { outputTokens: 101 }, { mostTokens: 100 }, 101, {}],
    ["nothing came", { outputTokens: 0 }, { chunks: 0, characters: 0 }, 0, {}],
    [
      "a whole answer nobody counted",
      undefined,
      { chunks: 0, characters: 40 },
      10,
      { output_tokens_by: "characters" },
    ],
  ] as const)("%s", (_name, usage, answer, tokens, extra) => {
    const weighed = weigh(usage, ids, answer);
    expect([weighed.outputTokens, weighed.extra]).toEqual([tokens, extra]);
  });
});

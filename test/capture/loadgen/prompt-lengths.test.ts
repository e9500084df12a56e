import { describe, expect, it } from "vitest";
import { PromptLengths } from "../../../lib/capture/loadgen/prompt-lengths.js";

const record = (promptTokens: number, extra = {}) => ({ promptTokens, outputTokens: 1, extra });

describe("PromptLengths", () => {
  it("knows nothing at first, and of a session its last prompt", () => {
    const lengths = new PromptLengths();
    expect(lengths.atLeast("a", undefined)).toBeUndefined();
    lengths.told("a", undefined, record(200));
    expect(lengths.atLeast("a", undefined)).toBe(200);
    expect(lengths.atLeast("b", undefined)).toBeUndefined();
  });

  it("holds made-up prompts against others of their length, in any session", () => {
    const lengths = new PromptLengths();
    lengths.told("a", 232, record(250));
    lengths.told("b", 232, record(40, { prompt_tokens_expected: true }));
    expect(lengths.atLeast("c", 232)).toBe(175);
    expect(lengths.atLeast("c", 234)).toBe(175);
    expect(lengths.atLeast("c", 300)).toBeUndefined();
    expect(lengths.atLeast("c", undefined)).toBeUndefined();
  });
});

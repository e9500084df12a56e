import { describe, expect, it } from "vitest";
import { describeDivergence, PromptHeads } from "../../lib/explain/divergence.js";
import type { PromptMessage, TraceRecord } from "../../lib/trace/index.js";

const messages = (...parts: readonly [string, number, string][]): PromptMessage[] =>
  parts.map(([role, tokens, hash]) => ({ role, tokens, hash }));
const record = (more: Partial<TraceRecord> = {}): TraceRecord => ({
  promptTokens: 200,
  outputTokens: 40,
  ...more,
});
const head = [
  ["system", 60, "s"],
  ["tools", 40, "t"],
] as const satisfies readonly [string, number, string][];

describe("how a prompt diverges", () => {
  const before = record({ messages: messages(...head, ["user", 100, "u1"]) });

  it("in the system prompt or the tools, by the first message that is another text", () => {
    const clock = record({ messages: messages(["system", 60, "s2"], head[1], ["user", 100, "u1"]) });
    expect(describeDivergence(clock, before, 32, 16)).toEqual({
      kind: "head_changed",
      message: { index: 0, role: "system" },
    });
    const tool = record({ messages: messages(head[0], ["tools", 40, "t2"], ["user", 100, "u1"]) });
    expect(describeDivergence(tool, before, 48, 16).message).toEqual({ index: 1, role: "tools" });
  });

  it("tells tools in another order from other tools", () => {
    const tools = (...hashes: string[]) => ({ extra: { tool_hashes: hashes } });
    const was = record({ messages: before.messages!, ...tools("a", "b", "c") });
    const other = messages(head[0], ["tools", 40, "t2"], ["user", 100, "u1"]);
    expect(describeDivergence(record({ messages: other, ...tools("c", "a", "b") }), was, 48, 16).kind).toBe(
      "tools_reordered",
    );
    expect(describeDivergence(record({ messages: other, ...tools("a", "b", "d") }), was, 48, 16).kind).toBe(
      "head_changed",
    );
  });

  it("in the answer of the turn before, behind its prompt", () => {
    expect(describeDivergence(record({ promptTokens: 300 }), before, 192, 16).kind).toBe("answer_changed");
    expect(describeDivergence(record({ promptTokens: 300 }), before, 208, 16).kind).toBe("answer_changed");
  });

  it("within the history: shortened where the prompt is, else changed", () => {
    expect(describeDivergence(record({ promptTokens: 150 }), before, 96, 16).kind).toBe("history_compacted");
    expect(describeDivergence(record({ promptTokens: 250 }), before, 96, 16).kind).toBe("history_changed");
  });

  it("from its first block on under another salt, model or adapter", () => {
    const salted = record({ extra: { cache_salt_hash: "x" } });
    expect(describeDivergence(salted, before, 0, 16).kind).toBe("cache_salt");
    expect(describeDivergence(salted, before, 96, 16).kind).not.toBe("cache_salt");
  });
});

describe("heads of prompts", () => {
  it("are versions of each other where their messages are as long, and new where they are not", () => {
    const heads = new PromptHeads();
    const with_ = (system: readonly [string, number, string]) =>
      record({ messages: messages([...system], head[1], ["user", 9, "u"]) });
    expect(heads.versionOf(with_(["system", 1_000, "a"]))).toBeUndefined();
    heads.add(with_(["system", 1_000, "a"]), 3);
    expect(heads.versionOf(with_(["system", 1_010, "b"]))).toEqual({ index: 3, tokens: 1_050 });
    expect(heads.versionOf(with_(["system", 1_500, "c"]))).toBeUndefined();
    expect(heads.versionOf(record())).toBeUndefined();
  });
});

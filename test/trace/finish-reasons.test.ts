import { describe, expect, it } from "vitest";
import { isUnknownEnding } from "../../lib/trace/finish-reasons.js";
import { isAnswered } from "../../lib/trace/index.js";

const answered = (finishReason: string) =>
  isAnswered({ promptTokens: 9, outputTokens: 2, ttftMs: 5, finishReason });

describe("a finish reason", () => {
  it.each(["stop", "length", "eos", "end_turn", "STOP", "MAX_TOKENS", "tool_use", "refusal", "SAFETY"])(
    "%s is an end that is known",
    (reason) => {
      expect([answered(reason), isUnknownEnding(reason)]).toEqual([true, false]);
    },
  );

  it.each(["stop_token", "repetition", "unknown", "sensitive"])(
    "%s is taken for an end, and told",
    (reason) => {
      expect([answered(reason), isUnknownEnding(reason)]).toEqual([true, true]);
    },
  );

  it.each([
    "abort",
    "aborted",
    "cancelled",
    "disconnect",
    "error",
    "network_error",
    "timeout",
    "time_out",
    "truncated",
    "unfinished",
    "refused",
    "never sent",
  ])("%s is none", (reason) => {
    expect([answered(reason), isUnknownEnding(reason)]).toEqual([false, false]);
  });
});

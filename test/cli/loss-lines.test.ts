import { describe, expect, it } from "vitest";
import type { TimedLoss } from "../../lib/capture/index.js";
import { LossLines, lossText } from "../../lib/cli/loss-lines.js";
import type { MissPart } from "../../lib/explain/index.js";

const noon = new Date(2026, 4, 1, 12, 3, 11).getTime();

function lossOf(parts: readonly MissPart[], rest: Partial<TimedLoss> = {}): TimedLoss {
  const lostTokens = parts.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    requestId: "ab12-17",
    session: "3f2a91c04d7e",
    turn: 7,
    promptTokens: 20_480,
    cachedTokens: 6_272,
    before: { turn: 6, promptTokens: 18_000 },
    lostTokens,
    parts,
    sameBefore: 0,
    arrivedAtMs: noon,
    ...rest,
  };
}

const clock: MissPart = {
  cause: "diverged",
  fromToken: 16,
  tokens: 14_000,
  from: 3,
  divergence: { kind: "head_changed", message: { index: 0, role: "system" } },
};
const evicted = (tokens: number): MissPart => ({
  cause: "evicted",
  fromToken: 4_096,
  tokens,
  blocksShort: 26,
  idleMs: 2_040,
});

describe("a line for a lost prefix", () => {
  it("says when, who, how much, where and why", () => {
    expect(lossText(lossOf([clock], { sameBefore: 5 }))).toBe(
      "12:03:11 session 3f2a91c0 turn 7 (request ab12-17): 14,208 of 20,480 prompt tokens computed: 14,000 from token 16 on differ from turn 6 (system, message 0): same place as 5 before: a clock or an id?",
    );
  });

  it("has the largest part first, and what is known of an eviction", () => {
    expect(lossText(lossOf([evicted(512), { ...clock, tokens: 9_000 }]))).toMatch(
      /9,000 from token 16 on differ .*; 512 from token 4,096 on had left the cache after 2\.0 s, which was 26 blocks short$/,
    );
  });

  it("is printed for a loss that is worth it: 256 tokens, and a tenth of the prompt before", () => {
    const isSaid = (tokens: number, before: number) =>
      new LossLines().line(lossOf([evicted(tokens)], { before: { turn: 6, promptTokens: before } }), 0) !==
      undefined;
    expect([isSaid(256, 2_560), isSaid(255, 1_000), isSaid(256, 2_561), isSaid(300, 2_561)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it("is printed five times in ten seconds, and the next one says how many were not", () => {
    const lines = new LossLines();
    const said = Array.from({ length: 12 }, (_, i) => lines.line(lossOf([clock]), i * 100));
    expect(said.map((line) => line !== undefined)).toEqual([...Array(5).fill(true), ...Array(7).fill(false)]);
    expect(lines.line(lossOf([clock]), 10_000)).toContain("(and 7 more since the line before)");
    expect(lines.line(lossOf([clock]), 10_100)).not.toContain("more since");
  });

  it("is counted by cause in the end, small or not", () => {
    const lines = new LossLines();
    expect(lines.summary()).toBe("no request lost a prefix");
    lines.line(lossOf([clock, evicted(100)]), 0);
    lines.line(lossOf([evicted(50), { ...evicted(10), fromToken: 9_000 }]), 0);
    expect(lines.summary()).toBe(
      "2 requests lost a prefix; tokens by cause: 14,000 diverged (1 requests), 160 evicted (2 requests)",
    );
  });
});

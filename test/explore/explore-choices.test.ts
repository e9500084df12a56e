import { describe, expect, it } from "vitest";
import { replayCommand } from "../../lib/cli/commands/replay.js";
import { exploreControls, flagsOfChoices, replayOfChoices } from "../../lib/explore/explore-choices.js";
import { formGroups } from "../../lib/explore/page/form-rows.js";
import { commandOfState, hashOfState, stateOfHash } from "../../lib/explore/page/link.js";

const page = {
  traces: [
    {
      name: "mine",
      typed: "my traces/mine.jsonl.gz",
      requests: 10,
      sessions: 2,
      mostTurns: 5,
      longestTokens: 100,
      hasHashes: true,
      notes: [],
    },
  ],
  models: [{ name: "h200-qwen3-8b", label: "h200", typed: "--profile h200-qwen3-8b", notes: [] }],
  version: "0",
};

describe("choices", () => {
  it("are each a flag of replay, and each has a place in the form", () => {
    const flags = new Set(replayCommand().options.map(({ long }) => long));
    const values = { switch: "on", whole: "1", number: "1" } as const;
    for (const { name, kind, words, typed } of exploreControls) {
      const [flag] = typed(kind === "word" ? (words?.[0] ?? "") : values[kind]).split(" ");
      expect([...flags]).toContain(flag);
      expect(formGroups.flatMap(({ rows }) => rows).filter((row) => row.name === name)).toHaveLength(1);
    }
  });

  it("become options of a replay, checked as the command line checks them", () => {
    const { options, turns } = replayOfChoices({ "kv-cache-size": "12", "request-timeout": "2", turns: "3" });
    expect(options).toMatchObject({ engine: { kvCacheBlocks: 12 }, requestTimeoutMs: 2000 });
    expect(turns).toBe(3);
    expect(
      flagsOfChoices({ "enable-prefix-caching": "off", "cold-prompts": "off", pacing: "session" }),
    ).toEqual(["--no-enable-prefix-caching", "--replay-sessions"]);
  });

  it.each([
    [{ "kv-cache-size": "many" }, /whole number/],
    [{ "rate-scale": "0" }, /rate-scale must be a number > 0, got "0"/],
    [{ turns: "1.5" }, /turns must be a whole number >= 1/],
    [{ router: "nearest" }, /router must be one of round-robin/],
    [{ "cold-prompts": "yes" }, /cold-prompts must be on or off/],
    [{ colour: "blue" }, /there is no choice "colour"/],
    [{ pacing: "session", "max-concurrency": "2" }, /choose one of them/],
    [{ "on-timeout": "end-session" }, /choose request-timeout too/],
  ] as const)("refuse %o", (choices, message) => {
    expect(() => replayOfChoices(choices as Record<string, string>)).toThrow(message);
  });
});

describe("a link", () => {
  it("holds what was chosen, and nothing that the page has by itself", () => {
    const state = { trace: 0, latency: "h200-qwen3-8b", choices: {}, session: 0 };
    expect(hashOfState(state, page)).toBe("");
    const chosen = { ...state, choices: { "rate-scale": "2", "enable-prefix-caching": "off" }, session: 4 };
    expect(stateOfHash(`#${hashOfState(chosen, page)}`, page)).toEqual(chosen);
  });

  it("of another page is read as far as it fits", () => {
    expect(stateOfHash("#trace=7&latency=gone", page)).toMatchObject({ trace: 0, latency: "h200-qwen3-8b" });
    expect(() => stateOfHash("#rate-scale=fast", page)).toThrow(/rate-scale/);
  });

  it("has a command beside it, its path as a shell takes it", () => {
    const state = { trace: 0, latency: "h200-qwen3-8b", choices: { "rate-scale": "2" }, session: 0 };
    expect(commandOfState(state, page)).toBe(
      "npx prefixlab replay 'my traces/mine.jsonl.gz' --profile h200-qwen3-8b --rate-scale 2",
    );
  });
});

import { describe, expect, it } from "vitest";
import {
  geometricSizes,
  planSessions,
  planSweep,
  poissonArrivals,
  type SweepStage,
} from "../../lib/workload/index.js";

describe("planSessions", () => {
  const options = {
    ratePerSecond: 2,
    sessions: 9,
    turns: 3,
    prefixCount: 2,
    promptTokens: 128,
    outputTokens: 24,
    thinkTimeMs: 500,
    seed: 4,
  };

  it("plans sessions at Poisson arrivals, prefixes given out in turn, think time before all turns but the first", () => {
    const sessions = planSessions(options);
    expect(sessions.map(({ arrivalMs }) => arrivalMs)).toEqual([
      ...poissonArrivals({ ratePerSecond: 2, count: 9, seed: 4 }),
    ]);
    expect(sessions.map(({ prefix }) => prefix)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0]);
    expect(new Set(sessions.map(({ session }) => session)).size).toBe(9);
    expect(sessions[0]!.turns).toEqual([
      { turn: 1, newTokens: 128, outputTokens: 24, thinkMs: 0 },
      { turn: 2, newTokens: 128, outputTokens: 24, thinkMs: 500 },
      { turn: 3, newTokens: 128, outputTokens: 24, thinkMs: 500 },
    ]);
  });

  it("moves no arrival when sizes change", () => {
    const arrivals = (given: Partial<typeof options>) =>
      planSessions({ ...options, ...given }).map(({ arrivalMs }) => arrivalMs);
    expect(arrivals({ turns: 7, prefixCount: 5, promptTokens: 1 })).toEqual(arrivals({}));
  });

  it("refuses no turns, and a plan without end", () => {
    expect(() => planSessions({ ...options, turns: 0 })).toThrow(
      "planSessions: turns must be a positive integer",
    );
    const { sessions: _none, ...endless } = options;
    expect(() => planSessions(endless)).toThrow(/planSessions: needs durationMs, sessions or both/);
  });
});

describe("planSweep", () => {
  const options = { maxPromptTokens: 2_048, outputTokens: 48, levels: [1, 4, 16], repeats: 3, seed: 1 };
  const stages = planSweep(options);
  const named = (kind: string): SweepStage[] => stages.filter(({ name }) => name.startsWith(`${kind} `));
  const concurrent = (stage: SweepStage) =>
    stage.requests.filter(({ start }) => start.after === "stage").length;

  it("fills a prefix for each sequence that decodes beside others, before anything uses them", () => {
    const fills = stages.slice(0, 16).map(({ requests }) => requests);
    expect(fills).toMatchObject(
      Array.from({ length: 16 }, (_, prefix) => [{ prefix, prefixTokens: 2_048, newTokens: 0 }]),
    );
    for (const { requests } of named("decode"))
      expect(new Set(requests.map(({ prefix }) => prefix)).size).toBe(requests.length);
  });

  it("measures every cold and cached size alone, as often as asked, from 64 tokens to the longest prompt", () => {
    const isolated = [...named("cold"), ...named("cached")];
    expect(isolated.every(({ requests }) => requests.length === 1)).toBe(true);
    const times = new Map<string, number>();
    for (const { name } of isolated) times.set(name, (times.get(name) ?? 0) + 1);
    expect(new Set(times.values())).toEqual(new Set([3]));
    const cold = named("cold").map(({ requests }) => requests[0]!.newTokens);
    expect([Math.min(...cold), Math.max(...cold)]).toEqual([64, 2_048]);
    const depths = named("cached").map(({ requests }) => requests[0]!.prefixTokens);
    expect(depths.every((depth) => depth % 16 === 0)).toBe(true);
  });

  it("keeps every prompt within the longest, and every uncached part its own", () => {
    for (const { requests } of stages.filter(({ name }) => name !== "fill prefix"))
      for (const { prefixTokens, newTokens } of requests) {
        expect(prefixTokens + newTokens).toBeLessThanOrEqual(2_048);
        expect(newTokens).toBeGreaterThan(0);
      }
  });

  it("decodes each level at three contexts with output lengths that end one after the other", () => {
    const decode = named("decode");
    expect(decode.map(concurrent)).toEqual([1, 1, 1, 4, 4, 4, 16, 16, 16]);
    for (const { requests } of decode) {
      const outputs = requests.map(({ outputTokens }) => outputTokens);
      expect(Math.max(...outputs)).toBe(48);
      expect(new Set(outputs).size).toBe(requests.length);
    }
  });

  it("sends the prefills of a stall one after the other, into a background that decodes", () => {
    for (const { requests } of named("stall")) {
      const background = requests.filter(({ start }) => start.after === "stage");
      const prefills = requests.slice(background.length);
      expect(prefills.map(({ start }) => [start.after, start.of])).toEqual([
        ["firstToken", background.length - 1],
        ["end", background.length],
      ]);
    }
  });

  it("shuffles the isolated stages by the seed, and only their order", () => {
    const other = planSweep({ ...options, seed: 2 });
    const names = (plan: readonly SweepStage[]) => plan.map(({ name }) => name);
    expect(names(other)).not.toEqual(names(stages));
    expect(names(other).sort()).toEqual(names(stages).sort());
    expect(names(planSweep(options))).toEqual(names(stages));
  });

  it("refuses a longest prompt below 128 tokens and no levels", () => {
    expect(() => planSweep({ ...options, maxPromptTokens: 100 })).toThrow(/maxPromptTokens/);
    expect(() => planSweep({ ...options, levels: [] })).toThrow("planSweep: needs at least one level");
  });
});

describe("geometricSizes", () => {
  it("goes from end to end in about equal ratios, each size once", () => {
    expect(geometricSizes(64, 1_024, 2)).toEqual([64, 128, 256, 512, 1_024]);
    expect(geometricSizes(16, 20, 3)).toEqual([16, 20]);
  });
});

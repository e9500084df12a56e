import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { planReplay, poolChains, sequenceBlocks } from "../../lib/replay/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import { multiturnTrace } from "./multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 6,
  turns: 3,
  prefixTokens: 100,
  promptTokens: 20,
  outputTokens: 12,
});
const sessions = inferSessions(trace);

describe("planReplay", () => {
  it("open loop: every request fires at its recorded time, counted from the first arrival", () => {
    const plan = planReplay({ trace, sessions }, { pacing: "open-loop" });
    expect(plan.requests.map((r) => r.fireAtMs)).toEqual(
      trace.records.map((r) => r.arrivalMs! - trace.records[0]!.arrivalMs!),
    );
  });

  it("session: first turns fire at their time, later ones the recorded think gap after their parent", () => {
    const plan = planReplay({ trace, sessions });
    plan.requests.forEach((request, i) => {
      const parent = sessions.parent[i]!;
      if (parent < 0) expect(request.fireAtMs).toBeDefined();
      else {
        expect(request.after!.parent).toBe(parent);
        expect(request.after!.gapMs).toBeCloseTo(500, 6);
      }
    });
  });

  it("recorded prompts: a turn's chain begins with its parent's prompt and answer", () => {
    const plan = planReplay({ trace, sessions });
    plan.requests.forEach((request, i) => {
      const parent = sessions.parent[i]!;
      if (parent < 0) return;
      const before = plan.requests[parent]!.contentIds;
      expect([...request.contentIds.subarray(0, before.length)]).toEqual([...before]);
    });
    expect(plan.assumptions).toEqual([]);
  });

  it("cold prompts: no content is shared by two requests", () => {
    const plan = planReplay({ trace, sessions }, { prompts: "unique" });
    const ids = plan.requests.flatMap((r) => [...r.contentIds]);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Math.max(...ids)).toBeLessThan(plan.contentCount);
  });

  it("scales the arrivals of first turns and leaves think gaps as they are", () => {
    const plan = planReplay({ trace, sessions }, { rateScale: 2 });
    const plain = planReplay({ trace, sessions });
    plan.requests.forEach((request, i) => {
      const other = plain.requests[i]!;
      if (other.after) expect(request.after).toEqual(other.after);
      else expect(request.fireAtMs).toBeCloseTo(other.fireAtMs! / 2, 9);
    });
  });

  it("says that a trace without hashes shares nothing, and refuses one without arrivals or records", () => {
    const bare = { ...trace, records: trace.records.map(({ blockIds: _, outputBlockIds: __, ...r }) => r) };
    const plan = planReplay(workloadOf(bare));
    expect(plan.assumptions[0]).toMatch(/no block hashes/);
    const timeless = { ...trace, records: trace.records.map(({ arrivalMs: _, ...r }) => r) };
    expect(() => planReplay({ trace: timeless, sessions })).toThrow(/no arrival times/);
    expect(() => planReplay({ trace: { ...trace, records: [] }, sessions })).toThrow(/no records/);
  });
});

describe("poolChains", () => {
  const sequences = sequenceBlocks(trace, sessions.parent, 16);

  it("is the trace's own chain where the block sizes agree", () => {
    const { contentIds } = poolChains(trace, sequences, 16, 16);
    contentIds.forEach((ids, i) => {
      const prompt = trace.records[i]!.blockIds!;
      expect([...ids.subarray(0, prompt.length)]).toEqual([...prompt]);
    });
  });

  it("shares a pool block exactly when the trace blocks that cover its end are shared", () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 4, 8, 16, 32, 48, 24), fc.nat(17), fc.nat(17), (poolBlockSize, a, b) => {
        const { contentIds } = poolChains(trace, sequences, 16, poolBlockSize);
        const [one, two] = [contentIds[a]!, contentIds[b]!];
        for (let k = 0; k < Math.min(one.length, two.length); k++) {
          const covering = Math.ceil(((k + 1) * poolBlockSize) / 16) - 1;
          const known = covering < sequences[a]!.length && covering < sequences[b]!.length;
          const shared = known && sequences[a]![covering] === sequences[b]![covering];
          expect(one[k] === two[k]).toBe(shared || a === b);
        }
      }),
    );
  });

  it("has one id for each full block of prompt and answer", () => {
    const { contentIds } = poolChains(trace, sequences, 16, 32);
    contentIds.forEach((ids, i) => {
      const { promptTokens, outputTokens } = trace.records[i]!;
      expect(ids.length).toBe(Math.floor((promptTokens + outputTokens) / 32));
    });
  });
});

describe("sequenceBlocks", () => {
  it("takes an answer's blocks from the next turn's prompt where the record does not tell them", () => {
    const untold = { ...trace, records: trace.records.map(({ outputBlockIds: _, ...r }) => r) };
    const told = sequenceBlocks(trace, sessions.parent, 16);
    sequenceBlocks(untold, sessions.parent, 16).forEach((chain, i) => {
      const hasChild = sessions.parent.includes(i);
      if (hasChild) expect([...chain]).toEqual([...told[i]!]);
      else expect([...chain]).toEqual([...trace.records[i]!.blockIds!]);
    });
  });
});

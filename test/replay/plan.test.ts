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

  it("makes think gaps so many times as long, and none of them with a scale of 0", () => {
    const plain = planReplay({ trace, sessions });
    for (const thinkScale of [0, 0.5, 3]) {
      const plan = planReplay({ trace, sessions }, { thinkScale });
      plan.requests.forEach(({ after, fireAtMs }, i) => {
        const other = plain.requests[i];
        if (other.after) expect(after?.gapMs).toBeCloseTo(thinkScale * other.after.gapMs, 9);
        expect(fireAtMs).toBe(other.fireAtMs);
      });
    }
  });

  it.each([
    [{ rateScale: 0 }, /rateScale/],
    [{ rateScale: -1 }, /rateScale/],
    [{ rateScale: Number.NaN }, /rateScale/],
    [{ thinkScale: -0.1 }, /thinkScale/],
    [{ thinkScale: Number.POSITIVE_INFINITY }, /thinkScale/],
    [{ blockSize: 0 }, /blockSize/],
    [{ blockSize: 1.5 }, /blockSize/],
  ])("refuses %o", (options, message) => {
    expect(() => planReplay({ trace, sessions }, { ...options })).toThrow(message);
  });

  it("is in the pool's blocks where these are told, else in the trace's, else in blocks of 16", () => {
    const untold = { ...trace, meta: { extra: {} } };
    const told = { ...trace, meta: { blockSize: 8, extra: {} } };
    expect(planReplay({ trace: told, sessions }, { blockSize: 1 }).blockSize).toBe(1);
    expect(planReplay({ trace: told, sessions }).blockSize).toBe(8);
    expect(planReplay({ trace: untold, sessions })).toEqual(planReplay({ trace, sessions }));
    expect(planReplay({ trace: untold, sessions }).blockSize).toBe(16);
  });

  it("asks for the priority that a request had, where it is a whole number", () => {
    const priorities = [3, -2, 0, undefined, 1.5, "2", 2 ** 53];
    const records = trace.records.map((r, i) => ({ ...r, extra: { priority: priorities[i] ?? null } }));
    const plan = planReplay({ trace: { ...trace, records }, sessions });
    expect(plan.requests.slice(0, 7).map(({ priority }) => priority)).toEqual([3, -2, 0, ...Array(4)]);
    expect(plan.requests[3]).not.toHaveProperty("priority");
  });

  it("replays a request without output with one token, and counts them", () => {
    const records = trace.records.map((r, i) => (i % 5 === 0 ? { ...r, outputTokens: 0 } : r));
    const plan = planReplay({ trace: { ...trace, records }, sessions });
    expect(plan.requests.map((r) => r.outputTokens)).toEqual(records.map((r) => Math.max(1, r.outputTokens)));
    expect(plan.assumptions).toContain("4 requests without output are replayed with one output token");
    const [one, ...rest] = trace.records;
    const of = (outputTokens: number) =>
      planReplay({ trace: { ...trace, records: [{ ...one, outputTokens }, ...rest] }, sessions });
    expect(of(1).assumptions).toEqual([]);
    expect(of(0).assumptions).toEqual(["1 requests without output are replayed with one output token"]);
  });

  it("replays an empty prompt with one token, and counts them; a prompt of one token is none", () => {
    const [one, two, ...rest] = trace.records;
    const blockIds = new Int32Array(0);
    const records = [{ ...one, promptTokens: 0, blockIds }, { ...two, promptTokens: 1, blockIds }, ...rest];
    const plan = planReplay({ trace: { ...trace, records }, sessions });
    expect(plan.requests.slice(0, 2).map((r) => r.promptTokens)).toEqual([1, 1]);
    expect(plan.assumptions).toContain("1 requests with an empty prompt are replayed with one prompt token");
  });

  it("counts full prompt blocks without a hash, where prompts share what the trace says", () => {
    const records = trace.records.map((r, i) => {
      const { outputBlockIds: _, ...bare } = r;
      return i === 0 ? { ...bare, blockIds: r.blockIds!.subarray(0, 3) } : r;
    });
    const cut = { ...trace, records };
    const missing = trace.records[0]!.blockIds!.length - 3;
    const parent = Int32Array.from(sessions.parent, (p) => (p === 0 ? -1 : p));
    expect(planReplay({ trace: cut, sessions: { ...sessions, parent } }).assumptions).toEqual([
      `${missing} full prompt blocks have no hash and are shared with nothing`,
    ]);
    expect(planReplay({ trace: cut, sessions }, { prompts: "unique" }).assumptions).toEqual([]);
  });

  it("says how many full prompt blocks have no hash, be it one", () => {
    const [one, ...rest] = trace.records;
    const { outputBlockIds: _, ...bare } = one;
    const cut = { ...bare, blockIds: one.blockIds!.subarray(0, one.blockIds!.length - 1) };
    const parent = Int32Array.from(sessions.parent, (p) => (p === 0 ? -1 : p));
    const plan = planReplay({
      trace: { ...trace, records: [cut, ...rest] },
      sessions: { ...sessions, parent },
    });
    expect(plan.assumptions).toEqual(["1 full prompt blocks have no hash and are shared with nothing"]);
  });

  it("fires a turn at its recorded time where its parent's end is not known, and counts them", () => {
    const first = trace.records.findIndex(({ session, turn }) => session === "s2" && turn === 1);
    const records = trace.records.map((r, i) => {
      const { ttftMs: _, itlMs: __, ...bare } = r;
      return i === first ? bare : r;
    });
    const plan = planReplay({ trace: { ...trace, records }, sessions });
    const child = sessions.parent.indexOf(first);
    expect(plan.requests[child].after).toBeUndefined();
    expect(plan.requests[child].fireAtMs).toBe(records[child].arrivalMs! - records[0].arrivalMs!);
    expect(plan.assumptions).toEqual([
      "1 turns follow a parent whose completion is unknown: fired at their recorded time",
    ]);
    const { ttftMs: _, itlMs: __, ...bare } = trace.records[0];
    const ofFirst = { ...trace, records: [bare, ...trace.records.slice(1)] };
    expect(planReplay({ trace: ofFirst, sessions }).assumptions).toEqual(plan.assumptions);
  });

  it("takes think gaps from modeled durations where these are given, and counts turns that came too early", () => {
    // Every parent took 100 + 11 x 10 ms, and its child came 500 ms after that; one is modeled to take longer.
    const slow = sessions.parent.find((p) => p >= 0)!;
    const durationsMs = trace.records.map((_, i) => (i === slow ? 1000 : 200));
    const plan = planReplay({ trace, sessions }, { durationsMs });
    sessions.parent.forEach((parent, i) => {
      if (parent >= 0) expect(plan.requests[i].after?.gapMs).toBeCloseTo(parent === slow ? 0 : 510, 9);
    });
    expect(plan.assumptions).toEqual([
      "1 of 12 turns arrived before their parent's modeled completion: gap 0",
    ]);
    const inTime = trace.records.map(() => 200);
    expect(planReplay({ trace, sessions }, { durationsMs: inTime }).assumptions).toEqual([]);
  });

  it("counts from the earliest arrival, wherever it is in the trace", () => {
    const records = [...trace.records].reverse();
    const backwards = { ...trace, records };
    const plan = planReplay(workloadOf(backwards), { pacing: "open-loop" });
    const firstMs = records[records.length - 1].arrivalMs!;
    expect(plan.requests.map((r) => r.fireAtMs)).toEqual(records.map((r) => r.arrivalMs! - firstMs));
  });

  it("says nothing of hashes where some requests have them", () => {
    const [one, ...rest] = trace.records;
    const { blockIds: _, outputBlockIds: __, ...bare } = one;
    const some = { ...trace, records: [bare, ...rest] };
    expect(planReplay({ trace: some, sessions }).assumptions.join()).not.toMatch(/no block hashes/);
    expect(planReplay({ trace: some, sessions }, { prompts: "unique" }).assumptions).toEqual([]);
  });

  it("refuses a trace in which one request has no arrival", () => {
    const [one, ...rest] = trace.records;
    const { arrivalMs: _, ...timeless } = one;
    const some = { ...trace, records: [timeless, ...rest] };
    expect(() => planReplay({ trace: some, sessions })).toThrow(
      new RegExp(`1 of ${trace.records.length} requests have no arrival time .*--max-concurrency`),
    );
  });

  it("of a trace without arrivals sends the rows in order, so many at a time, where that is given or told", () => {
    const records = trace.records.map(({ arrivalMs: _, ...record }) => record);
    const timeless = { ...trace, records };
    const given = planReplay({ trace: timeless, sessions }, { pacing: "closed-loop", maxInFlight: 3 });
    const meta = { ...trace.meta, extra: { max_concurrency: 3 } };
    const bare = records.map(({ session: _, turn: __, ...record }) => record);
    const told = planReplay({ trace: { ...trace, meta, records: bare }, sessions });
    for (const { requests, assumptions } of [given, told]) {
      expect(requests.map(({ inTurn }) => inTurn)).toEqual(records.map(() => ({ maxInFlight: 3, gapMs: 0 })));
      expect(assumptions.join()).toMatch(
        /the trace has no arrival times: requests are sent in the order of the rows/,
      );
    }
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

  it("gives what is not known ids of its own, beyond all that are known, up to the count", () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 4, 8, 16, 24, 32, 48), fc.nat(8), (poolBlockSize, known) => {
        const short = sequences.map((chain) => chain.subarray(0, Math.min(known, chain.length)));
        const { contentIds, contentCount } = poolChains(trace, short, 16, poolBlockSize);
        const fresh = contentIds.flatMap((ids, i) => [
          ...ids.subarray(Math.floor((16 * short[i].length) / poolBlockSize)),
        ]);
        expect(new Set(fresh).size).toBe(fresh.length);
        const inKnown = new Set(
          contentIds.flatMap((ids, i) => [
            ...ids.subarray(0, Math.floor((16 * short[i].length) / poolBlockSize)),
          ]),
        );
        expect(fresh.some((id) => inKnown.has(id))).toBe(false);
        const all = contentIds.flatMap((ids) => [...ids]);
        expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...all)).toBeLessThan(contentCount);
        // As many as there are if every block of the trace is used whole.
        const parts = 16 / [16, 8, 4, 2, 1].find((size) => poolBlockSize % size === 0)!;
        expect(contentCount).toBe(trace.blocks.size * parts + fresh.length);
      }),
    );
  });

  it.each([
    // 100 + 60 tokens: 10 blocks of 16, 6 of them full of prompt.
    [16, 8, { unhashedPromptBlocks: 0, knownOutputBlocks: 2, freshOutputBlocks: 2 }],
    [16, 4, { unhashedPromptBlocks: 2, knownOutputBlocks: 0, freshOutputBlocks: 4 }],
    [16, 6, { unhashedPromptBlocks: 0, knownOutputBlocks: 0, freshOutputBlocks: 4 }],
    // More is known than there is of prompt and answer.
    [16, 12, { unhashedPromptBlocks: 0, knownOutputBlocks: 4, freshOutputBlocks: 0 }],
    // In blocks of 48 it is 3, 2 of them full of prompt; 7 blocks of 16 hold 2 of 48.
    [48, 7, { unhashedPromptBlocks: 0, knownOutputBlocks: 0, freshOutputBlocks: 1 }],
    [48, 5, { unhashedPromptBlocks: 1, knownOutputBlocks: 0, freshOutputBlocks: 1 }],
    [48, 9, { unhashedPromptBlocks: 0, knownOutputBlocks: 1, freshOutputBlocks: 0 }],
  ])("counts blocks of %d tokens, of which %d of 16 are known", (poolBlockSize, known, counts) => {
    const records = [{ promptTokens: 100, outputTokens: 60 }];
    const one = { ...trace, records };
    const chain = Int32Array.from({ length: known }, (_, i) => i);
    const chains = poolChains(one, [chain], 16, poolBlockSize);
    expect(chains).toMatchObject(counts);
    expect(chains.contentIds[0]).toHaveLength(Math.floor(160 / poolBlockSize));
    // Counts are sums over the records.
    const twice = poolChains(
      { ...one, records: [...records, ...records] },
      [chain, chain],
      16,
      poolBlockSize,
    );
    for (const name of ["unhashedPromptBlocks", "knownOutputBlocks", "freshOutputBlocks"] as const)
      expect(twice[name]).toBe(2 * counts[name]);
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

import { describe, expect, it } from "vitest";
import { summarizeCohorts } from "../../lib/cohorts/index.js";
import { capturedEngine, durationsMs, replay } from "../../lib/replay/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import { decodeMs } from "../../lib/trace/index.js";
import { linearModel } from "../engine/linear-model.js";
import { multiturnTrace } from "./multiturn-trace.js";

const model = linearModel({
  base: 4,
  prefill: 0.2,
  depth: 0.0001,
  decode: 0.5,
  context: 0.001,
  arrival: 1,
  emission: 1,
});
const { trace } = multiturnTrace({
  sessions: 12,
  turns: 4,
  prefixTokens: 400,
  promptTokens: 30,
  outputTokens: 20,
});
const sessions = inferSessions(trace);

describe("replay", () => {
  const warm = replay({ trace, sessions }, { model });

  it("gives a trace of the same requests in the same order, each complete", () => {
    expect(warm.trace.records).toHaveLength(trace.records.length);
    warm.trace.records.forEach((record, i) => {
      const source = trace.records[i]!;
      expect(record.promptTokens).toBe(source.promptTokens);
      expect(record.outputTokens).toBe(source.outputTokens);
      expect(record.itlMs).toHaveLength(source.outputTokens - 1);
      expect(record.finishReason).toBe("length");
      expect([record.session, record.turn]).toEqual([source.session, source.turn]);
    });
  });

  it("keeps causality: a turn arrives its think gap after its parent's modeled completion", () => {
    const durations = durationsMs(warm.run);
    sessions.parent.forEach((parent, i) => {
      if (parent < 0) return;
      const done = warm.trace.records[parent]!.arrivalMs! + durations[parent]!;
      expect(warm.trace.records[i]!.arrivalMs!).toBeCloseTo(done + 500, 6);
    });
  });

  it("tells the settings it ran under, so that the modeled trace replays as it ran", () => {
    const engine = { kvCacheBlocks: 500, maxNumSeqs: 3, enablePrefixCaching: false };
    const { trace: modeled } = replay({ trace, sessions }, { model, engine });
    expect(capturedEngine(modeled.meta)).toMatchObject(engine);
  });

  it("counts no refused request as in flight, and keeps no block of an answer that never came", () => {
    const big = trace.records.reduce((least, r) => Math.min(least, r.promptTokens), Number.POSITIVE_INFINITY);
    const { trace: modeled, run } = replay(
      { trace, sessions },
      { model, pacing: "open-loop", engine: { kvCacheBlocks: Math.ceil(big / 16) + 3 } },
    );
    expect(run.refused.length).toBeGreaterThan(trace.records.length / 2);
    const refused = new Set(run.refused);
    modeled.records.forEach((record, i) => {
      if (refused.has(i)) {
        expect(record).toMatchObject({ finishReason: "refused", outputTokens: 0 });
        expect(record.concurrency).toBeUndefined();
        expect(record.outputBlockIds).toBeUndefined();
      } else expect(record.concurrency).toBe(1);
    });
  });

  it("replays an empty prompt with one token, and says so", () => {
    const records = trace.records.map((r, i) =>
      i === 5 ? { ...r, promptTokens: 0, blockIds: new Int32Array(0) } : r,
    );
    const emptied = { ...trace, records };
    const { plan, trace: modeled } = replay(workloadOf(emptied), { model });
    expect(plan.assumptions.join()).toContain("1 requests with an empty prompt");
    expect(modeled.records[5]!.finishReason).toBe("length");
  });

  it("conserves time: TTFT and gaps add up to the duration", () => {
    const durations = durationsMs(warm.run);
    warm.trace.records.forEach((record, i) => {
      expect(record.ttftMs! + decodeMs(record)!).toBeCloseTo(durations[i]!, 6);
    });
  });

  it("tells when each request was last seen: at its last token as the client had it", () => {
    warm.trace.records.forEach((record) => {
      expect(record.elapsedMs).toBeCloseTo(record.ttftMs! + decodeMs(record)!, 9);
    });
  });

  it("counts requests in flight at each arrival, itself included; one that is done at that instant is not", () => {
    const at = (arrivals: readonly number[]) => {
      const records = arrivals.map((arrivalMs) => ({ promptTokens: 40, outputTokens: 3, arrivalMs }));
      const source = { ...trace, records };
      const { run, trace: modeled } = replay(workloadOf(source), { model, pacing: "open-loop" });
      return { doneMs: durationsMs(run)[0]!, inFlight: modeled.records.map((r) => r.concurrency) };
    };
    const { doneMs } = at([0]);
    expect(at([0, doneMs]).inFlight).toEqual([1, 1]);
    expect(at([0, doneMs - 0.001]).inFlight).toEqual([1, 2]);
    expect(at([0, 0, 0.5]).inFlight).toEqual([1, 2, 3]);
  });

  it("hits the shared prefix on first turns and the history on later ones; with caching off, nothing", () => {
    const off = replay({ trace, sessions }, { model, engine: { enablePrefixCaching: false } });
    const cold = replay({ trace, sessions }, { model, prompts: "unique" });
    warm.trace.records.forEach((record, i) => {
      const parent = sessions.parent[i]!;
      if (parent >= 0) {
        const history = trace.records[parent]!.promptTokens + trace.records[parent]!.outputTokens;
        expect(record.cachedTokens).toBe(16 * Math.floor((history - 1) / 16));
      }
      expect(off.trace.records[i]!.cachedTokens).toBe(0);
      expect(cold.trace.records[i]!.cachedTokens).toBe(0);
    });
    const [on, without] = [warm, off].map(
      (r) => summarizeCohorts({ trace: r.trace, sessions }).turns2plus.ttftMs.p50!,
    );
    expect(without!).toBeGreaterThan(2 * on!);
  });

  it("is the same for the same seed", () => {
    const again = replay({ trace, sessions }, { model });
    expect(again.trace.records).toEqual(warm.trace.records);
  });

  it("replays its own result onto itself: a modeled trace is a capture of the simulator", () => {
    const again = replay(workloadOf(warm.trace), { model });
    warm.trace.records.forEach((record, i) => {
      expect(again.trace.records[i]!.ttftMs!).toBeCloseTo(record.ttftMs!, 6);
      expect(again.trace.records[i]!.cachedTokens).toBe(record.cachedTokens);
    });
  });

  it("gives mean and count of the gaps where the gaps themselves are not wanted", () => {
    const lean = replay({ trace, sessions }, { model, gaps: false });
    lean.trace.records.forEach((record, i) => {
      expect(record.itlMs).toBeUndefined();
      expect(record.itlSummary!.meanMs * record.itlSummary!.count).toBeCloseTo(
        decodeMs(warm.trace.records[i]!)!,
        6,
      );
    });
  });

  it("takes think gaps from modeled completions where the trace has no latencies, and says so", () => {
    const bare = { ...trace, records: trace.records.map(({ ttftMs: _, itlMs: __, ...r }) => r) };
    const paced = replay({ trace: bare, sessions }, { model });
    expect(paced.plan.assumptions[0]).toMatch(/no latencies/);
    const open = replay({ trace: bare, sessions }, { model, pacing: "open-loop" });
    // On an engine that keeps up, pacing by the modeled gaps gives back the recorded arrivals.
    paced.trace.records.forEach((record, i) => {
      expect(record.arrivalMs!).toBeCloseTo(open.trace.records[i]!.arrivalMs!, 0);
    });
  });

  it("says that latencies are missing only where none is there and a turn follows another", () => {
    const { ttftMs: _, itlMs: __, ...bare } = trace.records[0];
    const some = { ...trace, records: [bare, ...trace.records.slice(1)] };
    expect(replay({ trace: some, sessions }, { model }).plan.assumptions.join()).not.toMatch(/no latencies/);

    const records = trace.records.map(({ ttftMs: _, itlMs: __, ...r }) => r);
    const none = { ...trace, records };
    const apart = { ...sessions, parent: new Int32Array(records.length).fill(-1) };
    expect(replay({ trace: none, sessions: apart }, { model }).plan.assumptions).toEqual([]);
    const oneChild = { ...sessions, parent: Int32Array.from(apart.parent) };
    oneChild.parent[sessions.parent.indexOf(0)] = 0;
    expect(replay({ trace: none, sessions: oneChild }, { model }).plan.assumptions[0]).toMatch(
      /no latencies/,
    );
  });

  it("has the scales of arrivals and of think gaps that are given", () => {
    const plain = warm.plan.requests;
    const faster = replay({ trace, sessions }, { model, rateScale: 4 }).plan.requests;
    const slower = replay({ trace, sessions }, { model, thinkScale: 3 }).plan.requests;
    plain.forEach(({ fireAtMs, after }, i) => {
      if (fireAtMs !== undefined) expect(faster[i].fireAtMs).toBeCloseTo(fireAtMs / 4, 9);
      else expect(slower[i].after?.gapMs).toBeCloseTo(3 * (after?.gapMs ?? 0), 9);
    });
  });

  it("keeps the load of every step only where it is wanted, in the run and beside each gap", () => {
    expect(warm.run.loads()).toBeUndefined();
    expect(warm.trace.records.some((r) => r.itlCtx !== undefined)).toBe(false);
    const loaded = replay({ trace, sessions }, { model, keepLoads: true });
    expect(loaded.run.loads()!.endMs.length).toBeGreaterThan(100);
    for (const { itlMs, itlCtx } of loaded.trace.records)
      expect(itlCtx!.numRunning).toHaveLength(itlMs!.length);
  });

  it("tells how far it is, from less to more", () => {
    const fractions: number[] = [];
    replay({ trace, sessions }, { model, onProgress: (fraction) => fractions.push(fraction) });
    expect(fractions.length).toBeGreaterThan(0);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    for (const fraction of fractions) expect(fraction).toBeGreaterThanOrEqual(0);
    for (const fraction of fractions) expect(fraction).toBeLessThanOrEqual(1);
  });

  it("has model seed 1 unless another is given, and tells it in the trace", () => {
    expect([warm.seed, warm.trace.meta.extra.seed]).toEqual([1, 1]);
    const other = replay({ trace, sessions }, { model, seed: "some" });
    expect([other.seed, other.trace.meta.extra.seed]).toEqual(["some", "some"]);
  });

  it("tells the time that it took and the virtual time that it covered", () => {
    const beforeMs = performance.now();
    const { wallMs, virtualMs, run } = replay({ trace, sessions }, { model });
    expect(wallMs).toBeGreaterThan(0);
    expect(wallMs).toBeLessThanOrEqual(performance.now() - beforeMs);
    expect(virtualMs).toBe(run.endMs);
  });

  it("has no duration of a request that did not complete", () => {
    const records = [trace.records[0], { ...trace.records[1], promptTokens: 100_000 }];
    const { run } = replay(
      { trace: { ...trace, records }, sessions: { ...sessions, parent: Int32Array.of(-1, -1) } },
      { model, engine: { kvCacheBlocks: 100 } },
    );
    expect(durationsMs(run)[0]).toBeGreaterThan(0);
    expect(durationsMs(run)[1]).toBeUndefined();
  });

  it("counts a request as outside the range by the tokens that were to be computed, all of them if it was refused", () => {
    const share = (uncachedTokens: readonly [number, number], engine = {}) =>
      replay({ trace, sessions }, { model: { ...model, range: { ...model.range, uncachedTokens } }, engine })
        .extrapolated;
    const uncached = warm.trace.records.map((r) => r.promptTokens - r.cachedTokens!);
    for (const most of [40, 60, 430])
      expect(share([0, most])).toBe(uncached.filter((tokens) => tokens > most).length / uncached.length);

    // No request fits 20 blocks of 16 tokens; first turns are refused, and later ones never sent.
    const refusing = { kvCacheBlocks: 20 };
    const largest = Math.max(...trace.records.map((r) => r.promptTokens));
    const ofLargest = trace.records.filter((r) => r.promptTokens === largest).length;
    expect(share([0, largest], refusing)).toBe(0);
    expect(share([0, largest - 1], refusing)).toBeCloseTo(ofLargest / trace.records.length, 12);
  });

  it("reports requests outside the model's fit range", () => {
    const one = { ...trace, records: [trace.records[0]] };
    const ofOne = { ...sessions, parent: Int32Array.of(-1) };
    const never = { ...model, range: { ...model.range, contextTokens: [0, 1] as const } };
    expect(replay({ trace: one, sessions: ofOne }, { model: never }).extrapolated).toBe(1);
    const contexts = trace.records.map((r) => r.promptTokens + r.outputTokens);
    const shortest = Math.min(...contexts);
    for (const most of [shortest - 1, shortest, 500, Math.max(...contexts)]) {
      const narrow = { ...model, range: { ...model.range, contextTokens: [0, most] as const } };
      const outside = contexts.filter((tokens) => tokens > most).length;
      expect(replay({ trace, sessions }, { model: narrow }).extrapolated).toBeCloseTo(
        outside / contexts.length,
        12,
      );
    }
  });
});

import { describe, expect, it } from "vitest";
import { stream } from "../../lib/base/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { answerReuse, planReplay, replay, workloadChains } from "../../lib/replay/index.js";
import { inferSessions, type Workload } from "../../lib/sessions/index.js";
import { BlockTable, type TraceRecord } from "../../lib/trace/index.js";
import { multiturnTrace } from "./multiturn-trace.js";

const blockTokens = 16;

/** Text of prompts and answers, token by token, so that an oracle needs no hashes. */
interface Said {
  readonly prompt: readonly string[];
  readonly answer: readonly string[];
  readonly parent: number;
  /** Whether the record tells the hashes of its answer. */
  readonly isTold: boolean;
}

/** Conversations a minute a turn, each turn the whole of the one before and a question, some with an edited history. */
function conversations(seed: number): { said: Said[]; workload: Workload } {
  const random = stream(seed, "conversations");

  const said: Said[] = [];
  const last: number[] = [];
  for (let i = 0; i < 60; i++) {
    const before = random.uniform() < 0.3 || last.length === 0 ? -1 : last[random.integer(last.length)];
    const words = (what: string, count: number) =>
      Array.from({ length: count }, (_, k) => `${what}${i}.${k}`);
    const system = Array.from({ length: 40 }, (_, k) => `system${k}`);
    const history = before < 0 ? system : [...said[before].prompt, ...said[before].answer];
    // An edit drops the end of the answer: then only a part of it is repeated.
    const kept = random.uniform() < 0.2 ? history.slice(0, history.length - 5) : history;
    said.push({
      prompt: [...kept, ...words("question", 1 + random.integer(50))],
      answer: words("answer", 1 + random.integer(60)),
      parent: before,
      isTold: random.uniform() < 0.2,
    });
    last.push(i);
  }
  const blocks = new BlockTable();
  const known = new Map<string, number>();
  const idsOf = (tokens: readonly string[]) =>
    Int32Array.from({ length: Math.floor(tokens.length / blockTokens) }, (_, b) => {
      const key = tokens.slice(0, (b + 1) * blockTokens).join();
      if (!known.has(key)) known.set(key, blocks.intern(known.size + 1, 9));
      return known.get(key) as number;
    });
  const records = said.map(({ prompt, answer, isTold }, i): TraceRecord => {
    const blockIds = idsOf(prompt);
    return {
      promptTokens: prompt.length,
      outputTokens: answer.length,
      arrivalMs: 60_000 * i,
      blockIds,
      ...(isTold && { outputBlockIds: idsOf([...prompt, ...answer]).subarray(blockIds.length) }),
    };
  });
  const trace = { meta: { blockSize: blockTokens, extra: {} }, records, blocks, rejected: [], warnings: [] };
  const parent = Int32Array.from(said, (one) => one.parent);
  const zeros = new Int32Array(said.length);
  return { said, workload: { trace, sessions: { parent, turn: zeros, session: zeros } } };
}

/** Tokens that each request finds, one request after another: a block is found where its whole prefix was stored. */
function naive(said: readonly Said[], isAssumed: boolean): number[] {
  const stored = new Set<string>();
  const keys = (tokens: readonly string[]) =>
    Array.from({ length: Math.floor(tokens.length / blockTokens) }, (_, b) =>
      tokens.slice(0, (b + 1) * blockTokens).join(),
    );
  return said.map(({ prompt, answer, isTold }, i) => {
    let found = 0;
    for (const key of keys(prompt.slice(0, -1))) {
      if (!stored.has(key)) break;
      found += blockTokens;
    }
    for (const key of keys(prompt)) stored.add(key);
    // The last token of an answer is given out, and never computed.
    const whole = [...prompt, ...answer].slice(0, -1);
    if (isTold) for (const key of keys(whole)) stored.add(key);
    else if (isAssumed) {
      // What the turns that go on with the whole prompt have in the place of the answer, of the one that goes on furthest.
      const turns = said.filter(
        (turn) => turn.parent === i && keys(turn.prompt).length > keys(prompt).length,
      );
      const continues = turns.filter((turn) =>
        keys(turn.prompt).join("|").startsWith(keys(prompt).join("|")),
      );
      const furthest = Math.max(0, ...continues.map((turn) => keys(turn.prompt).length));
      const next = continues.find((turn) => keys(turn.prompt).length === furthest);
      for (const key of next ? keys(next.prompt).slice(0, Math.floor(whole.length / blockTokens)) : [])
        stored.add(key);
    }
    return found;
  });
}

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

describe("what rests on the next turn repeating the answer", () => {
  it.each([1, 2, 3, 4, 5])("is counted as one request after another finds it, seed %i", (seed) => {
    const { said, workload } = conversations(seed);
    const withIt = naive(said, true);
    const without = naive(said, false);
    const promptTokens = sum(said.map(({ prompt }) => prompt.length));
    const { reuse } = workloadChains(workload);
    expect(reuse?.requests).toBe(withIt.filter((tokens, i) => tokens > without[i]).length);
    expect(reuse?.requests).toBeGreaterThan(0);
    expect(answerReuse(workload)).toEqual(reuse);
    expect(reuse?.tokens).toBe(sum(withIt) - sum(without));
    expect(reuse?.sharedWith).toBeCloseTo(sum(withIt) / promptTokens, 12);
    expect(reuse?.sharedWithout).toBeCloseTo(sum(without) / promptTokens, 12);
  });

  it.each([true, false])("is what an engine finds that gives nothing up, assumed %s", (answerReuse) => {
    const { said, workload } = conversations(7);
    const { run, plan } = replay(workload, {
      model: latencyProfile("h200-qwen3-8b"),
      engine: { kvCacheBlocks: 100_000, blockSize: blockTokens },
      pacing: "open-loop",
      answerReuse,
    });
    expect([...run.cachedTokens]).toEqual(naive(said, answerReuse));
    expect(plan.answerReuse?.isAssumed).toBe(answerReuse);
  });

  it.each([8, 32, 48])("counts in blocks of %i as the engine does", (blockSize) => {
    const { workload } = conversations(11);
    const found = [true, false].map((answerReuse) => {
      const { run } = replay(workload, {
        model: latencyProfile("h200-qwen3-8b"),
        engine: { kvCacheBlocks: 100_000, blockSize },
        pacing: "open-loop",
        answerReuse,
      });
      return sum(run.cachedTokens);
    });
    expect(workloadChains(workload, { blockSize }).reuse?.tokens).toBe(found[0] - found[1]);
    expect(answerReuse(workload, { blockSize })?.tokens).toBe(found[0] - found[1]);
  });

  it("is nothing where the trace tells the answers, or prompts are unique", () => {
    const { trace } = multiturnTrace({
      sessions: 4,
      turns: 3,
      prefixTokens: 100,
      promptTokens: 20,
      outputTokens: 40,
    });
    const told = { trace, sessions: inferSessions(trace) };
    const records = trace.records.map(({ outputBlockIds: _, ...record }) => record);
    const untold = { ...told, trace: { ...trace, records } };
    expect(planReplay(told).answerReuse).toBeUndefined();
    expect(planReplay(untold).answerReuse?.requests).toBe(8);
    expect(planReplay(untold, { prompts: "unique" }).answerReuse).toBeUndefined();
    // Every turn holds the whole answer of the one before: as told, what is assumed is true.
    expect(planReplay(untold).requests.map(({ contentIds }) => contentIds.length)).toEqual(
      planReplay(told).requests.map(({ contentIds }) => contentIds.length),
    );
    const counts = planReplay(untold).answerReuse;
    expect(planReplay(untold, { answerReuse: false }).answerReuse).toEqual({ ...counts, isAssumed: false });
  });

  it("is among the assumptions of a replay whose cache is on, and says which way it was taken", () => {
    const { workload } = conversations(3);
    const said = (options: { answerReuse?: boolean; enablePrefixCaching?: boolean }) => {
      const { enablePrefixCaching = true, answerReuse = true } = options;
      const model = latencyProfile("h200-qwen3-8b");
      const { plan } = replay(workload, { model, answerReuse, engine: { enablePrefixCaching } });
      return plan.assumptions.filter((what) => what.includes("answer")).map((what) => what.split(",")[0]);
    };
    expect(said({})).toEqual(["the next turn repeats the answer before it"]);
    expect(said({ answerReuse: false })).toEqual(["no answer is found again"]);
    expect(said({ enablePrefixCaching: false })).toEqual([]);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { latencyProfile } from "../../lib/latency/index.js";
import { chainsOfRuns, idRunsOf } from "../../lib/replay/id-runs.js";
import { replay } from "../../lib/replay/index.js";
import { packWorkload } from "../../lib/replay/pack-workload.js";
import { unpackWorkload } from "../../lib/replay/unpack-workload.js";
import { completionMs, type Workload, workloadOf } from "../../lib/sessions/index.js";
import { readTrace } from "../../lib/trace/files/index.js";

const packed = async (path: string): Promise<[Workload, Workload]> => {
  const workload = workloadOf(await readTrace(path));
  return [workload, unpackWorkload(packWorkload(workload))];
};

describe("chains as runs", () => {
  it("come back as they were, whatever the ids are", () => {
    const chain = fc.option(fc.array(fc.nat(1 << 20), { maxLength: 30 }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(chain), (chains) => {
        const given = chains.map((ids) => ids && Int32Array.from(ids));
        expect(chainsOfRuns(idRunsOf(given))).toEqual(given);
      }),
    );
  });

  it("take one run for what is new and one for what was there", () => {
    const { counts } = idRunsOf([Int32Array.of(0, 1, 2), Int32Array.of(0, 1, 3, 4), undefined]);
    expect([...counts]).toEqual([1, 2, -1]);
  });
});

describe("a packed workload", () => {
  const model = latencyProfile("h200-qwen3-8b");
  const paths = [
    "data/warm-1.jsonl.gz",
    "data/staircase-1.jsonl.gz",
    "data/llama-warm-1.jsonl.gz",
    "data/vllm-async/warm-1.jsonl.gz",
  ];

  it.each(paths)("of %s has the sessions, times and replays of the one that was packed", async (path) => {
    const [before, after] = await packed(path);
    expect(after.sessions.parent).toEqual(before.sessions.parent);
    expect(after.sessions.turn).toEqual(before.sessions.turn);
    expect(after.trace.records.map(completionMs)).toEqual(before.trace.records.map(completionMs));
    expect(after.trace.records.map(({ blockIds }) => blockIds)).toEqual(
      before.trace.records.map(({ blockIds }) => blockIds),
    );
    const [one, other] = [before, after].map((workload) => replay(workload, { model, rateScale: 1.5 }));
    expect(other?.trace.records.map((r) => [r.arrivalMs, r.ttftMs, r.cachedTokens])).toEqual(
      one?.trace.records.map((r) => [r.arrivalMs, r.ttftMs, r.cachedTokens]),
    );
    expect(other?.conditions).toEqual(one?.conditions);
  });

  it("holds no hash, no name, and nothing of the meta line that a replay does not read", async () => {
    const workload = workloadOf(await readTrace("data/warm-1.jsonl.gz"));
    const { trace } = workload;
    const secret = "a name that nobody should see";
    const named: Workload = {
      ...workload,
      trace: {
        ...trace,
        meta: {
          ...trace.meta,
          model: secret,
          gpu: secret,
          source: secret,
          extra: { ...trace.meta.extra, url: secret, options: { pattern: secret, prompt: secret } },
        },
        records: trace.records.map((record) => ({
          ...record,
          requestId: secret,
          session: secret,
          agent: secret,
          finishReason: secret,
          extra: { secret, priority: 1 },
        })),
      },
    };
    const text = Buffer.from(packWorkload(named)).toString("latin1");
    expect(text).not.toContain(secret);
    const bytes = Buffer.from(packWorkload(workload));
    for (let id = 0; id < trace.blocks.size; id++) {
      const hash = Buffer.alloc(8);
      hash.writeUInt32LE(trace.blocks.low(id), 0);
      hash.writeUInt32LE(trace.blocks.high(id), 4);
      expect(bytes.includes(hash)).toBe(false);
    }
  });

  it("says that it is cut short", async () => {
    const bytes = packWorkload(workloadOf(await readTrace("data/warm-1.jsonl.gz")));
    expect(() => unpackWorkload(bytes.subarray(0, bytes.length - 4000))).toThrow(/cut short/);
  });
});

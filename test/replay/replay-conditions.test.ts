import { beforeAll, describe, expect, it } from "vitest";
import { readCapture, readCaptures } from "../../lib/captures/index.js";
import { summarizeCohorts } from "../../lib/cohorts/index.js";
import { fitLatency } from "../../lib/fit/index.js";
import { type LatencyModel, latencyModelFromJson, latencyProfile } from "../../lib/latency/index.js";
import { capturedEngine, replay, replayConditions } from "../../lib/replay/index.js";
import { inferSessions } from "../../lib/sessions/index.js";
import { engineSettingsOf } from "../../lib/settings/index.js";
import type { Trace } from "../../lib/trace/index.js";
import { everyCost } from "../engine/linear-model.js";
import { multiturnTrace } from "./multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 4,
  turns: 2,
  prefixTokens: 64,
  promptTokens: 20,
  outputTokens: 6,
});
const sessions = inferSessions(trace);

describe("what a replay runs under", () => {
  let model: LatencyModel;
  let cold: Trace;
  beforeAll(async () => {
    model = fitLatency(await readCaptures({ role: "fit" })).model;
    cold = await readCapture({ role: "judge", scenario: "cold", seed: 1 });
  });

  it("is the captured engine and pacing when nothing is given: a capture with the cache off is replayed with it off", () => {
    const coldSessions = inferSessions(cold);
    const { conditions, trace: modeled } = replay({ trace: cold, sessions: coldSessions }, { model });
    expect(conditions.engine.settings).toMatchObject(capturedEngine(cold.meta));
    expect(conditions.engine.from).toMatchObject({
      enablePrefixCaching: "captured",
      kvCacheBlocks: "captured",
      eviction: "assumed",
    });
    expect([conditions.pacing, conditions.pacingFrom]).toEqual(["session", "captured"]);
    const [captured, replayed] = [cold, modeled].map(
      (one) => summarizeCohorts({ trace: one, sessions: coldSessions }).turns2plus.ttftMs.p50 as number,
    );
    expect(Math.abs(replayed / captured - 1)).toBeLessThan(0.15);
  });

  it("is what is given before what the trace tells", () => {
    const { engine, pacing, pacingFrom } = replayConditions(
      { trace: cold },
      { model, engine: { enablePrefixCaching: true }, pacing: "open-loop" },
    );
    expect([engine.settings.enablePrefixCaching, engine.from.enablePrefixCaching]).toEqual([true, "given"]);
    expect([pacing, pacingFrom]).toEqual(["open-loop", "given"]);
  });

  it("is read back from the modeled trace, every setting and the seed", () => {
    const given = {
      blockSize: 1,
      kvCacheBlocks: 500,
      maxNumSeqs: 3,
      maxNumBatchedTokens: 33,
      longPrefillTokenThreshold: 1,
      enablePrefixCaching: false,
      reserveFullPrompt: false,
    };
    const { trace: modeled } = replay({ trace, sessions }, { model: everyCost, engine: given, seed: 7 });
    expect(capturedEngine(modeled.meta)).toEqual(engineSettingsOf(given));
    expect(modeled.meta.extra.seed).toBe(7);
  });

  it("never takes the block size of the hashes for the engine's, but where prefixes are found in slots", () => {
    const coarse = { ...trace, meta: { ...trace.meta, blockSize: 512 } };
    expect(replayConditions({ trace: coarse }, { model: everyCost }).engine.settings.blockSize).toBe(16);
    const slots = { ...coarse, meta: { ...coarse.meta, engine: { prefixReuse: "slots" } as const } };
    expect(replayConditions({ trace: slots }, { model: everyCost }).engine.settings.blockSize).toBe(512);
  });

  it("has a profile's pool, in the block size that is, and its bytes", () => {
    const h200 = latencyProfile("h200-qwen3-8b");
    for (const blockSize of [16, 512]) {
      const { engine, poolTokens, poolBytes } = replayConditions(
        { trace },
        { model: h200, engine: { blockSize } },
      );
      expect(engine.from.kvCacheBlocks).toBe("profile");
      expect(poolTokens).toBe(Math.floor(h200.memory!.poolTokens / blockSize) * blockSize);
      expect(poolBytes).toBe(poolTokens * 147_456);
      expect(poolBytes).toBeLessThan(0.9 * 141e9);
    }
  });

  it("of a fitted model is told by the model, also when it was written and read back", () => {
    const back = latencyModelFromJson(JSON.parse(JSON.stringify(model.toJson())));
    expect(model.fittedAt).toMatchObject({ maxNumBatchedTokens: 512, blockSize: 32, maxNumSeqs: 64 });
    expect(back.fittedAt).toEqual(model.fittedAt);
    const untold = { ...trace, meta: { extra: {} } };
    const { engine } = replayConditions({ trace: untold }, { model: back });
    expect([engine.settings.maxNumBatchedTokens, engine.from.maxNumBatchedTokens]).toEqual([512, "fitted"]);
  });

  it("says when the model was fitted at other settings than those that it is used at", () => {
    const { plan } = replay({ trace, sessions }, { model, engine: { maxNumBatchedTokens: 8192 } });
    expect(plan.assumptions.join("\n")).toMatch(/fitted at maxNumBatchedTokens 512 and is used at 8192/);
    const same = replay({ trace, sessions }, { model, engine: model.fittedAt ?? {} });
    expect(same.plan.assumptions.join("\n")).not.toMatch(/fitted at/);
  });

  it("names the router where there is something to route, and sends requests as it says", () => {
    const of = (replicas?: number, router?: string) =>
      replayConditions(
        { trace },
        {
          model: everyCost,
          ...(replicas !== undefined && { replicas }),
          ...(router !== undefined && { router }),
        },
      );
    expect(of()).toMatchObject({ replicas: 1 });
    expect(of()).not.toHaveProperty("router");
    expect(of(1, "least-loaded")).not.toHaveProperty("router");
    expect(of(2)).toMatchObject({ replicas: 2, router: "round-robin" });
    expect(of(2, "least-loaded")).toMatchObject({ replicas: 2, router: "least-loaded" });

    const last = {
      name: "last",
      start: () => ({ route: (_: unknown, all: readonly unknown[]) => all.length - 1 }),
    };
    const { run, conditions } = replay({ trace, sessions }, { model: everyCost, replicas: 3, router: last });
    expect(new Set(run.replica)).toEqual(new Set([2]));
    expect(conditions.router).toBe("last");
    const turns = replay({ trace, sessions }, { model: everyCost, replicas: 2 }).run.replica;
    expect([...turns].filter((replica) => replica === 0)).toHaveLength(4);
  });

  it("refuses a setting that there is not", () => {
    const engine = { kvCacheSize: 10 } as Record<string, number>;
    expect(() => replay({ trace, sessions }, { model: everyCost, engine })).toThrow(
      /no setting "kvCacheSize"/,
    );
  });
});

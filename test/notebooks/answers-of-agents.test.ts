import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  inferSessions,
  latencyProfile,
  readTrace,
  replay,
  type SessionLabels,
  waitsOf,
} from "../../lib/index.js";
import { mostInFlight } from "./in-flight.js";
import { quantileOf } from "./quantile-of.js";
import { dataFile, exercises, isRight, rowsOf } from "./raw-rows.js";

// Answers of notebooks 13 and 14 once more: trees from what the rows say, queues by counting events, steps by arithmetic and by
// clusters of emission times.

describe("notebook 13", async () => {
  const trace = await readTrace(dataFile("examples/agents.jsonl.gz"));
  const sessions = inferSessions(trace);
  const model = latencyProfile("h200-qwen3-8b");

  it("13.1: sub-agents and who waits for them, as the rows say", () => {
    const edges = rowsOf("examples/agents.jsonl.gz").flatMap(({ parents }) => parents ?? []);
    const spawns = edges.filter(({ kind }) => kind === "spawn").length;
    const joined = new Set(edges.filter(({ kind }) => kind === "join").map((edge) => edge.request_id)).size;
    expect(isRight("13.1", [spawns, spawns - joined])).toBe(true);
  });

  it("13.2: TTFT after sub-agents in two pools, by a sort", () => {
    const p50 = [5000, 600].map((kvCacheBlocks) => {
      const engine = { blockSize: 64, kvCacheBlocks };
      const { records } = replay({ trace, sessions }, { model, pacing: "session", engine }).trace;
      const after = records.filter((_, at) => waitsOf(sessions, at).some(({ kind }) => kind === "join"));
      return quantileOf(
        after.map(({ ttftMs }) => ttftMs as number),
        0.5,
      );
    });
    expect(isRight("13.2", p50)).toBe(true);
  });

  it("13.3: most in flight, counted at sends and last tokens, with labels made from the start", () => {
    const session = new Int32Array(trace.records.length);
    let count = 0;
    const parent = sessions.parent.map((of, at) => {
      const own = sessions.link?.[at] === 1 ? -1 : of;
      session[at] = own < 0 ? count++ : (session[own] as number);
      return own;
    });
    const flat: SessionLabels = { parent, turn: sessions.turn, session };
    const engine = { blockSize: 64, enablePrefixCaching: false, maxNumBatchedTokens: 2048 };
    const options = { model, pacing: "session", rateScale: 10, engine } as const;
    const most = [sessions, flat].map((labels) =>
      mostInFlight(replay({ trace, sessions: labels }, options).trace.records),
    );
    expect(isRight("13.3", most)).toBe(true);
  });
});

describe("notebook 14", () => {
  it("14.1: the rest of a step and one of its own; one more where the next was composed before", () => {
    const [stepMs, into] = [10, 4];
    expect(isRight("14.1", [stepMs - into + stepMs, stepMs - into + 2 * stepMs])).toBe(true);
  });

  it("14.2: medians of two captures from their rows", () => {
    const [sync, ahead] = ["vllm-sync", "vllm-async"].map((folder) => {
      const rows = rowsOf(`${folder}/warm-1.jsonl.gz`);
      return [false, true].map((idle) =>
        quantileOf(
          rows.filter((row) => (row.concurrency === 1) === idle).map((row) => row.ttft_ms),
          0.5,
        ),
      ) as [number, number];
    }) as [[number, number], [number, number]];
    expect(isRight("14.2", [ahead[0] - sync[0], ahead[1] - sync[1]])).toBe(true);
  });

  it("14.3: steps as clusters of the times at which tokens came, held against the two captures whose scheduler is known", () => {
    const [warm, sync, ahead] = ["warm-1", "vllm-sync/warm-1", "vllm-async/warm-1"].map(clustersPassed) as [
      number,
      number,
      number,
    ];
    expect(ahead - sync).toBeGreaterThan(0.8);
    expect(isRight("14.3", warm - sync < ahead - warm ? "synchronous" : "asynchronous")).toBe(true);
  });
});

/**
 * Mean number of clusters of other requests' tokens, 2 ms apart, between a request's arrival and its first token, over requests
 * that came while others were answered and no prompt was under way.
 */
function clustersPassed(capture: string): number {
  const rows = rowsOf(`${capture}.jsonl.gz`).map((row) => {
    const timesMs = [row.arrival_ms + row.ttft_ms];
    for (const gap of row.itl_ms) timesMs.push((timesMs.at(-1) as number) + gap);
    return {
      row,
      timesMs,
      fromMs: row.arrival_ms,
      firstMs: timesMs[0] as number,
      toMs: timesMs.at(-1) as number,
    };
  });
  const passed = rows.flatMap((one) => {
    const others = rows.filter(
      (other) => other !== one && other.fromMs < one.firstMs && other.toMs > one.fromMs,
    );
    const isSolePrompt = others.every(({ firstMs }) => firstMs <= one.fromMs);
    if (!isSolePrompt || !others.some(({ toMs }) => toMs >= one.firstMs)) return [];
    const times = others
      .flatMap(({ timesMs }) => timesMs)
      .filter((ms) => ms > one.fromMs && ms < one.firstMs - 2);
    times.sort((a, b) => a - b);
    return [times.filter((ms, at) => at === 0 || ms - (times[at - 1] as number) > 2).length];
  });
  return passed.reduce((sum, clusters) => sum + clusters, 0) / passed.length;
}

it("every exercise is answered a second time in these files", () => {
  const texts = readdirSync(import.meta.dirname)
    .filter((name) => name.startsWith("answers"))
    .map((name) => readFileSync(join(import.meta.dirname, name), "utf8"))
    .join("\n");
  expect(exercises.filter((exercise) => !texts.includes(`isRight("${exercise}"`))).toEqual([]);
});

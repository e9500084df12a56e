import { describe, expect, it } from "vitest";
import {
  cacheEffect,
  capturedEngine,
  fitLatency,
  importTrace,
  inferSessions,
  latencyProfile,
  planSessions,
  type ReplayOptions,
  readCapture,
  readCaptures,
  replay,
  workloadOf,
} from "../../lib/index.js";
import { mostInFlight } from "./in-flight.js";
import { quantileOf } from "./quantile-of.js";
import { dataFile, isRight, rowsOf } from "./raw-rows.js";

// Answers of notebooks 3 to 8 once more: fits by Gaussian elimination, quantiles by a sort, queues by counting events.

const fitRows = ["fit-sweep-1.jsonl.gz", "fit-sweep-2.jsonl.gz", "fit-warm-1.jsonl.gz"].flatMap(rowsOf);
const warmRows = rowsOf("warm-1.jsonl.gz");
const coldRows = rowsOf("cold-1.jsonl.gz");
const later = (rows: typeof warmRows) => rows.filter(({ turn }) => turn > 1).map((row) => row.ttft_ms);

/** Least squares of a + b u + c u^2, by the normal equations. */
function parabola(points: readonly (readonly [number, number])[]): (u: number) => number {
  // Thousands of tokens, so that the three columns are of one size.
  const rows = [0, 1, 2].map((i) => [
    ...[0, 1, 2].map((j) => points.reduce((sum, [u]) => sum + (u / 1000) ** (i + j), 0)),
    points.reduce((sum, [u, ms]) => sum + ms * (u / 1000) ** i, 0),
  ]);
  for (let i = 0; i < 3; i++) {
    const pivot = rows[i] as number[];
    rows.forEach((row, k) => {
      if (k === i) return;
      const factor = (row[i] as number) / (pivot[i] as number);
      row.forEach((value, j) => {
        row[j] = value - factor * (pivot[j] as number);
      });
    });
  }
  const [a, b, c] = rows.map((row, i) => (row[3] as number) / (row[i] as number)) as [number, number, number];
  return (u) => a + b * (u / 1000) + c * (u / 1000) ** 2;
}

describe("notebook 3, by elimination", () => {
  const fastest = (size: number) =>
    Math.min(
      ...fitRows
        .filter((row) => row.concurrency === 1 && row.cached_tokens === 0 && row.prompt_tokens === size)
        .map((row) => row.ttft_ms),
    );
  const curve = parabola([64, 128, 256, 512, 1024, 2048].map((size) => [size, fastest(size)] as const));

  it("3.1: a prompt of 1,600 tokens, uncached and cached but for 100", () => {
    expect(isRight("3.1", [curve(1600), curve(100), curve(1600) / curve(100)])).toBe(true);
  });

  it("3.2: the waiting part of the median cold TTFT", () => {
    const service = quantileOf(
      coldRows.map((row) => curve(row.prompt_tokens)),
      0.5,
    );
    const total = quantileOf(
      coldRows.map((row) => row.ttft_ms),
      0.5,
    );
    expect(isRight("3.2", 100 * (1 - service / total))).toBe(true);
  });
});

describe("notebooks 4 to 8, by sorts and events", async () => {
  const { model, report } = fitLatency(await readCaptures({ role: "fit" }));
  const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
  const workload = workloadOf(trace);
  const engine = capturedEngine(trace.meta);
  const run = ({ engine: changed, ...options }: Partial<ReplayOptions> = {}) =>
    replay(workload, { model, seed: 1, ...options, engine: { ...engine, ...changed } }).trace.records;
  const p50 = (records: ReturnType<typeof run>) =>
    quantileOf(
      records.map((r) => r.ttftMs as number),
      0.5,
    );
  const off = { enablePrefixCaching: false };

  it("4.2: p90 of later turns", () => {
    const modeled = run().flatMap(({ ttftMs }, at) =>
      workload.sessions.turn[at] === 1 ? [] : [ttftMs as number],
    );
    expect(isRight("4.2", [quantileOf(later(warmRows), 0.9), quantileOf(modeled, 0.9)])).toBe(true);
  });

  it("5.1: the offered load from the report's coefficients", () => {
    const price = (wanted: string) =>
      report.coefficients.find(({ name }) => name === wanted)?.value as number;
    const neededMs = warmRows.reduce(
      (sum, { prompt_tokens: u }) =>
        sum +
        price("step_ms") +
        price("prefill_seq_ms") +
        price("prefill_token_ms") * u +
        (price("prefill_token_depth_ms") * u * u) / 2,
      0,
    );
    const lastMs = (warmRows.at(-1) as (typeof warmRows)[number]).arrival_ms;
    expect(isRight("5.1", [neededMs / lastMs / 2, p50(run({ engine: off, rateScale: 0.5 })) / 1000])).toBe(
      true,
    );
  });

  it("5.2: most requests at once, counted at arrivals and ends", () => {
    const most = (["session", "open-loop"] as const).map((pacing) =>
      mostInFlight(run({ engine: off, pacing })),
    );
    expect(isRight("5.2", most)).toBe(true);
  });

  it("5.3: the cache off, and every prompt made unique by hand", () => {
    let next = trace.blocks.size;
    const ids = Array.from({ length: 320 * 130 }, () => next++);
    const records = trace.records.map(({ outputBlockIds: _, ...record }) => ({
      ...record,
      blockIds: Int32Array.from(record.blockIds as Int32Array, () => ids.pop() as number),
    }));
    const made = replay(
      { trace: { ...trace, records }, sessions: workload.sessions },
      { model, seed: 1, engine, answerReuse: false },
    );
    expect(isRight("5.3", [p50(run({ engine: off })) / 1000, p50(made.trace.records) / 1000])).toBe(true);
  });

  it("6.1: the modeled series are the same without the cold capture; 6.2: factors by a sort", async () => {
    const capturedOff = await readCapture({ role: "judge", scenario: "cold", seed: 1 });
    const modeledOf = (effect: ReturnType<typeof cacheEffect>) =>
      effect.series.filter(({ kind }) => kind === "modeled").map((series) => series.trace.records);
    const modeled = modeledOf(cacheEffect(workload, { model, capturedOff }));
    expect(modeledOf(cacheEffect(workload, { model }))).toEqual(modeled);
    expect(isRight("6.1", "cold")).toBe(true);
    const laterP50 = (records: (typeof modeled)[number] | undefined) =>
      quantileOf(
        (records ?? []).flatMap(({ ttftMs }, at) =>
          workload.sessions.turn[at] === 1 ? [] : [ttftMs as number],
        ),
        0.5,
      );
    const captured = quantileOf(later(coldRows), 0.5) / quantileOf(later(warmRows), 0.5);
    expect(isRight("6.2", [captured, laterP50(modeled[1]) / laterP50(modeled[0])])).toBe(true);
  });

  it("6.3: who is the first of a prefix misses", () => {
    const sizes = { turns: 5, prefixCount: 2, promptTokens: 192, outputTokens: 128, thinkTimeMs: 0 };
    const planned = planSessions({ ratePerSecond: 1, durationMs: 100_000, seed: 1, ...sizes });
    const requests = planned.reduce((sum, { turns }) => sum + turns.length, 0);
    const prefixes = new Set(planned.map(({ prefix }) => prefix)).size;
    expect(isRight("6.3", [requests - prefixes, prefixes])).toBe(true);
  });

  it("7.3: requests outside the profile's range, counted", async () => {
    const profile = latencyProfile("h200-qwen3-8b");
    const imported = await importTrace("mooncake", dataFile("examples/mooncake-style.jsonl"));
    const sessions = inferSessions(imported);
    const shares = [true, false].map((enablePrefixCaching) => {
      const {
        run: { runningAtAdmission },
        trace: { records },
      } = replay(
        { trace: imported, sessions },
        { model: profile, pacing: "session", engine: { blockSize: 16, enablePrefixCaching } },
      );
      const { uncachedTokens, contextTokens, runningSeqs } = profile.range;
      const isIn = (value: number, [low, high]: readonly [number, number]) => value >= low && value <= high;
      const inside = records.filter(
        ({ promptTokens, cachedTokens = 0, outputTokens }, at) =>
          isIn(promptTokens - cachedTokens, uncachedTokens) &&
          isIn(promptTokens + outputTokens, contextTokens) &&
          isIn(runningAtAdmission[at] as number, runningSeqs),
      );
      return 100 * (1 - inside.length / records.length);
    });
    expect(isRight("7.3", shares)).toBe(true);
  });

  it("8.1 and 8.2: pools and budgets, by a sort", () => {
    const p99 = [130, 260, 1040].map((kvCacheBlocks) =>
      quantileOf(
        run({ engine: { kvCacheBlocks } }).map((r) => r.ttftMs as number),
        0.99,
      ),
    );
    expect(isRight("8.1", p99)).toBe(true);
    const byBudget = [128, 512, 2048].map((maxNumBatchedTokens) =>
      p50(run({ engine: { ...off, maxNumBatchedTokens } })),
    );
    expect(isRight("8.2", byBudget)).toBe(true);
  });
});

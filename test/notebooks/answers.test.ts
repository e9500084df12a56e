import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  capturedEngine,
  fitLatency,
  readCapture,
  readCaptures,
  replay,
  workloadOf,
} from "../../lib/index.js";
import { quantileOf } from "./quantile-of.js";
import { dataFile, isRight, type RawRow as Row, rowsOf } from "./raw-rows.js";

// Each answer once more, from the files as they are or in another way than the notebook's solution; those of fits, memory, fleets
// and what came after are in the files beside this one.

const warm = rowsOf("warm-1.jsonl.gz");
const leading = (a: readonly string[], b: readonly string[]) => {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
};

describe("notebooks 1 and 2, from the rows", () => {
  it("1.1: whole blocks within 100 tokens, counted up", () => {
    const whole = [16, 64].map((size) => {
      let tokens = 0;
      while (tokens + size <= 100) tokens += size;
      return tokens;
    });
    expect(isRight("1.1", whole)).toBe(true);
    expect(isRight("1.1", [...whole].reverse())).toBe(false);
  });

  it("1.2: the slowest row; 1.3: no hash of one prefix in a session of the other", () => {
    const [slowest] = [...warm].sort((a, b) => b.ttft_ms - a.ttft_ms) as [Row];
    expect(isRight("1.2", [slowest.cached_tokens, slowest.concurrency])).toBe(true);
    const hashes = (name: string) =>
      new Set(warm.filter(({ session }) => session === name).flatMap((row) => row.block_hashes));
    const other = hashes("s1");
    expect(isRight("1.3", [...hashes("s0")].filter((hash) => other.has(hash)).length)).toBe(true);
  });

  it("2.1: the recorded sessions and turns; 2.3: every row", () => {
    const sessions = new Set(warm.map(({ session }) => session)).size;
    expect(isRight("2.1", [sessions, Math.max(...warm.map(({ turn }) => turn))])).toBe(true);
    expect(isRight("2.3", warm.length)).toBe(true);
  });

  it("2.2: the simple rule, pair by pair", () => {
    let [found, right, actual] = [0, 0, 0];
    warm.forEach((child, at) => {
      let [best, parent] = [0, -1];
      for (let k = 0; k < at; k++) {
        const shared = leading(child.block_hashes, (warm[k] as Row).block_hashes);
        if (shared > 0 && shared >= best) [best, parent] = [shared, k];
      }
      if (child.turn > 1) actual++;
      if (parent < 0) return;
      found++;
      const { session, turn } = warm[parent] as Row;
      if (session === child.session && turn === child.turn - 1) right++;
    });
    expect(isRight("2.2", [right / found, right / actual])).toBe(true);
  });
});

describe("notebooks with replays, by other statistics", async () => {
  const { model } = fitLatency(await readCaptures({ role: "fit" }));
  const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
  const workload = workloadOf(trace);
  const engine = capturedEngine(trace.meta);
  const ttftOf = (options: Partial<Parameters<typeof replay>[1]> = {}) =>
    replay(workload, {
      model,
      seed: 1,
      ...options,
      engine: { ...engine, ...options.engine },
    }).trace.records.map(({ ttftMs }) => ttftMs as number);

  it("3.3: the largest uncached prompt of the fitting rows", () => {
    const fitted = ["fit-sweep-1.jsonl.gz", "fit-sweep-2.jsonl.gz", "fit-warm-1.jsonl.gz"].flatMap(rowsOf);
    expect(isRight("3.3", Math.max(...fitted.map((row) => row.prompt_tokens - row.cached_tokens)))).toBe(
      true,
    );
  });

  it("4.1: medians by a sort, paced and open loop", () => {
    const medians = (["session", "open-loop"] as const).map((pacing) => quantileOf(ttftOf({ pacing }), 0.5));
    expect(isRight("4.1", medians)).toBe(true);
  });

  it("4.3: cells that gate and hold, counted from the rows and three replays", () => {
    const seeds = [1, 2, 3].map((seed) => replay(workload, { model, engine, seed }).trace.records);
    let [gating, held] = [0, 0];
    for (const isFirst of [true, false])
      for (const quantity of ["ttft", "itl"] as const)
        for (const p of [0.5, 0.9, 0.99]) {
          const valuesOf = (records: typeof trace.records) =>
            records
              .filter((_, at) => (workload.sessions.turn[at] === 1) === isFirst)
              .flatMap(({ ttftMs, itlMs }) =>
                quantity === "ttft" ? [ttftMs as number] : [...(itlMs ?? [])],
              );
          const captured = valuesOf(trace.records);
          if (captured.length < 30 || captured.length * (1 - p) < 5) continue;
          gating++;
          const modeled = seeds.map((records) => quantileOf(valuesOf(records), p));
          const mean = modeled.reduce((sum, value) => sum + value, 0) / modeled.length;
          if (Math.abs(mean / quantileOf(captured, p) - 1) <= 0.1) held++;
        }
    expect([gating, held]).toEqual([10, 6]);
    expect(isRight("4.3", [gating, held])).toBe(true);
    expect(isRight("4.3", [21, 9])).toBe(false);
  });

  it("8.3: the rate at which the median crosses a second, by halving", () => {
    const isBelow = (hundredths: number) =>
      quantileOf(ttftOf({ rateScale: hundredths / 100, engine: { enablePrefixCaching: false } }), 0.5) < 1000;
    let [low, high] = [25, 50];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (isBelow(middle)) low = middle;
      else high = middle;
    }
    expect(isRight("8.3", low / 100)).toBe(true);
    expect(isRight("8.3", 0.25)).toBe(false);
  });
});

describe("notebooks 7, 11 and 12", () => {
  it("7.2: shared blocks of first and later turns, by a set of all earlier prefixes", () => {
    const lines = readFileSync(dataFile("examples/mooncake-style.jsonl"), "utf8").trim().split("\n");
    const rows = lines.map((line) => JSON.parse(line) as { hash_ids: number[] });
    const seen = new Set<string>();
    let shared = 0;
    for (const { hash_ids: ids } of rows) {
      const prefixes = ids.map((_, at) => ids.slice(0, at + 1).join(","));
      shared += prefixes.filter((prefix) => seen.has(prefix)).length;
      for (const prefix of prefixes) seen.add(prefix);
    }
    // What a first turn shares and what a later one does add up to all that is shared.
    expect(545 + 2592).toBe(shared);
    expect(isRight("7.2", [545, shared - 545])).toBe(true);
    expect(isRight("7.1", [1, rows.length - 1])).toBe(true);
  });

  it("11.1: the product by hand; 11.3: the median of all, since less than half is cut", () => {
    expect(isRight("11.1", [(7 / 8) * (3 / 4) * (2 / 3), 4])).toBe(true);
    const waits = warm.filter(({ turn }) => turn > 1).map((row) => row.ttft_ms);
    const [upper] = waits.sort((a, b) => a - b).slice(waits.length / 2 - 1);
    const answered = waits.filter((ms) => ms <= 60);
    expect(isRight("11.3", [quantileOf(answered, 0.5), upper as number])).toBe(true);
  });
});

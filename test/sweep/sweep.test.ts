import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../../lib/base/index.js";
import { readCapture } from "../../lib/captures/index.js";
import { latencyProfile } from "../../lib/latency/index.js";
import { packWorkload, unpackWorkload } from "../../lib/replay/index.js";
import { inferSessions, workloadOf } from "../../lib/sessions/index.js";
import { CellWorkloads, inPlanOrder } from "../../lib/sweep/cell-workloads.js";
import { cellsFromJsonLines, gridCells, parseAxis, runCell, SweepStore } from "../../lib/sweep/index.js";
import { runCellOf } from "../../lib/sweep/run-cell.js";
import { multiturnTrace } from "../replay/multiturn-trace.js";

const { trace } = multiturnTrace({
  sessions: 10,
  turns: 3,
  prefixTokens: 600,
  promptTokens: 40,
  outputTokens: 16,
});
const sessions = inferSessions(trace);
const model = latencyProfile("h200-qwen3-8b");
const cells = gridCells([parseAxis("kv-cache-size=60,100,1000"), parseAxis("seed=1..2")]);

describe("tiers behind the pool", () => {
  it("are axes, and a row tells tokens by tier where there are some", async () => {
    const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
    const rows = gridCells([parseAxis("kv-cache-size=120"), parseAxis("cpu-kv-gib=0,1")]).map((cell) =>
      runCell(workload, model, cell),
    );
    expect(rows[0]).not.toHaveProperty("reuse_cpu_tokens");
    expect(rows[1]!.reuse_cpu_tokens).toBeGreaterThan(0);
    expect(rows[1]!.hit_fraction).toBeGreaterThan(Number(rows[0]!.hit_fraction));
  });
});

describe("fleets", () => {
  it("are axes: a router with its options is one value", () => {
    const grid = gridCells([
      parseAxis("replicas=2,3"),
      parseAxis("router=round-robin,sticky:ttl=300,prefix-affinity:cache-threshold=0.5"),
    ]);
    expect(grid.length).toBe(6);
    const rows = grid.map((cell) => runCell({ trace, sessions }, model, cell));
    expect(rows.map(({ router }) => router).slice(0, 3)).toEqual([
      "round-robin",
      "sticky:ttl=300",
      "prefix-affinity:cache-threshold=0.5",
    ]);
    expect(rows[1]!.hit_fraction).toBeGreaterThan(Number(rows[0]!.hit_fraction));
    expect(() => parseAxis("router=coin")).toThrow(/no router "coin", expected one of/);
    expect(() => parseAxis("replicas=0")).toThrow(/replicas must be a positive integer/);
  });
});

describe("cells", () => {
  it("are all combinations of the axes, the last varying fastest", () => {
    expect(cells).toEqual([
      { "kv-cache-size": 60, seed: 1 },
      { "kv-cache-size": 60, seed: 2 },
      { "kv-cache-size": 100, seed: 1 },
      { "kv-cache-size": 100, seed: 2 },
      { "kv-cache-size": 1000, seed: 1 },
      { "kv-cache-size": 1000, seed: 2 },
    ]);
  });

  it("read the same from JSON lines", () => {
    expect(cellsFromJsonLines(cells.map((c) => JSON.stringify(c)).join("\n"))).toEqual(cells);
  });

  it("refuse unknown parameters and values that do not fit", () => {
    for (const bad of [
      "kv-cache=1",
      "kv-cache-size",
      "kv-cache-size=0",
      "seed=x",
      "pacing=fast",
      "rate-scale=-1",
      "turns=1.5",
      "constructor=1",
      "toString=1",
      "seed=1=2",
      "seed=3..1",
    ])
      expect(() => parseAxis(bad)).toThrow(InputError);
    expect(() => cellsFromJsonLines('{"nope": 1}')).toThrow(/line 1/);
    expect(() => cellsFromJsonLines("{}\n[1]")).toThrow(/line 2/);
    for (const value of [null, true, [1], ["on"], {}, ""])
      for (const name of ["seed", "prefix-caching", "constructor"]) {
        const text = `{}\n${JSON.stringify({ [name]: value })}`;
        expect(() => cellsFromJsonLines(text)).toThrow(InputError);
        expect(() => cellsFromJsonLines(text)).toThrow(/line 2/);
      }
  });

  it("refuse an axis that is given twice", () => {
    expect(() => gridCells([parseAxis("seed=1..2"), parseAxis("turns=1"), parseAxis("seed=1..3")])).toThrow(
      /--vary seed is given twice/,
    );
  });
});

describe("runCell", () => {
  it("hits more in a larger pool, and nothing with caching off", () => {
    const hits = [60, 100, 1000].map((size) =>
      Number(runCell({ trace, sessions }, model, { "kv-cache-size": size }).hit_fraction),
    );
    expect(hits[0]!).toBeLessThanOrEqual(hits[1]!);
    expect(hits[1]!).toBeLessThanOrEqual(hits[2]!);
    expect(hits[2]!).toBeGreaterThan(0.5);
    expect(runCell({ trace, sessions }, model, { "prefix-caching": "off" }).hit_fraction).toBe(0);
  });

  it("gives up on requests after the cell's time limit, and then sends the next turn or none", () => {
    const published = latencyProfile("vllm-vcr-published");
    const cut = gridCells([
      parseAxis("prefix-caching=off"),
      parseAxis("request-timeout=0.2"),
      parseAxis("on-timeout=next-turn,end-session"),
    ]).map((cell) => runCell({ trace, sessions }, published, cell));
    const whole = runCell({ trace, sessions }, published, { "prefix-caching": "off" });
    expect([whole.timed_out, whole.never_sent, whole.completed]).toEqual([0, 0, 30]);
    const [next, ends] = cut.map(({ timed_out, never_sent, completed }) => ({
      timed_out,
      never_sent,
      completed,
    }));
    expect(next).toEqual({
      timed_out: expect.any(Number),
      never_sent: 0,
      completed: 30 - Number(next!.timed_out),
    });
    expect(next!.timed_out).toBeGreaterThan(0);
    expect(ends!.never_sent).toBeGreaterThan(0);
    expect(Number(ends!.timed_out) + Number(ends!.never_sent) + Number(ends!.completed)).toBe(30);
    expect(() => parseAxis("request-timeout=0")).toThrow(InputError);
    expect(() => parseAxis("on-timeout=retry")).toThrow("must be one of next-turn, end-session");
  });

  it("gives what each cell gives alone, where cells share a packed trace and their plans", async () => {
    const mixed = gridCells(
      ["seed=1..2", "turns=1,3", "rate-scale=1,2", "kv-cache-size=60,200"].map((axis) => parseAxis(axis)),
    );
    mixed.push(
      ...["open-loop", "session"].map((pacing) => ({ pacing, "min-confidence": 0.9, "block-size": 32 })),
      { prompts: "cold" },
      { "answer-reuse": "off", replicas: 2 },
    );
    const whole = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
    const made = new CellWorkloads((minConfidence) => {
      const workload = minConfidence === undefined ? whole : workloadOf(whole.trace, { minConfidence });
      return unpackWorkload(packWorkload(workload, (size) => new SharedArrayBuffer(size)));
    });
    const order = inPlanOrder(mixed, [...mixed.keys()]);
    expect([...order].sort((a, b) => a - b)).toEqual([...mixed.keys()]);
    for (const index of order)
      expect(runCellOf(made, model, mixed[index]!)).toEqual(runCell(whole, model, mixed[index]!));
    // Seeds and pools share a plan; what follows another plan starts a group.
    const plans = order.map((index) => JSON.stringify({ ...mixed[index], seed: 0, "kv-cache-size": 0 }));
    expect(plans.filter((plan, i) => plan !== plans[i - 1]).length).toBe(new Set(plans).size);
  });

  it("keeps only the first turns when told so", () => {
    expect(runCell({ trace, sessions }, model, { turns: 1 }).requests).toBe(10);
  });
});

describe("SweepStore", () => {
  const dir = mkdtempSync(join(tmpdir(), "prefix lab sweep "));
  afterAll(() => rmSync(dir, { recursive: true }));
  let rows: ReturnType<typeof runCell>[];
  beforeAll(() => {
    rows = cells.map((cell) => runCell({ trace, sessions }, model, cell));
  });

  it("gives the same bytes whatever the order and the sharing out of the cells", async () => {
    const orders = [
      [0, 1, 2, 3, 4, 5],
      [5, 3, 1, 4, 2, 0],
    ];
    const merged = [];
    for (const [k, order] of orders.entries()) {
      const store = await SweepStore.open(join(dir, String(k)), cells, "inputs");
      for (const index of order) await store.save(index, rows[index]!);
      expect(await store.merge()).toEqual(rows);
      merged.push(
        ["results.jsonl", "results.parquet"].map((f) =>
          readFileSync(join(dir, String(k), f)).toString("base64"),
        ),
      );
    }
    expect(merged[1]).toEqual(merged[0]);
  });

  it("may be opened, filled and merged by many at once, also where process ids are equal", async () => {
    const open = () => SweepStore.open(join(dir, "many"), cells, "inputs");
    const stores = await Promise.all(Array.from({ length: 16 }, open));
    await Promise.all(stores.flatMap((store) => rows.map((row, index) => store.save(index, row))));
    for (const merged of await Promise.all(stores.map((store) => store.merge())))
      expect(merged).toEqual(rows);
    expect(readdirSync(join(dir, "many")).filter((f) => f.endsWith(".part"))).toEqual([]);
  });

  it("goes on where it was interrupted, shard by shard", async () => {
    const store = await SweepStore.open(join(dir, "part"), cells, "inputs");
    await store.save(2, rows[2]!);
    const again = await SweepStore.open(join(dir, "part"), cells, "inputs");
    expect(await again.missing()).toEqual([0, 1, 3, 4, 5]);
    expect(await again.missing(0, 2)).toEqual([0, 4]);
    expect(await again.missing(1, 2)).toEqual([1, 3, 5]);
    await expect(again.merge()).rejects.toThrow(/5 of 6 cells are missing/);
    expect(readdirSync(join(dir, "part", "cells")).filter((f) => f.endsWith(".part"))).toEqual([]);
  });

  it("does not mix two sweeps in one folder", async () => {
    await SweepStore.open(join(dir, "one"), cells, "inputs");
    await expect(SweepStore.open(join(dir, "one"), cells, "other inputs")).rejects.toThrow(
      /other cells or inputs/,
    );
  });

  it("writes Parquet that reads back as the rows", async () => {
    const file = readFileSync(join(dir, "0", "results.parquet"));
    const buffer = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
    expect(await parquetReadObjects({ file: buffer })).toEqual(rows);
  });
});

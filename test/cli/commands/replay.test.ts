import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readTrace, writeTrace } from "../../../lib/trace/files/index.js";
import type { Trace } from "../../../lib/trace/index.js";
import { fromRoot, runCli } from "../run-cli.js";

const dir = mkdtempSync(join(tmpdir(), "prefixlab replay "));
afterAll(() => rmSync(dir, { recursive: true }));

const warm = fromRoot("data", "warm-1.jsonl.gz");
const cold = fromRoot("data", "cold-1.jsonl.gz");
const profile = ["--profile", "h200-qwen3-8b"];
const errorsOf = (args: readonly string[]) => JSON.parse(runCli([...args, "--json"]).stdout);

async function written(name: string, trace: Trace): Promise<string> {
  const path = join(dir, name);
  await writeTrace(path, trace);
  return path;
}

describe("replay --judge-after", () => {
  it("replays all rows and compares only the later ones", async () => {
    const trace = await readTrace(warm);
    const tail = trace.records.slice(200);
    const all = errorsOf(["replay", warm, ...profile]);
    const later = errorsOf(["replay", warm, ...profile, "--judge-after", "200"]);
    expect([later.requests, later.judge_after]).toEqual([all.requests, 200]);
    expect(later.cohorts).toEqual(all.cohorts);
    expect(later.cached_tokens.requests).toBe(tail.length);
    const p50 = (doc: typeof all) =>
      doc.statistics.find(
        (s: { quantity: string; statistic: string }) => s.quantity === "ttft_ms" && s.statistic === "p50",
      );
    const ttfts = tail.map(({ ttftMs }) => ttftMs!).sort((a, b) => a - b);
    const half = (ttfts.length - 1) / 2;
    expect(p50(later).captured_ms).toBeCloseTo((ttfts[Math.floor(half)] + ttfts[Math.ceil(half)]) / 2, 6);
    expect(p50(later).error).not.toBe(p50(all).error);
    expect(later.errors.all.ttft_ms.p50.error).toBeCloseTo(p50(later).error, 9);
  });

  it("refuses to leave nothing to compare", () => {
    const { status, stderr } = runCli(["replay", warm, ...profile, "--judge-after", "320"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/--judge-after 320 leaves nothing to compare: the trace has 320 rows/);
  });
});

describe("a replay of more than one engine can do", () => {
  const records = Array.from({ length: 120 }, (_, i) => ({
    promptTokens: 20_000,
    outputTokens: 60,
    arrivalMs: 200 * i,
  }));

  it("says how many times the load is what the engine can do, and says nothing where it keeps up", async () => {
    const { blocks, meta } = await readTrace(warm);
    const bare = { source: meta.source ?? "synthetic", extra: {} };
    const path = await written("overload.jsonl.gz", {
      meta: bare,
      blocks,
      records,
      rejected: [],
      warnings: [],
    });
    const { stdout } = runCli(["replay", path, ...profile]);
    expect(stdout).toMatch(/overloaded: the requests sent are \d\.\d times what the engine can do/);
    const document = errorsOf(["replay", path, ...profile]);
    expect(document.overload).toBeGreaterThan(1.5);
    expect(errorsOf(["replay", warm, ...profile]).overload).toBeNull();
  });

  it("has no load to speak of where all was sent at one time", async () => {
    const at = records.slice(0, 20).map((record) => ({ ...record, arrivalMs: 0 }));
    const path = await written("at-once.jsonl.gz", {
      meta: { source: "synthetic", extra: {} },
      blocks: (await readTrace(warm)).blocks,
      records: at,
      rejected: [],
      warnings: [],
    });
    expect(runCli(["replay", path, ...profile]).stdout).not.toMatch(/overloaded/);
  });

  it("counts the time of all replicas when it says how busy they were", async () => {
    const { stdout } = runCli(["replay", warm, ...profile, "--replicas", "2"]);
    const busy = Number(stdout.match(/engine busy (\d+) %/)?.[1]);
    expect(busy).toBeGreaterThan(0);
    expect(busy).toBeLessThanOrEqual(100);
  });
});

describe("replay --cpu-kv-gib", () => {
  const small = ["replay", warm, ...profile, "--kv-cache-size", "120"];

  it("tells tokens by tier, which add up to the cached ones, and what computing would have taken", () => {
    const { reuse_tiers, kv_loads, cached_tokens, engine } = errorsOf([
      ...small,
      "--cpu-kv-gib",
      "4",
      "--disk-kv-gib",
      "40",
    ]);
    expect(Object.keys(reuse_tiers)).toEqual(["pool", "cpu", "disk"]);
    expect(reuse_tiers.pool + reuse_tiers.cpu + reuse_tiers.disk).toBe(cached_tokens.predicted);
    expect(kv_loads.loads).toBeGreaterThan(0);
    expect(kv_loads.computing_is_faster).toBeLessThanOrEqual(kv_loads.loads);
    expect(engine.cpu_kv_gib).toEqual({ value: 4, from: "given" });
    expect(engine.kv_bytes_per_token).toEqual({ value: 147_456, from: "profile" });
  });

  it("says what is behind the pool, and how many loads were slower than computing", () => {
    const { stdout } = runCli([...small, "--cpu-kv-gib", "4", "--cpu-kv-gbps", "0.1"]);
    expect(stdout).toMatch(/behind the pool, cpu: 910 blocks = 29127 tokens; loads at 0.1 GB\/s and 0.1 ms/);
    expect(stdout).toMatch(/computing would have been faster than loading for [1-9]\d* of \d+ loads/);
  });

  it("says nothing of tiers where there are none", () => {
    const { reuse_tiers, kv_loads, engine } = errorsOf(small);
    expect([reuse_tiers, kv_loads, engine.cpu_kv_gib, engine.kv_bytes_per_token]).toEqual(
      new Array(4).fill(undefined),
    );
  });
});

describe("replay --against", () => {
  it("compares request by request, in whatever order the other capture's requests arrived", async () => {
    const trace = await readTrace(cold);
    // The same requests, the first turns last: an order that says nothing of which is which.
    const shifted = trace.records.map((r) => ({ ...r, arrivalMs: r.arrivalMs! + (r.turn === 1 ? 1e7 : 0) }));
    const path = await written("shifted.jsonl.gz", { ...trace, records: shifted });
    const against = (file: string) => errorsOf(["replay", warm, ...profile, "--against", file]).errors;
    expect(against(path)).toEqual(against(cold));
  });

  it("refuses a capture of other requests, as many as they are", async () => {
    const trace = await readTrace(cold);
    const records = trace.records.map(({ session: _, turn: __, ...r }) => ({
      ...r,
      promptTokens: r.promptTokens + 16,
    }));
    const { status, stderr } = runCli([
      "replay",
      warm,
      ...profile,
      "--against",
      await written("others.jsonl.gz", { ...trace, records }),
    ]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/no capture of the same requests: request 1 has \d+ prompt tokens/);
  });
});

describe("replay", () => {
  it("judges nothing where the flags change the engine that was captured, and judges where they repeat it", () => {
    const verdict = (...flags: string[]) => errorsOf(["replay", warm, ...profile, ...flags]).verdict;
    expect(verdict("--kv-cache-size", "300")).toBe("none");
    expect(verdict("--no-enable-prefix-caching")).toBe("none");
    expect(verdict("--enable-prefix-caching", "--max-num-seqs", "64")).toBe("fail");
  });

  it("finds prefixes for a capture without a cache when told to", () => {
    const hits = (...flags: string[]) =>
      errorsOf(["replay", cold, ...profile, "--replay-sessions", ...flags]).cached_tokens.predicted;
    expect(hits()).toBe(0);
    expect(hits("--enable-prefix-caching")).toBeGreaterThan(100_000);
  });

  it("says how many requests were never served, and writes a modeled trace that reads back clean", async () => {
    const dump = join(dir, "small pool.jsonl.gz");
    const { stdout } = runCli([
      "replay",
      warm,
      ...profile,
      "--replay-sessions",
      "--kv-cache-size",
      "50",
      "--dump-trace",
      dump,
    ]);
    expect(stdout).toMatch(
      /unserved: 192 of 320 requests, which are in no quantile of the comparison: 64 need more blocks than the pool has/,
    );
    const back = await readTrace(dump);
    expect(back.records).toHaveLength(320);
    expect(back.rejected).toEqual([]);
    expect(back.warnings.map(({ reason }) => reason).join()).not.toContain("arrive before");
  });

  it("shows the model alone, with its hits, for a trace without latencies", () => {
    const path = join(dir, "planned.jsonl");
    const rows = [0, 1, 2].map((i) =>
      JSON.stringify({
        arrival_ms: 1000 * i,
        prompt_tokens: 64,
        output_tokens: 4,
        block_hashes: [1, 2, 3, 4],
      }),
    );
    writeFileSync(path, `${rows.join("\n")}\n`);
    const { status, stdout } = runCli(["replay", path, ...profile]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^all +3 +[\d.]+ ms/m);
    expect(stdout).toMatch(/prefix hits: 96 of 192 prompt tokens \(50\.0 %\)/);
    // One whose prompt has no room, the first of all: it is refused at once, and changes no wait of the others.
    const quantiles = (text: string) => /^all +\d+ +(.*)$/m.exec(text)![1]!.split(/ {2,}/);
    const large = JSON.stringify({ arrival_ms: 0, prompt_tokens: 200, output_tokens: 4 });
    writeFileSync(path, `${[large, ...rows].join("\n")}\n`);
    const { stdout: refused } = runCli(["replay", path, ...profile, "--kv-cache-size", "10"]);
    expect(refused).toMatch(
      /^unserved: 1 of 4 requests, which are in no modeled quantile: 1 need more blocks/m,
    );
    expect(refused).toMatch(/^all +4 /m);
    const [p50, , ...others] = quantiles(refused);
    expect([p50, ...others]).toEqual(quantiles(stdout).filter((_, at) => at !== 1));
  });

  it("writes over nothing that it reads", async () => {
    const path = await written("mine.jsonl.gz", await readTrace(warm));
    const { status, stderr } = runCli(["replay", path, ...profile, "--dump-trace", path]);
    expect(status).toBe(2);
    expect(stderr).toContain("would be overwritten");
    expect((await readTrace(path)).records).toHaveLength(320);
  });

  it("refuses --latency-kind where nothing is fitted", () => {
    const { status, stderr } = runCli(["replay", warm, ...profile, "--latency-kind", "empirical"]);
    expect(status).toBe(2);
    expect(stderr).toContain("--latency-trace");
  });
});

describe("what a replay ran under", () => {
  const header = (args: readonly string[]) => errorsOf(["replay", warm, ...profile, ...args]);

  it("is in the document, each setting with where it comes from", () => {
    const { engine, latency, pacing, pacing_from } = header([]);
    expect(engine).toMatchObject({
      block_size: { value: 32, from: "captured" },
      kv_cache_blocks: { value: 8191, from: "captured" },
      max_num_batched_tokens: { value: 512, from: "captured" },
      enable_prefix_caching: { value: true, from: "captured" },
      eviction: { value: "lru", from: "assumed" },
      pool_tokens: 8191 * 32,
    });
    expect(engine.pool_gib).toBeCloseTo((8191 * 32 * 147_456) / 2 ** 30, 6);
    expect(latency).toEqual({
      kind: "profile:h200-qwen3-8b",
      fitted_at: { max_num_batched_tokens: 8192, max_num_seqs: 1024, async_scheduling: true },
      in_sample: null,
    });
    expect([pacing, pacing_from]).toEqual(["session", "captured"]);
  });

  it("is what flags give before what the capture tells", () => {
    const { engine, pacing, pacing_from } = header(["--block-size", "16", "--open-loop"]);
    // Memory stays what it is: the captured pool in smaller blocks.
    expect(engine).toMatchObject({
      block_size: { value: 16, from: "given" },
      kv_cache_blocks: { value: 2 * 8191, from: "captured" },
    });
    expect([pacing, pacing_from]).toEqual(["open-loop", "given"]);
  });

  it("is printed in the first lines", () => {
    const { stdout } = runCli(["replay", warm, ...profile, "--max-concurrency", "3"]);
    expect(stdout).toMatch(/pool: 8191 blocks of 32 tokens = 262112 tokens = 36\.0 GiB/);
    expect(stdout).toMatch(/engine, captured: --block-size 32 --kv-cache-size 8191/);
    expect(stdout).toMatch(/engine, assumed: .*--eviction lru/);
    expect(stdout).toMatch(/pacing: closed-loop \(given\); prompts: recorded/);
  });

  it("forces one pacing at most", () => {
    const { status, stderr } = runCli(["replay", warm, ...profile, "--open-loop", "--replay-sessions"]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/each force a pacing: give one of them at most/);
  });

  it("has blocks of the engine's own size and a pool that fits the card, whatever the trace's hashes", async () => {
    // 100 chats of 10,240 tokens, each back after all the others: more than the card can keep.
    const trace = await readTrace(warm);
    const prompt = (chat: number) => Int32Array.from({ length: 20 }, (_, b) => trace.blocks.intern(chat, b));
    const records = [0, 100_000].flatMap((startMs) =>
      Array.from({ length: 100 }, (_, chat) => ({
        promptTokens: 10_240,
        outputTokens: 1,
        arrivalMs: startMs + 1000 * chat,
        blockIds: prompt(chat),
      })),
    );
    const path = await written("chats.jsonl", { ...trace, meta: { blockSize: 512, extra: {} }, records });
    const found = async (...flags: string[]) => {
      const dumped = join(dir, "chats-modeled.jsonl");
      const { engine } = errorsOf(["replay", path, ...profile, "--dump-trace", dumped, ...flags]);
      const { records: modeled } = await readTrace(dumped);
      return { engine, tokens: modeled.reduce((sum, r) => sum + (r.cachedTokens ?? 0), 0) };
    };
    const { engine, tokens } = await found();
    expect(engine).toMatchObject({
      block_size: { value: 16, from: "assumed" },
      kv_cache_blocks: { from: "profile" },
    });
    expect(engine.pool_gib).toBeLessThan(0.9 * 131.4);
    expect(tokens).toBe(0);
    expect((await found("--kv-cache-size", "65536")).tokens).toBeGreaterThan(100 * 10_000);
  });
});

interface LimitedCohort
  extends Record<
    | "n"
    | "censored"
    | "sent"
    | "completed"
    | "unanswered"
    | "timed_out"
    | "timed_out_before_first_token"
    | "timed_out_after_first_token",
    number
  > {
  readonly ttft_ms: { readonly p50: number };
  readonly survivors: {
    readonly n: number;
    readonly ttft_ms: { readonly p50: number };
    readonly total_ms: { readonly p99: number };
  };
}

describe("replay --request-timeout", () => {
  const profile = ["--profile", "vllm-vcr-published"];
  const limited = ["replay", warm, ...profile, "--no-enable-prefix-caching", "--request-timeout", "0.5"];

  it("counts what became of every request, and gives Kaplan-Meier's quantiles beside those of the complete alone", () => {
    for (const onTimeout of ["next-turn", "end-session"]) {
      const document = errorsOf([...limited, "--on-timeout", onTimeout]);
      expect(document).toMatchObject({ request_timeout_s: 0.5, on_timeout: onTimeout, requests: 320 });
      for (const cohort of Object.values<LimitedCohort>(document.cohorts)) {
        expect(cohort.sent).toBe(cohort.completed + cohort.timed_out + cohort.unanswered);
        expect(cohort.timed_out).toBe(
          cohort.timed_out_before_first_token + cohort.timed_out_after_first_token,
        );
        expect(cohort.n).toBe(cohort.sent);
        expect(cohort.censored).toBe(cohort.timed_out_before_first_token);
        expect(cohort.survivors.n).toBe(cohort.completed);
        expect(cohort.survivors.total_ms.p99).toBeLessThanOrEqual(500);
        // Nobody knows of the slowest how long they would have waited.
        expect(cohort.ttft_ms.p50).toBeGreaterThan(cohort.survivors.ttft_ms.p50);
      }
      expect(document.never_sent > 0).toBe(onTimeout === "end-session");
      expect(document.sent + document.never_sent).toBe(320);
      expect(document.timed_out).toBeGreaterThan(0);
    }
  });

  it("says in its report what the client does, and what was cut", () => {
    const report = (...flags: string[]) => runCli([...limited, ...flags]).stdout;
    const next = report();
    expect(next).toContain("client: gives up on a request that is not complete after 0.5 s");
    expect(next).toContain("then sends the next turn at once (--on-timeout next-turn)");
    expect(next).toMatch(
      /unserved: \d+ of 320 requests.*: \d+ were cut by the time limit before their first token/,
    );
    expect(next).toMatch(/cohort +sent +complete +cut before 1st token +cut after +never sent/);
    expect(next).toMatch(/turns2plus +256 .*> 500 ms/);
    const ends = report("--timeout-ends-session");
    expect(ends).toContain("then ends the session");
    expect(ends).toMatch(/\d+ were never sent, as what they follow was not answered/);
    // Where nothing paces a turn by the one before, nothing follows a time-out.
    expect(report("--open-loop")).toMatch(/after 0\.5 s\n/);
  });

  it("has the names of the contract too", () => {
    const { wall_s: _, ...released } = errorsOf([...limited, "--timeout-releases-child"]);
    const { wall_s: __, ...next } = errorsOf([...limited, "--on-timeout", "next-turn"]);
    expect(released).toEqual(next);
  });

  it("judges nothing, unless the capture's client had that limit", () => {
    const cached = ["replay", warm, ...profile, "--request-timeout"];
    expect(errorsOf([...cached, "200"]).kind).toBe("difference");
    // The load generator's own, 300 s, is in the meta line.
    expect(errorsOf([...cached, "300"]).kind).toBe("error");
  });

  it("writes a trace that tells the limit, and whose replay under it is judged", async () => {
    const path = join(dir, "limited.jsonl.gz");
    expect(runCli([...limited, "--dump-trace", path]).status).toBe(0);
    const { meta, records } = await readTrace(path);
    expect(meta.extra).toMatchObject({ request_timeout_ms: 500, on_timeout: "next-turn" });
    const cut = records.filter(({ finishReason }) => finishReason === "timeout");
    expect(cut.length).toBeGreaterThan(0);
    for (const { elapsedMs } of cut) expect(elapsedMs).toBe(500);
    expect(errorsOf(["replay", path, ...profile, "--request-timeout", "0.5"]).kind).toBe("error");
  });

  it("is refused where it cannot be meant", () => {
    const refused = (...flags: string[]) => {
      const { status, stderr } = runCli(["replay", warm, ...profile, ...flags]);
      expect(status).toBe(2);
      return stderr;
    };
    expect(refused("--on-timeout", "end-session")).toContain("give --request-timeout S with it");
    expect(refused("--timeout-ends-session")).toContain("end-session says what follows a time-out");
    expect(
      refused("--request-timeout", "5", "--on-timeout", "next-turn", "--timeout-ends-session"),
    ).toContain("give one of the two");
    expect(refused("--request-timeout", "0")).toContain("expected a number > 0");
    expect(refused("--request-timeout", "5", "--on-timeout", "retry")).toContain(
      "Allowed choices are next-turn",
    );
    const live = runCli(["replay", warm, "--url", "http://127.0.0.1:9", "--request-timeout", "5"]);
    expect([live.status, live.stderr]).toEqual([
      2,
      expect.stringContaining("with --url the time limit of a request is --timeout"),
    ]);
  });
});

describe("replay --recorded-times", () => {
  const evicting = fromRoot("data", "evicting", "pool-180.jsonl.gz");

  it("needs no latency model, leaves times alone, and says how much of the cache it predicts", () => {
    const document = errorsOf(["replay", evicting, "--recorded-times"]);
    expect(document).toMatchObject({ pacing: "recorded-times", verdict: "none", requests: 124, left_out: 0 });
    expect(document.cohorts).toEqual(document.source.cohorts);
    expect(document.engine.kv_cache_blocks).toEqual({ value: 179, from: "captured" });
    expect(document.cached_tokens).toMatchObject({ requests: 124, exact_fraction: 1 });
    const { stdout, status } = runCli(["replay", evicting, "--recorded-times", "--kv-cache-size", "90"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/cached tokens: recorded \d+, predicted \d+, exact on [0-9.]+ % of 124 requests/);
  });

  it("is refused beside what would change its times", () => {
    const { status, stderr } = runCli([
      "replay",
      evicting,
      "--recorded-times",
      ...profile,
      "--rate-scale",
      "2",
    ]);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /--profile, --rate-scale would have no effect: leave them out, or --recorded-times/,
    );
  });
});

describe("an answer of which no hashes are told", () => {
  const said = /assumed: the next turn repeats the answer before it.* \(\+\d+\.\d\d points/;

  it("is found by the turn that repeats it, which every command says with its effect; a switch leaves it out", async () => {
    const trace = await readTrace(warm);
    const records = trace.records.map(({ outputBlockIds: _, ...record }) => record);
    const path = await written("untold.jsonl.gz", { ...trace, records });
    const pool = ["--kv-cache-size", "100000"];
    const on = errorsOf(["replay", path, ...profile, ...pool]);
    const off = errorsOf(["replay", path, ...profile, ...pool, "--no-answer-reuse"]);
    const { requests, tokens, points, unbounded_share_with, unbounded_share_without } = on.answer_reuse;
    expect(on.answer_reuse.assumed).toBe(true);
    expect(off.answer_reuse).toEqual({ ...on.answer_reuse, assumed: false });
    expect(requests).toBe(128);
    expect(points).toBeCloseTo(100 * (unbounded_share_with - unbounded_share_without), 9);
    // The pool gives nothing up here.
    expect(on.hit_fraction).toBeCloseTo(unbounded_share_with, 9);
    expect(off.hit_fraction).toBeCloseTo(unbounded_share_without, 9);
    expect(on.cached_tokens.predicted - off.cached_tokens.predicted).toBe(tokens);
    expect(on.cached_tokens.exact_fraction).toBeGreaterThan(0.99);
    expect(on.assumptions.join()).toContain(`${requests} of 320 requests find ${tokens} more prompt tokens`);

    expect(runCli(["replay", path, ...profile]).stdout).toMatch(said);
    expect(runCli(["replay", path, ...profile, "--no-answer-reuse"]).stdout).toMatch(
      /assumed: no answer is found again/,
    );
    expect(runCli(["explain", path]).stdout).toMatch(said);
    expect(runCli(["inspect", path]).stdout).toContain("a replay assumes: the next turn repeats the answer");
    expect(errorsOf(["inspect", path]).answer_reuse).toEqual(on.answer_reuse);
    const out = join(dir, "answers");
    const swept = runCli([
      "sweep",
      path,
      ...profile,
      "--vary",
      "answer-reuse=on,off",
      "--vary",
      "kv-cache-size=100000",
      "--workers",
      "1",
      "--out-dir",
      out,
      "--json",
    ]);
    const rows = JSON.parse(swept.stdout).rows;
    expect(rows.map((row: { hit_fraction: number }) => row.hit_fraction)).toEqual([
      on.hit_fraction,
      off.hit_fraction,
    ]);
    expect(rows[0]).toMatchObject({ answer_reuse_requests: requests, answer_reuse_points: points });
  });

  it("is no assumption where the trace tells the answers", () => {
    const document = errorsOf(["replay", warm, ...profile]);
    expect(document.answer_reuse).toBeNull();
    expect(document.assumptions.join()).not.toContain("answer");
    expect(errorsOf(["inspect", warm]).answer_reuse).toBeNull();
  });
});

describe("replay --replicas", () => {
  const document = errorsOf(["replay", warm, ...profile, "--replicas", "3", "--kv-cache-size", "120"]);

  it("tells what of the prompts was offered, routed, delivered and pooled, and what was lost where", () => {
    const { offered, routed, delivered, pooled, lost_to_routing, lost_to_eviction } = document.reuse;
    expect(delivered).toBe(document.hit_fraction);
    expect(offered).toBeGreaterThan(routed);
    expect(routed).toBeGreaterThan(delivered);
    expect(pooled).toBeLessThanOrEqual(offered);
    expect(lost_to_routing + lost_to_eviction).toBeCloseTo(offered - delivered, 9);
  });

  it("has a row for each replica, whose requests, preemptions and hits add up", () => {
    const rows: Record<string, number>[] = document.replicas;
    const sum = (of: (row: Record<string, number>) => number) => rows.reduce((all, row) => all + of(row), 0);
    expect(rows.map(({ replica }) => replica)).toEqual([0, 1, 2]);
    expect(sum(({ requests }) => requests)).toBe(document.requests);
    expect(sum(({ preemptions }) => preemptions)).toBe(document.preemptions);
    expect(sum((row) => row.hit_share * row.prompt_tokens)).toBeCloseTo(
      document.reuse.delivered * document.reuse.prompt_tokens,
      3,
    );
    expect(sum(({ busy_share }) => busy_share)).toBeCloseTo(document.busy_fraction, 9);
  });

  it("says of one replica that nothing is lost to routing, and refuses a router for it", () => {
    const { reuse, replicas } = errorsOf(["replay", warm, ...profile, "--replicas", "1"]);
    expect([reuse.lost_to_routing, reuse.pooled, replicas.length]).toEqual([0, reuse.delivered, 1]);
    const refused = runCli(["replay", warm, ...profile, "--replicas", "1", "--router", "sticky"]);
    expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining("give --replicas N")]);
  });
});

describe("replay --turns and --think-scale", () => {
  it("keep the first turns, and stretch the pauses between them", () => {
    const one = errorsOf(["replay", warm, ...profile, "--turns", "1"]);
    expect([one.requests, one.cohorts.turns2plus.n, one.kind]).toEqual([64, 0, "difference"]);
    const [slow, usual] = [["--think-scale", "5000"], []].map((flags) =>
      errorsOf(["replay", warm, ...profile, ...flags]),
    );
    expect(slow.virtual_s).toBeGreaterThan(usual.virtual_s + 10);
  });

  it.each([
    [["--turns", "0"], /whole number >= 1/],
    [["--think-scale", "-1"], /expected a number >= 0/],
    [["--turns", "2", "--against", cold], /--against is a capture of all of it/],
    [["--think-scale", "2", "--recorded-times"], /leave it out with --recorded-times/],
  ])("refuse %j", (flags, message) => {
    const { status, stderr } = runCli(["replay", warm, ...profile, ...flags]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe("replay --replica-event", () => {
  const events = [
    "--replica-event",
    "stop:1@30",
    "--replica-event",
    "restart:1@45",
    "--replica-event",
    "add@50",
  ];

  it("tells what was struck, and TTFT of it and of what was sent around it", () => {
    const document = errorsOf(["replay", warm, ...profile, "--replicas", "2", ...events]);
    expect(document.replica_events.map(({ at_s, does, replica }: never) => [at_s, does, replica])).toEqual([
      [30, "stop", 1],
      [45, "restart", 1],
      [50, "add", 2],
    ]);
    expect(document.replicas.length).toBe(3);
    expect(document.completed).toBe(document.requests);
    for (const { minute_before, minute_after } of document.replica_events)
      expect(minute_before.requests + minute_after.requests).toBeGreaterThan(0);
    expect(document.verdict).not.toBe("fail");
  });

  it("refuses events that there are not, and replicas that there are not", () => {
    const refused = (...args: string[]) => {
      const { status, stderr } = runCli(["replay", warm, ...profile, "--replicas", "2", ...args]);
      expect(status).toBe(2);
      return stderr;
    };
    expect(refused("--replica-event", "explode:1@60")).toContain("expected stop:REPLICA@SECOND");
    expect(refused("--replica-event", "add:2@60")).toContain("add@SECOND");
    expect(refused("--replica-event", "stop:7@60")).toContain("there are replicas 0 to 1 then");
    expect(refused("--on-loss", "lose")).toContain("give --replica-event with it");
    expect(refused("--router", "nearest")).toContain(
      'no router "nearest", expected one of round-robin, random',
    );
    expect(refused("--router", "sticky:ttl=-1")).toContain("ttl must be a finite number >= 0");
  });
});

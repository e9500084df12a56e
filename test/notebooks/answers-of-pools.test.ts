import { describe, expect, it } from "vitest";
import {
  fitLatency,
  latencyProfile,
  publishedArrivals,
  publishedScenario,
  type ReplayOptions,
  readCapture,
  readCaptures,
  replay,
  workloadOf,
} from "../../lib/index.js";
import { memoryCurve, servedInTurn } from "../../lib/size/index.js";
import { spanMs } from "./in-flight.js";
import { quantileOf } from "./quantile-of.js";
import { isRight, type RawRow, rowsOf } from "./raw-rows.js";

// Answers of notebooks 9 to 12 once more: pools that are lists, misses from the rows, replicas from who served what.

/** A request as a cache sees it: its chain of blocks, and how many of them it may look up (its last token is computed). */
interface Chain {
  readonly blocks: readonly string[];
  readonly lookups: number;
}

/** Chains of blocks of `by` times the trace's 16 tokens: hashes are chained, so every `by`-th tells a larger block. */
function chainsOf(rows: readonly RawRow[], by = 1): Chain[] {
  return rows.map((row) => ({
    blocks: [...row.block_hashes, ...(row.output_block_hashes ?? [])].filter((_, at) => at % by === by - 1),
    lookups: Math.floor((row.prompt_tokens - 1) / (16 * by)),
  }));
}

const leading = ({ blocks, lookups }: Chain, has: (block: string) => boolean) => {
  let found = 0;
  while (found < lookups && has(blocks[found] as string)) found++;
  return found;
};

/** A pool as a list: the least recently used block first, of a chain its deepest. */
class ListPool {
  #blocks = new Map<string, true>();
  constructor(readonly size: number) {}
  has = (block: string) => this.#blocks.has(block);
  use(blocks: readonly string[]): void {
    for (const block of blocks) this.#blocks.delete(block);
    const room = this.size - blocks.length;
    for (const block of this.#blocks.keys()) if (this.#blocks.size > room) this.#blocks.delete(block);
    for (const block of [...blocks].reverse()) this.#blocks.set(block, true);
  }
}

function lruHits(chains: readonly Chain[], size: number): number {
  const pool = new ListPool(size);
  return chains.reduce((hits, chain) => {
    const found = leading(chain, pool.has);
    pool.use(chain.blocks);
    return hits + found;
  }, 0);
}

/** Belady's rule by sorting: what is looked up next the latest goes first, of one lookup the deepest. */
function bestHits(chains: readonly Chain[], size: number): number {
  const nextUse = new Map<string, number[]>();
  chains.forEach(({ blocks, lookups }, at) => {
    for (const block of blocks.slice(0, lookups)) nextUse.set(block, [...(nextUse.get(block) ?? []), at]);
  });
  let held = new Map<string, number>();
  return chains.reduce((hits, chain, at) => {
    const found = leading(chain, (block) => held.has(block));
    const own = new Set(chain.blocks);
    const next = (block: string) =>
      (nextUse.get(block) ?? []).find((use) => use > at) ?? Number.POSITIVE_INFINITY;
    const others = [...held]
      .filter(([block]) => !own.has(block))
      .map(([block, depth]) => ({ block, depth, at: next(block) }));
    others.sort((a, b) => a.at - b.at || a.depth - b.depth);
    held = new Map(others.slice(0, Math.max(0, size - own.size)).map(({ block, depth }) => [block, depth]));
    chain.blocks.forEach((block, depth) => {
      held.set(block, depth);
    });
    return hits + found;
  }, 0);
}

describe("notebook 9, by lists", async () => {
  const rows = rowsOf("served-h200-1.jsonl.gz");
  const chains = chainsOf(rows);
  const promptTokens = rows.reduce((sum, row) => sum + row.prompt_tokens, 0);
  const bytesPerToken = 36 * 8 * 128 * 2 * 2;
  const blocksOf = (gib: number) => Math.floor((gib * 2 ** 30) / bytesPerToken / 16);
  const workload = workloadOf(await readCapture({ scenario: "served-h200", engine: "prefixlab" }));

  it("9.1: LRU and the best, where they are furthest apart", () => {
    const sizes = memoryCurve(servedInTurn(workload)).rows.map(({ poolTokens }) => poolTokens / 16);
    const lost = (size: number) =>
      (100 * 16 * (bestHits(chains, size) - lruHits(chains, size))) / promptTokens;
    const near = sizes.filter((size) => size > blocksOf(3.35) && size < blocksOf(3.65));
    expect(near.length).toBeGreaterThan(1);
    expect(isRight("9.1", Math.max(...near.map(lost)))).toBe(true);
  }, 30_000);

  it("9.2: a second list as long as the first holds nothing else", () => {
    const [pool, behind] = [new ListPool(blocksOf(2)), new ListPool(blocksOf(2))];
    let more = 0;
    for (const chain of chains) {
      more += leading(chain, (block) => pool.has(block) || behind.has(block)) - leading(chain, pool.has);
      pool.use(chain.blocks);
      behind.use(chain.blocks);
    }
    expect(isRight("9.2", more)).toBe(true);
  });

  it("9.3: TTFT with a tier behind two pools, by a sort", () => {
    const p50 = [2, 4].map((gib) => {
      const engine = {
        kvCacheBlocks: blocksOf(gib),
        cpuKvGib: 8,
        kvBytesPerToken: bytesPerToken,
        blockSize: 16,
      };
      const { trace } = replay(workload, { model: latencyProfile("h200-qwen3-8b"), engine });
      return quantileOf(
        trace.records.map(({ ttftMs }) => ttftMs as number),
        0.5,
      );
    });
    expect(isRight("9.3", p50)).toBe(true);
  });
});

describe("notebook 10, by who served what", async () => {
  const { model } = fitLatency(await readCaptures({ role: "fit" }));
  const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
  const on = (options: Partial<ReplayOptions>) => replay(workload, { model, replicas: 4, ...options });

  it("10.1: 280 blocks give up nothing that is found again, so they find what the captured engine did", () => {
    const rows = rowsOf("warm-1.jsonl.gz");
    const chains = chainsOf(rows, 2);
    expect(lruHits(chains, 280)).toBe(lruHits(chains, 1e6));
    expect(lruHits(chains, 70)).toBeLessThan(lruHits(chains, 1e6));
    const sum = (of: (row: RawRow) => number) => rows.reduce((total, row) => total + of(row), 0);
    expect(isRight("10.1", (100 * sum((row) => row.cached_tokens)) / sum((row) => row.prompt_tokens))).toBe(
      true,
    );
  });

  it("10.2: the lowest p99 at 8 times the rate, by a sort", () => {
    const routers = ["round-robin", "least-loaded", "sticky", "prefix-affinity"];
    const p99 = routers.map((router) =>
      quantileOf(
        on({ router, rateScale: 8 }).trace.records.map(({ ttftMs }) => ttftMs as number),
        0.99,
      ),
    );
    expect(isRight("10.2", routers[p99.indexOf(Math.min(...p99))] as string)).toBe(true);
  });

  it("10.3: busy time of each replica, as the union of its requests' times", () => {
    const busiest = [0, 4096].map((tokens) => {
      const { trace, run } = on({
        rateScale: 8,
        router: (request, replicas) => {
          const worth = replicas.map(
            (one) => one.cachedTokens(request) - tokens * (one.waiting + one.running),
          );
          return worth.indexOf(Math.max(...worth));
        },
      });
      const busyMs = [0, 1, 2, 3].map((replica) => {
        const spans = trace.records
          .filter((_, at) => run.replica[at] === replica)
          .map(spanMs)
          .sort((a, b) => a.from - b.from);
        let [busy, untilMs] = [0, Number.NEGATIVE_INFINITY];
        for (const { from, to } of spans) {
          busy += Math.max(0, to - Math.max(from, untilMs));
          untilMs = Math.max(untilMs, to);
        }
        return busy;
      });
      return (4 * Math.max(...busyMs)) / busyMs.reduce((sum, ms) => sum + ms, 0);
    });
    expect(isRight("10.3", busiest)).toBe(true);
  });
});

describe("notebooks 11 and 12", async () => {
  it("11.2: later turns that were over the limit, by what they took", async () => {
    const { cold } = publishedScenario({ arrivalsMs: await publishedArrivals() });
    const later = cold.trace.records.filter((_, at) => (cold.sessions.turn[at] as number) > 1);
    const whole = later.filter((record) => {
      const { from, to } = spanMs(record);
      return record.ttftMs !== undefined && record.outputTokens === 128 && to - from <= 67_400;
    });
    expect(isRight("11.2", 100 * (1 - whole.length / later.length))).toBe(true);
  });

  const rows = rowsOf("vllm-small-pool/small-pool-1.jsonl.gz");
  const chains = chainsOf(rows, 2);

  it("12.1: what an earlier prompt or answer held, less what was found; 12.3: where most of it is missing", () => {
    const seen = new Set<string>();
    const lost = rows.map((row, at) => {
      const chain = chains[at] as Chain;
      const had = 32 * leading(chain, (block) => seen.has(block));
      // The last token of an answer is never computed, nor is a block that ends with it.
      const computed = Math.floor((row.prompt_tokens + row.output_tokens - 1) / 32);
      for (const block of chain.blocks.slice(0, computed)) seen.add(block);
      return had - row.cached_tokens;
    });
    const computed = rows.reduce((sum, row) => sum + row.prompt_tokens - row.cached_tokens, 0);
    expect(isRight("12.1", (100 * lost.reduce((sum, tokens) => sum + tokens, 0)) / computed)).toBe(true);
    const most = Math.max(...lost);
    const at = lost.indexOf(most);
    // Earlier turns of a conversation are the prompts that stand whole at the start of this one.
    const own = (rows[at] as RawRow).block_hashes;
    const turn =
      1 + rows.slice(0, at).filter(({ block_hashes: all }) => all.every((hash, k) => hash === own[k])).length;
    expect(isRight("12.3", [turn, most])).toBe(true);
  });

  it("12.2: blocks of all prompts and answers, each once", () => {
    const distinct = new Set(chains.flatMap(({ blocks }) => blocks)).size;
    expect(isRight("12.2", distinct / 259)).toBe(true);
  });
});

// The engine core, the block pool and whole replays of synthetic plans.

import { latencyProfile, simulate } from "prefixlab";
import { BlockPool } from "prefixlab/cache";
import { createEngine } from "prefixlab/engine";
import { atLeast, below, rateCase, result } from "./yardstick.mjs";

const model = latencyProfile("h200-qwen3-8b");

/** Sessions of five turns over 64 shared prefixes of 512 tokens, 64 tokens in and out a turn, 20 sessions a second. */
export function multiturnRequests(count) {
  const requests = [];
  const turnBlocks = 8;
  let nextId = 64 * 32;
  for (let session = 0; requests.length < count; session++) {
    const chain = new Int32Array(32 + 5 * turnBlocks);
    for (let b = 0; b < 32; b++) chain[b] = (session % 64) * 32 + b;
    for (let b = 32; b < chain.length; b++) chain[b] = nextId++;
    for (let turn = 0; turn < 5 && requests.length < count; turn++) {
      const promptTokens = 512 + 128 * turn + 64;
      const contentIds = chain.subarray(0, (promptTokens + 64) / 16);
      const pace =
        turn === 0 ? { fireAtMs: session * 50 } : { after: { parent: requests.length - 1, gapMs: 100 } };
      requests.push({ promptTokens, outputTokens: 64, contentIds, ...pace });
    }
  }
  return { requests, contentCount: nextId };
}

const decodeTokens = 100_000;
const decodeBlocks = decodeTokens / 16 + 2;
const decoding = Array.from({ length: 128 }, (_, i) => ({
  promptTokens: 16 + (i % 16),
  outputTokens: decodeTokens,
  contentIds: Int32Array.from({ length: decodeBlocks }, (_, b) => i * decodeBlocks + b),
}));

/** 128 requests that only decode, filling their blocks at different steps; the loop is the simulation's. */
function decodeSteps() {
  const core = createEngine({ maxNumSeqs: 128, kvCacheBlocks: 900_000 }, model.timer(1), {
    contentCount: 900_000,
  });
  decoding.forEach((request, i) => {
    core.submit(request, i);
  });
  const endMs = new Float64Array(decodeTokens + 64);
  let nowMs = 0;
  while (core.step < decodeTokens - 1) {
    const decodeMs = core.decodeStep();
    if (decodeMs === undefined) {
      nowMs += core.beginStep();
      core.endStep();
      core.dropFinished();
    } else nowMs += decodeMs;
    endMs[core.step] = nowMs;
  }
}

const poolRequests = 100_000;

function poolOperations() {
  const pool = new BlockPool(65_536, 300_000);
  const blocks = new Int32Array(64);
  for (let request = 0; request < poolRequests; request++) {
    const from = (request * 37) % 250_000;
    for (let i = 0; i < 64; i++) {
      const found = pool.find(from + i);
      if (found >= 0) pool.acquire(found);
      blocks[i] = found >= 0 ? found : pool.allocate();
      if (found < 0) pool.register(blocks[i], from + i);
    }
    pool.release(blocks, 64);
  }
}

export function bench() {
  const large = multiturnRequests(1_000_000);
  const small = multiturnRequests(100_000);
  const run = ({ requests, contentCount }) => simulate({ requests, model, contentCount, seed: 1 });
  const cases = [
    rateCase("engine core, decode-heavy, 128 running", "steps/s", decodeTokens, decodeSteps, {
      aim: atLeast(2_000_000),
      rounds: 5,
    }),
    rateCase(
      "block pool: lookup + allocate + free",
      "block operations/s",
      poolRequests * 64 * 3,
      poolOperations,
      { aim: atLeast(10_000_000), rounds: 5 },
    ),
    rateCase("synthetic multiturn, 100,000 requests", "requests/s", 100_000, () => run(small), { rounds: 5 }),
  ];
  const million = rateCase("synthetic multiturn, 1,000,000 requests", "requests/s", 1_000_000, () =>
    run(large),
  );
  const timesLonger = million.seconds / cases[2].seconds;
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return [
    ...cases,
    { ...million, peakRssBytes, aim: "< 30 s, < 2 GB", holds: million.seconds < 30 && peakRssBytes < 2e9 },
    result({
      name: "synthetic multiturn, time of 1M over time of 100k",
      value: timesLonger,
      unit: "x",
      aim: below(12),
    }),
  ];
}

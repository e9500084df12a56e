// The engine core, the block pool and whole replays of synthetic plans.
import { BlockPool, EngineCore, latencyProfile, simulate } from "prefixlab";
import { rateCase } from "./yardstick.mjs";

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

function decodeSteps() {
  const core = new EngineCore({ maxNumSeqs: 128, kvCacheBlocks: 200_000 }, model.timer(1), 1);
  const outputTokens = 20_000;
  for (let i = 0; i < 128; i++) {
    core.submit({ promptTokens: 16, outputTokens, contentIds: new Int32Array((16 + outputTokens) / 16) }, i);
  }
  let steps = 0;
  for (; steps < 19_000; steps++) {
    core.beginStep();
    core.endStep();
    core.dropFinished();
  }
  return steps;
}

function poolOperations() {
  const pool = new BlockPool(65_536, 300_000);
  const blocks = new Int32Array(64);
  let operations = 0;
  for (let request = 0; request < 30_000; request++) {
    const from = (request * 37) % 250_000;
    for (let i = 0; i < 64; i++) {
      const found = pool.find(from + i);
      if (found >= 0) pool.acquire(found);
      blocks[i] = found >= 0 ? found : pool.allocate();
      if (found < 0) pool.register(blocks[i], from + i);
    }
    pool.release(blocks, 64);
    operations += 3 * 64;
  }
  return operations;
}

export function bench() {
  const small = multiturnRequests(100_000);
  const large = multiturnRequests(1_000_000);
  const run = ({ requests, contentCount }) => simulate({ requests, model, contentCount, seed: 1 });
  const cases = [
    rateCase("engine core, decode-heavy, 128 running", "steps/s", decodeSteps(), decodeSteps, {
      aim: ">= 2,000,000",
    }),
    rateCase("block pool: lookup + allocate + free", "block operations/s", poolOperations(), poolOperations, {
      aim: ">= 10,000,000",
    }),
    rateCase("synthetic multiturn, 100,000 requests", "requests/s", 100_000, () => run(small)),
    rateCase("synthetic multiturn, 1,000,000 requests", "requests/s", 1_000_000, () => run(large), {
      aim: "< 30 s, < 2 GB",
      rounds: 1,
    }),
  ];
  const [, , hundredThousand, million] = cases;
  million.timesSmaller = million.seconds / hundredThousand.seconds;
  million.peakRssBytes = process.resourceUsage().maxRSS * 1024;
  return cases;
}

/**
 * Session inference over one million requests of 50 blocks: conversations of five turns that grow by ten blocks a
 * turn on top of one of 64 shared trunks, interleaved, a parent always over before its child arrives. Reads the
 * built library; run it with
 * `node test/bench/sessions.bench.mjs [conversations|strangers]`.
 */
import { pathToFileURL } from "node:url";
import { inferSessions } from "../../dist/sessions/index.js";
import { BlockTable } from "../../dist/trace/index.js";

const TURNS = 5;
const TRUNKS = 64;
const TRUNK_BLOCKS = 25;
const GROWTH_BLOCKS = 10;
const BLOCK_SIZE = 16;

/** A trace of `requests` records; turn k has 30 + 10 (k - 1) blocks, 50 on average. */
export function conversations(requests) {
  const sessions = Math.ceil(requests / TURNS);
  const records = [];
  let nextId = TRUNKS * TRUNK_BLOCKS;
  for (let s = 0; s < sessions; s++) {
    const trunk = (s % TRUNKS) * TRUNK_BLOCKS;
    const longest = TRUNK_BLOCKS + 5 + GROWTH_BLOCKS * (TURNS - 1);
    const chain = new Int32Array(longest);
    for (let d = 0; d < longest; d++) chain[d] = d < TRUNK_BLOCKS ? trunk + d : nextId++;
    for (let turn = 0; turn < TURNS; turn++) {
      const blocks = TRUNK_BLOCKS + 5 + GROWTH_BLOCKS * turn;
      records.push({
        promptTokens: blocks * BLOCK_SIZE + 3,
        outputTokens: 64,
        arrivalMs: s * 10 + turn * 5000,
        ttftMs: 50,
        itlSummary: { meanMs: 10, count: 63 },
        finishReason: "length",
        blockIds: chain.subarray(0, blocks),
      });
    }
  }
  records.sort((a, b) => a.arrivalMs - b.arrivalMs);
  return {
    meta: { blockSize: BLOCK_SIZE, extra: {} },
    records,
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

/** A trace of `requests` records of 50 blocks that share nothing: the most memory that 50 million blocks can take. */
function strangers(requests) {
  const records = [];
  for (let i = 0; i < requests; i++) {
    const blockIds = Int32Array.from({ length: 50 }, (_, d) => i * 50 + d);
    records.push({ promptTokens: 50 * BLOCK_SIZE, outputTokens: 64, arrivalMs: i, blockIds });
  }
  return {
    meta: { blockSize: BLOCK_SIZE, extra: {} },
    records,
    blocks: new BlockTable(),
    rejected: [],
    warnings: [],
  };
}

/**
 * Times `inferSessions`.
 * @returns {{case: string, seconds: number, rssBytes: number, requests: number, blocks: number, sessions: number}}
 */
export function benchSessions({ requests = 1_000_000, workload = "conversations" } = {}) {
  const trace = workload === "strangers" ? strangers(requests) : conversations(requests);
  const blocks = trace.records.reduce((sum, record) => sum + record.blockIds.length, 0);
  const start = performance.now();
  const found = inferSessions(trace);
  const seconds = (performance.now() - start) / 1000;
  const mean = Math.round(blocks / trace.records.length);
  return {
    case: `inferSessions, ${workload}, ${requests} requests of ${mean} blocks`,
    seconds,
    rssBytes: process.memoryUsage().rss,
    requests,
    blocks,
    sessions: found.sessionCount,
  };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(JSON.stringify(benchSessions({ workload: process.argv[2] ?? "conversations" })));
}

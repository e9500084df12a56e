import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { stream } from "../../lib/base/index.js";
import type { SessionLabels } from "../../lib/sessions/index.js";
import { BlockTable, type Trace, type TraceRecord } from "../../lib/trace/index.js";

const FOLDER = "../shared/data/weka";
const BLOCK_SIZE = 64;

/** Whether the conversations of callanjfox/kv-cache-tester (folder traces) are beside the project. */
export const hasWeka = existsSync(FOLDER);

interface WekaRequest {
  readonly t: number;
  readonly in: number;
  readonly out: number;
  readonly api_time?: number;
  readonly ttft?: number;
  readonly hash_ids?: readonly number[];
}

interface WekaConversation {
  readonly tool_tokens: number;
  readonly system_tokens: number;
  readonly requests: readonly WekaRequest[];
}

/** The conversations merged into one workload, with two readings of the truth. */
export interface WekaWorkload {
  readonly trace: Trace;
  /** One file, one session; the parent of a request is the one before it in its file. */
  readonly byFile: SessionLabels;
  /**
   * The same, cut where a conversation starts its context afresh: a request that shares no block past the trunk with
   * any earlier request of its file (a rewritten first message, another model) is a first turn, and a parent is the
   * latest earlier request of the file that shares one.
   */
  readonly byContext: SessionLabels;
  /** Requests that start a context afresh inside a file. */
  readonly restarts: number;
}

/**
 * Merges the conversations: each starts at a random moment of `spreadMs`, its leading `tool_tokens + system_tokens`
 * blocks are made common to all of them as they are in reality, all other ids are kept apart.
 */
export function wekaWorkload(seed: number, spreadMs: number): WekaWorkload {
  const random = stream(seed, "weka starts");
  const blocks = new BlockTable();
  const trunk: number[] = [];
  const rows: { record: TraceRecord; file: number; place: number }[] = [];
  const before: number[][] = [];
  const contextBefore: number[][] = [];
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json.gz"));
  names.sort().forEach((name, file) => {
    const text = gunzipSync(readFileSync(`${FOLDER}/${name}`)).toString();
    const conversation = JSON.parse(text) as WekaConversation;
    const shared = Math.floor((conversation.tool_tokens + conversation.system_tokens) / BLOCK_SIZE);
    const requests = conversation.requests.filter((request) => request.hash_ids !== undefined);
    const startMs = random.uniform() * spreadMs;
    const own = new Map<number, number>();
    const trunkIds = requests[0]?.hash_ids?.slice(0, shared) ?? [];
    trunkIds.forEach((hash, depth) => {
      trunk[depth] ??= blocks.internFresh();
      own.set(hash, trunk[depth] as number);
    });
    const chains = requests.map((request) =>
      Int32Array.from(request.hash_ids as number[], (hash) => {
        const id = own.get(hash) ?? blocks.internFresh();
        own.set(hash, id);
        return id;
      }),
    );
    contextBefore.push(chains.map((chain, i) => lastSharing(chains, i, chain, shared)));
    before.push(chains.map((_, i) => i - 1));
    requests.forEach((request, place) => {
      const totalMs = request.api_time === undefined ? undefined : request.api_time * 1000;
      const ttftMs = Math.min((request.ttft ?? Number.POSITIVE_INFINITY) * 1000, totalMs ?? 0);
      rows.push({
        file,
        place,
        record: {
          promptTokens: request.in,
          outputTokens: request.out,
          arrivalMs: startMs + request.t * 1000,
          blockIds: chains[place] as Int32Array,
          ...(totalMs === undefined
            ? {}
            : { ttftMs, itlSummary: { meanMs: totalMs - ttftMs, count: 1 }, finishReason: "stop" }),
        },
      });
    });
  });
  rows.sort((a, b) => (a.record.arrivalMs as number) - (b.record.arrivalMs as number));
  const indexOf = new Map(rows.map(({ file, place }, i) => [`${file}/${place}`, i]));
  const labels = (parents: readonly (readonly number[])[]) => {
    const parent = Int32Array.from(rows, ({ file, place }) => {
      const at = parents[file]?.[place] as number;
      return at < 0 ? -1 : (indexOf.get(`${file}/${at}`) as number);
    });
    const turn = new Int32Array(rows.length);
    const session = new Int32Array(rows.length);
    let sessions = 0;
    parent.forEach((p, i) => {
      turn[i] = p < 0 ? 1 : (turn[p] as number) + 1;
      session[i] = p < 0 ? sessions++ : (session[p] as number);
    });
    return { parent, turn, session };
  };
  return {
    trace: {
      meta: { blockSize: BLOCK_SIZE, extra: {} },
      records: rows.map(({ record }) => record),
      blocks,
      rejected: [],
      warnings: [],
    },
    byFile: labels(before),
    byContext: labels(contextBefore),
    restarts: contextBefore.flatMap((parents) => parents.slice(1)).filter((parent) => parent < 0).length,
  };
}

function lastSharing(
  chains: readonly Int32Array[],
  at: number,
  chain: Int32Array,
  trunkBlocks: number,
): number {
  for (let i = at - 1; i >= 0; i--) {
    const other = chains[i] as Int32Array;
    let shared = 0;
    while (shared < chain.length && shared < other.length && chain[shared] === other[shared]) shared++;
    if (shared > trunkBlocks) return i;
  }
  return -1;
}

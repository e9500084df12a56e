import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { stream } from "../../../lib/base/index.js";
import { BlockTable, type TraceRecord } from "../../../lib/trace/index.js";
import { type DraftRow, type Half, halfOf, type LabelledWorkload, labelled } from "./labelled.js";

const FOLDERS = ["../shared/data/weka", "../shared/data/weka-subagents"];
const BLOCK_SIZE = 64;

/** Whether the conversations of callanjfox/kv-cache-tester (folder traces) are beside the project. */
export const hasWekaFiles = FOLDERS.every((folder) => existsSync(folder));

interface Request {
  readonly t: number;
  readonly type: string;
  readonly in: number;
  readonly out: number;
  readonly api_time?: number;
  readonly ttft?: number;
  readonly stop?: string;
  readonly hash_ids: readonly number[];
}

interface SubAgent {
  readonly t: number;
  readonly type: "subagent";
  readonly agent_id: string;
  readonly subagent_type: string;
  readonly status: string;
  readonly duration_ms: number | null;
  readonly tool_tokens: number;
  readonly system_tokens: number;
  readonly requests: readonly Request[];
}

interface Conversation {
  readonly tool_tokens: number;
  readonly system_tokens: number;
  readonly requests: readonly (Request | SubAgent)[];
}

/** Paths of a half's conversations. */
export function wekaFiles(half: Half): string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".json.gz") && halfOf(name) === half)
      .sort()
      .map((name) => `${folder}/${name}`),
  );
}

/**
 * Conversations interleaved: each starts at a random moment of `spreadMs`; the leading tool and system tokens are one
 * trunk for all of an agent's type, as in reality; all other ids are kept apart. With `subAgents`, each one's first
 * request is spawned by the main agent's request that ended last before, and the main agent's next request after its end
 * waits for its last (`t` of a completed one is its end).
 *
 * The parent of a request is the latest earlier one of its conversation with which it shares a block past the trunk: cut
 * where a conversation starts its context afresh, since no rule over hashes can know those.
 */
export function wekaInterleaved(
  paths: readonly string[],
  options: {
    readonly seed: number;
    readonly spreadMs: number;
    readonly half: Half;
    readonly subAgents?: boolean;
  },
): LabelledWorkload {
  const random = stream(options.seed, "weka starts");
  const blocks = new BlockTable();
  const trunks = new Map<string, number[]>();
  const rows: DraftRow[] = [];
  for (const path of paths) {
    const file = JSON.parse(gunzipSync(readFileSync(path)).toString()) as Conversation;
    const startMs = random.uniform() * options.spreadMs;
    const own = new Map<number, number>();
    const adder = new Adder(rows, blocks, trunks, own);
    const main = file.requests.filter((request): request is Request => request.type !== "subagent");
    const agents = file.requests.filter((request): request is SubAgent => request.type === "subagent");
    const name = (k: number) => `${path}/${k}`;
    const joins = new Map<number, string[]>();
    if (options.subAgents)
      for (const agent of agents) {
        const spawnS = agent.duration_ms === null ? agent.t : agent.t - agent.duration_ms / 1000;
        const by = main.findLastIndex(
          ({ t, api_time }) => t + (api_time ?? 0) <= spawnS && t + (api_time ?? 0) > spawnS - 5,
        );
        const shared = agent.tool_tokens + agent.system_tokens;
        adder.add(agent.requests, {
          name: (k) => `${path}/${agent.agent_id}/${k}`,
          startMs: startMs + spawnS * 1000,
          trunk: agent.subagent_type,
          sharedTokens: shared,
          ...(by >= 0 && { spawnedBy: name(by) }),
        });
        const waits = main.findIndex(({ t }) => t >= agent.t);
        if (agent.status === "completed" && waits >= 0 && agent.requests.length > 0)
          joins.set(waits, [
            ...(joins.get(waits) ?? []),
            `${path}/${agent.agent_id}/${agent.requests.length - 1}`,
          ]);
      }
    adder.add(main, {
      name,
      startMs,
      trunk: "main",
      sharedTokens: file.tool_tokens + file.system_tokens,
      joins,
    });
  }
  return labelled(
    {
      set: options.subAgents ? "weka, sub-agents" : "weka",
      name: `${paths.length} conversations, seed ${options.seed}, over ${options.spreadMs / 60_000} min`,
      half: options.half,
    },
    rows,
    { blockSize: BLOCK_SIZE, blocks },
  );
}

interface Agent {
  readonly name: (k: number) => string;
  readonly startMs: number;
  readonly trunk: string;
  readonly sharedTokens: number;
  readonly spawnedBy?: string;
  readonly joins?: ReadonlyMap<number, readonly string[]>;
}

class Adder {
  readonly #rows: DraftRow[];
  readonly #blocks: BlockTable;
  readonly #trunks: Map<string, number[]>;
  readonly #own: Map<number, number>;

  constructor(rows: DraftRow[], blocks: BlockTable, trunks: Map<string, number[]>, own: Map<number, number>) {
    this.#rows = rows;
    this.#blocks = blocks;
    this.#trunks = trunks;
    this.#own = own;
  }

  add(requests: readonly Request[], agent: Agent): void {
    const shared = Math.floor(agent.sharedTokens / BLOCK_SIZE);
    const trunk = this.#trunks.get(agent.trunk) ?? [];
    this.#trunks.set(agent.trunk, trunk);
    requests[0]?.hash_ids.slice(0, shared).forEach((hash, depth) => {
      trunk[depth] ??= this.#blocks.internFresh();
      this.#own.set(hash, trunk[depth] as number);
    });
    const chains = requests.map(({ hash_ids }) =>
      Int32Array.from(hash_ids, (hash) => {
        const id = this.#own.get(hash) ?? this.#blocks.internFresh();
        this.#own.set(hash, id);
        return id;
      }),
    );
    requests.forEach((request, k) => {
      const totalMs = request.api_time === undefined ? undefined : request.api_time * 1000;
      const ttftMs = Math.min((request.ttft ?? Number.POSITIVE_INFINITY) * 1000, totalMs ?? 0);
      const record: TraceRecord = {
        promptTokens: request.in,
        outputTokens: request.out,
        arrivalMs: agent.startMs + request.t * 1000,
        blockIds: chains[k] as Int32Array,
        finishReason: "stop",
        ...(totalMs !== undefined && { ttftMs, itlSummary: { meanMs: totalMs - ttftMs, count: 1 } }),
      };
      // What a sub-agent does in the pause of its main agent is one conversation, whatever it shares.
      const before =
        agent.spawnedBy && k > 0
          ? Math.max(k - 1, lastSharing(chains, k, shared))
          : lastSharing(chains, k, shared);
      const spawnedBy = k === 0 ? agent.spawnedBy : undefined;
      const joins = agent.joins?.get(k);
      this.#rows.push({
        name: agent.name(k),
        record,
        ...(before >= 0 && { parent: agent.name(before) }),
        ...(spawnedBy && { parent: spawnedBy, spawned: true }),
        ...(joins && { joins }),
      });
    });
  }
}

function lastSharing(chains: readonly Int32Array[], at: number, trunkBlocks: number): number {
  const chain = chains[at] as Int32Array;
  for (let i = at - 1; i >= 0; i--) {
    const other = chains[i] as Int32Array;
    if (chain.length > trunkBlocks && other.length > trunkBlocks && chain[trunkBlocks] === other[trunkBlocks])
      return i;
  }
  return -1;
}

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { stream } from "../../../lib/base/index.js";
import { BlockTable, type TraceRecord } from "../../../lib/trace/index.js";
import { type DraftRow, type Half, halfOf, type LabelledWorkload, labelled } from "./labelled.js";

/** Where the conversations are. */
export const FOLDERS = ["../shared/data/weka", "../shared/data/weka-subagents"];
const BLOCK_SIZE = 64;

/** Whether the conversations of callanjfox/kv-cache-tester (folder traces) are beside the project. */
export const hasWekaFiles = FOLDERS.every((folder) => existsSync(folder));

/** A model call as the files have it: times in seconds. */
export interface Request {
  readonly t: number;
  readonly type: string;
  readonly in: number;
  readonly out: number;
  readonly api_time?: number;
  readonly ttft?: number;
  readonly stop?: string;
  readonly hash_ids: readonly number[];
}

/** A sub-agent as the files have it; `t` of a completed one is its end. Times in seconds, its requests' from its start. */
export interface SubAgent {
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

/** A file: a main agent with its sub-agents. */
export interface Conversation {
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

/** The conversation that a file holds. */
export function readConversation(path: string): Conversation {
  return JSON.parse(gunzipSync(readFileSync(path)).toString()) as Conversation;
}

/** A conversation with a name that no other of its workload has. */
export interface NamedConversation {
  readonly name: string;
  readonly conversation: Conversation;
}

/** Conversations of files, as {@link interleaved}. */
export function wekaInterleaved(
  paths: readonly string[],
  options: {
    readonly seed: number;
    readonly spreadMs: number;
    readonly half: Half;
    readonly subAgents?: boolean;
  },
): LabelledWorkload {
  return interleaved(
    paths.map((path) => ({ name: path, conversation: readConversation(path) })),
    {
      ...options,
      set: options.subAgents ? "weka, sub-agents" : "weka",
      name: `${paths.length} conversations, seed ${options.seed}, over ${options.spreadMs / 60_000} min`,
    },
  );
}

/** When the main agent asked for a sub-agent, seconds since the conversation began. */
export function spawnS(agent: SubAgent): number {
  return agent.duration_ms === null ? agent.t : agent.t - agent.duration_ms / 1000;
}

/** Position of the main agent's request that a sub-agent's start came after, -1 for none within 5 s. */
export function starterOf(agent: SubAgent, main: readonly Request[]): number {
  const atS = spawnS(agent);
  return main.findLastIndex(({ t, api_time = 0 }) => t + api_time <= atS && t + api_time > atS - 5);
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
export function interleaved(
  conversations: readonly NamedConversation[],
  options: {
    readonly set: string;
    readonly name: string;
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
  for (const { name: path, conversation: file } of conversations) {
    const startMs = random.uniform() * options.spreadMs;
    const own = new Map<number, number>();
    const adder = new Adder(rows, blocks, trunks, own);
    const main = file.requests.filter((request): request is Request => request.type !== "subagent");
    const agents = file.requests.filter((request): request is SubAgent => request.type === "subagent");
    const name = (k: number) => `${path}/${k}`;
    const joins = new Map<number, string[]>();
    if (options.subAgents)
      for (const agent of agents) {
        const by = starterOf(agent, main);
        const shared = agent.tool_tokens + agent.system_tokens;
        adder.add(agent.requests, {
          name: (k) => `${path}/${agent.agent_id}/${k}`,
          startMs: startMs + spawnS(agent) * 1000,
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
  return labelled(options, rows, { blockSize: BLOCK_SIZE, blocks });
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

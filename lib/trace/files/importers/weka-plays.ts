import { InputError, isJsonObject, type JsonObject, type Ms, type Tokens } from "../../../base/index.js";
import { importAssumptions } from "../../import-assumptions.js";
import { RowError } from "../../row-error.js";
import type { JsonValue, ParentEdge, Trace } from "../../trace.js";
import { checkLength } from "./block-ids.js";
import type { ImportOptions } from "./importer.js";
import { type Call, followEdges, joinsOf, lineOfCalls, spawnEdges } from "./play-edges.js";
import {
  count,
  objectAt,
  optionalCount,
  optionalList,
  optionalText,
  optionalTime,
  time,
} from "./row-fields.js";
import { sharedPreamble, sharedPreambleJson, sharedPreambleWords } from "./shared-preamble.js";
import { summaryOf, type TraceBuilder } from "./trace-builder.js";

const preambleSpace = 0x8000_0000;

/**
 * Takes in conversations ("plays") of Weka files:
 *
 * - `requests[]`: `t` (s since the conversation's start), `in`, `out` (tokens), `hash_ids` (one id a block of
 *   `block_size` tokens, chained: of the full ones, or, in newer sets, of the partial one too), `api_time` (s, request to end
 *   of answer), `ttft` (s, where streamed), `think_time` (s, end of the answer before to this request; kept as `think_ms`),
 *   `stop`. In newer sets requests of one level overlap.
 * - Ids are local to a conversation: equal ids of two are different blocks here too. But the leading `tool_tokens` +
 *   `system_tokens` of a conversation, the same for all conversations of a model in reality, get the same blocks in
 *   all of them, unless `sharedPreamble` is false. Lengths differ a little: they share as far as the shorter goes.
 * - Entries of type `subagent` hold requests of their own, timed from the sub-agent's start. That start is
 *   `t - duration_ms`: `t` is when a completed sub-agent's result came back. Of one that is launched and not waited for
 *   (`async_launched`) `t` is the launch. They are left out and counted, or, with `subagents`, each sub-agent is a session of
 *   its own with its `agent`.
 *
 * `session` is the conversation's id and `turn` counts its requests: ground truth. `parents`: of a request, the one of its
 * level that ended last before it; of a sub-agent's first one, the main request that it was spawned by; of the main
 * request behind a sub-agent's end, also that sub-agent's last one (join).
 */
export class WekaPlays {
  readonly #builder: TraceBuilder;
  readonly #options: ImportOptions;
  readonly #blockSize: Tokens;
  readonly #models = new Map<string, number>();
  /** Blocks of preambles, which all conversations of a model have. */
  readonly #common = new Set<number>();
  readonly #conversationOf = new Map<string, number>();
  #leftOut = 0;

  constructor(builder: TraceBuilder, options: ImportOptions) {
    this.#builder = builder;
    this.#options = options;
    this.#blockSize = options.blockSize ?? 64;
  }

  /** Says what was left out. */
  warn(): void {
    if (this.#leftOut > 0) this.#builder.warn(`${this.#leftOut} requests of sub-agents are left out`);
  }

  /** The trace with what rests on the preamble being shared. */
  withAssumptions(trace: Trace): Trace {
    const found = sharedPreamble(trace.records, this.#blockSize, this.#common, this.#conversationOf);
    if (!found) return trace;
    const words = sharedPreambleWords(found, this.#blockSize);
    const { meta, warnings } = trace;
    const assumptions = [words, ...importAssumptions(meta)];
    const extra = { ...meta.extra, assumptions, shared_preamble: sharedPreambleJson(found) };
    return {
      ...trace,
      meta: { ...meta, extra },
      warnings: [...warnings, { line: 0, reason: `assumed: ${words}` }],
    };
  }

  /** @throws InputError when the document is no conversation, or has blocks of another size */
  read(path: string, document: JsonObject, index: number, startMs: Ms): void {
    const id = () => optionalText(document, "id") ?? `conversation-${index}`;
    const { requests } = document;
    if (!Array.isArray(requests)) throw new InputError(`${path}: holds no list "requests"`);
    if (document.block_size !== undefined && document.block_size !== this.#blockSize)
      throw new InputError(
        `${path}: block_size is ${String(document.block_size)}, expected ${this.#blockSize}: set the block size to read such files`,
      );
    const entries = requests as readonly unknown[];
    const isSubagent = (entry: unknown): entry is JsonObject =>
      isJsonObject(entry) && entry.type === "subagent";
    const mainName = (at: number) => `${document.id ?? index}/${at + 1}`;
    const main = lineOfCalls(
      entries.map((entry, at) => (isSubagent(entry) ? undefined : wekaCall(entry, mainName(at), 0))),
    );
    const names = new Map<string, number>();
    const agents = entries.flatMap((entry, at) =>
      isSubagent(entry) ? [subagentOf(entry, at, String(document.id ?? index), names)] : [],
    );
    const joins = this.#options.subagents ? joinsOf(main, agents) : new Map<string, ParentEdge[]>();
    const place = { index, startMs, owner: document, ids: new PlayIds() };
    this.#builder.startStream();
    let turn = 0;
    entries.forEach((entry, at) => {
      if (isSubagent(entry)) return;
      const requestId = mainName(at);
      const edges = followEdges(main, requestId);
      const parents = [...edges, ...(joins.get(requestId) ?? [])];
      const taken = this.#request(entry, at + 1, { ...place, id, turn: turn + 1, requestId, parents });
      if (taken) turn++;
    });
    for (const agent of agents) this.#subagent(agent, main, { ...place, id });
  }

  #subagent(agent: Subagent, main: readonly Call[], place: Omit<Place, "turn" | "requestId" | "parents">) {
    let nested: readonly unknown[] = [];
    this.#builder.row(agent.line, () => {
      nested = optionalList(agent.entry, "requests") ?? [];
      return undefined;
    });
    if (!this.#options.subagents) {
      this.#leftOut += nested.length;
      return;
    }
    this.#builder.startStream();
    const calls = lineOfCalls(
      nested.map((entry, at) => wekaCall(entry, `${agent.name}/${at + 1}`, agent.spawnS)),
    );
    let turn = 0;
    nested.forEach((entry, at) => {
      const requestId = `${agent.name}/${at + 1}`;
      const call = calls.find((one) => one.requestId === requestId);
      const followed = followEdges(calls, requestId).filter(({ from }) => from === undefined);
      const spawned = call ? spawnEdges(main, agent.spawnS, call) : [];
      const taken = this.#request(entry, at + 1, {
        ...place,
        id: () => {
          const parent = place.id();
          const own = optionalText(agent.entry, "agent_id");
          return own === undefined ? agent.name : `${parent}/${agent.label}`;
        },
        startMs: place.startMs + 1000 * (agent.spawnS ?? time(agent.entry, "t")),
        owner: agent.entry,
        agent: agent.label,
        turn: turn + 1,
        requestId,
        parents: followed.length > 0 ? followed : spawned,
        spawnS: agent.spawnS,
      });
      if (taken) turn++;
    });
  }

  #request(entry: unknown, line: number, place: Place): boolean {
    const before = this.#builder.length;
    this.#builder.row(line, () => {
      const request = objectAt(entry, "a request");
      const session = place.id();
      this.#conversationOf.set(session, place.index);
      const promptTokens = count(request, "in");
      const outputTokens = count(request, "out");
      const ttftMs = optionalTime(request, "ttft", 1000);
      const elapsedMs = optionalTime(request, "api_time", 1000);
      const stop = optionalText(request, "stop");
      const thinkMs = optionalTime(request, "think_time", 1000);
      const kind = place.agent === undefined ? undefined : optionalText(place.owner, "subagent_type");
      const extra: Record<string, JsonValue> = {
        ...(thinkMs !== undefined && { think_ms: thinkMs }),
        ...(stop && { stop }),
        ...(typeof request.model === "string" && { model: request.model }),
        ...(kind !== undefined && { subagent_type: kind }),
      };
      if (ttftMs !== undefined && elapsedMs !== undefined && ttftMs > elapsedMs)
        throw new RowError(`ttft (${ttftMs} ms) is longer than api_time (${elapsedMs} ms)`);
      if (place.agent !== undefined && Number.isNaN(place.startMs)) throw new RowError("t is missing");
      return {
        promptTokens,
        outputTokens,
        arrivalMs: place.startMs + time(request, "t", 1000),
        ttftMs,
        elapsedMs,
        itlSummary:
          ttftMs === undefined || elapsedMs === undefined
            ? undefined
            : summaryOf(elapsedMs - ttftMs, outputTokens),
        ...this.#blocks(request, promptTokens, place),
        finishReason: stop ? (stop === "max_tokens" ? "length" : "stop") : undefined,
        requestId: place.requestId,
        session,
        turn: place.turn,
        agent: place.agent,
        parents: place.parents,
        extra,
      };
    });
    return this.#builder.length > before;
  }

  #blocks(entry: JsonObject, promptTokens: Tokens, place: Place) {
    const ids = optionalList(entry, "hash_ids");
    if (!ids) return {};
    checkLength("hash_ids", ids.length, promptTokens, this.#blockSize);
    const checked = ids.map((id, position) => {
      if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id <= 0xffffffff) return id;
      throw new RowError(`hash_ids[${position}] must be an integer from 0 to 4294967295, got ${String(id)}`);
    });
    const full = Math.floor(promptTokens / this.#blockSize);
    this.#sharePreamble(entry, checked.slice(0, full), place);
    const { denseOf } = place.ids;
    const dense = Int32Array.from(checked, (id) => {
      const known = denseOf.get(id);
      if (known !== undefined) return known;
      const own = this.#builder.blocks.intern(place.index + 1, id);
      denseOf.set(id, own);
      return own;
    });
    return { blockIds: dense.slice(0, full), tailBlockId: dense[full] };
  }

  /**
   * Gives the leading blocks of this model and kind of agent the ids that all conversations have for them. Equal ids of a
   * conversation stay equal, and different ones different.
   */
  #sharePreamble(entry: JsonObject, ids: readonly number[], place: Place): void {
    if (this.#options.sharedPreamble === false) return;
    const model = optionalText(entry, "model") ?? "";
    const tokens =
      (optionalCount(place.owner, "tool_tokens") ?? 0) + (optionalCount(place.owner, "system_tokens") ?? 0);
    const kind = place.agent === undefined ? "" : (optionalText(place.owner, "subagent_type") ?? "subagent");
    const { known, denseOf, taken } = place.ids;
    const key = `${model} ${tokens} ${kind}`;
    if (known.has(key)) return;
    known.add(key);
    const preambleOf = `${model} ${kind}`;
    const modelIndex = this.#models.get(preambleOf) ?? this.#models.size;
    this.#models.set(preambleOf, modelIndex);
    const blocks = Math.min(ids.length, Math.floor(tokens / this.#blockSize));
    for (let position = 0; position < blocks; position++) {
      const own = ids[position] as number;
      const common = this.#builder.blocks.intern(preambleSpace + modelIndex, position);
      if (denseOf.has(own) || taken.has(common)) continue;
      denseOf.set(own, common);
      taken.add(common);
      this.#common.add(common);
    }
  }
}

/** What the ids of one conversation stand for. */
class PlayIds {
  readonly denseOf = new Map<number, number>();
  /** Models, lengths and kinds of agent whose leading blocks were seen. */
  readonly known = new Set<string>();
  /** Blocks of all conversations that an id of this one stands for. */
  readonly taken = new Set<number>();
}

/**
 * Where a request stands: its conversation or sub-agent, the conversation's number, the turn it would be. What may be unsound
 * in the source throws a RowError when a request asks for it.
 */
interface Place {
  readonly id: () => string;
  readonly index: number;
  readonly startMs: Ms;
  readonly turn: number;
  readonly requestId: string;
  readonly parents: readonly ParentEdge[];
  readonly agent?: string;
  readonly spawnS?: number;
  readonly owner: JsonObject;
  readonly ids: PlayIds;
}

/** A sub-agent's times, s since the conversation's start: NaN where the entry does not tell. */
interface Subagent {
  readonly entry: JsonObject;
  readonly line: number;
  /** The agent's name, told apart from others of the conversation. */
  readonly label: string;
  readonly name: string;
  readonly spawnS: number;
  /** When its result came back; undefined where nobody waits. */
  readonly joinS: number | undefined;
  /** Its last request to end. */
  readonly last: Call | undefined;
}

function subagentOf(entry: JsonObject, at: number, id: string, names: Map<string, number>): Subagent {
  const own = typeof entry.agent_id === "string" ? entry.agent_id : "subagent";
  const nth = (names.get(own) ?? 0) + 1;
  names.set(own, nth);
  const label = nth === 1 ? own : `${own}#${nth}`;
  const name = `${id}/${label}`;
  const toldS = number(entry.t);
  const calls = (at0: number) =>
    lineOfCalls(
      (Array.isArray(entry.requests) ? (entry.requests as readonly unknown[]) : []).map((nested, i) =>
        wekaCall(nested, `${name}/${i + 1}`, at0),
      ),
    );
  const lastOf = (line: readonly Call[]) =>
    line.reduce<Call | undefined>((last, call) => (last && last.endS >= call.endS ? last : call), undefined);
  const durationS = number(entry.duration_ms) / 1000;
  const isWaitedFor =
    entry.status === "completed" || (entry.status !== "async_launched" && !Number.isNaN(durationS));
  const lastsS = Number.isNaN(durationS) ? (lastOf(calls(0))?.endS ?? 0) : durationS;
  const spawnS = isWaitedFor ? Math.max(0, toldS - lastsS) : toldS;
  return {
    entry,
    line: at + 1,
    label,
    name,
    spawnS,
    joinS: isWaitedFor ? toldS : undefined,
    last: lastOf(calls(spawnS)),
  };
}

function wekaCall(entry: unknown, requestId: string, fromS: number): Call | undefined {
  if (!isJsonObject(entry)) return undefined;
  const startS = fromS + number(entry.t);
  const lastsS = number(entry.api_time);
  return { requestId, startS, endS: startS + (Number.isNaN(lastsS) ? 0 : lastsS) };
}

function number(value: unknown): number {
  return typeof value === "number" && value >= 0 ? value : Number.NaN;
}

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describeValue, InputError, type Ms, requireFinite } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { JsonValue } from "../../trace.js";
import type { Importer, ImportOptions } from "./importer.js";
import { type JsonObject, readJsonDocument } from "./json-rows.js";
import { count, optionalCount, optionalList, optionalText, optionalTime, time } from "./row-fields.js";
import { summaryOf, TraceBuilder } from "./trace-builder.js";

/**
 * Coding-agent conversations of callanjfox/kv-cache-tester (traces/): one JSON document a conversation, or a folder
 * of them, merged into one workload in which conversation k (by file name) starts `startGapMs` times k after the
 * first.
 *
 * - `requests[]`: `t` (s since the conversation's start), `in`, `out` (tokens), `hash_ids` (one id a full block of
 *   `block_size` tokens, chained: floor(in / block_size) of them), `api_time` (s, request to end of answer), `ttft`
 *   (s, where streamed), `think_time` (s, end of the answer before to this request; kept as `think_ms`), `stop`.
 * - Ids are local to a file: equal ids of two files are different blocks here too. But the leading `tool_tokens` +
 *   `system_tokens` of a conversation, the same for all conversations of a model in reality, get the same blocks in
 *   all of them, unless `sharedPreamble` is false. Lengths differ a little: they share as far as the shorter goes.
 * - Entries of type `subagent` hold requests of their own, timed from the sub-agent's start. They are left out and
 *   counted, or, with `subagents`, each sub-agent is a session of its own.
 *
 * `session` is the conversation's id and `turn` counts its requests: ground truth.
 */
export const weka: Importer = {
  format: "weka",
  description: "Weka coding-agent conversations (a JSON file or a folder): hashes, sessions, think times",
  async read(path, options) {
    const startGapMs = requireFinite("weka", "startGapMs", options.startGapMs ?? 60_000, 0);
    const files = await conversationFiles(path);
    const builder = new TraceBuilder(path, options.strict, options.blockSize ?? 64);
    const reader = new ConversationReader(builder, options);
    for (const [index, file] of files.entries()) {
      reader.read(file, await readJsonDocument(file), index, index * startGapMs);
      options.onProgress?.({ bytesRead: index + 1, totalBytes: files.length, records: builder.length });
    }
    if (reader.leftOut > 0) builder.warn(`${reader.leftOut} requests of sub-agents are left out`);
    if (files.length > 1)
      builder.warn(`${files.length} conversations are interleaved: one starts every ${startGapMs} ms`);
    return builder.finish({
      source: "weka",
      blockSize: options.blockSize ?? 64,
      extra: { conversations: files.length },
    });
  },
};

async function conversationFiles(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [path];
  const files = (await readdir(path)).filter((name) => /\.json(\.gz)?$/.test(name)).sort();
  if (files.length === 0) throw new InputError(`${path}: holds no .json or .json.gz file`);
  return files.map((name) => join(path, name));
}

function isObject(value: unknown): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

const preambleSpace = 0x8000_0000;

class ConversationReader {
  leftOut = 0;
  readonly #builder: TraceBuilder;
  readonly #options: ImportOptions;
  readonly #models = new Map<string, number>();

  constructor(builder: TraceBuilder, options: ImportOptions) {
    this.#builder = builder;
    this.#options = options;
  }

  read(path: string, document: JsonObject, index: number, startMs: Ms): void {
    const blockSize = this.#options.blockSize ?? 64;
    const id = () => optionalText(document, "id") ?? `conversation-${index}`;
    const requests = document.requests;
    if (!Array.isArray(requests)) throw new InputError(`${path}: holds no list "requests"`);
    if (document.block_size !== undefined && document.block_size !== blockSize)
      throw new InputError(
        `${path}: block_size is ${String(document.block_size)}, expected ${blockSize}: set the block size to read such files`,
      );
    this.#builder.startStream();
    const preambles = new Map<string, Map<number, number>>();
    let turn = 0;
    const place = { id, index, startMs: () => startMs, owner: document, preambles };
    for (const [i, entry] of (requests as unknown[]).entries()) {
      if (isObject(entry) && entry.type === "subagent") this.#subagent(entry, i + 1, place);
      else if (this.#request(entry, i + 1, { ...place, turn: turn + 1 })) turn++;
    }
  }

  #subagent(entry: JsonObject, line: number, parent: Omit<Place, "turn">) {
    let nested: readonly unknown[] = [];
    this.#builder.row(line, () => {
      nested = optionalList(entry, "requests") ?? [];
      return undefined;
    });
    if (!this.#options.subagents) {
      this.leftOut += nested.length;
      return;
    }
    this.#builder.startStream();
    const place = {
      ...parent,
      id: () => `${parent.id()}/${optionalText(entry, "agent_id") ?? "subagent"}`,
      startMs: () => parent.startMs() + time(entry, "t", 1000),
      owner: entry,
    };
    let turn = 0;
    for (const [i, request] of nested.entries())
      if (this.#request(request, i + 1, { ...place, turn: turn + 1 })) turn++;
    this.#builder.startStream();
  }

  #request(entry: unknown, line: number, place: Place): boolean {
    const before = this.#builder.length;
    this.#builder.row(line, () => {
      if (!isObject(entry)) throw new RowError(`a request must be an object, got ${describeValue(entry)}`);
      const promptTokens = count(entry, "in");
      const outputTokens = count(entry, "out");
      const ttftMs = optionalTime(entry, "ttft", 1000);
      const elapsedMs = optionalTime(entry, "api_time", 1000);
      const stop = optionalText(entry, "stop");
      const thinkMs = optionalTime(entry, "think_time", 1000);
      const extra: Record<string, JsonValue> = {
        ...(thinkMs !== undefined && { think_ms: thinkMs }),
        ...(stop && { stop }),
        ...(typeof entry.model === "string" && { model: entry.model }),
      };
      if (ttftMs !== undefined && elapsedMs !== undefined && ttftMs > elapsedMs)
        throw new RowError(`ttft (${ttftMs} ms) is longer than api_time (${elapsedMs} ms)`);
      return {
        promptTokens,
        outputTokens,
        arrivalMs: place.startMs() + time(entry, "t", 1000),
        ttftMs,
        elapsedMs,
        itlSummary:
          ttftMs === undefined || elapsedMs === undefined
            ? undefined
            : summaryOf(elapsedMs - ttftMs, outputTokens),
        blockIds: this.#blockIds(entry, promptTokens, place),
        finishReason: stop ? (stop === "max_tokens" ? "length" : "stop") : undefined,
        session: place.id(),
        turn: place.turn,
        extra,
      };
    });
    return this.#builder.length > before;
  }

  #blockIds(entry: JsonObject, promptTokens: number, place: Place): Int32Array | undefined {
    const blockSize = this.#options.blockSize ?? 64;
    const ids = optionalList(entry, "hash_ids");
    if (!ids) return undefined;
    if (ids.length !== Math.floor(promptTokens / blockSize))
      throw new RowError(
        `hash_ids has ${ids.length} entries, but ${promptTokens} tokens hold ${Math.floor(promptTokens / blockSize)} full blocks of ${blockSize}`,
      );
    const checked = ids.map((id, position) => {
      if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id <= 0xffffffff) return id;
      throw new RowError(`hash_ids[${position}] must be an integer from 0 to 4294967295, got ${String(id)}`);
    });
    const preamble = this.#preamble(entry, checked, place);
    return Int32Array.from(
      checked,
      (id) => preamble?.get(id) ?? this.#builder.blocks.intern(place.index + 1, id),
    );
  }

  /** The file's own ids of the leading blocks of this model, and the ids that all conversations have for them. */
  #preamble(entry: JsonObject, ids: readonly number[], place: Place): Map<number, number> | undefined {
    if (this.#options.sharedPreamble === false) return undefined;
    const model = optionalText(entry, "model") ?? "";
    const tokens =
      (optionalCount(place.owner, "tool_tokens") ?? 0) + (optionalCount(place.owner, "system_tokens") ?? 0);
    const key = `${model} ${tokens}`;
    let preamble = place.preambles.get(key);
    if (preamble) return preamble;
    const modelIndex = this.#models.get(model) ?? this.#models.size;
    this.#models.set(model, modelIndex);
    const blocks = Math.min(ids.length, Math.floor(tokens / (this.#options.blockSize ?? 64)));
    preamble = new Map();
    for (let position = 0; position < blocks; position++)
      preamble.set(ids[position], this.#builder.blocks.intern(preambleSpace + modelIndex, position));
    place.preambles.set(key, preamble);
    return preamble;
  }
}

/**
 * Where a request stands: its conversation or sub-agent, the file's number, the turn it would be. What may be unsound in
 * the source throws a RowError when a request asks for it.
 */
interface Place {
  readonly id: () => string;
  readonly index: number;
  readonly startMs: () => Ms;
  readonly turn: number;
  readonly owner: JsonObject;
  readonly preambles: Map<string, Map<number, number>>;
}

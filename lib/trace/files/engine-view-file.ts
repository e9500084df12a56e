import { access } from "node:fs/promises";
import { describeValue, isJsonObject, type Ms } from "../../base/index.js";
import type { BlockTable } from "../block-table.js";
import type {
  CacheEvent,
  CacheEventBatch,
  EngineCounters,
  EngineSnapshot,
  EngineView,
} from "../engine-view.js";
import { checkedInt, checkedString } from "../row-checks.js";
import { RowError } from "../row-error.js";
import type { JsonValue, RowProblem, Trace } from "../trace.js";
import { LineSplitter } from "./line-splitter.js";
import { openBytes } from "./trace-bytes.js";

/**
 * Names of the counters in a view's file.
 * @example
 * ```ts
 * import { counterNames } from "prefixlab/trace/files";
 * counterNames.hitTokens; // → "hit_tokens"
 * ```
 */
export const counterNames: Readonly<Record<keyof EngineCounters, string>> = {
  queriedTokens: "queried_tokens",
  hitTokens: "hit_tokens",
  promptTokens: "prompt_tokens",
  computedTokens: "computed_tokens",
  outputTokens: "output_tokens",
  preemptions: "preemptions",
  running: "running",
  waiting: "waiting",
  kvUsage: "kv_usage",
};

/**
 * Where the engine's own view of a capture stands: beside its trace.
 * @example
 * ```ts
 * import { engineViewPath } from "prefixlab/trace/files";
 * engineViewPath("day.jsonl.gz"); // → "day.engine.jsonl"
 * ```
 */
export function engineViewPath(tracePath: string): string {
  return `${tracePath.replace(/\.gz$/, "").replace(/\.jsonl?$/, "")}.engine.jsonl`;
}

/**
 * Reads what an engine said of itself beside a trace: JSON lines, each one of
 *
 * - `{"engine_view": {...}}`: what follows belongs to a capture begun then; `block_size` is that of the trace's fingerprints
 * - `{"at_ms", "counters": {...}}`: its counters, by {@link counterNames}
 * - `{"at_ms", "sent_ms", "seq", "rank", "events": [...]}`: what its prefix cache stored and removed. An event is
 *   `{"stored": [...], "after", "block_size"}`, `{"removed": [...]}` or `{"cleared": true}`; a block is the fingerprint
 *   of its chain in 16 hexadecimal digits, or "#" and a number where it has none, or null where it was not seen stored
 * - `{"end": {...}}`: the capture was ended in order
 *
 * Lines that cannot be read are left out and told as problems.
 * @param tracePath the trace's path; the view's own may be compressed, and then ends in `.gz`
 * @param trace whose table gives the blocks their ids, and takes up those that its rows do not have
 * @returns undefined where there is none
 * @example
 * ```ts
 * import { readTrace } from "prefixlab";
 * import { dataDir } from "prefixlab/captures";
 * import { readEngineView } from "prefixlab/trace/files";
 * const path = `${dataDir()}/cold-1.jsonl.gz`;
 * await readEngineView(path, await readTrace(path)); // → undefined
 * ```
 */
export async function readEngineView(
  tracePath: string,
  trace: Pick<Trace, "blocks">,
): Promise<EngineView | undefined> {
  const plain = engineViewPath(tracePath);
  const path = await firstThere([plain, `${plain}.gz`]);
  if (path === undefined) return undefined;
  const view = new ViewLines(trace.blocks);
  const lines = new LineSplitter();
  const onLine = (buffer: Buffer, start: number, end: number, number: number) =>
    view.read(buffer.toString("utf8", start, end), number);
  const onTooLong = (number: number) => view.reject(number, "the line is too long");
  const source = await openBytes(path);
  for await (const chunk of source) lines.push(chunk, onLine, onTooLong);
  lines.finish(onLine, onTooLong);
  if (source.cutOff !== undefined) view.reject(0, source.cutOff);
  return view.finish();
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}

class ViewLines {
  readonly #blocks: BlockTable;
  readonly #unnamed = new Map<string, number>();
  readonly #next = new Map<number, number>();
  readonly #snapshots: EngineSnapshot[] = [];
  readonly #batches: CacheEventBatch[] = [];
  readonly #problems: RowProblem[] = [];
  #meta: Readonly<Record<string, JsonValue>> = {};
  #traceBlockSize = 1;
  #segments = 0;
  #missed = 0;
  #joined = 0;
  #stored = 0;

  constructor(blocks: BlockTable) {
    this.#blocks = blocks;
  }

  read(text: string, number: number): void {
    try {
      this.#readLine(parsed(text));
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      this.reject(number, error.message);
    }
  }

  reject(line: number, reason: string): void {
    this.#problems.push({ line, reason });
  }

  finish(): EngineView {
    return {
      meta: this.#meta,
      snapshots: this.#snapshots,
      batches: this.#batches,
      missedBatches: this.#missed,
      joinedBlocks: this.#joined,
      storedBlocks: this.#stored,
      problems: this.#problems,
    };
  }

  #readLine(line: Readonly<Record<string, unknown>>): void {
    if (line.engine_view !== undefined) this.#begin(line.engine_view);
    else if (line.counters !== undefined)
      this.#snapshots.push({ atMs: time(line, "at_ms"), counters: countersOf(line.counters) });
    else if (line.events !== undefined) this.#batch(line);
    else if (line.end === undefined) throw new RowError("no counters, events or end");
  }

  #begin(meta: unknown): void {
    if (!isJsonObject(meta)) throw new RowError(`engine_view must be an object, got ${describeValue(meta)}`);
    if (this.#segments++ === 0) this.#meta = meta as Record<string, JsonValue>;
    this.#traceBlockSize = checkedInt("engine_view.block_size", meta.block_size, 1) ?? 1;
    // Running numbers begin again with each capture.
    this.#unnamed.clear();
  }

  #batch(line: Readonly<Record<string, unknown>>): void {
    const sequence = checkedInt("seq", line.seq) ?? 0;
    const rank = checkedInt("rank", line.rank);
    const sentMs = line.sent_ms === undefined ? undefined : time(line, "sent_ms");
    if (!Array.isArray(line.events))
      throw new RowError(`events must be an array, got ${describeValue(line.events)}`);
    const events = (line.events as unknown[]).map((event) => this.#event(event));
    const expected = this.#next.get(rank ?? 0);
    if (expected !== undefined && sequence > expected) this.#missed += sequence - expected;
    this.#next.set(rank ?? 0, sequence + 1);
    this.#batches.push({
      atMs: time(line, "at_ms"),
      ...(sentMs !== undefined && { sentMs }),
      sequence,
      ...(rank !== undefined && { rank }),
      events,
    });
  }

  #event(event: unknown): CacheEvent {
    if (!isJsonObject(event)) throw new RowError(`an event must be an object, got ${describeValue(event)}`);
    if (event.cleared === true) return { kind: "cleared" };
    const medium = checkedString("medium", event.medium);
    const group = checkedInt("group", event.group);
    const where = { ...(medium !== undefined && { medium }), ...(group !== undefined && { group }) };
    if (Array.isArray(event.removed))
      return { kind: "removed", blockIds: this.#ids(event.removed), ...where };
    if (!Array.isArray(event.stored))
      throw new RowError(`an event must have stored, removed or cleared, got ${describeValue(event)}`);
    const blockSize = checkedInt("block_size", event.block_size, 1) ?? 1;
    const blockIds = this.#ids(event.stored);
    this.#stored += blockIds.length;
    if (blockSize % this.#traceBlockSize === 0)
      this.#joined += event.stored.filter((name) => typeof name === "string" && !name.startsWith("#")).length;
    return { kind: "stored", blockIds, parentId: this.#id(event.after ?? null), blockSize, ...where };
  }

  #ids(names: readonly unknown[]): Int32Array {
    return Int32Array.from(names, (name) => this.#id(name));
  }

  #id(name: unknown): number {
    if (name === null) return -1;
    if (typeof name === "string" && /^[0-9a-f]{16}$/.test(name))
      return this.#blocks.intern(Number.parseInt(name.slice(0, 8), 16), Number.parseInt(name.slice(8), 16));
    if (typeof name !== "string" || !/^#\d+$/.test(name))
      throw new RowError(
        `a block must be 16 hexadecimal digits, "#" and a number, or null, got ${describeValue(name)}`,
      );
    const known = this.#unnamed.get(name) ?? this.#blocks.internFresh();
    this.#unnamed.set(name, known);
    return known;
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    throw new RowError("not JSON");
  }
  if (!isJsonObject(line)) throw new RowError(`must be an object, got ${describeValue(line)}`);
  return line;
}

/** Before the capture's start it is negative. */
function time(line: Readonly<Record<string, unknown>>, field: string): Ms {
  const value = line[field];
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new RowError(`${field} must be a finite number, got ${describeValue(value)}`);
}

function countersOf(json: unknown): EngineCounters {
  if (!isJsonObject(json)) throw new RowError(`counters must be an object, got ${describeValue(json)}`);
  const told = Object.entries(counterNames).flatMap(([counter, name]) => {
    const value = json[name];
    if (value === undefined) return [];
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0)
      throw new RowError(`${name} must be a finite number >= 0, got ${describeValue(value)}`);
    return [[counter, value]];
  });
  return Object.fromEntries(told) as EngineCounters;
}

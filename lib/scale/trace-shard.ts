import { InputError, requireInteger } from "../base/index.js";
import { replaceFile } from "../output/index.js";
import { outlineTrace, type ReadProgress, readTextLines } from "../trace/files/index.js";
import type { TraceMeta } from "../trace/index.js";
import { mergeParts, type TraceFileSummary } from "./merge-parts.js";
import { partWindows, summarizePart, type TracePart } from "./trace-part.js";
import { requestWindow } from "./windowed-sessions.js";

/** One of `count` parts of a trace, as a machine of its own summarized it. */
export interface TraceShard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  readonly path: string;
  /** What the trace is told by: shards of one trace agree in it. */
  readonly trace: { readonly lines: number; readonly contentBytes: number; readonly headDigest: string };
  readonly windowRequests: number;
  readonly meta: TraceMeta;
  readonly requests: number;
  readonly rejected: number;
  /** What `mergeShards` needs, as plain data. */
  readonly part: object;
}

type Shard = TraceShard & { readonly part: TracePart };

/** How to summarize a shard. */
export interface ShardOptions {
  readonly index: number;
  readonly count: number;
  /** As in `windowedSessions`; the same for all shards. */
  readonly windowRequests?: number;
  readonly onProgress?: (progress: ReadProgress) => void;
}

/**
 * Summarizes shard `index` of `count` of a trace: all of them together tell what one pass over it does
 * ({@link mergeShards}). Each counts the file's lines first; then it reads its own, from where they begin, and half a
 * window before them. A compressed file is decompressed from its begin.
 * @throws InputError when index and count are no such numbers, and as `readTraceRows` does
 * @example
 * ```ts
 * import { dataDir } from "prefixlab";
 * import { mergeShards, summarizeShard } from "prefixlab/scale";
 * const path = `${dataDir()}/warm-1.jsonl.gz`;
 * const shards = [];
 * for (const index of [0, 1]) shards.push(await summarizeShard(path, { index, count: 2, windowRequests: 100 }));
 * mergeShards(shards).inspection.sessions.count; // → 64
 * ```
 */
export async function summarizeShard(path: string, options: ShardOptions): Promise<TraceShard> {
  const count = requireInteger("summarizeShard", "count", options.count, 1);
  const index = requireInteger("summarizeShard", "index", options.index);
  if (index >= count)
    throw new InputError(
      `summarizeShard: index must be below count (${count}), got ${index}: they count from 0`,
    );
  const shape = requestWindow("summarizeShard", options.windowRequests);
  const outline = await outlineTrace(path);
  const windows = partWindows(outline, shape, count)[index];
  const part = await summarizePart(path, outline, shape, windows, options.onProgress);
  const { lines, contentBytes, headDigest, meta } = outline;
  return {
    index,
    count,
    path,
    trace: { lines, contentBytes, headDigest },
    windowRequests: shape.size,
    meta,
    requests: part.facts.records,
    rejected: part.facts.rejectedCount,
    part,
  };
}

/**
 * What the whole trace tells, from all its shards in any order: what `summarizeTraceFile` gives.
 * @throws InputError when they are of different traces, windows or numbers of shards, one is missing or there twice, or as `mergeParts` does
 * @example
 * ```ts
 * import { dataDir } from "prefixlab";
 * import { mergeShards, summarizeShard } from "prefixlab/scale";
 * const shard = await summarizeShard(`${dataDir()}/warm-1.jsonl.gz`, { index: 0, count: 1 });
 * mergeShards([shard]).inspection.requests; // → 320
 * ```
 */
export function mergeShards(shards: readonly TraceShard[]): TraceFileSummary {
  const [first] = shards;
  if (!first) throw new InputError("mergeShards: needs the shards of a trace, got none");
  const ordered: TraceShard[] = [];
  for (const shard of shards) {
    if (shard.count !== first.count)
      throw new InputError(
        `shard ${nameOf(shard)} is one of ${shard.count}, shard ${nameOf(first)} one of ${first.count}: give the shards of one number`,
      );
    for (const key of ["lines", "contentBytes", "headDigest"] as const)
      if (shard.trace[key] !== first.trace[key])
        throw new InputError(
          `shards ${nameOf(first)} and ${nameOf(shard)} are of different traces (${first.path} and ${shard.path} differ): give the shards of one trace`,
        );
    if (shard.windowRequests !== first.windowRequests)
      throw new InputError(
        `shards ${nameOf(first)} and ${nameOf(shard)} have windows of ${first.windowRequests} and ${shard.windowRequests} requests: summarize them with one`,
      );
    if (ordered[shard.index]) throw new InputError(`shard ${nameOf(shard)} is given twice`);
    ordered[shard.index] = shard;
  }
  const missing = Array.from({ length: first.count }, (_, k) => k).filter((k) => !ordered[k]);
  if (missing.length > 0)
    throw new InputError(
      `${missing.length} of ${first.count} shards are missing: ${missing
        .slice(0, 10)
        .map((k) => `${k}/${first.count}`)
        .join(", ")}${missing.length > 10 ? ", ..." : ""}`,
    );
  return mergeParts(
    first.path,
    first.meta,
    ordered.map(({ part }) => part as TracePart),
  );
}

function nameOf({ index, count }: TraceShard): string {
  return `${index}/${count}`;
}

/** Version of the file. */
const shardFormat = 1;

/**
 * Writes a shard to a file, whole or not at all: JSON lines, 8 bytes a request and what a window needs, in base64.
 * @throws WorkError when it cannot be written
 * @example
 * ```ts
 * import { mkdtempSync } from "node:fs";
 * import { tmpdir } from "node:os";
 * import { dataDir } from "prefixlab";
 * import { mergeShards, readShard, summarizeShard, writeShard } from "prefixlab/scale";
 * const shard = await summarizeShard(`${dataDir()}/warm-1.jsonl.gz`, { index: 0, count: 1 });
 * const file = `${mkdtempSync(`${tmpdir()}/shard-`)}/0.shard`;
 * await writeShard(file, shard);
 * mergeShards([await readShard(file)]).inspection.requests; // → 320
 * ```
 */
export async function writeShard(file: string, shard: TraceShard): Promise<void> {
  const { digests, ...facts } = (shard as Shard).part.facts;
  const head = { prefixlab_shard: shardFormat, ...shard, part: { ...shard.part, facts } };
  await replaceFile(file, async (part) => {
    const { open } = await import("node:fs/promises");
    const out = await open(part, "w");
    try {
      await out.write(`${JSON.stringify(head, encoded)}\n`);
      for (const piece of digests) await out.write(`${JSON.stringify(piece, encoded)}\n`);
    } finally {
      await out.close();
    }
  });
}

/**
 * Reads a shard that {@link writeShard} wrote.
 * @throws InputError when the file cannot be read, is none, or is cut
 * @example
 * ```ts
 * import { dataDir } from "prefixlab";
 * import { readShard } from "prefixlab/scale";
 * await readShard(`${dataDir()}/warm-1.jsonl.gz`).catch(({ message }) => message.endsWith("is no shard of a trace")); // → true
 * ```
 */
export async function readShard(file: string): Promise<TraceShard> {
  let head: (Shard & { readonly prefixlab_shard?: number }) | undefined;
  const digests: Float64Array[] = [];
  for await (const line of readTextLines(file)) {
    const content = parsed(line);
    if (!head) {
      if (!isHead(content)) throw new InputError(`${file}: is no shard of a trace`);
      if (content.prefixlab_shard !== shardFormat)
        throw new InputError(
          `${file}: is a shard in format ${content.prefixlab_shard}, this version reads ${shardFormat}: write it anew`,
        );
      head = content;
    } else if (content instanceof Float64Array) digests.push(content);
    else throw new InputError(`${file}: is damaged or cut: write the shard anew`);
  }
  if (!head) throw new InputError(`${file}: is no shard of a trace`);
  const { prefixlab_shard: _, ...shard } = head;
  const rows = digests.reduce((sum, { length }) => sum + length, 0);
  if (rows !== shard.part.facts.records)
    throw new InputError(
      `${file}: is cut: it holds ${rows} of ${shard.part.facts.records} rows: write the shard anew`,
    );
  return { ...shard, part: { ...shard.part, facts: { ...shard.part.facts, digests } } };
}

function isHead(content: unknown): content is Shard & { readonly prefixlab_shard: number } {
  return content !== null && typeof content === "object" && "prefixlab_shard" in content;
}

const arrayKinds = { f64: Float64Array, i32: Int32Array, u8: Uint8Array } as const;

/** A typed array as its kind and its bytes in base64. */
function encoded(_key: string, value: unknown): unknown {
  for (const [kind, of] of Object.entries(arrayKinds))
    if (value instanceof of)
      return {
        typed_array: kind,
        base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64"),
      };
  return value;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line, (_key, value) => {
      const of = arrayKinds[value?.typed_array as keyof typeof arrayKinds];
      return of ? new of(Uint8Array.from(Buffer.from(value.base64, "base64")).buffer) : value;
    });
  } catch {
    return undefined;
  }
}

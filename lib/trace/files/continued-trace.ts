import { open, stat } from "node:fs/promises";
import { InputError, type Ms } from "../../base/index.js";
import { replaceFile } from "../../output/index.js";
import { defaultBlockSize, metaToLine } from "../meta-line.js";
import { decodeMs, type JsonValue, type TraceMeta } from "../trace.js";
import { GrowingFile } from "./growing-file.js";
import { readTraceBatches } from "./read-trace-batches.js";
import { openBytes } from "./trace-bytes.js";

/** A trace that a writer goes on with, as it was found. */
export interface ContinuedTrace {
  readonly meta: TraceMeta;
  /** Rows in the file, usable or not. */
  readonly rows: number;
  /** Those that can be used. */
  readonly records: number;
  /** The latest moment that any record tells of, on the clock of its arrivals: what comes now came after it. */
  readonly latestMs: Ms | undefined;
  /** Bytes of the file that are kept; new lines go behind them. */
  readonly bytes: number;
}

const boundedBlocks = 1 << 20;
const newline = 0x0a;

/**
 * Looks at a trace that is to be continued, and makes its end clean: without a last line that was cut, and, where it is a
 * gzip file that was cut, written anew.
 * @param path for messages
 * @param target the file itself
 * @param meta what the file's meta line must say too
 * @returns undefined where there is no file, or an empty one
 * @throws InputError when it is no trace, or its meta line says something else
 */
export async function continuedTrace(
  path: string,
  target: string,
  meta: TraceMeta | undefined,
  mayDiffer: readonly string[],
): Promise<ContinuedTrace | undefined> {
  const size = (await stat(target).catch(() => undefined))?.size ?? 0;
  if (size === 0) return undefined;
  const isGzip = path.endsWith(".gz");
  if (!isGzip && (await beginsAsGzip(target)))
    throw new InputError(`${path}: is gzip and not named .gz: it cannot be continued as text`);
  const source = readTraceBatches(target, { mayBeEmpty: true, maxBlocks: boundedBlocks }, 1);
  let latestMs: Ms | undefined;
  for await (const batch of source.batches())
    for (const record of batch) {
      const { arrivalMs, ttftMs = 0, elapsedMs = 0 } = record;
      if (arrivalMs === undefined) continue;
      const endMs = arrivalMs + Math.max(elapsedMs, ttftMs + (decodeMs(record) ?? 0));
      latestMs = Math.max(latestMs ?? 0, endMs);
    }
  requireSameMeta(path, source.meta, meta, mayDiffer);
  const { unfinished, isCutOff, recordCount } = source;
  const found = {
    meta: source.meta,
    rows: recordCount + source.rejectedCount - (unfinished === "cut" ? 1 : 0),
    records: recordCount,
    latestMs,
  };
  if (!isGzip) return { ...found, bytes: await endedLine(target, size, unfinished) };
  if (!isCutOff && unfinished === "none") return { ...found, bytes: size };
  await packedAnew(target, unfinished === "usable");
  return { ...found, bytes: (await stat(target)).size };
}

function requireSameMeta(
  path: string,
  inFile: TraceMeta,
  given: TraceMeta | undefined,
  mayDiffer: readonly string[],
): void {
  if (!given) return;
  const before = wireFields(inFile);
  const now = wireFields(given);
  for (const name of new Set([...Object.keys(now), ...Object.keys(before)])) {
    // What only one of them knows contradicts nothing, but for what the hashes are made of.
    const isTold = (name in before && name in now) || name === "fingerprint";
    if (mayDiffer.includes(name) || !isTold) continue;
    const [was, is] = [before[name], now[name]].map((value) => JSON.stringify(value) ?? "not told");
    if (was !== is)
      throw new InputError(
        `${path}: ${name} is ${was} in the file and ${is} now: two recordings in one file must be alike; ` +
          "give another path",
      );
  }
}

function wireFields(meta: TraceMeta): Readonly<Record<string, JsonValue>> {
  const { schema, ...fields } = (
    JSON.parse(metaToLine(meta)) as { meta: Readonly<Record<string, JsonValue>> }
  ).meta;
  return { block_size: defaultBlockSize, ...fields };
}

async function beginsAsGzip(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}

/** The size of the file up to a line end, which is made where only that is missing. */
async function endedLine(path: string, size: number, unfinished: "none" | "usable" | "cut"): Promise<number> {
  if (unfinished === "none") return size;
  const file = await open(path, "r+");
  try {
    if (unfinished === "usable") {
      await file.write("\n", size);
      return size + 1;
    }
    const chunk = Buffer.alloc(1 << 16);
    for (let to = size; to > 0; ) {
      const from = Math.max(0, to - chunk.length);
      const { bytesRead } = await file.read(chunk, 0, to - from, from);
      const at = chunk.subarray(0, bytesRead).lastIndexOf(newline);
      if (at >= 0) return from + at + 1;
      to = from;
    }
    return 0;
  } finally {
    await file.close();
  }
}

/** Replaces a gzip file by one with all the whole lines that can be decompressed. */
async function packedAnew(path: string, keepUnfinished: boolean): Promise<void> {
  await replaceFile(
    path,
    async (part, flags) => {
      const file = await GrowingFile.open(part, true, 0, flags);
      try {
        let rest: Buffer = Buffer.alloc(0);
        for await (const chunk of await openBytes(path)) {
          const bytes = Buffer.concat([rest, chunk]);
          const to = bytes.lastIndexOf(newline) + 1;
          if (to > 0) await file.add(bytes.subarray(0, to));
          rest = bytes.subarray(to);
        }
        if (keepUnfinished && rest.length > 0) await file.add(Buffer.concat([rest, Buffer.of(newline)]));
        await file.finish();
      } finally {
        await file.close();
      }
    },
    { isOwn: true },
  );
}

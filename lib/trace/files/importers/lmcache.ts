import type { JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { checkLength } from "./block-ids.js";
import type { Importer } from "./importer.js";
import { type IdList, readJsonRows } from "./json-rows.js";
import { logFiles } from "./log-files.js";
import { count, optionalCount, optionalList, optionalText, time } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Lookup-hash logs of LMCache (LMCache/LMCache, lmcache/tools/cache_simulator): JSON lines, one lookup each; a file, or a
 * folder of the rotated ones.
 *
 * - `timestamp` (Unix s), `request_id`, `model_name`, `seq_len` (prompt tokens), `chunk_size` (tokens a chunk),
 *   `chunk_hashes` (hexadecimal, or 64-bit numbers; in order, of the full chunks, chained), `dtypes` and `shapes` (bytes a chunk: kept as
 *   `kv_bytes_per_token` in the meta line)
 * - Answers, latencies and sessions are not logged: an answer is taken to be one token. Models that are mixed in one log share nothing.
 */
export const lmcache: Importer = {
  format: "lmcache",
  description:
    "LMCache lookup-hash logs (a file or a folder): arrivals, prompt lengths, chunk hashes; no answers",
  async read(path, options) {
    const rows: { row: JsonObject; line: number; hashes?: bigint[] }[] = [];
    const files = await logFiles(path);
    const chunkSizes = new Set<number>();
    const builder = new TraceBuilder(path, options, options.blockSize ?? 256, {
      field: "timestamp",
      unit: "s",
    });
    for (const file of files)
      await readJsonRows(
        file,
        builder,
        options,
        (row, line, ids) => {
          rows.push({ row, line, ...(ids && { hashes: exactOf(ids) }) });
          if (typeof row.chunk_size === "number") chunkSizes.add(row.chunk_size);
        },
        "chunk_hashes",
        true,
      );
    const blockSize = options.blockSize ?? [...chunkSizes][0] ?? 256;
    builder.useBlockSize(blockSize);
    const models = new Map<string, number>();
    for (const { row, line, hashes: exact } of rows)
      builder.row(line, () => {
        const size = optionalCount(row, "chunk_size", 1) ?? blockSize;
        if (size !== blockSize) throw new RowError(`chunk_size is ${size}, that of the log is ${blockSize}`);
        const promptTokens = count(row, "seq_len");
        const hashes = exact ?? optionalList(row, "chunk_hashes") ?? [];
        checkLength("chunk_hashes", hashes.length, promptTokens, blockSize);
        const model = optionalText(row, "model_name") ?? "";
        const salt = models.get(model) ?? models.size;
        models.set(model, salt);
        const full = Math.floor(promptTokens / blockSize);
        return {
          promptTokens,
          outputTokens: 1,
          arrivalMs: time(row, "timestamp", 1000),
          blockIds: Int32Array.from(hashes.slice(0, full), (hash, at) =>
            builder.blocks.internBigInt(
              hashOf(hash, at) ^ ((BigInt(salt) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn),
            ),
          ),
          requestId: optionalText(row, "request_id"),
          ...(models.size > 1 && { extra: { model } }),
        };
      });
    builder.assume(
      "answers are not logged: each is taken to be one token, and what answers add to later prompts is new to them",
    );
    const [first] = rows;
    const bytes = first && bytesAToken(first.row);
    return builder.finish({
      source: "lmcache",
      blockSize,
      ...(models.size === 1 && { model: [...models.keys()][0] as string }),
      extra: { ...(bytes !== undefined && { kv_bytes_per_token: bytes }) },
    });
  },
};

/** Numbers as they stand in the file: a double holds 53 of their bits. */
function exactOf({ highs, lows, length }: IdList): bigint[] {
  return Array.from({ length }, (_, at) => (BigInt(highs[at] as number) << 32n) | BigInt(lows[at] as number));
}

function hashOf(hash: unknown, at: number): bigint {
  if (typeof hash === "bigint") return hash;
  if (typeof hash === "string" && /^(0x)?[0-9a-f]+$/i.test(hash)) {
    const digits = hash.replace(/^0x/i, "");
    // Longer hashes are told apart by their last 64 bits.
    return BigInt(`0x${digits.slice(-16)}`);
  }
  throw new RowError(`chunk_hashes[${at}] must be a hexadecimal hash, got ${String(hash)}`);
}

const dtypeBytes: Readonly<Record<string, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  half: 2,
  uint8: 1,
  int8: 1,
  float8_e4m3fn: 1,
  float8_e5m2: 1,
};

/** Sum over tensors of elements times bytes each, for a chunk, over its tokens. */
function bytesAToken(row: JsonObject): number | undefined {
  const { dtypes, shapes, chunk_size: size } = row;
  if (!Array.isArray(dtypes) || !Array.isArray(shapes) || typeof size !== "number") return undefined;
  const bytes = (shapes as unknown[]).reduce((sum: number, shape, at) => {
    const each = dtypeBytes[String(dtypes[at]).replace(/^torch\./, "")];
    return Array.isArray(shape) && each !== undefined
      ? sum + each * (shape as number[]).reduce((product, n) => product * n, 1)
      : Number.NaN;
  }, 0);
  return Number.isFinite(bytes) ? bytes / size : undefined;
}

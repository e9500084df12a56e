import { RowError } from "../../row-error.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { count, time } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Mooncake traces (kvcache-ai/Mooncake, FAST25-release/traces): JSON lines with
 *
 * - `timestamp`: arrival, ms since the start
 * - `input_length`, `output_length`: tokens
 * - `hash_ids`: one id a block of 512 tokens of the prompt, chained (equal ids mean equal prompts up to there). The
 *   last, partial block has an id too: the list is ceil(input_length / 512) long. That id goes to `tailBlockId`, the
 *   others to `blockIds`. Lists without the partial block are taken as well.
 *
 * No latencies and no sessions. `blockSize` overrides 512 for files of the same shape. A list that is neither
 * ceil(input_length / blockSize) nor floor of it long is rejected: block size or lengths are not what they seem.
 */
export const mooncake: Importer = {
  format: "mooncake",
  description:
    "Mooncake JSON lines: arrivals, lengths and block hashes of 512 tokens; no latencies, no sessions",
  async read(path, options) {
    const blockSize = options.blockSize ?? 512;
    const builder = new TraceBuilder(path, options.strict, blockSize);
    await readJsonRows(
      path,
      builder,
      options,
      (row, line, ids) => {
        builder.row(line, () => {
          const promptTokens = count(row, "input_length");
          const fullBlocks = Math.floor(promptTokens / blockSize);
          if (row.hash_ids !== undefined && !ids) throw new RowError("hash_ids must be a list of integers");
          if (ids && ids.length !== fullBlocks && ids.length !== Math.ceil(promptTokens / blockSize))
            throw new RowError(
              `hash_ids has ${ids.length} entries, but ${promptTokens} tokens are ` +
                `${Math.ceil(promptTokens / blockSize)} blocks of ${blockSize}`,
            );
          let blockIds: Int32Array | undefined;
          let tailBlockId: number | undefined;
          if (ids) {
            const all = new Int32Array(ids.length);
            builder.blocks.internChain(ids.highs, ids.lows, all);
            blockIds = all.slice(0, fullBlocks);
            tailBlockId = all[fullBlocks];
          }
          return {
            promptTokens,
            outputTokens: count(row, "output_length"),
            arrivalMs: time(row, "timestamp"),
            blockIds,
            tailBlockId,
          };
        });
      },
      "hash_ids",
    );
    return builder.finish({ source: "mooncake", blockSize, extra: {} });
  },
};

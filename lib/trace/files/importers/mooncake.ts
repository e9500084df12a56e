import type { JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { chainedIds, promptBlocks } from "./block-ids.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { count, fieldOf, optionalText, optionalTime } from "./row-fields.js";
import { SessionClock } from "./session-clock.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Mooncake traces (kvcache-ai/Mooncake, FAST25-release/traces, and what ai-dynamo writes of the same shape): JSON lines with
 *
 * - `timestamp` (`created_time`): arrival, ms since the start
 * - `input_length` (`input_tokens`), `output_length` (`output_tokens`): tokens
 * - `hash_ids`: one id a block of 512 tokens of the prompt, chained (equal ids mean equal prompts up to there). The
 *   last, partial block has an id too: the list is ceil(input_length / 512) long. That id goes to `tailBlockId`, the
 *   others to `blockIds`. Lists without the partial block are taken as well.
 * - `session_id` and `delay` (`delay_ms`), where there are any: turn n + 1 waits for turn n's end and then `delay`, see
 *   `session-clock.ts`. Each row holds its whole prompt; where later rows hold only what they add, the format is
 *   `mooncake-delta`.
 *
 * No latencies. `blockSize` overrides 512 for files of the same shape. A list that is neither
 * ceil(input_length / blockSize) nor floor of it long is rejected: block size or lengths are not what they seem.
 */
export const mooncake: Importer = {
  format: "mooncake",
  description:
    "Mooncake JSON lines: arrivals, lengths and block hashes of 512 tokens; no latencies, no sessions",
  async read(path, options) {
    const blockSize = options.blockSize ?? 512;
    const builder = new TraceBuilder(path, options, blockSize, { field: "timestamp", unit: "ms" });
    const clock = new SessionClock();
    await readJsonRows(
      path,
      builder,
      options,
      (row, line, ids) => {
        builder.row(line, () => {
          const promptTokens = count(row, fieldOf(row, ["input_length", "input_tokens"]));
          if (row.hash_ids !== undefined && !ids) throw new RowError("hash_ids must be a list of integers");
          return {
            promptTokens,
            outputTokens: count(row, fieldOf(row, ["output_length", "output_tokens"])),
            ...(ids && promptBlocks("hash_ids", chainedIds(ids, builder.blocks), promptTokens, blockSize)),
            ...clock.next(optionalText(row, "session_id"), ...mooncakeTimes(row)),
          };
        });
      },
      "hash_ids",
    );
    clock.warn(builder);
    return builder.finish({ source: "mooncake", blockSize, extra: {} });
  },
};

/** Arrival and delay of a row, ms. */
export function mooncakeTimes(row: JsonObject): [number | undefined, number | undefined] {
  return [
    optionalTime(row, fieldOf(row, ["timestamp", "created_time"])),
    optionalTime(row, fieldOf(row, ["delay", "delay_ms"])),
  ];
}

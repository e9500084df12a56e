import { RowError } from "../../row-error.js";
import { ChainTable } from "./chain-table.js";
import type { Importer } from "./importer.js";
import { type JsonObject, readJsonRows } from "./json-rows.js";
import { count, optionalCount, optionalText, time } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Usage traces of Qwen on Aliyun Bailian (alibaba-edu/qwen-bailian-usagetraces-anon): JSON lines with
 *
 * - `chat_id`, `parent_chat_id` (-1 for the first turn), `turn` (from 1): ground truth. `session` is the `chat_id` of
 *   the chain's first turn; both ids are kept.
 * - `timestamp`: arrival, s since the start; `input_length`, `output_length`: tokens; `type`: text, search, image, file
 * - `hash_ids`: one id a block of 16 tokens. The source hashes each block on its own, so the ids are chained here: a
 *   block counts as the same only after the same blocks. A last, partial block's id goes to `tailBlockId`.
 *
 * No latencies. A list that is neither ceil nor floor of input_length / blockSize long is rejected, and so is a turn
 * that arrives before its parent.
 */
export const bailian: Importer = {
  format: "bailian",
  description: "Qwen-Bailian usage traces: arrivals, chats with parents and turns, hashes of 16 tokens",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options.strict, blockSize);
    const chains = new ChainTable(builder.blocks);
    const chats = new Map<number, { session: string; arrivalMs: number }>();
    await readJsonRows(
      path,
      builder,
      options,
      (row, line, ids) => {
        builder.row(line, () => {
          const promptTokens = count(row, "input_length");
          const arrivalMs = time(row, "timestamp", 1000);
          const chat = count(row, "chat_id");
          const parent = parentOf(row);
          const before = parent === undefined ? undefined : chats.get(parent);
          if (parent !== undefined && !before)
            builder.count(`parent_chat_id of a chat not seen before`, line);
          if (before && before.arrivalMs > arrivalMs)
            throw new RowError(`timestamp (${arrivalMs} ms) is before the parent's (${before.arrivalMs} ms)`);
          const session = before?.session ?? String(parent ?? chat);
          if (
            ids &&
            ids.length !== Math.ceil(promptTokens / blockSize) &&
            ids.length !== Math.floor(promptTokens / blockSize)
          )
            throw new RowError(
              `hash_ids has ${ids.length} entries, but ${promptTokens} tokens are ` +
                `${Math.ceil(promptTokens / blockSize)} blocks of ${blockSize}`,
            );
          const outputTokens = count(row, "output_length");
          chats.set(chat, { session, arrivalMs });
          const all = ids && chained(chains, ids.highs, ids.lows, ids.length);
          const full = Math.floor(promptTokens / blockSize);
          const type = optionalText(row, "type");
          return {
            promptTokens,
            outputTokens,
            arrivalMs,
            blockIds: all?.slice(0, full),
            tailBlockId: all?.[full],
            session,
            turn: optionalCount(row, "turn", 1),
            extra: {
              chat_id: chat,
              ...(parent !== undefined && { parent_chat_id: parent }),
              ...(type !== undefined && { type }),
            },
          };
        });
      },
      "hash_ids",
    );
    return builder.finish({ source: "bailian", blockSize, extra: {} });
  },
};

function parentOf(row: JsonObject): number | undefined {
  if (row.parent_chat_id === -1) return undefined;
  return optionalCount(row, "parent_chat_id");
}

function chained(chains: ChainTable, highs: Uint32Array, lows: Uint32Array, length: number): Int32Array {
  const ids = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const high = highs[i];
    const low = lows[i];
    ids[i] = chains.child(i === 0 ? undefined : ids[i - 1], high === 0 ? low : `${high}/${low}`);
  }
  return ids;
}

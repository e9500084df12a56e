import type { JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { idsInChain, promptBlocks } from "./block-ids.js";
import { ChainTable } from "./chain-table.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { count, optionalCount, optionalText, optionalTime, time } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Usage traces of Qwen on Aliyun Bailian (alibaba-edu/qwen-bailian-usagetraces-anon): JSON lines with
 *
 * - `chat_id` (one a request, its `requestId`), `parent_chat_id` (-1 for the first turn), `turn` (from 1): ground truth, and a
 *   tree, since a chat may have several follow-ups. `session` is the `chat_id` of the chain's first turn, or `session_id` in
 *   copies that have it; a chat whose parent lies outside the window is the first of its session.
 * - `timestamp`: arrival, s since the start; `input_length`, `output_length`: tokens; `type`: text, search, image, file;
 *   `time_to_parent_chat`, where a copy has it: s from the parent's end
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
    const builder = new TraceBuilder(path, options, blockSize, { field: "timestamp", unit: "s" });
    const chains = new ChainTable(builder.blocks);
    const rows: { row: JsonObject; line: number; ids: Int32Array | undefined }[] = [];
    await readJsonRows(
      path,
      builder,
      options,
      (row, line, ids) => rows.push({ row, line, ids: ids && idsInChain(ids, chains) }),
      "hash_ids",
    );
    const chats = new Map<unknown, JsonObject>();
    for (const { row } of rows) chats.set(row.chat_id, row);
    for (const { row, line, ids } of rows)
      builder.row(line, () => {
        const promptTokens = count(row, "input_length");
        const arrivalMs = time(row, "timestamp", 1000);
        const chat = count(row, "chat_id");
        const parent = optionalCount(row, "parent_chat_id");
        const before = parent === undefined ? undefined : chats.get(parent);
        if (parent !== undefined && !before)
          builder.count("parent_chat_id of a chat outside the trace", line);
        const beforeMs = before && optionalTime(before, "timestamp", 1000);
        if (beforeMs !== undefined && beforeMs > arrivalMs)
          throw new RowError(`timestamp (${arrivalMs} ms) is before the parent's (${beforeMs} ms)`);
        const gapMs = optionalTime(row, "time_to_parent_chat", 1000);
        const outputTokens = count(row, "output_length");
        const type = optionalText(row, "type");
        return {
          promptTokens,
          outputTokens,
          arrivalMs,
          ...(ids && promptBlocks("hash_ids", ids, promptTokens, blockSize)),
          requestId: String(chat),
          session: optionalText(row, "session_id") ?? rootOf(row, chats),
          turn: optionalCount(row, "turn", 1),
          parents: before
            ? [{ requestId: String(parent), kind: "turn", ...(gapMs !== undefined && { gapMs }) }]
            : [],
          extra: {
            chat_id: chat,
            ...(parent !== undefined && { parent_chat_id: parent }),
            ...(type !== undefined && { type }),
          },
        };
      });
    return builder.finish({ source: "bailian", blockSize, extra: {} });
  },
};

/** The name of the chain's first turn: its own, or that of a parent outside the trace. */
function rootOf(row: JsonObject, chats: ReadonlyMap<unknown, JsonObject>): string {
  const seen = new Set<unknown>();
  let at = row;
  for (;;) {
    if (seen.has(at.chat_id))
      throw new RowError(`parent_chat_id goes in a circle at chat ${String(at.chat_id)}`);
    seen.add(at.chat_id);
    const parent = optionalCount(at, "parent_chat_id");
    if (parent === undefined) return String(at.chat_id);
    const before = chats.get(parent);
    if (!before) return String(parent);
    at = before;
  }
}

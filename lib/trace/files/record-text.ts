import { InputError } from "../../base/index.js";
import type { BlockTable } from "../block-table.js";
import { metaFromJson } from "../meta-line.js";
import { RowError } from "../row-error.js";
import type { TraceMeta, TraceRecord } from "../trace.js";
import { endFromJson, type TraceEnd } from "./end-line.js";
import { originText } from "./origin-fields.js";
import { RecordParser } from "./record-line.js";

/**
 * One record as a line of the tap schema, without its line end: snake_case, absent fields left out, block hashes in
 * their original digits.
 * @param blocks the table that the record's block ids belong to
 * @example
 * ```ts
 * import { BlockTable } from "prefixlab/trace";
 * import { recordToLine } from "prefixlab/trace/files";
 * recordToLine({ promptTokens: 100, outputTokens: 24, ttftMs: 36 }, new BlockTable());
 * // → "{\"prompt_tokens\": 100, \"output_tokens\": 24, \"ttft_ms\": 36}"
 * ```
 */
export function recordToLine(record: TraceRecord, blocks: BlockTable): string {
  let line = `{"prompt_tokens": ${record.promptTokens}`;
  if (record.cachedTokens !== undefined) line += `, "cached_tokens": ${record.cachedTokens}`;
  line += `, "output_tokens": ${record.outputTokens}`;
  if (record.ttftMs !== undefined) line += `, "ttft_ms": ${record.ttftMs}`;
  if (record.itlMs) line += `, "itl_ms": [${record.itlMs.join(", ")}]`;
  if (record.itlTokens) line += `, "itl_tokens": [${record.itlTokens.join(", ")}]`;
  if (record.itlSummary)
    line += `, "itl_summary": {"mean_ms": ${record.itlSummary.meanMs}, "count": ${record.itlSummary.count}}`;
  if (record.concurrency !== undefined) line += `, "concurrency": ${record.concurrency}`;
  if (record.arrivalMs !== undefined) line += `, "arrival_ms": ${record.arrivalMs}`;
  if (record.itlCtx) {
    const { numRunning, prefillTokens } = record.itlCtx;
    line += `, "itl_ctx": {"num_running": [${numRunning.join(", ")}], "prefill_tokens": [${prefillTokens.join(", ")}]}`;
  }
  if (record.blockIds) line += `, "block_hashes": [${hashTexts(record.blockIds, blocks)}]`;
  if (record.outputBlockIds) line += `, "output_block_hashes": [${hashTexts(record.outputBlockIds, blocks)}]`;
  if (record.tailBlockId !== undefined) line += `, "tail_block_hash": [${blocks.text(record.tailBlockId)}]`;
  if (record.outputTokenIds) line += `, "output_token_ids": [${record.outputTokenIds.join(", ")}]`;
  if (record.finishReason !== undefined) line += `, "finish_reason": ${JSON.stringify(record.finishReason)}`;
  if (record.elapsedMs !== undefined) line += `, "elapsed_ms": ${record.elapsedMs}`;
  line += originText(record);
  if (record.extra) {
    for (const [key, value] of Object.entries(record.extra))
      line += `, ${JSON.stringify(key)}: ${JSON.stringify(value)}`;
  }
  return `${line}}`;
}

/**
 * Reads one line of the tap schema: a record, the facts of a meta line, or what the closing line says.
 * @param blocks takes up the line's block hashes
 * @param blockSize tokens a block, against which the length of the hash chain is checked
 * @throws InputError that names the field when the line is not a row that can be used
 * @example
 * ```ts
 * import { BlockTable } from "prefixlab/trace";
 * import { recordFromLine } from "prefixlab/trace/files";
 * const line = '{"prompt_tokens": 40, "output_tokens": 24, "block_hashes": [11, 12], "ttft_ms": 36}';
 * recordFromLine(line, new BlockTable(), 16);
 * // → { record: { promptTokens: 40, outputTokens: 24, ttftMs: 36, blockIds: [0, 1] } }
 * ```
 */
export function recordFromLine(
  line: string,
  blocks: BlockTable,
  blockSize = 16,
): { readonly record: TraceRecord } | { readonly meta: TraceMeta } | { readonly end: TraceEnd } {
  const bytes = Buffer.from(line);
  const parser = new RecordParser(blocks);
  try {
    const json = parser.parse(bytes, 0, bytes.length);
    if ("meta" in json && !("prompt_tokens" in json)) return { meta: metaFromJson(json.meta) };
    if ("end" in json && !("prompt_tokens" in json)) return { end: endFromJson(json.end) };
    return { record: parser.record(json, blockSize) };
  } catch (error) {
    if (error instanceof RowError) throw new InputError(`recordFromLine: ${error.message}`);
    throw error;
  }
}

function hashTexts(ids: Int32Array, blocks: BlockTable): string {
  let text = "";
  for (let i = 0; i < ids.length; i++) text += i === 0 ? blocks.text(ids[i]) : `, ${blocks.text(ids[i])}`;
  return text;
}

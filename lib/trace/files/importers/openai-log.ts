import type { JsonObject } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { callTimes, dateOf } from "./call-times.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import {
  fieldOf,
  looseObject,
  optionalCount,
  optionalObject,
  optionalText,
  optionalTime,
} from "./row-fields.js";
import { answerOf, finishReasonOf, promptOf, usageCounts } from "./text-prompt.js";
import { TextTokens } from "./text-tokens.js";
import { type RecordFields, TraceBuilder } from "./trace-builder.js";

/**
 * Logs of an OpenAI-compatible server: JSON lines of request bodies (`messages`, `prompt` or `input`), bare or as `body` or
 * `request` beside `response` (the answer's body). Anthropic's bodies are read too: `system` beside the messages, `content`
 * of the answer, `usage` in three counts.
 *
 * - `timestamp` (s, or a date and time; another unit is detected), or a gateway's `startTime`, `completionStartTime` and
 *   `endTime`, see `call-times.ts`; `arrival_ms`, `ttft_ms`, `elapsed_ms`. Where there is no other, `response.created`, in
 *   whole seconds.
 * - `session`, `turn`, `id`, under these names and those of others
 *
 * Text is turned into tokens and hashed on the way, see `text-tokens.ts`; no text is kept. Without `tokenize`, one byte of
 * UTF-8 is one token, and counts that the server reported are kept as `usage_prompt_tokens`, `usage_completion_tokens` and
 * `usage_cached_tokens`. A `prompt` of token ids is taken as it is.
 *
 * The answer's tokens are those of `response`, else what its usage says, else the request's `max_tokens`.
 */
export const openaiLog: Importer = {
  format: "openai-log",
  description:
    "JSON lines of OpenAI request bodies, with or without responses: tokenized and hashed on the way",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize, {
      field: "timestamp",
      unit: "s",
      open: true,
      also: [],
    });
    const texts = new TextTokens(builder, options, blockSize);
    let limited = 0;
    await readJsonRows(path, builder, options, (row, line) => {
      builder.row(line, () => openaiRecord(row, line, builder, texts, () => limited++));
    });
    if (limited > 0)
      builder.assume(
        `${limited} of ${builder.length} requests have no answer: theirs is taken to be as long as their limit, max_tokens`,
      );
    if (texts.said !== undefined) builder.assume(texts.said);
    return builder.finish({ source: "openai-log", blockSize, extra: { tokenizer: texts.tokenizer } });
  },
};

/** @param onLimit told of an answer of which only the limit is known */
function openaiRecord(
  row: JsonObject,
  line: number,
  builder: TraceBuilder,
  texts: TextTokens,
  onLimit: () => void,
): RecordFields {
  const body = optionalObject(row, "body") ?? optionalObject(row, "request") ?? row;
  const given = optionalObject(row, "response");
  const response = (given && (optionalObject(given, "body") ?? given)) ?? {};
  const usage = usageCounts(looseObject(response, "usage"));
  const { answerTokens, ...text } = texts.of(promptOf(body), answerOf(response));
  const limit =
    optionalCount(body, "max_completion_tokens") ??
    optionalCount(body, "max_tokens") ??
    optionalCount(body, "max_output_tokens");
  const told = answerTokens ?? usage.outputTokens;
  const outputTokens = told ?? limit;
  if (outputTokens === undefined)
    throw new RowError("the answer's length is unknown: no response, no usage, no max_tokens");
  if (told === undefined) onLimit();
  const times = callTimes(row);
  let arrivalMs = optionalTime(row, "arrival_ms") ?? times.startMs;
  if (arrivalMs === undefined && response.created !== undefined) {
    arrivalMs = dateOf(response, "created");
    if (arrivalMs !== undefined) builder.count("arrival from response.created, in whole seconds", line);
  }
  const isFailed =
    row.status === "failure" || (row.error !== undefined && row.error !== null && row.error !== "");
  return {
    ...text,
    outputTokens,
    arrivalMs,
    ttftMs: optionalTime(row, "ttft_ms") ?? times.ttftMs,
    elapsedMs: optionalTime(row, "elapsed_ms") ?? times.elapsedMs,
    finishReason: isFailed ? "error" : finishReasonOf(response),
    requestId: optionalText(row, fieldOf(row, ["request_id", "id"])),
    session: optionalText(row, fieldOf(row, ["session", "session_id", "conversation_id"])),
    turn: optionalCount(row, "turn", 1),
    ...(Object.keys(usage).length > 0 && {
      extra: {
        ...(usage.promptTokens !== undefined && { usage_prompt_tokens: usage.promptTokens }),
        ...(usage.outputTokens !== undefined && { usage_completion_tokens: usage.outputTokens }),
        ...(usage.cachedTokens !== undefined && { usage_cached_tokens: usage.cachedTokens }),
      },
    }),
  };
}

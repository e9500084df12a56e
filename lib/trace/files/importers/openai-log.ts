import { describeValue } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { Fingerprinter, internHashes } from "../fingerprint.js";
import type { Importer, ImportOptions } from "./importer.js";
import { type JsonObject, readJsonRows } from "./json-rows.js";
import { optionalCount, optionalList, optionalObject, optionalText, optionalTime } from "./row-fields.js";
import { type RecordFields, TraceBuilder } from "./trace-builder.js";

/**
 * Logs of an OpenAI-compatible server: JSON lines of request bodies (`messages` or `prompt`), bare or as `body` or
 * `request` beside `response` (the answer's body), `timestamp` (s, or a date and time), `arrival_ms`, `ttft_ms`, `elapsed_ms`,
 * `session`, `turn`.
 *
 * Text is turned into tokens and hashed on the way; no text is kept. Without `tokenize`, one byte of UTF-8 is one
 * token: sharing is right to the byte, lengths are those of the text (about four times those of a model's tokenizer), and
 * counts that the server reported are kept as `usage_prompt_tokens` and `usage_completion_tokens`. A `prompt` of token ids
 * is taken as it is. Messages are laid out one after another, each behind its role, tools first, and the answer's role last:
 * a prompt that repeats the answer continues its blocks. Chat templates of real models differ in the details.
 *
 * The answer's tokens are those of `response`, else `usage.completion_tokens`, else the request's `max_tokens`.
 */
export const openaiLog: Importer = {
  format: "openai-log",
  description:
    "JSON lines of OpenAI request bodies, with or without responses: tokenized and hashed on the way",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options.strict, blockSize);
    let firstMs: number | undefined;
    await readJsonRows(path, builder, options, (row, line) => {
      builder.row(line, () => {
        const fields = fieldsOf(row, builder, options, blockSize);
        const clockMs = row.arrival_ms === undefined ? clockOf(row) : undefined;
        firstMs ??= clockMs;
        return {
          ...fields,
          arrivalMs: optionalTime(row, "arrival_ms") ?? (clockMs && clockMs - (firstMs as number)),
        };
      });
    });
    if (!options.tokenize) builder.warn("text is counted in bytes of UTF-8, about four to a token");
    return builder.finish({
      source: "openai-log",
      blockSize,
      extra: { tokenizer: options.tokenize ? "given" : "bytes" },
    });
  },
};

const encoder = new TextEncoder();

function fieldsOf(
  row: JsonObject,
  builder: TraceBuilder,
  options: ImportOptions,
  blockSize: number,
): RecordFields {
  const body = optionalObject(row, "body") ?? optionalObject(row, "request") ?? row;
  const tokenize = options.tokenize ?? ((text: string) => encoder.encode(text));
  const key = options.fingerprintKey;
  const fingerprinter = new Fingerprinter({ blockSize, ...(key && { key }) });
  const prompt = promptOf(body);
  const promptIds = typeof prompt === "string" ? tokenize(prompt) : prompt;
  const response = optionalObject(row, "response");
  const answerBody = response && (optionalObject(response, "body") ?? response);
  const choice = answerBody && (optionalList(answerBody, "choices")?.[0] as JsonObject | undefined);
  const answer = choice && answerOf(choice);
  const usage = (answerBody && optionalObject(answerBody, "usage")) ?? {};
  const answerIds = answer === undefined ? undefined : tokenize(answer);
  const completion = optionalCount(usage, "completion_tokens");
  const limit = optionalCount(body, "max_completion_tokens") ?? optionalCount(body, "max_tokens");
  const outputTokens = answerIds?.length ?? completion ?? limit;
  if (outputTokens === undefined)
    throw new RowError("the answer's length is unknown: no response, no usage, no max_tokens");
  const blockIds = internHashes(fingerprinter.append(promptIds), builder.blocks);
  const outputBlockIds = answerIds && internHashes(fingerprinter.append(answerIds), builder.blocks);
  const reported = optionalCount(usage, "prompt_tokens");
  return {
    promptTokens: promptIds.length,
    outputTokens,
    ttftMs: optionalTime(row, "ttft_ms"),
    elapsedMs: optionalTime(row, "elapsed_ms"),
    blockIds,
    outputBlockIds,
    finishReason: choice && optionalText(choice, "finish_reason"),
    session: optionalText(row, "session"),
    turn: optionalCount(row, "turn", 1),
    ...((reported !== undefined || completion !== undefined) && {
      extra: {
        ...(reported !== undefined && { usage_prompt_tokens: reported }),
        ...(completion !== undefined && { usage_completion_tokens: completion }),
      },
    }),
  };
}

function promptOf(body: JsonObject): string | ArrayLike<number> {
  const { prompt, tools } = body;
  if (typeof prompt === "string") return prompt;
  if (Array.isArray(prompt)) {
    if (prompt.every((id): id is number => typeof id === "number" && id >>> 0 === id)) return prompt;
    throw new RowError("prompt must be a text or a list of token ids");
  }
  const messages = optionalList(body, "messages");
  if (!messages) throw new RowError("neither messages nor prompt: not the body of a completion request");
  const parts = tools === undefined ? [] : [`<|tools|>\n${JSON.stringify(tools)}\n`];
  for (const [i, message] of (messages as JsonObject[]).entries()) {
    if (message === null || typeof message !== "object")
      throw new RowError(`messages[${i}] must be an object, got ${describeValue(message)}`);
    const called = message.tool_calls === undefined ? "" : JSON.stringify(message.tool_calls);
    parts.push(`<|${String(message.role)}|>\n${contentOf(message.content)}${called}\n`);
  }
  return `${parts.join("")}<|assistant|>\n`;
}

function answerOf(choice: JsonObject): string | undefined {
  const message = optionalObject(choice, "message");
  if (!message) return optionalText(choice, "text");
  const called = message.tool_calls === undefined ? "" : JSON.stringify(message.tool_calls);
  return `${contentOf(message.content)}${called}`;
}

function contentOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  if (!Array.isArray(content)) return JSON.stringify(content);
  return (content as JsonObject[])
    .map((part) => (typeof part?.text === "string" ? part.text : JSON.stringify(part)))
    .join("");
}

function clockOf(row: JsonObject): number | undefined {
  const value = row.timestamp;
  if (value === undefined || value === null) return undefined;
  const ms = typeof value === "number" ? value * 1000 : Date.parse(String(value));
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new RowError(`timestamp must be seconds or a date and time, got ${describeValue(value)}`);
}

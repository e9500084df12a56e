import { isJsonObject, type JsonObject } from "../../../base/index.js";
import { callTimes } from "./call-times.js";
import type { Importer } from "./importer.js";
import { readJsonItems } from "./json-rows.js";
import { addLoggedCalls, type LoggedCall } from "./logged-calls.js";
import { fieldOf, looseObject, optionalText } from "./row-fields.js";
import { answerOf, finishReasonOf, messageParts, promptOf, usageCounts } from "./text-prompt.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Logs of LiteLLM (BerriAI/litellm): the standard logging payload, one a line or a list of them, and rows of the spend logs.
 *
 * - `startTime`, `completionStartTime`, `endTime` (s, or dates and times), `prompt_tokens`, `completion_tokens`, `status`,
 *   `messages`, `response`, `model_parameters` (its `tools` stand before the messages), `metadata.usage_object`,
 *   `id` or `request_id`, `session_id` or `trace_id` (a session where several calls have it)
 * - Calls that the gateway answered from a cache of its own (`cache_hit`), and those that are no completions (`call_type`), are
 *   left out and counted: no engine saw them.
 */
export const litellm: Importer = {
  format: "litellm",
  description:
    "LiteLLM logs (standard logging payload, spend logs): times, counts, prompts hashed on the way",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize, { field: "startTime", unit: "s", open: true });
    const calls: LoggedCall[] = [];
    await readJsonItems(path, builder, options, (row, line) =>
      builder.row(line, () => {
        const payload = isJsonObject(row.standard_logging_object) ? row.standard_logging_object : row;
        const call = callOf(payload, line, builder);
        if (call) calls.push(call);
        return undefined;
      }),
    );
    const tokenizer = addLoggedCalls(builder, calls, options, blockSize);
    return builder.finish({
      source: "litellm",
      ...(tokenizer !== undefined && { blockSize }),
      extra: { ...(tokenizer !== undefined && { tokenizer }) },
    });
  },
};

function callOf(row: JsonObject, line: number, builder: TraceBuilder): LoggedCall | undefined {
  const kind = optionalText(row, "call_type") ?? "completion";
  if (!/completion|responses|anthropic_messages|generate_content/.test(kind)) {
    builder.count("call that is no completion, left out", line);
    return undefined;
  }
  if (/^true$/i.test(String(row.cache_hit))) {
    builder.count("call that the gateway answered from its own cache, left out", line);
    return undefined;
  }
  const response = jsonObject(row.response) ?? {};
  const metadata = looseObject(row, "metadata");
  const usage = usageCounts({
    prompt_tokens: row.prompt_tokens || undefined,
    completion_tokens: row.completion_tokens,
    ...looseObject(response, "usage"),
    ...looseObject(metadata, "usage_object"),
  });
  const messages = jsonList(row.messages);
  const parameters = looseObject(row, "model_parameters");
  const prompt =
    messages && messages.length > 0
      ? messageParts(messages, { tools: parameters.tools ?? row.tools, system: parameters.system })
      : typeof row.messages === "string" && row.messages !== "" && jsonObject(row.messages) === undefined
        ? promptOf({ prompt: row.messages })
        : undefined;
  const isFailed = row.status === "failure";
  const { model } = row;
  return {
    line,
    prompt,
    answer: answerOf(response),
    usage,
    ...callTimes(row),
    finishReason: isFailed ? "error" : finishReasonOf(response),
    requestId: optionalText(row, fieldOf(row, ["id", "request_id"])),
    session: optionalText(row, fieldOf(row, ["session_id", "trace_id"])),
    ...(typeof model === "string" && { extra: { model } }),
  };
}

function jsonList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value as readonly unknown[];
  const parsed = parsedText(value);
  return Array.isArray(parsed) ? (parsed as readonly unknown[]) : undefined;
}

function jsonObject(value: unknown): JsonObject | undefined {
  if (isJsonObject(value)) return value;
  const parsed = parsedText(value);
  return isJsonObject(parsed) ? parsed : undefined;
}

/** Databases hand JSON columns out as text. */
function parsedText(value: unknown): unknown {
  if (typeof value !== "string") return undefined;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

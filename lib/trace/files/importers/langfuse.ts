import { isJsonObject, type JsonObject } from "../../../base/index.js";
import { callTimes } from "./call-times.js";
import type { Importer } from "./importer.js";
import { readJsonItems } from "./json-rows.js";
import { addLoggedCalls, type LoggedCall } from "./logged-calls.js";
import { fieldOf, looseObject, optionalText, optionalTime } from "./row-fields.js";
import {
  contentText,
  messageParts,
  messageText,
  type PromptPart,
  promptOf,
  type UsageCounts,
} from "./text-prompt.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * Exports of Langfuse: observations as JSON lines or a list (`startTime` or `start_time`: both spellings of all fields), or a
 * downloaded trace or session that holds `observations`.
 *
 * - Observations of type GENERATION are calls of a model; spans and events are left out.
 * - `startTime`, `completionStartTime` (where streamed), `endTime`; `usageDetails`: its kinds of tokens share nothing, so the
 *   prompt is all that is no output (`input`, `input_cached_tokens`, `cache_read_input_tokens`, ...), and `usage` in older
 *   exports; `input` (messages, or an object that holds them and tools, or a text), `output`, `level` ERROR
 * - `sessionId`, or else `traceId`, is the session where several calls have it.
 */
export const langfuse: Importer = {
  format: "langfuse",
  description: "Langfuse exports of observations: times, counts, sessions, prompts hashed on the way",
  async read(path, options) {
    const blockSize = options.blockSize ?? 16;
    const builder = new TraceBuilder(path, options, blockSize, { field: "startTime", unit: "s", open: true });
    const calls: LoggedCall[] = [];
    const take = (row: JsonObject, line: number, session?: string) =>
      builder.row(line, () => {
        const type = String(row.type ?? "GENERATION").toUpperCase();
        if (type === "GENERATION") calls.push(callOf(row, line, session));
        return undefined;
      });
    await readJsonItems(path, builder, options, (row, line) => {
      const traces = Array.isArray(row.traces) ? (row.traces as unknown[]).filter(isJsonObject) : [row];
      for (const trace of traces) {
        const { observations } = trace;
        if (!Array.isArray(observations)) take(trace, line);
        else {
          const head = isJsonObject(trace.trace) ? trace.trace : trace;
          const session = optionalText(head, fieldOf(head, ["sessionId", "session_id", "id"]));
          for (const [at, one] of (observations as unknown[]).entries())
            if (isJsonObject(one)) take(one, at + 1, session);
        }
      }
    });
    const tokenizer = addLoggedCalls(builder, calls, options, blockSize);
    return builder.finish({
      source: "langfuse",
      ...(tokenizer !== undefined && { blockSize }),
      extra: { ...(tokenizer !== undefined && { tokenizer }) },
    });
  },
};

function callOf(row: JsonObject, line: number, session: string | undefined): LoggedCall {
  const model = row.model ?? row.providedModelName ?? row.provided_model_name;
  return {
    line,
    prompt: inputOf(parsed(row.input)),
    answer: outputOf(parsed(row.output)),
    usage: usageOf(row),
    ...durationsOf(row),
    finishReason: row.level === "ERROR" ? "error" : undefined,
    requestId: optionalText(row, "id"),
    session:
      optionalText(row, fieldOf(row, ["sessionId", "session_id"])) ??
      session ??
      optionalText(row, fieldOf(row, ["traceId", "trace_id"])),
    ...(typeof model === "string" && { extra: { model } }),
  };
}

/** In older exports, and those of tables: durations in seconds instead of moments. */
function durationsOf(row: JsonObject) {
  const seconds = (name: string) => optionalTime(row, name, 1000) || undefined;
  const times = callTimes(row);
  return {
    ...times,
    ttftMs: times.ttftMs ?? seconds(fieldOf(row, ["timeToFirstToken", "time_to_first_token"])),
    elapsedMs: times.elapsedMs ?? seconds("latency"),
  };
}

function inputOf(input: unknown): readonly PromptPart[] | undefined {
  if (typeof input === "string") return input === "" ? undefined : [{ role: "prompt", text: input }];
  if (Array.isArray(input)) return messageParts(input as unknown[]);
  if (!isJsonObject(input)) return undefined;
  if (input.messages !== undefined || input.prompt !== undefined || input.input !== undefined) {
    const prompt = promptOf(input);
    return prompt.length > 0 && typeof prompt[0] === "object" ? (prompt as readonly PromptPart[]) : undefined;
  }
  return [{ role: "prompt", text: JSON.stringify(input) }];
}

function outputOf(output: unknown): string | undefined {
  if (output === undefined || output === null) return undefined;
  return isJsonObject(output) ? messageText(output) : contentText(output);
}

function usageOf(row: JsonObject): UsageCounts {
  const details = isJsonObject(row.usageDetails) ? row.usageDetails : looseObject(row, "usage_details");
  const counts = Object.keys(details).length > 0 ? details : looseObject(row, "usage");
  const number = (value: unknown) => (typeof value === "number" && value >= 0 ? value : undefined);
  const old = number(counts.promptTokens ?? counts.prompt_tokens);
  if (old !== undefined) {
    const output = number(counts.completionTokens ?? counts.completion_tokens);
    return { promptTokens: old, ...(output !== undefined && { outputTokens: output }) };
  }
  let [prompt, output, cached, reasoning] = [0, 0, 0, 0];
  let [hasCached, hasPrompt] = [false, false];
  for (const [kind, value] of Object.entries(counts)) {
    const tokens = number(value);
    if (tokens === undefined || kind === "total" || kind === "unit") continue;
    if (/output|completion/.test(kind)) output += tokens;
    else {
      prompt += tokens;
      hasPrompt = true;
    }
    if (/reasoning/.test(kind)) reasoning += tokens;
    if (/cached|cache_read/.test(kind)) {
      cached += tokens;
      hasCached = true;
    }
  }
  if (!hasPrompt) return {};
  return {
    promptTokens: prompt,
    outputTokens: output,
    ...(hasCached && { cachedTokens: cached }),
    ...(reasoning > 0 && { reasoningTokens: reasoning }),
  };
}

/** Exports of tables hand JSON out as text. */
function parsed(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{"]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

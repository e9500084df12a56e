import { asObject, type JsonObject } from "../../base/index.js";
import type { ServerUsage } from "./answer-event.js";
import { asCount } from "./json-object.js";

/** Where counts are looked for: below the event itself, not in what was generated. */
const generated = new Set(["delta", "message_text", "content", "parts", "output", "text"]);
const DEEPEST = 3;

/**
 * The token counts in an event, wherever they stand in it and by whatever names:
 *
 * - OpenAI and what follows it: `prompt_tokens`, `completion_tokens`, `prompt_tokens_details.cached_tokens`; also under
 *   `x_groq` (Groq), in a choice and as `cached_tokens` (Moonshot), as `prompt_cache_hit_tokens` (DeepSeek);
 * - Responses: `input_tokens`, of which `input_tokens_details.cached_tokens`, `output_tokens`;
 * - Anthropic's Messages: `input_tokens` without what was read from the cache or written to it, which are added;
 * - Gemini: `promptTokenCount`, `cachedContentTokenCount`, `candidatesTokenCount` and `thoughtsTokenCount`;
 * - Ollama: `prompt_eval_count`, `eval_count`;
 * - llama.cpp's `timings`: `cache_n` and `prompt_n`, `predicted_n`, for what its usage does not say.
 * @returns undefined where there are none
 */
export function serverUsage(event: JsonObject): ServerUsage | undefined {
  let told: ServerUsage | undefined;
  const visit = (object: JsonObject, depth: number): void => {
    told = mergeUsage(countsOf(object), told);
    if (depth === DEEPEST) return;
    for (const [name, value] of Object.entries(object)) {
      if (typeof value !== "object" || value === null || generated.has(name)) continue;
      const below = Array.isArray(value) ? value.slice(0, 4) : [value];
      for (const each of below) {
        const inner = asObject(each);
        if (inner) visit(inner, depth + 1);
      }
    }
  };
  visit(event, 0);
  const timings = asObject(event.timings);
  return timings ? mergeUsage(told, timingCounts(timings)) : told;
}

/** Two reports of one answer: what the first does not tell, or tells as zero, is taken from the second. */
export function mergeUsage(
  first: ServerUsage | undefined,
  second: ServerUsage | undefined,
): ServerUsage | undefined {
  if (!first || !second) return first ?? second;
  const promptTokens = first.promptTokens || second.promptTokens;
  const outputTokens = first.outputTokens || second.outputTokens;
  // Zero cached tokens are a fact where the prompt was counted.
  const isCachedTold = first.cachedTokens !== undefined && (first.cachedTokens > 0 || !!first.promptTokens);
  const cachedTokens = isCachedTold ? first.cachedTokens : (second.cachedTokens ?? first.cachedTokens);
  return usage(promptTokens, outputTokens, cachedTokens);
}

function usage(
  promptTokens: number | undefined,
  outputTokens: number | undefined,
  cachedTokens: number | undefined,
): ServerUsage | undefined {
  if (promptTokens === undefined && outputTokens === undefined && cachedTokens === undefined)
    return undefined;
  return {
    ...(promptTokens !== undefined && { promptTokens }),
    ...(outputTokens !== undefined && { outputTokens }),
    ...(cachedTokens !== undefined && { cachedTokens }),
  };
}

function countsOf(object: JsonObject): ServerUsage | undefined {
  const read = asCount(object.cache_read_input_tokens);
  const written = asCount(object.cache_creation_input_tokens);
  const input = asCount(object.input_tokens);
  const details = asObject(object.prompt_tokens_details) ?? asObject(object.input_tokens_details);
  // Three disjoint counts in Anthropic's usage; others that tell what was read have it in their input.
  const isDisjoint = input !== undefined && !details && (read !== undefined || written !== undefined);
  const promptTokens =
    asCount(object.prompt_tokens) ??
    (isDisjoint ? input + (read ?? 0) + (written ?? 0) : input) ??
    asCount(object.promptTokenCount) ??
    asCount(object.prompt_eval_count);
  const thoughts = asCount(object.thoughtsTokenCount);
  const candidates = asCount(object.candidatesTokenCount);
  const outputTokens =
    asCount(object.completion_tokens) ??
    asCount(object.output_tokens) ??
    (candidates === undefined && thoughts === undefined ? undefined : (candidates ?? 0) + (thoughts ?? 0)) ??
    asCount(object.eval_count);
  // Beside no count of the prompt these names mean other things.
  if (promptTokens === undefined && outputTokens === undefined) return undefined;
  const cachedTokens =
    asCount(details?.cached_tokens) ??
    asCount(object.cached_tokens) ??
    asCount(object.prompt_cache_hit_tokens) ??
    read ??
    asCount(object.cachedContentTokenCount);
  return usage(promptTokens, outputTokens, cachedTokens);
}

function timingCounts(timings: JsonObject): ServerUsage | undefined {
  const cached = asCount(timings.cache_n);
  const computed = asCount(timings.prompt_n);
  const prompt = cached !== undefined && computed !== undefined ? cached + computed : undefined;
  return usage(prompt, asCount(timings.predicted_n), cached);
}

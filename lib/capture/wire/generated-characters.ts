/** What is said about a part of an answer, and not generated: ids, kinds, places, signatures, sources found by a tool. */
const besides = new Set([
  "annotations",
  "cache_control",
  "citations",
  "created",
  "created_at",
  "finishReason",
  "finish_reason",
  "format",
  "id",
  "item_id",
  "logprobs",
  "model",
  "object",
  "call_id",
  "prompt_logprobs",
  "provider_specific_fields",
  "role",
  "signature",
  "status",
  "stop_reason",
  "thoughtSignature",
  "type",
]);

/**
 * Characters of what a part of an answer generated: all texts in it, under whatever names, but for those that say what
 * the part is. More than none is a token at least: text, thinking, a refusal, the name or the arguments of a tool.
 * @param part a delta, a message, a content block; a text stands for itself
 */
export function generatedCharacters(part: unknown): number {
  if (typeof part === "string") return part.length;
  if (typeof part !== "object" || part === null) return 0;
  if (Array.isArray(part)) return part.reduce((sum: number, item) => sum + generatedCharacters(item), 0);
  let characters = 0;
  for (const [name, value] of Object.entries(part))
    if (!besides.has(name)) characters += generatedCharacters(value);
  return characters;
}

import { chatParts, type PromptSource } from "../wire/index.js";

/**
 * Characters or token ids of all prompts of a request beyond which it passes unrecorded: no model takes as many, and
 * hashing them takes seconds.
 */
export const LARGEST_PROMPT = 4 * 1024 * 1024;

/** Characters of text, or token ids, of prompts together; images and the like are no text. */
export function promptSize(prompts: readonly PromptSource[]): number {
  let size = 0;
  for (const prompt of prompts) {
    if (prompt.kind === "ids") size += prompt.ids.length;
    else if (prompt.kind === "text") size += prompt.text.length;
    else if (prompt.kind === "chat")
      for (const { pieces } of chatParts(prompt.chat))
        for (const piece of pieces) if (typeof piece === "string") size += piece.length;
  }
  return size;
}

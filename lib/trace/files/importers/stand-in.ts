import { createHash } from "node:crypto";

/** A short text that stands for content that is no text, as an image: equal ones are equal. */
export function standIn(kind: string, content: unknown): string {
  const digest = createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 16);
  return `<|${kind} ${digest}|>`;
}

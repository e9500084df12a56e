/**
 * A text as HTML has it, also inside an attribute in double quotes.
 * @example
 * ```ts
 * import { escapeHtml } from "prefixlab/figure";
 * escapeHtml("a < b & c"); // → "a &lt; b &amp; c"
 * ```
 */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

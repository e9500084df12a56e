const missingWords = /^(n\/?a|nan|null|none|nil|undefined|unknown|-{1,2}|-1(\.0+)?)?$/i;

/**
 * The value, or undefined where it stands for "not measured": null, NaN, an empty text, "N/A", "NaN", "null", "None", "-",
 * and -1, of which no count and no duration has any. A 0 can be a fact (cached tokens, the first arrival): what it means is
 * decided where the field is known, see {@link TraceBuilder}.
 */
export function presentValue(value: unknown): unknown {
  if (value === undefined || value === null || value === -1) return undefined;
  if (typeof value === "number") return Number.isNaN(value) ? undefined : value;
  return typeof value === "string" && missingWords.test(value.trim()) ? undefined : value;
}

/** A text that names something, or undefined where it says that there is none. */
export function presentText(text: string | undefined): string | undefined {
  return presentValue(text) as string | undefined;
}

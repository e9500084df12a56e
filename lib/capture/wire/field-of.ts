/** A field of what may be an object; undefined where it is none. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** A field that is a whole number of at least `min`; undefined where it is anything else. */
export function countOf(value: unknown, name: string, min = 1): number | undefined {
  const count = fieldOf(value, name);
  return typeof count === "number" && Number.isSafeInteger(count) && count >= min ? count : undefined;
}

/** A field that is a text of at least one character; undefined where it is anything else. */
export function textOf(value: unknown, name: string): string | undefined {
  const text = fieldOf(value, name);
  return typeof text === "string" && text !== "" ? text : undefined;
}

/** A field that is true or false; undefined where it is anything else. */
export function switchOf(value: unknown, name: string): boolean | undefined {
  const state = fieldOf(value, name);
  return typeof state === "boolean" ? state : undefined;
}

/** An object as JSON may hold it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Whether a value is a JSON object: neither a list nor null.
 * @example
 * ```ts
 * import { isJsonObject } from "prefixlab/base";
 * [isJsonObject({}), isJsonObject([]), isJsonObject(null)]; // → [true, false, false]
 * ```
 */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The value as an object; undefined where it is none.
 * @example
 * ```ts
 * import { asObject } from "prefixlab/base";
 * asObject([1]) === undefined; // → true
 * ```
 */
export function asObject(value: unknown): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined;
}

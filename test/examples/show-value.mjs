/**
 * A value as the examples in doc comments write it: as a literal, with four significant digits where it is not whole.
 * Typed arrays are written as arrays.
 */
export function showValue(value) {
  if (typeof value === "number")
    return String(Number.isInteger(value) ? value : Number(value.toPrecision(4)));
  if (typeof value === "string") return JSON.stringify(value);
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return `[${[...value].map(showValue).join(", ")}]`;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const fields = Object.entries(value).map(([key, held]) => `${key}: ${showValue(held)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.join(", ")} }`;
}

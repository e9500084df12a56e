import { inspect } from "node:util";

/** What is printed whole; longer is outlined. */
const mostLines = 24;
const mostCharacters = 2000;
const mostNames = 8;

/**
 * A value as text that a reader can take in: whole where it is short, otherwise an outline of one line a field with what stands
 * in it. A text is itself.
 */
export function valueText(value: unknown): string {
  if (typeof value === "string") return value;
  const whole = inspect(value, { depth: 3, maxArrayLength: 20, maxStringLength: 1000, breakLength: 100 });
  const isShort = whole.length <= mostCharacters && whole.split("\n").length <= mostLines;
  if (isShort || typeof value !== "object" || value === null) return whole;
  const name = className(value);
  if (Array.isArray(value) || ArrayBuffer.isView(value) || value instanceof Map || value instanceof Set)
    return brief(value);
  const fields = Object.entries(value).map(([key, field]) => `  ${key}: ${brief(field)}`);
  return [`${name}{`, ...fields, "}"].join("\n");
}

/** What a field holds, on one line. */
function brief(value: unknown): string {
  if (typeof value === "function") return "function";
  if (typeof value === "string") return inspect(value, { maxStringLength: 80 });
  if (typeof value !== "object" || value === null) return inspect(value);
  if (value instanceof Map || value instanceof Set) return `${className(value)}of ${value.size}`;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const items = Array.from(value as ArrayLike<unknown>);
    const [first] = items;
    const kind = Array.isArray(value) ? "" : className(value);
    if (typeof first === "object" && first !== null) return `${kind}${items.length} of ${brief(first)}`;
    const head = items.slice(0, 5).map((item) => brief(item));
    return `${kind}[${[...head, ...(items.length > 5 ? [`... ${items.length} in all`] : [])].join(", ")}]`;
  }
  const names = Object.keys(value);
  const more = names.length > mostNames ? [`... ${names.length} in all`] : [];
  return `${className(value)}{ ${[...names.slice(0, mostNames), ...more].join(", ")} }`;
}

/** The name of a class with a space behind it; nothing for a plain object or array. */
function className(value: object): string {
  const name =
    (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor?.name ?? "";
  return name === "" || name === "Object" || name === "Array" ? "" : `${name} `;
}

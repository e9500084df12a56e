/** JSON that Python wrote or that holds more than a double can: what was read as missing is told beside the value. */
export interface LenientJson {
  readonly value: unknown;
  /** NaN, Infinity and -Infinity, which Python writes and JSON does not know, were read as null. */
  readonly hadNaN: boolean;
}

/**
 * Parses JSON, and takes Python's NaN, Infinity and -Infinity for null: a value that is missing.
 * @throws SyntaxError when it is not JSON for another reason
 */
export function parseLenientJson(text: string): LenientJson {
  try {
    return { value: JSON.parse(text), hadNaN: false };
  } catch (error) {
    const repaired = withoutNaN(text);
    if (repaired === undefined) throw error;
    return { value: JSON.parse(repaired), hadNaN: true };
  }
}

/** The text with null for NaN and infinities outside of strings; undefined where there is none. */
function withoutNaN(text: string): string | undefined {
  if (!/NaN|Infinity/.test(text)) return undefined;
  const pieces: string[] = [];
  let from = 0;
  for (;;) {
    const open = text.indexOf('"', from);
    pieces.push(text.slice(from, open < 0 ? undefined : open).replace(/-?\b(?:NaN|Infinity)\b/g, "null"));
    if (open < 0) break;
    let close = open + 1;
    while (close < text.length && text[close] !== '"') close += text[close] === "\\" ? 2 : 1;
    from = close + 1;
    pieces.push(text.slice(open, from));
  }
  const repaired = pieces.join("");
  return repaired === text ? undefined : repaired;
}

/** How deep values that are only carried through may be nested: what writes them goes down level by level. */
export const deepestNesting = 500;

/** What {@link finiteOnly} found beside the value. */
export interface Finite<T> {
  readonly value: T;
  /** Paths of numbers beyond a double, which were left out. */
  readonly tooLarge: readonly string[];
}

/**
 * A JSON object without its numbers beyond a double (1e999): JSON.parse makes them infinite, and they would be written
 * back as null. The same object where there is none.
 * @throws RangeError when it is nested deeper than {@link deepestNesting}
 */
export function finiteOnly<T extends Readonly<Record<string, unknown>>>(object: T): Finite<T> {
  const tooLarge: string[] = [];
  const value = cleaned(object, "", 0, tooLarge) as T;
  return { value: tooLarge.length === 0 ? object : value, tooLarge };
}

function cleaned(value: unknown, path: string, depth: number, tooLarge: string[]): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) {
    tooLarge.push(path);
    return undefined;
  }
  if (value === null || typeof value !== "object") return value;
  if (depth === deepestNesting) throw new RangeError(`nested deeper than ${deepestNesting} levels`);
  // Leaving out an entry would move the ones behind it.
  if (Array.isArray(value))
    return value.map((entry: unknown, at) => cleaned(entry, `${path}[${at}]`, depth + 1, tooLarge) ?? null);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, entry]) => {
      const kept = cleaned(entry, path === "" ? key : `${path}.${key}`, depth + 1, tooLarge);
      return kept === undefined ? [] : [[key, kept]];
    }),
  );
}

import type { Bytes } from "../../base/index.js";

/** Deepest nesting of arrays and objects that is read. */
const DEEPEST = 256;

/** What V8 keeps for a value at the least, in bytes: a field of an array, a string, an object, a key of one. */
const VALUE_BYTES = 8;
const STRING_BYTES = 32;
const OBJECT_BYTES = 64;
const KEY_BYTES = 40;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/**
 * What parsing a JSON text would cost in memory, estimated from its punctuation without parsing it: a body of a few
 * megabytes can hold millions of values, each of which costs more than its text.
 * @returns bytes; Infinity where arrays and objects are nested too deep
 */
export function jsonWeight(text: Uint8Array): Bytes {
  let weight = 2 * text.length;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === quote) {
      at = stringEnd(text, at + 1);
      weight += STRING_BYTES;
    } else if (byte === comma) weight += VALUE_BYTES;
    else if (byte === colon) weight += KEY_BYTES;
    else if (byte === 0x5b || byte === 0x7b) {
      weight += OBJECT_BYTES;
      if (++depth > DEEPEST) return Number.POSITIVE_INFINITY;
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return weight;
}

/** Where the string that began before `from` has its closing quote. */
function stringEnd(text: Uint8Array, from: number): number {
  let at = text.indexOf(quote, from);
  while (at > 0) {
    let slashes = 0;
    while (at - 1 - slashes >= from && text[at - 1 - slashes] === backslash) slashes++;
    if (slashes % 2 === 0) return at;
    // Counted from here on: what lies before has been looked at.
    from = at + 1;
    at = text.indexOf(quote, from);
  }
  return text.length;
}

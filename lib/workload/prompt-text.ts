import { requireInteger, stream } from "../base/index.js";

const ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "st", "tr", "pl"];
const VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];

/**
 * Plain lower-case ASCII words of two or three syllables, separated by single spaces, exactly `characters` long.
 * Drawn from `stream(seed, name)`: two names differ within their first few characters, so prompts share a prefix
 * only where they are built to.
 * @throws InputError when `characters` is no non-negative integer
 * @example
 * ```ts
 * import { promptText } from "prefixlab/workload";
 * promptText({ seed: 1, name: "s0/1", characters: 40 }); // → "vimea mevou potea poupata roukai bearotr"
 * ```
 */
export function promptText(options: {
  readonly seed: number | string;
  readonly name: string;
  readonly characters: number;
}): string {
  const characters = requireInteger("promptText", "characters", options.characters);
  const draws = stream(options.seed, `text/${options.name}`);
  const words: string[] = [];
  // Length of the words joined by single spaces.
  let length = -1;
  while (length < characters) {
    let word = "";
    const syllables = 2 + draws.integer(2);
    for (let s = 0; s < syllables; s++)
      word += ONSETS[draws.integer(ONSETS.length)] + VOWELS[draws.integer(VOWELS.length)];
    words.push(word);
    length += word.length + 1;
  }
  return words.join(" ").slice(0, characters);
}

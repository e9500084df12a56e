import type { Tokens } from "../../base/index.js";

/** Letters by their frequency in English text, so that an answer looks like text; all are one byte, one token. */
const ALPHABET = "eeeeeeeettttttaaaaaooooooiiiiinnnnnsssshhhhrrrrdddlllcccuuummmwwffggyyppbbvk".concat(
  " ".repeat(14),
);

/**
 * The answer to a prompt: byte tokens that follow from the prompt's tokens and a seed alone, so that the same prompt
 * has the same answer on every server and in every run.
 */
export function generatedTokens(prompt: Int32Array, count: Tokens, seed: number): Int32Array {
  let state = 0x9e3779b9 ^ seed;
  for (const token of prompt) state = Math.imul(state ^ token, 0x01000193) ^ (state >>> 15);
  const tokens = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    // Marsaglia's xorshift with a counter added (a Weyl sequence), so that no state repeats early.
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    tokens[i] = ALPHABET.charCodeAt(((bits ^ (bits >>> 14)) >>> 0) % ALPHABET.length);
  }
  return tokens;
}

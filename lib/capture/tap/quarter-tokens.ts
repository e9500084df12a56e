import type { PromptPiece } from "../wire/index.js";

/** A thing in a prompt, and how many of the text's token ids stand before it. */
export interface PlacedThing {
  readonly at: number;
  readonly digest: string;
}

/**
 * Token ids of a prompt with things in it, where no tokenizer is at hand: four UTF-8 bytes of text are one token, about
 * the mean of tokenizers for English, so that text and things, which the server counts in its tokens, are of one unit.
 * @returns ids of the text, a text before or behind a thing filled up to whole tokens, and where things stand
 */
export function quarterTokens(pieces: readonly PromptPiece[]): {
  readonly ids: Uint32Array;
  readonly things: readonly PlacedThing[];
} {
  const things: PlacedThing[] = [];
  const ids: number[] = [];
  let text = "";
  const flush = () => {
    const bytes = Buffer.from(text, "utf8");
    for (let at = 0; at < bytes.length; at += 4) {
      const length = Math.min(4, bytes.length - at);
      ids.push(bytes.readUIntLE(at, length));
    }
    text = "";
  };
  for (const piece of pieces) {
    if (typeof piece === "string") text += piece;
    else {
      flush();
      things.push({ at: ids.length, digest: piece.digest });
    }
  }
  flush();
  return { ids: Uint32Array.from(ids), things };
}

import type { Tokens } from "../../../base/index.js";
import type { ChainTable } from "./chain-table.js";

/** A stretch of content: what it is, and how many tokens of it stand here. */
interface Piece {
  readonly content: string;
  readonly tokens: Tokens;
}

/**
 * The context of one conversation as pieces of content whose identity is known though their tokens are not, cut into full
 * blocks: a block is the same where it holds the same pieces after the same blocks.
 */
export class ContextChain {
  readonly #chains: ChainTable;
  readonly #blockSize: Tokens;
  #pieces: Piece[] = [];
  #tokens: Tokens = 0;
  #chain: number[] = [];
  #open = "";
  #openTokens: Tokens = 0;

  constructor(chains: ChainTable, blockSize: Tokens) {
    this.#chains = chains;
    this.#blockSize = blockSize;
  }

  /** How many tokens it holds. */
  get tokens(): Tokens {
    return this.#tokens;
  }

  /** Its full blocks so far. */
  blockIds(): Int32Array {
    return Int32Array.from(this.#chain);
  }

  /** Adds a piece of content, closing every block that it fills. */
  append(content: string, tokens: Tokens): void {
    if (tokens === 0) return;
    this.#pieces.push({ content, tokens });
    this.#tokens += tokens;
    let from = 0;
    while (from < tokens) {
      const taken = Math.min(tokens - from, this.#blockSize - this.#openTokens);
      this.#open += `${content} from ${from} for ${taken};`;
      this.#openTokens += taken;
      from += taken;
      if (this.#openTokens < this.#blockSize) return;
      this.#chain.push(this.#chains.child(this.#chain.at(-1), this.#open));
      this.#open = "";
      this.#openTokens = 0;
    }
  }

  /** Keeps only the first so many tokens: a history that was edited, compacted, or started over. */
  truncate(tokens: Tokens): void {
    if (tokens >= this.#tokens) return;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#tokens = 0;
    this.#chain = [];
    this.#open = "";
    this.#openTokens = 0;
    for (const piece of pieces) {
      const left = tokens - this.#tokens;
      if (left <= 0) return;
      this.append(piece.content, Math.min(left, piece.tokens));
    }
  }
}

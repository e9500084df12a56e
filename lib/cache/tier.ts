import type { Blocks } from "../base/index.js";

/**
 * A tier of memory behind a pool, as one engine sees it: its own ({@link KvTier}), or a store that it shares with others
 * (`SharedTier`). Chunks are named by dense integers: the content id of their last block.
 */
export interface Tier {
  readonly capacityChunks: Blocks;
  /** Chunks held, and those of them that stay for now, whoever needs them. */
  readonly heldChunks: Blocks;
  readonly pinnedChunks: Blocks;
  /** Whether it holds a chunk, or is being given it. */
  has(chunk: number): boolean;
  /** Whether this engine may count on a chunk: it can be read, or will be once this engine has written it. */
  isThere(chunk: number): boolean;
  /** Whether a chunk stays for now. */
  isPinned(chunk: number): boolean;
  /** Whether this engine is reading or writing it. */
  isBusy(chunk: number): boolean;
  /** Whether somebody is writing it. */
  isBeingWritten(chunk: number): boolean;
  /**
   * Takes in a chunk that it does not hold, as the most recent one; another one leaves for it where it is full.
   * @returns false where all others are pinned: nothing has changed
   */
  store(chunk: number): boolean;
  /** Makes a chunk that it holds the most recent one. */
  use(chunk: number): void;
  /** Takes in a chunk that stays, and is not to be read, until it is {@link Tier.written}. */
  write(chunk: number): void;
  written(chunk: number): void;
  pin(chunk: number): void;
  unpin(chunk: number): void;
}

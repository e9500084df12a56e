import type { Ms, Tokens } from "../base/index.js";

/** What one request loaded from the tiers behind the KV pool. */
export interface KvLoad {
  /** The caller's name for the request. */
  readonly tag: number;
  /** Tokens before them that were in the pool. */
  readonly depthTokens: Tokens;
  /** By tier, the nearest first; where all of a prompt was loaded, its last token among them, which is computed all the same. */
  readonly tokens: readonly Tokens[];
  /** When it was asked for, and when it was there. */
  readonly beganMs: Ms;
  readonly endMs: Ms;
  /** Whether it had been preempted: what it found at its first admission is told elsewhere. */
  readonly isAgain: boolean;
}

import type { Blocks, RandomStream } from "../../base/index.js";

/** The pool that an eviction policy works for. */
export interface EvictedPool {
  /** Blocks are numbered from 0 to capacityBlocks - 1. */
  readonly capacityBlocks: Blocks;
  /** For draws of the policy's own: the same run gives the same draws. */
  readonly random: RandomStream;
}

/**
 * Which idle block is given up when a new one is needed: a value that holds no state and starts that of one pool. Idle
 * blocks hold content that can be found, and no request holds them; a block without content is used up before any of
 * these, and a policy never hears of it.
 */
export interface EvictionPolicy {
  /** The word for it on a command line and in a trace's meta. */
  readonly name: string;
  start(pool: EvictedPool): Eviction;
}

/** An eviction policy at work in one pool. */
export interface Eviction {
  /** The block became idle. Of a request's blocks, the last one does so first. */
  freed(block: number, contentId: number): void;
  /** An idle block is in use again: no victim until it is freed. */
  reused(block: number): void;
  /** Names the idle block to give up, which then is idle no more. There is one. */
  victim(): number;
  /** The block's content can be found from now on. It is in use. */
  stored?(block: number, contentId: number): void;
  /** A request found the block's content, whether it was idle (then it was reused as well) or in use. */
  hit?(block: number): void;
}

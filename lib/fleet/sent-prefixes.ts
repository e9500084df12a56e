import type { Blocks } from "../base/index.js";
import { ReplicaSets } from "./replica-sets.js";

/** What a prompt has in common with what was sent before. */
export interface PrefixMatch {
  /** Leading blocks that were sent anywhere. */
  readonly blocks: Blocks;
  /** A replica that the last of them was sent to: the first, if it still has it. */
  readonly replica: number;
}

/**
 * Which prefixes were sent to which replica: an approximate tree, as a content id names a prefix to its end. What was sent to a
 * replica of a chain is the chain's beginning.
 */
export class SentPrefixes {
  /** Blocks of the tree that each replica has. */
  readonly sizeBlocks: Float64Array;
  readonly #sets: ReplicaSets;
  /** The replica that each content was first sent to. */
  #firstOf = new Uint16Array(1024);
  /** By replica: what was sent there, the last at the end. */
  readonly #sent: Sent[];

  constructor(readonly replicas: number) {
    this.sizeBlocks = new Float64Array(replicas);
    this.#sets = new ReplicaSets(replicas);
    this.#sent = Array.from({ length: replicas }, () => new Sent());
  }

  /** The longest beginning of a chain that was sent anywhere; undefined where none was. */
  match(chain: Int32Array, length: Blocks): PrefixMatch | undefined {
    const blocks = lengthThat(length, (block) => !this.#sets.isEmpty(chain[block]));
    if (blocks === 0) return undefined;
    const last = chain[blocks - 1];
    const first = this.#firstOf[last];
    if (this.#sets.has(last, first)) return { blocks, replica: first };
    let replica = 0;
    while (!this.#sets.has(last, replica)) replica++;
    this.#firstOf[last] = replica;
    return { blocks, replica };
  }

  /** Writes for each replica how many leading blocks of a chain were sent there. */
  depths(chain: Int32Array, length: Blocks, into: Int32Array): void {
    this.#sets.depths(chain, length, into);
  }

  /** The first `length` blocks of a chain are sent to a replica. */
  insert(chain: Int32Array, length: Blocks, replica: number): void {
    this.#sent[replica].push(chain, length);
    this.#addTo(chain, length, replica);
  }

  /** Forgets what was sent to a replica longest ago, ends of chains first, until it has so many blocks. */
  shrink(replica: number, blocks: Blocks): void {
    if (this.sizeBlocks[replica] <= blocks) return;
    const sent = this.#sent[replica];
    this.forget(replica);
    const kept = new Sent();
    for (let i = sent.chains.length - 1; i >= 0 && this.sizeBlocks[replica] < blocks; i--) {
      const chain = sent.chains[i];
      const known = lengthThat(sent.lengths[i], (block) => this.#sets.has(chain[block], replica));
      const length = Math.min(sent.lengths[i], known + blocks - this.sizeBlocks[replica]);
      if (length === known) continue;
      this.#addTo(chain, length, replica);
      kept.push(chain, length);
    }
    kept.reverse();
    this.#sent[replica] = kept;
  }

  /** Forgets all that was sent to a replica. */
  forget(replica: number): void {
    const { chains, lengths } = this.#sent[replica];
    chains.forEach((chain, i) => {
      for (let block = lengths[i] - 1; block >= 0 && this.#sets.has(chain[block], replica); block--)
        this.#sets.delete(chain[block], replica);
    });
    this.#sent[replica] = new Sent();
    this.sizeBlocks[replica] = 0;
  }

  #addTo(chain: Int32Array, length: Blocks, replica: number): void {
    const sets = this.#sets;
    for (let block = length - 1; block >= 0; block--) {
      const content = chain[block];
      if (sets.has(content, replica)) break;
      if (content >= this.#firstOf.length) this.#grow(content);
      if (sets.isEmpty(content)) this.#firstOf[content] = replica;
      sets.add(content, replica);
      this.sizeBlocks[replica]++;
    }
  }

  #grow(content: number): void {
    const larger = new Uint16Array(Math.max(content + 1, 2 * this.#firstOf.length));
    larger.set(this.#firstOf);
    this.#firstOf = larger;
  }
}

/** Beginnings of chains. */
class Sent {
  readonly chains: Int32Array[] = [];
  readonly lengths: Blocks[] = [];

  push(chain: Int32Array, length: Blocks): void {
    this.chains.push(chain);
    this.lengths.push(length);
  }

  reverse(): void {
    this.chains.reverse();
    this.lengths.reverse();
  }
}

/** How many of the first `length` blocks hold, where all after one that does not do not either. */
function lengthThat(length: Blocks, holds: (block: number) => boolean): Blocks {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

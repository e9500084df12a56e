import type { Tokens } from "../../base/index.js";
import { Fingerprinter } from "../../trace/files/index.js";
import { chainApart, requestApart } from "../wire/index.js";
import type { EngineBlockName, EngineCacheEvent } from "./kv-event-batch.js";

/** How blocks are named. */
export interface BlockNamesOptions {
  /** Of the trace's fingerprints. */
  readonly blockSize: Tokens;
  readonly key: Uint8Array | undefined;
}

/** An event with its blocks under the names that a capture writes; it holds no tokens. */
export type NamedEvent =
  | {
      readonly stored: readonly string[];
      readonly after: string | null;
      readonly block_size: number;
      readonly medium?: string;
      readonly group?: number;
    }
  | { readonly removed: readonly (string | null)[]; readonly medium?: string; readonly group?: number }
  | { readonly cleared: true };

interface KnownBlock {
  readonly name: string;
  /** The chain up to the block's end; undefined where it has no fingerprint. */
  readonly chain: { readonly high: number; readonly low: number } | undefined;
  /** Blocks with this content that are stored: engines keep twins. */
  copies: number;
}

/** A pool of so many blocks is none that fits a machine: what is forgotten before that was missed when it was removed. */
const MOST_BLOCKS = 1 << 21;

/**
 * Gives an engine's blocks names of the capture's own: the fingerprint, under the trace's key, of the tokens from the
 * chain's start to the block's end, as 16 hexadecimal digits. Where the engine's block is a whole number of the trace's,
 * that is the fingerprint of a block in the trace's rows, and the two can be joined, also under a salt or a named adapter. A block whose chain is not known to
 * its start, or has more in it than tokens, gets a running number behind "#", which says nothing of its content.
 */
export class BlockNames {
  readonly #options: BlockNamesOptions;
  readonly #known = new Map<EngineBlockName, KnownBlock>();
  #unnamed = 0;

  constructor(options: BlockNamesOptions) {
    this.#options = options;
  }

  /** The event as it is written. */
  named(event: EngineCacheEvent): NamedEvent {
    if (event.kind === "cleared") {
      this.clear();
      return { cleared: true };
    }
    const where = {
      ...(event.medium !== undefined && event.medium !== "GPU" && { medium: event.medium }),
      ...(event.group !== 0 && { group: event.group }),
    };
    if (event.kind === "removed")
      return { removed: event.blocks.map((block) => this.#remove(block)), ...where };
    const parent = event.parent === undefined ? undefined : this.#known.get(event.parent);
    return {
      stored: this.#store(event, parent),
      after: parent?.name ?? null,
      block_size: event.blockSize,
      ...where,
    };
  }

  /** Nothing is stored any more. */
  clear(): void {
    this.#known.clear();
  }

  #store(event: EngineCacheEvent & { readonly kind: "stored" }, parent: KnownBlock | undefined): string[] {
    const { blocks, tokenIds, blockSize, lora, extraKeys } = event;
    const isFirst = event.parent === undefined;
    const isKnown = !event.isAdapterUnnamed && (isFirst || parent?.chain !== undefined);
    if (!isKnown || tokenIds === undefined) return blocks.map((block) => this.#keep(block, undefined));
    const ownSize = blockSize % this.#options.blockSize === 0 ? this.#options.blockSize : blockSize;
    const salt = isFirst ? saltIn(extraKeys?.[0], lora) : undefined;
    const apart = isFirst ? chainApart(lora, requestApart(salt, [])) : undefined;
    const chain = new Fingerprinter({
      blockSize: ownSize,
      ...(this.#options.key && { key: this.#options.key }),
      ...(apart !== undefined && { apart }),
      ...(parent?.chain && { after: parent.chain }),
    });
    let isBroken = false;
    return blocks.map((block, place) => {
      const known = [lora, isFirst && place === 0 ? salt : undefined];
      isBroken ||= keysOf(extraKeys?.[place]).some((key) => !known.includes(key as string));
      if (isBroken) return this.#keep(block, undefined);
      const { highs, lows } = chain.append(tokenIds.slice(place * blockSize, (place + 1) * blockSize));
      const last = highs.length - 1;
      return this.#keep(block, { high: highs[last], low: lows[last] });
    });
  }

  #keep(block: EngineBlockName, chain: KnownBlock["chain"]): string {
    const before = this.#known.get(block);
    if (before) {
      before.copies++;
      return before.name;
    }
    const name = chain ? hex(chain.high) + hex(chain.low) : `#${this.#unnamed++}`;
    this.#known.set(block, { name, chain, copies: 1 });
    if (this.#known.size > MOST_BLOCKS) {
      const [oldest] = this.#known.keys();
      this.#known.delete(oldest);
    }
    return name;
  }

  #remove(block: EngineBlockName): string | null {
    const known = this.#known.get(block);
    if (!known) return null;
    if (--known.copies === 0) this.#known.delete(block);
    return known.name;
  }
}

/** What is in a block's hash beside tokens: an adapter's name, in a chain's first block a salt, images and others. */
function keysOf(keys: unknown): readonly unknown[] {
  return Array.isArray(keys) ? keys : keys === null || keys === undefined ? [] : [keys];
}

/** The salt among the first block's keys: the one text that is not the adapter's name. */
function saltIn(keys: unknown, lora: string | undefined): string | undefined {
  const others = keysOf(keys).filter((key) => key !== lora);
  return others.length === 1 && typeof others[0] === "string" ? others[0] : undefined;
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, "0");
}

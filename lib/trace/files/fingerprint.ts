import { createHash, createHmac } from "node:crypto";
import { InputError, requireInteger } from "../../base/index.js";
import type { BlockTable } from "../block-table.js";

/** Upper and lower halves of 64-bit block hashes, first block to last. */
export interface BlockHashes {
  readonly highs: Uint32Array;
  readonly lows: Uint32Array;
}

/** How to fingerprint tokens. */
export interface FingerprintOptions {
  /** Tokens a block. Default 16. */
  readonly blockSize?: number;
  /**
   * Secret bytes. Without a key, a block of known tokens can be looked up by its hash; with one, only its holder can
   * compare. Two traces share blocks only under the same key.
   */
  readonly key?: Uint8Array;
  /** Halves of the hash of the block that the tokens follow. Default: they begin a chain. */
  readonly after?: { readonly high: number; readonly low: number };
  /**
   * What keeps chains of equal tokens apart, as engines do with a cache salt, an adapter or another model. Chains share
   * blocks only where it is the same, or absent.
   */
  readonly apart?: string;
}

/** Offset basis of 64-bit FNV-1a, 0xcbf29ce484222325: the hash that the first block of a chain follows. */
const basisHigh = 0xcbf29ce4 | 0;
const basisLow = 0x84222325 | 0;

/**
 * Chained hashes of the full blocks of a token sequence, fed in pieces: first the prompt, then the answer, whose
 * blocks continue the chain. Equal hashes mean equal tokens from the start to the end of that block.
 *
 * Without a key, the hash of a block is 64-bit FNV-1a (Fowler, Noll, Vo) over the 8 bytes of the hash before it
 * and then 4 bytes a token, all little-endian: the fingerprint of the tap schema. With a key it is the first 8 bytes
 * of HMAC-SHA256 over the same bytes. A chain that is kept apart begins with the first 8 bytes of the SHA-256 of what
 * keeps it apart instead of FNV's offset basis.
 * @example
 * ```ts
 * import { Fingerprinter } from "prefixlab/trace/files";
 * const fingerprinter = new Fingerprinter({ blockSize: 16 });
 * fingerprinter.append(new Int32Array(40)).lows.length; // → 2
 * fingerprinter.append(new Int32Array(24)).lows.length; // → 2
 * ```
 */
export class Fingerprinter {
  readonly blockSize: number;
  readonly #key: Uint8Array | undefined;
  readonly #pending: Uint32Array;
  #filled = 0;
  #high = basisHigh;
  #low = basisLow;

  /** @throws InputError when `blockSize` is no positive integer or `key` is empty */
  constructor(options: FingerprintOptions = {}) {
    this.blockSize = requireInteger("Fingerprinter", "blockSize", options.blockSize ?? 16, 1);
    if (options.key && options.key.length === 0) throw new InputError("Fingerprinter: key must not be empty");
    this.#key = options.key;
    this.#pending = new Uint32Array(this.blockSize);
    if (options.apart !== undefined) {
      const digest = createHash("sha256").update(options.apart).digest();
      this.#low = digest.readInt32LE(0);
      this.#high = digest.readInt32LE(4);
    }
    if (options.after) {
      this.#high = options.after.high | 0;
      this.#low = options.after.low | 0;
    }
  }

  /**
   * Takes further tokens and returns the hashes of the blocks that they complete. The tokens of an unfinished block
   * wait for the next call.
   * @throws InputError when a token id is no integer from 0 to 2^32 - 1
   */
  append(tokenIds: ArrayLike<number>): BlockHashes {
    const size = this.blockSize;
    const blocks = Math.floor((this.#filled + tokenIds.length) / size);
    const highs = new Uint32Array(blocks);
    const lows = new Uint32Array(blocks);
    let from = 0;
    for (let b = 0; b < blocks; b++) {
      if (!this.#key && this.#filled === 0 && tokenIds instanceof Uint32Array) {
        this.#fold(tokenIds, from);
        from += size;
      } else {
        from = this.#fill(tokenIds, from, size);
        if (this.#key) this.#foldKeyed(this.#key);
        else this.#fold(this.#pending, 0);
      }
      highs[b] = this.#high;
      lows[b] = this.#low;
      this.#filled = 0;
    }
    this.#fill(tokenIds, from, Math.min(size, this.#filled + tokenIds.length - from));
    return { highs, lows };
  }

  /** Copies tokens into the pending block until it holds `upTo`; returns where the next ones begin. */
  #fill(tokenIds: ArrayLike<number>, from: number, upTo: number): number {
    const pending = this.#pending;
    let at = from;
    for (let i = this.#filled; i < upTo; i++) {
      const token = tokenIds[at++];
      if (token >>> 0 !== token)
        throw new InputError(`Fingerprinter: token ids must be integers from 0 to 4294967295, got ${token}`);
      pending[i] = token;
    }
    this.#filled = upTo;
    return at;
  }

  /**
   * The prime is 2^40 + 435, so that with h = high 2^32 + low the product has the halves low 435 mod 2^32 and
   * high 435 + (low << 8) + carry. The carry, low 435 / 2^32, is exact in a double before it is truncated.
   */
  #fold(tokens: Uint32Array, from: number): void {
    const blockSize = this.blockSize;
    const carry = 435 / 4294967296;
    let high = basisHigh;
    let low = basisLow;
    let word = this.#low;
    for (let i = -2; i < blockSize; i++) {
      if (i === -1) word = this.#high;
      else if (i >= 0) word = tokens[from + i];
      low ^= word & 255;
      high = (Math.imul(high, 435) + (low << 8) + (((low >>> 0) * carry) | 0)) | 0;
      low = Math.imul(low, 435) ^ ((word >>> 8) & 255);
      high = (Math.imul(high, 435) + (low << 8) + (((low >>> 0) * carry) | 0)) | 0;
      low = Math.imul(low, 435) ^ ((word >>> 16) & 255);
      high = (Math.imul(high, 435) + (low << 8) + (((low >>> 0) * carry) | 0)) | 0;
      low = Math.imul(low, 435) ^ (word >>> 24);
      high = (Math.imul(high, 435) + (low << 8) + (((low >>> 0) * carry) | 0)) | 0;
      low = Math.imul(low, 435);
    }
    this.#high = high;
    this.#low = low;
  }

  #foldKeyed(key: Uint8Array): void {
    const bytes = Buffer.alloc(8 + 4 * this.#pending.length);
    bytes.writeInt32LE(this.#low, 0);
    bytes.writeInt32LE(this.#high, 4);
    for (let i = 0; i < this.#pending.length; i++) bytes.writeUInt32LE(this.#pending[i], 8 + 4 * i);
    const digest = createHmac("sha256", key).update(bytes).digest();
    this.#low = digest.readInt32LE(0);
    this.#high = digest.readInt32LE(4);
  }
}

/**
 * The chained hashes of the full blocks of a prompt; see {@link Fingerprinter} for what they are.
 * @throws InputError when a token id is no integer from 0 to 2^32 - 1
 * @example
 * ```ts
 * import { fingerprintTokens } from "prefixlab";
 * const { lows } = fingerprintTokens(Array.from({ length: 40 }, (_, at) => at), { blockSize: 16 });
 * lows.length; // → 2
 * ```
 */
export function fingerprintTokens(
  tokenIds: ArrayLike<number>,
  options: FingerprintOptions = {},
): BlockHashes {
  return new Fingerprinter(options).append(tokenIds);
}

/**
 * Dense ids of block hashes in a table, as a record's `blockIds` holds them.
 * @example
 * ```ts
 * import { BlockTable } from "prefixlab/trace";
 * import { fingerprintTokens, internHashes } from "prefixlab/trace/files";
 * const blocks = new BlockTable();
 * internHashes(fingerprintTokens(new Int32Array(48)), blocks); // → [0, 1, 2]
 * internHashes(fingerprintTokens(new Int32Array(32)), blocks); // → [0, 1]
 * ```
 */
export function internHashes(hashes: BlockHashes, blocks: BlockTable): Int32Array {
  const ids = new Int32Array(hashes.highs.length);
  blocks.internChain(hashes.highs, hashes.lows, ids);
  return ids;
}

const indexBits = 16;
const registers = 1 << indexBits;

/** Bits of a hash that are left for the rank, behind those of the index. */
const rankBits = 48;
/** Ranks are 0 in a register not in use, then 1 to this. */
const highestRank = rankBits + 1;

/**
 * How many different 64-bit hashes were seen, in 64 KiB: HyperLogLog (Flajolet, Fusy, Gandouet and Meunier 2007) with
 * the estimator of Ertl (2017), which is unbiased from the first hash on: the original one is 2.3 % too high where it
 * leaves linear counting, at 2.5 hashes a register. Standard error 1.04 / sqrt(65,536) = 0.4 %. Mergeable: the counter
 * of a union is the merge of the counters, whatever the split.
 */
export class DistinctCounter {
  readonly #ranks: Uint8Array;

  /** @param ranks the registers of a counter to go on from, as {@link registers} gives them. Default: none seen. */
  constructor(ranks: Uint8Array = new Uint8Array(registers)) {
    this.#ranks = ranks;
  }

  /** What it holds: for sending to another process. */
  get registers(): Uint8Array {
    return this.#ranks;
  }

  /** Takes in a hash given as its upper and lower 32 bits. Its bits are mixed first: hashes may be running numbers. */
  add(high: number, low: number): void {
    const index = mix(low ^ mix(high ^ 0x9e3779b9));
    const rest = mix(high ^ mix(low ^ 0x85ebca6b));
    const register = index & (registers - 1);
    // 16 bits of the first word are left over: they count on behind the 32 of the second one.
    const zeros = rest !== 0 ? Math.clz32(rest) : 32 + Math.clz32(index >>> indexBits) - indexBits;
    const rank = zeros + 1;
    if (rank > this.#ranks[register]) this.#ranks[register] = rank;
  }

  /** Adds all that another counter holds; the other is unchanged. */
  merge(other: DistinctCounter): void {
    for (let r = 0; r < registers; r++)
      if (other.#ranks[r] > this.#ranks[r]) this.#ranks[r] = other.#ranks[r];
  }

  /** The estimate, rounded to an integer. */
  estimate(): number {
    const counts = new Uint32Array(highestRank + 1);
    for (let r = 0; r < registers; r++) counts[this.#ranks[r]]++;
    const share = (rank: number): number => counts[rank] / registers;
    let sum = tau(1 - share(highestRank));
    for (let rank = rankBits; rank > 0; rank--) sum = (sum + share(rank)) / 2;
    sum += sigma(share(0));
    return Math.round(registers / (2 * Math.LN2 * sum));
  }
}

/** Ertl's series for the share of registers not in use: x + sum over k > 0 of 2^(k-1) x^(2^k). */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let sum = share;
  let before: number;
  let power = share;
  let weight = 1;
  do {
    before = sum;
    power *= power;
    sum += power * weight;
    weight *= 2;
  } while (sum !== before);
  return sum;
}

/** Ertl's series for the share of registers below the highest rank: (1 - x - sum of 2^-k (1 - x^(2^-k))^2) / 3. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let sum = 1 - share;
  let before: number;
  let root = share;
  let weight = 1;
  do {
    before = sum;
    root = Math.sqrt(root);
    weight /= 2;
    sum -= (1 - root) ** 2 * weight;
  } while (sum !== before);
  return sum / 3;
}

/** The finalizer of MurmurHash3 (Appleby): every bit of the result depends on every bit of the input. */
function mix(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

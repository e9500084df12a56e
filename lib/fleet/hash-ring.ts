/** A ring on which each replica has several places: a key belongs to the first place at or after its hash. */
export class HashRing {
  /** In order of hashes. */
  readonly #hashes: Uint32Array;
  readonly #replicas: Uint16Array;

  constructor(replicas: number, virtualNodes: number) {
    const places = Array.from({ length: replicas * virtualNodes }, (_, place) => ({
      hash: mixed(mixed(Math.floor(place / virtualNodes) + 1) ^ (place % virtualNodes)),
      replica: Math.floor(place / virtualNodes),
    })).sort((a, b) => a.hash - b.hash || a.replica - b.replica);
    this.#hashes = Uint32Array.from(places, ({ hash }) => hash);
    this.#replicas = Uint16Array.from(places, ({ replica }) => replica);
  }

  /** The replica that a key belongs to, of those that are open; -1 where none is. */
  find(key: number, isOpen: (replica: number) => boolean): number {
    const hashes = this.#hashes;
    const hash = mixed(key);
    let low = 0;
    let high = hashes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (hashes[middle] < hash) low = middle + 1;
      else high = middle;
    }
    for (let i = 0; i < hashes.length; i++) {
      const replica = this.#replicas[(low + i) % hashes.length];
      if (isOpen(replica)) return replica;
    }
    return -1;
  }
}

/** MurmurHash3's finalizer (Austin Appleby): whole numbers to evenly spread ones of 32 bits. */
function mixed(value: number): number {
  let h = (value + 0x9e3779b9) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

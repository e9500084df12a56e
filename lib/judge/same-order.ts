/** How two sequences of names agree. */
export interface OrderAgreement {
  readonly a: number;
  readonly b: number;
  /** In both, counted as often as in the one that has it less often. */
  readonly both: number;
  /** The most of these that come in one order in both. */
  readonly inOrder: number;
}

/**
 * How many names two sequences have in common, and how many of those in the same order: the nth time of a name in the one is
 * the nth time in the other, and of the pairs the longest run that rises in both is taken (patience sorting, in n log n).
 */
export function orderAgreement(a: ArrayLike<number>, b: ArrayLike<number>): OrderAgreement {
  const places = new Map<number, number[]>();
  for (let i = b.length - 1; i >= 0; i--) {
    const before = places.get(b[i]);
    if (before) before.push(i);
    else places.set(b[i], [i]);
  }
  /** Lowest last place of a rising run of each length. */
  const lasts: number[] = [];
  let both = 0;
  for (let i = 0; i < a.length; i++) {
    const place = places.get(a[i])?.pop();
    if (place === undefined) continue;
    both++;
    let low = 0;
    let high = lasts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (lasts[middle] < place) low = middle + 1;
      else high = middle;
    }
    lasts[low] = place;
  }
  return { a: a.length, b: b.length, both, inOrder: lasts.length };
}

/** Chains of ids as runs of ids that follow each other: one entry a chain, then one a run. */
export interface IdRuns {
  /** Runs of each chain; -1 where there is no chain. */
  readonly counts: Int32Array;
  /** First id of each run, less the one after the last id before it: mostly zeros. */
  readonly steps: Int32Array;
  readonly lengths: Int32Array;
}

/** Chains as runs: ids were given in the order in which blocks were first seen, so that what is new in a chain is one run. */
export function idRunsOf(chains: readonly (Int32Array | undefined)[]): IdRuns {
  const counts = new Int32Array(chains.length);
  const steps: number[] = [];
  const lengths: number[] = [];
  let expected = 0;
  chains.forEach((chain, index) => {
    if (!chain) {
      counts[index] = -1;
      return;
    }
    const before = lengths.length;
    for (let i = 0; i < chain.length; i++) {
      if (i > 0 && chain[i] === expected) lengths[lengths.length - 1]++;
      else {
        steps.push(chain[i] - expected);
        lengths.push(1);
      }
      expected = chain[i] + 1;
    }
    counts[index] = lengths.length - before;
  });
  return { counts, steps: Int32Array.from(steps), lengths: Int32Array.from(lengths) };
}

/** The chains behind runs. */
export function chainsOfRuns({ counts, steps, lengths }: IdRuns): (Int32Array | undefined)[] {
  let run = 0;
  let expected = 0;
  return Array.from(counts, (count) => {
    if (count < 0) return undefined;
    let length = 0;
    for (let r = run; r < run + count; r++) length += lengths[r];
    const chain = new Int32Array(length);
    let at = 0;
    for (const end = run + count; run < end; run++) {
      let id = expected + steps[run];
      for (let k = 0; k < lengths[run]; k++) chain[at++] = id++;
      expected = id;
    }
    return chain;
  });
}

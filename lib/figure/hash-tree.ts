/** A chain of block ids with a name: one prompt. */
export interface NamedChain {
  readonly name: string;
  readonly blockIds: ArrayLike<number>;
}

/** A run of blocks that the same prompts share, between two points where prompts part or end. */
export interface TreeSegment {
  /** First block and the block after the last one. */
  readonly from: number;
  readonly to: number;
  /** Where it is drawn: leaves take rows 0, 1, ... and a segment the row of its first child. */
  readonly row: number;
  /** Row of the segment that it grows out of; undefined at the root. */
  readonly parentRow?: number;
  /** Indexes of the chains that run through it. */
  readonly chains: readonly number[];
  /** Names of the chains that end at its end. */
  readonly endings: readonly string[];
}

/**
 * The prefix tree of some prompts, with blocks in a row merged into segments: equal ids mean equal prompts up to the
 * end of that block, so prompts share a segment exactly as far as their ids agree.
 */
export function hashTree(chains: readonly NamedChain[]): readonly TreeSegment[] {
  const segments: TreeSegment[] = [];
  let rows = 0;
  const grow = (members: readonly number[], from: number, parentRow: number | undefined): void => {
    const to = commonEnd(chains, members, from);
    const ending = members.filter((at) => lengthOf(chains, at) === to);
    const branches = new Map<number, number[]>();
    for (const at of members) {
      if (lengthOf(chains, at) === to) continue;
      const id = chains[at]?.blockIds[to];
      const branch = branches.get(id);
      if (branch) branch.push(at);
      else branches.set(id, [at]);
    }
    const row = rows;
    segments.push({
      from,
      to,
      row,
      ...(parentRow === undefined ? {} : { parentRow }),
      chains: members,
      endings: ending.map((at) => chains[at]?.name),
    });
    if (branches.size === 0) rows++;
    for (const branch of branches.values()) grow(branch, to, row);
  };
  const roots = new Map<number, number[]>();
  chains.forEach(({ blockIds }, at) => {
    if (blockIds.length === 0) return;
    const first = blockIds[0];
    roots.set(first, [...(roots.get(first) ?? []), at]);
  });
  for (const members of roots.values()) grow(members, 0, undefined);
  return segments;
}

function lengthOf(chains: readonly NamedChain[], at: number): number {
  return chains[at]?.blockIds.length ?? 0;
}

/** How far all members agree, at most to the end of the shortest. */
function commonEnd(chains: readonly NamedChain[], members: readonly number[], from: number): number {
  const shortest = Math.min(...members.map((at) => lengthOf(chains, at)));
  const first = chains[members[0]]?.blockIds;
  let to = from;
  while (to < shortest && members.every((at) => chains[at]?.blockIds[to] === first[to])) to++;
  return to;
}

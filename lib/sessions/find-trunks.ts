import type { Blocks } from "../base/index.js";
import type { BlockTrie } from "./block-trie.js";
import type { ParentRules } from "./parent-rules.js";

/** What makes a trunk: see {@link findTrunks}. */
export interface TrunkOptions {
  readonly trunkBranches: number;
  readonly trunkFanOut: number;
}

/**
 * Marks the blocks that are a shared trunk (a system prompt, a tool list, a document) rather than a conversation: a
 * block run that many roots continue differently.
 *
 * A prompt that parts from everything known before it, at a block where no finished request's prompt or answer had
 * just ended, is a *root-like opening* of that block: nobody's answer is being continued there. A block with
 * `trunkBranches` continuations of which all but the first are root-like is a trunk; so is one with `trunkFanOut`
 * continuations of any kind: a short request inside the system prompt makes what follows look like its answers.
 * Every block before a trunk block is trunk too.
 * @param spare an array as long as there are block ids, to be used up
 * @returns one byte a block id, 1 for trunk
 */
export function findTrunks(
  trie: BlockTrie,
  rules: ParentRules,
  options: TrunkOptions,
  spare: Int32Array,
): Uint8Array {
  const { columns, branches } = trie;
  const trunk = new Uint8Array(columns.idLimit);
  for (let id = 0; id < trunk.length; id++) {
    if (branches[id] >= Math.min(255, options.trunkFanOut)) markUpward(trie, trunk, id);
  }
  const openings = new Uint8Array(columns.idLimit);
  const nearEnd = spare.fill(-1);
  trie.replay((record, depth) => {
    const blocks = trie.promptBlocks[record];
    const chain = columns.chains[record];
    if (depth > 0 && depth < blocks) {
      const block = chain[depth - 1];
      if (trunk[block] === 0 && !followsAnswer(trie, rules, trunk, nearEnd, record, depth))
        openings[block] += openings[block] < 255 ? 1 : 0;
    }
    for (let d = blocks - 1; d > 0 && d >= blocks - rules.tailBlocks; d--) nearEnd[chain[d - 1]] = record;
  });
  for (let id = 0; id < trunk.length; id++)
    if (openings[id] >= Math.min(255, options.trunkBranches - 1)) markUpward(trie, trunk, id);
  return trunk;
}

/** Leading blocks of a record's prompt that are trunk. */
export function trunkDepth(trie: BlockTrie, trunk: Uint8Array, record: number): Blocks {
  const chain = trie.columns.chains[record];
  let low = 0;
  let high = trie.promptBlocks[record];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (trunk[chain[middle]] === 1) low = middle + 1;
    else high = middle;
  }
  return low;
}

function markUpward(trie: BlockTrie, trunk: Uint8Array, from: number): void {
  for (let id = from; id >= 0 && trunk[id] === 0; id = trie.precedingId[id]) trunk[id] = 1;
}

/**
 * True when a prompt that parts from all others after `depth` blocks does so where an answer to its earlier turns may
 * end: within the reach of the deepest prompt it holds whole, or, when it holds one at all, of a later prompt that it
 * holds but for the tail.
 */
function followsAnswer(
  trie: BlockTrie,
  rules: ParentRules,
  trunk: Uint8Array,
  nearEnd: Int32Array,
  record: number,
  depth: Blocks,
): boolean {
  const chain = trie.columns.chains[record];
  const fits = (parent: number) => rules.mayFollow(parent, record);
  const reaches = (parent: number, d: Blocks) => d + rules.answerBlocks(parent) >= depth;
  let followsTail = false;
  for (let d = depth; d > 0 && trunk[chain[d - 1]] === 0; d--) {
    const whole = trie.latestEnding(chain[d - 1], fits);
    if (whole >= 0) return followsTail || reaches(whole, d);
    const tail = nearEnd[chain[d - 1]];
    followsTail ||=
      tail >= 0 && rules.isOver(tail, record) && rules.outgrows(tail, record, 1) && reaches(tail, d);
  }
  return false;
}

import type { Blocks } from "../base/index.js";
import type { BlockTrie } from "./block-trie.js";
import type { ParentRules } from "./parent-rules.js";
import type { EdgeKind } from "./sessions.js";

/** Share of a first prompt's own blocks that an edit may replace and still be taken for the same conversation. */
const EDITED_SHARE = 0.1;

/** The parent chosen for a record, with what was found. */
export interface ParentChoice {
  /** -1 for none. */
  readonly parent: number;
  readonly kind: EdgeKind;
  readonly sharedBlocks: Blocks;
  readonly competingParents: number;
}

/** What was chosen so far, by record: later choices look at it. */
export interface ChosenSoFar {
  readonly parent: Int32Array;
  /** First turn of the record's session. */
  readonly root: Int32Array;
  readonly sharedBlocks: Int32Array;
}

/**
 * The parent of a record among those that arrived before it, from the deepest block it shares with any of them:
 *
 * 1. a request whose prompt ends exactly there: `prefix`;
 * 2. the latest request through it, when its prompt ends before and its recorded answer leads there (`answer`), or
 *    when it had gone on differently and that version is abandoned (`tail-edit`, `edit`);
 * 3. that request's own parent, of which this one holds all that the other did: the two are siblings, for instance
 *    parallel calls on a re-templated history;
 * 4. the deepest request whose whole prompt is contained: a `prefix` again, usually a fork.
 *
 * Nothing within the first `trunkBlocks` blocks counts. Every parent was over when its child arrived.
 */
export function chooseParent(
  trie: BlockTrie,
  rules: ParentRules,
  chosen: ChosenSoFar,
  record: number,
  depth: Blocks,
  trunkBlocks: Blocks,
): ParentChoice {
  const none: ParentChoice = { parent: -1, kind: "root", sharedBlocks: depth, competingParents: 0 };
  if (depth <= trunkBlocks) return none;
  const chain = trie.columns.chains[record];
  const fits = (candidate: number) => continues(trie, rules, candidate, record);
  const choice = (parent: number, sharedBlocks: Blocks, competingParents = 1): ParentChoice => {
    const kind = kindOf(trie.promptBlocks[parent] - sharedBlocks, rules.tailBlocks);
    return { parent, kind, sharedBlocks, competingParents };
  };
  const whole = (parent: number) =>
    choice(parent, trie.promptBlocks[parent], 1 + trie.countRivals(parent, chosen.parent, fits));

  const endsHere = trie.latestEnding(chain[depth - 1], fits);
  if (endsHere >= 0) return whole(endsHere);

  const latest = trie.latest[chain[depth - 1]];
  if (trie.promptBlocks[latest] < depth && rules.mayFollow(latest, record)) return choice(latest, depth);

  const contained = deepestContained(trie, fits, chain, depth - 1, trunkBlocks);
  if (
    depth < trie.promptBlocks[record] &&
    isEdited(trie, rules, chosen, latest, record, depth, trunkBlocks, contained >= 0)
  )
    return choice(latest, depth);

  const elder = chosen.parent[latest];
  const elderBlocks = chosen.sharedBlocks[latest];
  const deepestSoFar = contained < 0 ? trunkBlocks : trie.promptBlocks[contained];
  if (elder >= 0 && elderBlocks > deepestSoFar && elderBlocks <= depth && rules.mayFollow(elder, record))
    return choice(elder, elderBlocks);
  return contained < 0 ? none : whole(contained);
}

/**
 * True when `child`, which holds the whole prompt of `parent`, may be its next turn. The whole answer is asked for
 * where its length is all there is to go by: where the child fills no block of its own, or where the parent's prompt
 * ends on a block that others continue differently.
 */
function continues(trie: BlockTrie, rules: ParentRules, parent: number, child: number): boolean {
  if (!rules.mayFollow(parent, child)) return false;
  const blocks = trie.promptBlocks[parent];
  const hasAnswer = trie.chainBlocks[parent] > blocks;
  if (trie.promptBlocks[child] === blocks) return !hasAnswer && rules.outgrows(parent, child, 1);
  const continuations = trie.branches[trie.columns.chains[parent][blocks - 1]] - (hasAnswer ? 1 : 0);
  return continuations < 2 || rules.outgrows(parent, child, 1);
}

/**
 * True when `record` rewrites the history of `former` from `depth` on. That version of the history was over before
 * and never goes on, and one of three holds:
 *
 * - an earlier turn of it is contained whole, and it is not that last turn alone that was worded anew;
 * - the new prompt is longer by the whole answer, and lacks no more than a block or a tenth of the former one's own;
 * - past a trunk that is known as one, it keeps half of what the session of several turns began with: a rewind.
 */
function isEdited(
  trie: BlockTrie,
  rules: ParentRules,
  chosen: ChosenSoFar,
  former: number,
  record: number,
  depth: Blocks,
  trunkBlocks: Blocks,
  containsEarlierTurn: boolean,
): boolean {
  const lost = trie.promptBlocks[former] - depth;
  if (lost <= 0 || !rules.isOver(former, record)) return false;
  if (trie.lastThrough[trie.columns.chains[former][depth]] !== former) return false;
  // A prompt no longer than the former one that keeps all it had from its parent is that turn, worded anew.
  if (containsEarlierTurn) return depth < chosen.sharedBlocks[former] || rules.outgrows(former, record);
  const own = trie.promptBlocks[former] - trunkBlocks;
  if (rules.outgrows(former, record, 1) && lost <= Math.max(1, EDITED_SHARE * own)) return true;
  const began = trie.promptBlocks[chosen.root[former]] - trunkBlocks;
  return trunkBlocks > 0 && chosen.parent[former] >= 0 && 2 * (depth - trunkBlocks) >= began;
}

/** How an edge is called by the blocks of the parent's prompt that the child lacks. */
function kindOf(lackedBlocks: Blocks, tailBlocks: Blocks): EdgeKind {
  if (lackedBlocks < 0) return "answer";
  if (lackedBlocks === 0) return "prefix";
  return lackedBlocks <= tailBlocks ? "tail-edit" : "edit";
}

/** The request with the longest whole prompt past the trunk that `chain` begins with, -1 for none. */
function deepestContained(
  trie: BlockTrie,
  fits: (parent: number) => boolean,
  chain: Int32Array,
  depth: Blocks,
  trunkBlocks: Blocks,
): number {
  for (let d = depth; d > trunkBlocks; d--) {
    const found = trie.latestEnding(chain[d - 1], fits);
    if (found >= 0) return found;
  }
  return -1;
}

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
  /** 1 where a later record has it as parent. */
  readonly hasChild: Uint8Array;
}

/**
 * The parent of a record among those before it, from the deepest block it shares with any of them:
 *
 * 1. the same prompt, sent before and failed: this one is its `retry`;
 * 2. a request whose prompt ends exactly there: `prefix`;
 * 3. the latest request through it, when its prompt ends before and its recorded answer leads there: `answer`;
 * 4. the deepest request whose whole prompt is contained, a `prefix` again, unless it has been continued already and only
 *    by what this one is an edit of;
 * 5. the latest request through it, when it had gone on differently, that version is abandoned, and a substantial part of
 *    what was its own is kept (`tail-edit`, `edit`);
 * 6. that request's own parent, of which this one holds all that the other did: the two are siblings, for instance
 *    parallel calls on a re-templated history.
 *
 * Of several whose prompts end on one block, one that was answered goes before one that failed, then one that nothing
 * continues yet, then the latest. Nothing within the first `trunkBlocks` blocks counts. Every parent was over when
 * its child arrived.
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
  const whole = (parent: number, others = 0) =>
    choice(parent, trie.promptBlocks[parent], 1 + others + trie.countRivals(parent, chosen.parent, fits));

  if (depth === trie.promptBlocks[record]) {
    const failed = trie.bestEnding(
      chain[depth - 1],
      (earlier) => rules.isRetry(earlier, record),
      chosen.hasChild,
    );
    if (failed >= 0) return { parent: failed, kind: "retry", sharedBlocks: depth, competingParents: 1 };
  }

  const endsHere = trie.bestEnding(chain[depth - 1], fits, chosen.hasChild);
  if (endsHere >= 0) return whole(endsHere);

  const latest = trie.latest[chain[depth - 1]];
  if (trie.promptBlocks[latest] < depth && rules.mayFollow(latest, record)) return choice(latest, depth);

  const contained = deepestContained(trie, fits, chosen.hasChild, chain, depth - 1, trunkBlocks);
  const edited = isEdited(trie, rules, chosen, latest, record, depth, trunkBlocks, contained);
  if (edited && (contained < 0 || chosen.hasChild[contained] === 1))
    return choice(latest, depth, contained < 0 ? 1 : 2);

  const elder = chosen.parent[latest];
  const elderBlocks = chosen.sharedBlocks[latest];
  const deepestSoFar = contained < 0 ? trunkBlocks : trie.promptBlocks[contained];
  if (elder >= 0 && elderBlocks > deepestSoFar && elderBlocks <= depth && rules.mayFollow(elder, record))
    return choice(elder, elderBlocks, contained < 0 ? 1 : 2);
  return contained < 0 ? none : whole(contained, edited ? 1 : 0);
}

/**
 * True when `child`, which holds the whole prompt of `parent`, may be its next turn. The whole answer is asked for
 * where its length is all there is to go by: where the child fills no block of its own, or where the parent's prompt
 * ends on a block that others continue differently. A sole continuation may have grown by less than any answer: a template that
 * drops the reasoning leaves little of one.
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
 * and never goes on, nobody else parted from it there, and one of these holds:
 *
 * - an earlier turn of it is contained whole, the new prompt is longer, and it lacks no more than the tail of the former one or half of what
 *   that added to the earlier turn and its answer;
 * - the new prompt is longer by the whole answer, and lacks no more than a block or a tenth of the former one's own;
 * - past a trunk that is known as one, it keeps half of what the session of several turns began with, and is longer than that by
 *   its answer: a rewind, not a conversation that begins alike.
 */
function isEdited(
  trie: BlockTrie,
  rules: ParentRules,
  chosen: ChosenSoFar,
  former: number,
  record: number,
  depth: Blocks,
  trunkBlocks: Blocks,
  contained: number,
): boolean {
  const formerBlocks = trie.promptBlocks[former];
  const lost = formerBlocks - depth;
  if (lost <= 0 || depth >= trie.promptBlocks[record] || !rules.isOver(former, record)) return false;
  const { chains } = trie.columns;
  if (trie.lastThrough[chains[former][depth]] !== former) return false;
  if (contained >= 0) {
    // A prompt no longer than the former one is that turn, worded anew.
    if (trie.branches[chains[former][depth - 1]] > 2 || !rules.outgrows(former, record, 0)) return false;
    const ownFrom = trie.promptBlocks[contained] + rules.answerBlocks(contained);
    return lost <= rules.tailBlocks || 2 * (depth - ownFrom) >= formerBlocks - ownFrom;
  }
  const own = formerBlocks - trunkBlocks;
  if (rules.outgrows(former, record, 1) && lost <= Math.max(1, EDITED_SHARE * own)) return true;
  const root = chosen.root[former];
  const began = trie.promptBlocks[root] - trunkBlocks;
  return (
    trunkBlocks > 0 &&
    chosen.parent[former] >= 0 &&
    2 * (depth - trunkBlocks) >= began &&
    rules.outgrows(root, record, 1)
  );
}

/** How an edge is called by the blocks of the parent's prompt that the child lacks. */
function kindOf(lackedBlocks: Blocks, tailBlocks: Blocks): EdgeKind {
  if (lackedBlocks < 0) return "answer";
  if (lackedBlocks === 0) return "prefix";
  return lackedBlocks <= tailBlocks ? "tail-edit" : "edit";
}

/** The best request with the longest whole prompt past the trunk that `chain` begins with, -1 for none. */
function deepestContained(
  trie: BlockTrie,
  fits: (parent: number) => boolean,
  hasChild: Uint8Array,
  chain: Int32Array,
  depth: Blocks,
  trunkBlocks: Blocks,
): number {
  for (let d = depth; d > trunkBlocks; d--) {
    const found = trie.bestEnding(chain[d - 1], fits, hasChild);
    if (found >= 0) return found;
  }
  return -1;
}

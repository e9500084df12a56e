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
  const chain = trie.columns.chains[record] as Int32Array;
  const fits = (candidate: number) => continues(trie, rules, candidate, record);
  const endsHere = trie.endedHere(chain[depth - 1]!, fits);
  if (endsHere.latest >= 0)
    return {
      parent: endsHere.latest,
      kind: "prefix",
      sharedBlocks: depth,
      competingParents: endsHere.fitting,
    };

  const latest = trie.latest[chain[depth - 1]!] as number;
  const latestBlocks = trie.promptBlocks[latest] as number;
  if (latestBlocks < depth && rules.mayFollow(latest, record))
    return { parent: latest, kind: "answer", sharedBlocks: depth, competingParents: 1 };

  const contained = deepestContained(trie, fits, chain, depth - 1, trunkBlocks);
  if (
    depth < trie.promptBlocks[record]! &&
    isEdited(trie, rules, latest, record, depth, trunkBlocks, contained.parent >= 0)
  )
    return {
      parent: latest,
      kind: latestBlocks - depth <= rules.tailBlocks ? "tail-edit" : "edit",
      sharedBlocks: depth,
      competingParents: 1,
    };

  const elder = chosen.parent[latest] as number;
  const elderBlocks = chosen.sharedBlocks[latest] as number;
  if (
    elder >= 0 &&
    elderBlocks > Math.max(trunkBlocks, contained.sharedBlocks) &&
    elderBlocks <= depth &&
    rules.mayFollow(elder, record)
  )
    return {
      parent: elder,
      kind: kindOf(trie, rules, elder, elderBlocks),
      sharedBlocks: elderBlocks,
      competingParents: 1,
    };
  return contained.parent >= 0 ? contained : none;
}

/**
 * True when `child`, which holds the whole prompt of `parent`, may be its next turn. The whole answer is asked for
 * where its length is all there is to go by: where the child fills no block of its own, or where the parent's prompt
 * ends on a block that others continue differently.
 */
function continues(trie: BlockTrie, rules: ParentRules, parent: number, child: number): boolean {
  if (!rules.mayFollow(parent, child)) return false;
  const blocks = trie.promptBlocks[parent] as number;
  const hasAnswer = trie.chainBlocks[parent]! > blocks;
  if (trie.promptBlocks[child] === blocks) return !hasAnswer && rules.outgrows(parent, child, 1);
  const continuations = trie.branches[trie.blockAt(parent, blocks - 1)]! - (hasAnswer ? 1 : 0);
  return continuations < 2 || rules.outgrows(parent, child, 1);
}

/**
 * True when `record` rewrites the history of `former` from `depth` on: that version of the history was over before
 * and never goes on, and either an earlier turn of it is contained whole, or the new prompt is longer by the whole
 * answer and lacks no more than a block or a tenth of what the former one had of its own.
 */
function isEdited(
  trie: BlockTrie,
  rules: ParentRules,
  former: number,
  record: number,
  depth: Blocks,
  trunkBlocks: Blocks,
  containsEarlierTurn: boolean,
): boolean {
  const formerBlocks = trie.promptBlocks[former] as number;
  if (formerBlocks <= depth || !rules.isOver(former, record)) return false;
  if (trie.lastThrough[trie.blockAt(former, depth)] !== former) return false;
  if (containsEarlierTurn) return true;
  const lost = formerBlocks - depth;
  return (
    rules.outgrows(former, record, 1) && lost <= Math.max(1, EDITED_SHARE * (formerBlocks - trunkBlocks))
  );
}

function kindOf(trie: BlockTrie, rules: ParentRules, parent: number, sharedBlocks: Blocks): EdgeKind {
  const missing = trie.promptBlocks[parent]! - sharedBlocks;
  if (missing < 0) return "answer";
  if (missing === 0) return "prefix";
  return missing <= rules.tailBlocks ? "tail-edit" : "edit";
}

function deepestContained(
  trie: BlockTrie,
  fits: (parent: number) => boolean,
  chain: Int32Array,
  depth: Blocks,
  trunkBlocks: Blocks,
): ParentChoice {
  for (let d = depth; d > trunkBlocks; d--) {
    const { latest, fitting } = trie.endedHere(chain[d - 1]!, fits);
    if (latest >= 0) return { parent: latest, kind: "prefix", sharedBlocks: d, competingParents: fitting };
  }
  return { parent: -1, kind: "root", sharedBlocks: 0, competingParents: 0 };
}

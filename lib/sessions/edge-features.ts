import type { BlockTrie } from "./block-trie.js";
import type { ParentRules } from "./parent-rules.js";
import { EDGE_KINDS, type EdgeKind } from "./sessions.js";

/** What was found for all records: the parts of the evidence that a confidence rests on. */
export interface FoundEdges {
  readonly parent: Int32Array;
  /** Position in {@link EDGE_KINDS}. */
  readonly kind: Uint8Array;
  readonly sharedBlocks: Int32Array;
  readonly trunkBlocks: Int32Array;
  readonly competingParents: Int32Array;
  readonly fork: Uint8Array;
}

/** Names of the features of an edge or a root, in the order of {@link EdgeFeatures.of}; each is 0 where it does not apply. */
export const featureNames = [
  "root",
  "root: no full block",
  "root: all of it in a trunk",
  "root: shares past the trunk",
  "root: shares past the trunk, sharing is explained",
  "root: what it shares was not over",
  "root: sharing is explained",
  "answer",
  "prefix",
  "tail-edit",
  "edit",
  "retry",
  "first turn's child",
  "first turn's child, sharing is explained",
  "grew by less than its answer",
  "grew by less than its answer, first turn's child",
  "several go on from there",
  "many go on from there",
  "several go on from there, first turn's child",
  "rivals",
  "fork",
  "arrived before the recorded end",
  "sharing is explained",
  "own blocks",
  "answer that it grew by",
] as const;

const at = Object.fromEntries(featureNames.map((name, i) => [name, i])) as Record<
  (typeof featureNames)[number],
  number
>;

/** Whether a root shares half of its prompt past the trunk at least, as questions over one document do. */
function sharesMuch(
  { sharedBlocks, trunkBlocks }: FoundEdges,
  record: number,
  promptBlocks: number,
): boolean {
  const past = sharedBlocks[record] - trunkBlocks[record];
  return past > 0 && 2 * past >= promptBlocks - trunkBlocks[record];
}

/**
 * What says how sure an edge or a root is, as numbers. Beside the edge's own evidence there is one number of the whole trace: how much of what
 * is shared past trunks is explained by requests that continue others. Conversations explain nearly all of it;
 * single questions over shared documents leave most of it unexplained.
 */
export class EdgeFeatures {
  /** ln((edges + 1) / (roots that share half of their prompt past the trunk + 1)), within -4 and 4, over 4. */
  readonly explained: number;
  readonly #trie: BlockTrie;
  readonly #rules: ParentRules;
  readonly #found: FoundEdges;

  constructor(trie: BlockTrie, rules: ParentRules, found: FoundEdges) {
    this.#trie = trie;
    this.#rules = rules;
    this.#found = found;
    let edges = 0;
    let unexplained = 0;
    for (let i = 0; i < found.parent.length; i++) {
      if (found.parent[i] >= 0) edges++;
      else if (sharesMuch(found, i, trie.promptBlocks[i])) unexplained++;
    }
    this.explained = Math.max(-4, Math.min(4, Math.log((edges + 1) / (unexplained + 1)))) / 4;
  }

  /** Writes the features of a record's edge, or of its being a root, into `into`, which is returned. */
  of(record: number, into: Float64Array): Float64Array {
    into.fill(0);
    if (this.#found.parent[record] < 0) this.#root(record, into);
    else this.#edge(record, into);
    return into;
  }

  #root(record: number, into: Float64Array): void {
    const { sharedBlocks, trunkBlocks } = this.#found;
    const blocks = this.#trie.promptBlocks[record];
    const past = sharedBlocks[record] > trunkBlocks[record];
    into[at.root] = 1;
    into[at["root: sharing is explained"]] = this.explained;
    if (blocks === 0) into[at["root: no full block"]] = 1;
    else if (past) {
      into[at["root: shares past the trunk"]] = 1;
      into[at["root: shares past the trunk, sharing is explained"]] = this.explained;
      const last = this.#trie.columns.chains[record][sharedBlocks[record] - 1];
      const latest = this.#trie.lastThrough[last];
      if (latest >= 0 && latest !== record && this.#rules.overlapMs(latest, record) > 0)
        into[at["root: what it shares was not over"]] = 1;
    } else if (blocks === trunkBlocks[record]) into[at["root: all of it in a trunk"]] = 1;
  }

  #edge(record: number, into: Float64Array): void {
    const { parent, kind, sharedBlocks, competingParents, fork } = this.#found;
    const p = parent[record];
    const edgeKind = EDGE_KINDS[kind[record]] as Exclude<EdgeKind, "root" | "spawn" | "restart">;
    into[at[edgeKind]] = 1;
    if (edgeKind === "retry") return;
    const ofFirst = parent[p] < 0;
    const grewLittle = !this.#rules.outgrows(p, record, 1);
    const branches = this.#trie.branches[this.#trie.columns.chains[record][sharedBlocks[record] - 1]];
    into[at["sharing is explained"]] = this.explained;
    into[at["grew by less than its answer"]] = grewLittle ? 1 : 0;
    into[at["several go on from there"]] = branches > 1 ? 1 : 0;
    into[at["many go on from there"]] = branches > 2 ? Math.log(branches - 1) : 0;
    into[at.rivals] = Math.log(competingParents[record]);
    into[at.fork] = fork[record];
    into[at["arrived before the recorded end"]] = this.#rules.overlapsAtAll(p, record) ? 1 : 0;
    into[at["own blocks"]] = Math.log1p(this.#trie.promptBlocks[record] - sharedBlocks[record]) / 4;
    into[at["answer that it grew by"]] = grewLittle ? 0 : Math.log1p(this.#trie.columns.outputTokens[p]) / 8;
    if (!ofFirst) return;
    into[at["first turn's child"]] = 1;
    into[at["first turn's child, sharing is explained"]] = this.explained;
    into[at["grew by less than its answer, first turn's child"]] = grewLittle ? 1 : 0;
    into[at["several go on from there, first turn's child"]] = branches > 1 ? 1 : 0;
  }
}

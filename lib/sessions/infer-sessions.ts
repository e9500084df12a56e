import { requireFinite, requireInteger } from "../base/index.js";
import type { Trace } from "../trace/index.js";
import { BlockTrie } from "./block-trie.js";
import { chooseParent } from "./choose-parent.js";
import { edgeConfidence } from "./edge-confidence.js";
import { findTrunks, trunkDepth } from "./find-trunks.js";
import { type InferOptions, ParentRules } from "./parent-rules.js";
import { requestColumns } from "./request-columns.js";
import { EDGE_KINDS, labelsFromParents, type Sessions } from "./sessions.js";

/**
 * Sessions of a trace from its block hashes: which request continues which, and why. A child's prompt contains its
 * parent's prompt and most of its answer; because hashes are chained, that is a common run of leading blocks. The
 * rule, in the order it is applied:
 *
 * - Runs that many roots continue differently are trunks (see `findTrunks`); what two requests share inside a
 *   trunk says nothing about sessions.
 * - A parent was over (without latencies: had arrived) before its child arrives, and the child's prompt is longer
 *   by part of the answer: the same prompt twice is two roots, or a fork of the same parent.
 * - Past the trunk, `chooseParent` takes the deepest match, with tolerance for a rewritten tail and for an
 *   edited history whose former version is abandoned.
 *
 * Prompts shorter than a block, and records without hashes, are sessions of their own. Three passes over the blocks:
 * time O(total blocks), memory 19 bytes a distinct block.
 * @throws InputError when an option is out of range
 * @example
 * ```ts
 * import { inferSessions, readCapture } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { sessionCount, parent, turn } = inferSessions(trace);
 * [trace.records.length, sessionCount]; // → [320, 64]
 * [parent[1], turn[1]]; // → [0, 2]
 * ```
 */
export function inferSessions(trace: Trace, options: InferOptions = {}): Sessions {
  const where = "inferSessions";
  const tailBlocks = requireInteger(where, "tailBlocks", options.tailBlocks ?? 2);
  const answerShare = requireFinite(where, "answerShare", options.answerShare ?? 0.25, 0, 1);
  const trunkBranches = requireInteger(where, "trunkBranches", options.trunkBranches ?? 3, 2);
  const trunkFanOut = requireInteger(where, "trunkFanOut", options.trunkFanOut ?? 16, 2);

  const columns = requestColumns(trace);
  const { count } = columns;
  const trie = new BlockTrie(columns);
  const rules = new ParentRules(columns, tailBlocks, answerShare);
  const blockSize = trace.meta.blockSize ?? 16;
  const trunk = findTrunks(trie, rules, { blockSize, trunkBranches, trunkFanOut });

  const parent = new Int32Array(count).fill(-1);
  const evidence = {
    kind: new Uint8Array(count),
    sharedBlocks: new Int32Array(count),
    parentBlocks: new Int32Array(count),
    trunkBlocks: new Int32Array(count),
    competingParents: new Int32Array(count),
    fork: new Uint8Array(count),
    confidence: new Float32Array(count),
  };
  const hasChild = new Uint8Array(count);
  const chosen = { parent, root: new Int32Array(count), sharedBlocks: evidence.sharedBlocks };
  trie.replay((record, depth) => {
    const trunkBlocks = trunkDepth(trie, trunk, record);
    const choice = chooseParent(trie, rules, chosen, record, depth, trunkBlocks);
    parent[record] = choice.parent;
    chosen.root[record] = choice.parent < 0 ? record : chosen.root[choice.parent];
    evidence.kind[record] = EDGE_KINDS.indexOf(choice.kind);
    evidence.sharedBlocks[record] = choice.sharedBlocks;
    evidence.trunkBlocks[record] = trunkBlocks;
    evidence.competingParents[record] = choice.competingParents;
    if (choice.parent >= 0) {
      evidence.parentBlocks[record] = trie.promptBlocks[choice.parent];
      evidence.fork[record] = hasChild[choice.parent];
      hasChild[choice.parent] = 1;
    }
    evidence.confidence[record] = edgeConfidence(choice, {
      parentBlocks: evidence.parentBlocks[record],
      trunkBlocks,
      promptBlocks: trie.promptBlocks[record],
    });
  });

  return { ...labelsFromParents(parent, columns.order), evidence, warnings: warningsOf(trie) };
}

function warningsOf(trie: BlockTrie): string[] {
  const { columns, unchained, promptBlocks } = trie;
  const warnings: string[] = [];
  const unhashed = columns.chains.filter((chain) => chain.length === 0).length;
  if (columns.count > 0 && unhashed === columns.count)
    warnings.push("no block hashes: every request is taken for a session of its own");
  else if (unhashed > 0)
    warnings.push(`${unhashed} of ${promptBlocks.length} requests have no full block: sessions of their own`);
  if (unchained > 0)
    warnings.push(
      `${unchained} requests have a block hash that follows another block elsewhere: hashes are not chained there, and what follows was not used`,
    );
  if (!columns.hasArrivals && columns.count > 0)
    warnings.push("no arrivals on some requests: the order of the rows stands for time");
  return warnings;
}

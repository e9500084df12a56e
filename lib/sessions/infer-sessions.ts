import { requireFinite, requireInteger, type Tokens } from "../base/index.js";
import type { Trace } from "../trace/index.js";
import { BlockTrie } from "./block-trie.js";
import { chooseParent } from "./choose-parent.js";
import { edgeConfidence } from "./edge-confidence.js";
import { EdgeFeatures, featureNames } from "./edge-features.js";
import { findSpawns } from "./find-spawns.js";
import { findTrunks, trunkDepth } from "./find-trunks.js";
import { overlapShare } from "./overlap-share.js";
import { type InferOptions, ParentRules, ROUNDING_MS } from "./parent-rules.js";
import { type RequestColumns, requestColumns } from "./request-columns.js";
import {
  EDGE_KINDS,
  type EdgeKind,
  labelsFromParents,
  PARENT_KINDS,
  type Sessions,
  type WaitedFor,
} from "./sessions.js";

/**
 * Sessions of a trace from its block hashes: which request continues which, and why. A child's prompt contains its
 * parent's prompt and most of its answer; because hashes are chained, that is a common run of leading blocks. The
 * rule, in the order it is applied:
 *
 * - Runs that many roots continue differently are trunks (see `findTrunks`); what two requests share inside a
 *   trunk says nothing about sessions.
 * - A parent was over (without latencies: had arrived) before its child arrives, within what the trace's clocks ask for
 *   (`overlapShare`), and the child's prompt is longer. Of requests of one arrival, the shorter prompt is first.
 * - Past the trunk, `chooseParent` takes the deepest whole prompt, with tolerance for a rewritten tail and for an
 *   edited history whose former version is abandoned; the same prompt after a failure is a retry.
 * - Sub-agents, whose prompts continue nobody's, are found by when they begin and who waits for them (`findSpawns`).
 *
 * Each edge has a calibrated confidence (`edgeConfidence`). Prompts shorter than a block, and records without hashes, are sessions of their own. Four passes over the blocks:
 * time O(total blocks), memory 15 bytes a distinct block and some hundred a request.
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
  return inferFromColumns(requestColumns(trace), trace.meta.blockSize ?? 16, options);
}

/** {@link inferSessions} of a trace in columns. */
export function inferFromColumns(
  columns: RequestColumns,
  blockSize: Tokens,
  options: InferOptions = {},
): Sessions {
  const where = "inferSessions";
  const tailBlocks = requireInteger(where, "tailBlocks", options.tailBlocks ?? 2);
  const answerShare = requireFinite(where, "answerShare", options.answerShare ?? 0, 0, 1);
  const trunkBranches = requireInteger(where, "trunkBranches", options.trunkBranches ?? 3, 2);
  const trunkFanOut = requireInteger(where, "trunkFanOut", options.trunkFanOut ?? 16, 2);

  const { count } = columns;
  const trie = new BlockTrie(columns);
  const rules = new ParentRules(columns, tailBlocks, blockSize, answerShare);
  if (columns.hasDurations) rules.overlapShare = overlapShare(trie);
  const spare = new Int32Array(columns.idLimit);
  const trunk = findTrunks(trie, rules, { trunkBranches, trunkFanOut }, spare);

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
  const chosen = { parent, root: new Int32Array(count), sharedBlocks: evidence.sharedBlocks, hasChild };
  trie.replayThrough(spare, (record, depth) => {
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
  });
  const features = new EdgeFeatures(trie, rules, { parent, ...evidence });
  const values = new Float64Array(featureNames.length);
  let retries = 0;
  for (let i = 0; i < count; i++) {
    evidence.confidence[i] = edgeConfidence(features.of(i, values));
    options.onFeatures?.(i, values);
    if (evidence.kind[i] === retryKind) retries++;
  }
  const { waits, spawned } = addSpawns(columns, parent, chosen.root, evidence);
  const link = retries + spawned > 0 ? Uint8Array.from(evidence.kind, (kind) => linkOf[kind]) : undefined;
  return {
    ...labelsFromParents(parent, columns.order, link),
    ...(waits.size > 0 && { waits }),
    evidence,
    overlapShare: rules.overlapShare,
    warnings: warningsOf(trie, rules.overlapShare, parent),
  };
}

const retryKind = EDGE_KINDS.indexOf("retry");
/** By edge kind: how the record follows its parent. */
const linkOf = EDGE_KINDS.map((kind) =>
  PARENT_KINDS.indexOf(kind === "retry" || kind === "spawn" ? kind : "turn"),
);

/** Gives sub-agents' first requests their parents, and lists what is joined. */
function addSpawns(
  columns: RequestColumns,
  parent: Int32Array,
  root: Int32Array,
  evidence: {
    readonly kind: Uint8Array;
    readonly confidence: Float32Array;
    readonly competingParents: Int32Array;
  },
): { readonly waits: Map<number, readonly WaitedFor[]>; readonly spawned: number } {
  const { by, confidence, restartOf, joins } = findSpawns(columns, parent, root);
  const add = (record: number, before: number, kind: EdgeKind, sure: number) => {
    parent[record] = before;
    evidence.kind[record] = EDGE_KINDS.indexOf(kind);
    evidence.confidence[record] = sure;
    evidence.competingParents[record] = 1;
  };
  for (const [record, starter] of by) add(record, starter, "spawn", confidence.get(record) as number);
  for (const [record, before] of restartOf)
    add(record, before, "restart", confidence.get(root[before]) ?? evidence.confidence[root[before]]);
  const waits = new Map<number, readonly WaitedFor[]>();
  for (const [record, lasts] of joins)
    waits.set(record, [
      { parent: parent[record], kind: "turn" },
      ...lasts.toSorted((a, b) => a - b).map((last): WaitedFor => ({ parent: last, kind: "join" })),
    ]);
  return { waits, spawned: by.size + restartOf.size };
}

function warningsOf(trie: BlockTrie, tolerated: number, parent: Int32Array): string[] {
  const { columns, unchained, promptBlocks } = trie;
  const warnings: string[] = [];
  const unhashed = columns.agents.reduce((n, agent) => n + (agent < 0 ? 1 : 0), 0);
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
  const early =
    tolerated === 0 ? 0 : parent.reduce((n, p, i) => n + (p >= 0 && arrivedEarly(columns, p, i) ? 1 : 0), 0);
  if (early > 0)
    warnings.push(
      `${early} turns arrived before the recorded end of the turn before, by up to ${100 * tolerated} % of its duration: taken for what two clocks differ by`,
    );
  return warnings;
}

function arrivedEarly({ arrivalMs, endMs, failed }: RequestColumns, parent: number, child: number): boolean {
  return failed[parent] === 0 && endMs[parent] > arrivalMs[child] + ROUNDING_MS;
}

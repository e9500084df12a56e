import { InputError } from "../base/index.js";
import type { ParentKind } from "../trace/index.js";
import { adjustedRandIndex } from "./adjusted-rand-index.js";
import { PARENT_KINDS, type SessionLabels } from "./sessions.js";

/** Agreement of parent edges. */
export interface EdgeScore {
  /** Edges that were inferred. */
  readonly inferred: number;
  /** Edges of the ground truth. */
  readonly actual: number;
  /** Edges in both: same child, same parent. */
  readonly correct: number;
  /** correct / inferred; undefined without inferred edges. */
  readonly precision: number | undefined;
  /** correct / actual; undefined without actual edges. */
  readonly recall: number | undefined;
}

/** How well inferred sessions agree with ground truth. */
export interface SessionScore extends EdgeScore {
  /** Of the two partitions of the records into sessions; see {@link adjustedRandIndex}. */
  readonly adjustedRandIndex: number;
  /** Edges to the requests that started sub-agents, and edges to what is waited for beside the parent. */
  readonly spawns: EdgeScore;
  readonly joins: EdgeScore;
  /** Edges by the child's turn in the ground truth, by rising turn. Turn 1 counts parents given to first turns. */
  readonly byTurn: readonly (EdgeScore & { readonly turn: number })[];
}

/**
 * Scores inferred sessions against ground truth: precision and recall of parent edges, over all and by the child's
 * true turn, of what started sub-agents and of what is joined, and the adjusted Rand index of the sessions.
 * @throws InputError when the two are not of one length
 * @example
 * ```ts
 * import { inferSessions, readCapture, recordedSessions, scoreSessions } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const truth = recordedSessions(trace);
 * const score = truth && scoreSessions(inferSessions(trace), truth);
 * [score?.precision, score?.recall, score?.adjustedRandIndex]; // → [1, 1, 1]
 * ```
 */
export function scoreSessions(inferred: SessionLabels, truth: SessionLabels): SessionScore {
  const count = truth.parent.length;
  if (inferred.parent.length !== count)
    throw new InputError(
      `scoreSessions: inferred and truth must cover the same records, got ${inferred.parent.length} and ${count}`,
    );
  const byTurn = new Map<number, { inferred: number; actual: number; correct: number }>();
  for (let i = 0; i < count; i++) {
    const turn = truth.turn[i];
    const found = inferred.parent[i];
    const actual = truth.parent[i];
    const tally = byTurn.get(turn) ?? { inferred: 0, actual: 0, correct: 0 };
    byTurn.set(turn, tally);
    if (found >= 0) tally.inferred++;
    if (actual >= 0) tally.actual++;
    if (found >= 0 && found === actual) tally.correct++;
  }
  const turns = [...byTurn].sort(([a], [b]) => a - b);
  const sum = { inferred: 0, actual: 0, correct: 0 };
  for (const [, tally] of turns) {
    sum.inferred += tally.inferred;
    sum.actual += tally.actual;
    sum.correct += tally.correct;
  }
  return {
    ...edgeScore(sum),
    adjustedRandIndex: adjustedRandIndex(inferred.session, truth.session),
    spawns: pairScore(pairsOf(inferred, "spawn"), pairsOf(truth, "spawn")),
    joins: pairScore(pairsOf(inferred, "join"), pairsOf(truth, "join")),
    byTurn: turns.map(([turn, tally]) => ({ turn, ...edgeScore(tally) })),
  };
}

/** Child and parent of all edges of a kind. */
function pairsOf(sessions: SessionLabels, kind: ParentKind): Set<string> {
  const pairs = new Set<string>();
  const code = PARENT_KINDS.indexOf(kind);
  sessions.link?.forEach((how, i) => {
    if (how === code && sessions.parent[i] >= 0) pairs.add(`${i} ${sessions.parent[i]}`);
  });
  for (const [i, waits] of sessions.waits ?? [])
    for (const wait of waits) if (wait.kind === kind) pairs.add(`${i} ${wait.parent}`);
  return pairs;
}

function pairScore(inferred: ReadonlySet<string>, actual: ReadonlySet<string>): EdgeScore {
  const correct = [...inferred].filter((pair) => actual.has(pair)).length;
  return edgeScore({ inferred: inferred.size, actual: actual.size, correct });
}

function edgeScore(tally: { inferred: number; actual: number; correct: number }): EdgeScore {
  return {
    ...tally,
    precision: tally.inferred === 0 ? undefined : tally.correct / tally.inferred,
    recall: tally.actual === 0 ? undefined : tally.correct / tally.actual,
  };
}

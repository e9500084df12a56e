/** Parent, turn and session of every record: what inference finds and what ground truth states. */
export interface SessionLabels {
  /** Index of the record whose answer this one continues, -1 for the first turn of a session. */
  readonly parent: Int32Array;
  /** 1 for the first turn of a session, its parent's turn plus one otherwise. */
  readonly turn: Int32Array;
  /** Session number, counted from 0 in order of the sessions' first arrivals. */
  readonly session: Int32Array;
}

/**
 * How an edge was found, strongest first.
 *
 * - `root`: no parent; a session starts here.
 * - `answer`: the prompt holds the parent's whole prompt and goes on with the parent's recorded answer.
 * - `prefix`: the prompt holds every full block of the parent's prompt and is longer by part of its answer at least.
 * - `tail-edit`: all but the last few blocks of the parent's prompt: a partial, re-hashed or re-templated tail.
 * - `edit`: leaves the parent's prompt earlier, past the shared trunk, and the abandoned version never goes on: history was edited.
 * @example
 * ```ts
 * import { inferSessions, readCapture } from "prefixlab";
 * import { EDGE_KINDS } from "prefixlab/sessions";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { kind } = inferSessions(trace).evidence;
 * [EDGE_KINDS[kind[0]], EDGE_KINDS[kind[1]]]; // → ["root", "answer"]
 * ```
 */
export const EDGE_KINDS = ["root", "answer", "prefix", "tail-edit", "edit"] as const;

/** One of {@link EDGE_KINDS}. */
export type EdgeKind = (typeof EDGE_KINDS)[number];

/** Why each record has the parent it has, one entry a record. Blocks are full blocks of the trace's block size. */
export interface EdgeEvidence {
  /** Position in {@link EDGE_KINDS}. */
  readonly kind: Uint8Array;
  /** Leading blocks in common with the parent (its prompt and recorded answer); for a root, with any earlier request. */
  readonly sharedBlocks: Int32Array;
  /** Full blocks of the parent's prompt; 0 for a root. */
  readonly parentBlocks: Int32Array;
  /** Leading blocks of this prompt that are a trunk: a run that several roots continue differently. */
  readonly trunkBlocks: Int32Array;
  /** Requests that fit as parent equally well, the chosen one included; 0 for a root. */
  readonly competingParents: Int32Array;
  /** 1 where the parent had a child before this one: parallel calls, a retry, a branched conversation. */
  readonly fork: Uint8Array;
  /** 0 to 1: a ranking of the edges by the strength of their evidence, not a calibrated probability. */
  readonly confidence: Float32Array;
}

/** Sessions found in a trace, with the evidence behind every edge. Arrays are as long as the trace's records. */
export interface Sessions extends SessionLabels {
  readonly sessionCount: number;
  readonly evidence: EdgeEvidence;
  /** What a user should know: no hashes, no arrivals, ids that are not chained. */
  readonly warnings: readonly string[];
}

/** Turns and session numbers that follow from parents; `order` lists records so that parents come before children. */
export function labelsFromParents(
  parent: Int32Array,
  order: ArrayLike<number>,
): SessionLabels & { readonly sessionCount: number } {
  const turn = new Int32Array(parent.length);
  const session = new Int32Array(parent.length);
  let sessionCount = 0;
  for (let k = 0; k < order.length; k++) {
    const i = order[k];
    const p = parent[i];
    turn[i] = p < 0 ? 1 : turn[p] + 1;
    session[i] = p < 0 ? sessionCount++ : session[p];
  }
  return { parent, turn, session, sessionCount };
}

import type { Ms } from "../base/index.js";
import type { ParentKind } from "../trace/index.js";

/**
 * How a record follows its parent, in the order of {@link SessionLabels.link}.
 * @example
 * ```ts
 * import { PARENT_KINDS } from "prefixlab/sessions";
 * PARENT_KINDS; // → ["turn", "spawn", "join", "retry"]
 * ```
 */
export const PARENT_KINDS = ["turn", "spawn", "join", "retry"] as const satisfies readonly ParentKind[];

/** A request that another one waits for, by its index. */
export interface WaitedFor {
  readonly parent: number;
  readonly kind: ParentKind;
  /** From the parent's end (its arrival, see `from`) to the arrival, where the source tells it. */
  readonly gapMs?: Ms;
  /** What starts the gap: the parent's end, or its arrival. Default: its end. */
  readonly from?: "start";
}

/** Parent, turn and session of every record: what inference finds and what ground truth states. */
export interface SessionLabels {
  /**
   * Index of the record whose answer this one continues, or that started it, or whose prompt it is once more; -1 for none.
   */
  readonly parent: Int32Array;
  /** 1 for the first turn of an agent in a session; its parent's turn for a retry, plus one otherwise. As recorded, where it is. */
  readonly turn: Int32Array;
  /** Session number, counted from 0 in order of the sessions' first arrivals. A session holds its sub-agents. */
  readonly session: Int32Array;
  /** How each record follows its parent: position in {@link PARENT_KINDS}. Undefined: all are turns. */
  readonly link?: Uint8Array;
  /** Of records that wait for more than their parent's end: all that they wait for, the parent first. */
  readonly waits?: ReadonlyMap<number, readonly WaitedFor[]>;
  /** Agents above the one that sent it: 0 for a main agent, 1 for its sub-agents. Undefined: all are main agents. */
  readonly agentDepth?: Uint8Array;
}

/**
 * All that a record waits for; empty for one that starts a session.
 * @example
 * ```ts
 * import { readCapture, waitsOf, workloadOf } from "prefixlab";
 * const { sessions } = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * [waitsOf(sessions, 0), waitsOf(sessions, 1)]; // → [[], [{ parent: 0, kind: "turn" }]]
 * ```
 */
export function waitsOf(sessions: SessionLabels, record: number): readonly WaitedFor[] {
  const told = sessions.waits?.get(record);
  if (told) return told;
  const parent = sessions.parent[record];
  return parent < 0 ? [] : [{ parent, kind: PARENT_KINDS[sessions.link?.[record] ?? 0] }];
}

/**
 * How an edge was found, strongest first.
 *
 * - `root`: no parent; a session starts here.
 * - `answer`: the prompt holds the parent's whole prompt and goes on with the parent's recorded answer.
 * - `prefix`: the prompt holds every full block of the parent's prompt and is longer by part of its answer at least.
 * - `tail-edit`: all but the last few blocks of the parent's prompt: a partial, re-hashed or re-templated tail.
 * - `edit`: leaves the parent's prompt earlier, past the shared trunk, and the abandoned version never goes on: history was edited.
 * - `retry`: the parent's prompt once more; the parent failed.
 * - `spawn`: the first request of a sub-agent, which the parent's answer started; nothing of a prompt is continued.
 * - `restart`: a sub-agent that began its context afresh after the parent.
 * @example
 * ```ts
 * import { inferSessions, readCapture } from "prefixlab";
 * import { EDGE_KINDS } from "prefixlab/sessions";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { kind } = inferSessions(trace).evidence;
 * [EDGE_KINDS[kind[0]], EDGE_KINDS[kind[1]]]; // → ["root", "answer"]
 * ```
 */
export const EDGE_KINDS = [
  "root",
  "answer",
  "prefix",
  "tail-edit",
  "edit",
  "retry",
  "spawn",
  "restart",
] as const;

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
  /**
   * Probability that the parent is right; for a root, that there is none. Calibrated: of those said to be sure to 0.9, about 90 % are
   * right, on labelled data that it was not fitted to (`data/sessions/`).
   */
  readonly confidence: Float32Array;
}

/** Sessions found in a trace, with the evidence behind every edge. Arrays are as long as the trace's records. */
export interface Sessions extends SessionLabels {
  readonly sessionCount: number;
  readonly evidence: EdgeEvidence;
  /** Share of a parent's duration that its child may arrive before its recorded end, as this trace's clocks ask for. */
  readonly overlapShare: number;
  /** What a user should know: no hashes, no arrivals, ids that are not chained. */
  readonly warnings: readonly string[];
}

/**
 * Turns, sessions and depths that follow from parents.
 * @param order records so that parents come before children
 * @param link as in {@link SessionLabels}; undefined where all are turns
 */
export function labelsFromParents(
  parent: Int32Array,
  order: ArrayLike<number>,
  link?: Uint8Array,
): SessionLabels & { readonly sessionCount: number } {
  const turn = new Int32Array(parent.length);
  const session = new Int32Array(parent.length);
  const agentDepth = link && new Uint8Array(parent.length);
  const [, spawn, , retry] = PARENT_KINDS.keys();
  let sessionCount = 0;
  for (let k = 0; k < order.length; k++) {
    const i = order[k];
    const p = parent[i];
    const how = p < 0 ? spawn : (link?.[i] ?? 0);
    turn[i] = how === spawn ? 1 : how === retry ? turn[p] : turn[p] + 1;
    session[i] = p < 0 ? sessionCount++ : session[p];
    if (agentDepth && p >= 0) agentDepth[i] = Math.min(255, agentDepth[p] + (how === spawn ? 1 : 0));
  }
  return { parent, turn, session, ...(link && { link }), ...(agentDepth && { agentDepth }), sessionCount };
}

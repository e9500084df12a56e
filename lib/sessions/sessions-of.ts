import { requireFinite, type Tokens } from "../base/index.js";
import type { Trace, TraceRecord } from "../trace/index.js";
import { inferFromColumns, inferSessions } from "./infer-sessions.js";
import {
  inOrderOfFirst,
  mendedWarnings,
  namedRecords,
  type RecordedSessions,
  recordedSessions,
} from "./recorded-sessions.js";
import { columnsFrom, type KnownColumns } from "./request-columns.js";
import {
  EDGE_KINDS,
  PARENT_KINDS,
  type SessionLabels,
  type Sessions,
  type WaitedFor,
  waitsOf,
} from "./sessions.js";

/**
 * Confidence below which an inferred edge is not used, where nothing else is given: what is wrong more often than right.
 * @example
 * ```ts
 * import { MIN_CONFIDENCE } from "prefixlab/sessions";
 * MIN_CONFIDENCE; // → 0.5
 * ```
 */
export const MIN_CONFIDENCE = 0.5;

/** How to choose a trace's sessions. */
export interface SessionsOptions {
  /**
   * Inferred edges that are less sure than this are left out: the request starts a session, and is sent at its recorded
   * time. Default {@link MIN_CONFIDENCE}; 0 uses all.
   */
  readonly minConfidence?: number;
  /** As in `inferSessions`: share of an answer by which a turn must outgrow the one before. Default 0. */
  readonly answerShare?: number;
  /** False to take no notice of what is recorded, as to score against it. Default true. */
  readonly useRecorded?: boolean;
}

/** The sessions of a trace that everything is paced and drawn by, and how they came about. */
export interface ChosenSessions extends SessionLabels {
  readonly sessionCount: number;
  /** 1 for a record whose place the trace tells, 0 for one whose place is inferred. */
  readonly isRecorded: Uint8Array;
  /** What the hashes say; undefined where no record has any. */
  readonly inferred?: Sessions;
  /** Inferred edges that were not used: less sure than asked for. */
  readonly leftOut: number;
  readonly minConfidence: number;
  /** Records whose place is told and whose hashes say something, and of these, those for which they say another parent. */
  readonly checked: number;
  readonly differences: number;
  /** The first record that differs. */
  readonly firstDifference?: number;
  /** What a user should know: what was mended, what differs, what was left out. */
  readonly warnings: readonly string[];
}

/**
 * The sessions to replay or draw a trace by: as recorded where the trace tells them (parents, or session and turn), checked against the hashes; inferred from block hashes for the
 * records of which it tells nothing. Without either every request is a session.
 * @throws InputError when an option is out of range
 * @example
 * ```ts
 * import { readCapture, sessionsOf } from "prefixlab";
 * const trace = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * const { turn, checked, differences } = sessionsOf(trace);
 * [Math.max(...turn), checked, differences]; // → [5, 320, 0]
 * ```
 */
export function sessionsOf(trace: Trace, options: SessionsOptions = {}): ChosenSessions {
  const minConfidence = requireFinite(
    "sessionsOf",
    "minConfidence",
    options.minConfidence ?? MIN_CONFIDENCE,
    0,
    1,
  );
  const recorded = options.useRecorded === false ? undefined : recordedSessions(trace);
  const hasHashes = trace.records.some(({ blockIds }) => blockIds !== undefined);
  const inferred =
    hasHashes || !recorded ? inferSessions(trace, { answerShare: options.answerShare ?? 0 }) : undefined;
  return new Combination(namedRecords(trace.records), recorded, inferred, minConfidence).sessions();
}

/**
 * {@link sessionsOf} of records that are known in columns: those of a window over a trace of any length.
 * @param options.idLimit more than the largest block id
 * @param options.records the same records, where any of them names its session or parents; of those that name nothing an arrival is enough
 * @example
 * ```ts
 * import { sessionsOfColumns } from "prefixlab/sessions";
 * const columns = {
 *   arrivalMs: Float64Array.of(0, 5000),
 *   endMs: Float64Array.of(900, 5800),
 *   promptTokens: Float64Array.of(40, 70),
 *   outputTokens: Float64Array.of(20, 20),
 *   failed: new Uint8Array(2),
 *   tailIds: undefined,
 *   chains: [Int32Array.of(0, 1), Int32Array.of(0, 1, 2, 3)],
 *   answers: [new Int32Array(0), new Int32Array(0)],
 * };
 * sessionsOfColumns(columns, { idLimit: 4, blockSize: 16 }).turn; // → [1, 2]
 * ```
 */
export function sessionsOfColumns(
  columns: KnownColumns,
  options: {
    readonly idLimit: number;
    readonly blockSize: Tokens;
    readonly records?: readonly TraceRecord[] | undefined;
  },
): ChosenSessions {
  const { idLimit, blockSize, records } = options;
  const recorded = records && recordedSessions({ records });
  const inferred = inferFromColumns(columnsFrom(columns, idLimit), blockSize);
  return new Combination(recorded && records, recorded, inferred, MIN_CONFIDENCE).sessions();
}

const unnamed: Pick<TraceRecord, "session" | "agent"> = {};

class Combination {
  readonly #records: readonly TraceRecord[] | undefined;
  readonly #recorded: RecordedSessions | undefined;
  readonly #inferred: Sessions | undefined;
  readonly #minConfidence: number;
  readonly #parent: Int32Array;
  readonly #link: Uint8Array;
  readonly #waits = new Map<number, readonly WaitedFor[]>();
  readonly #isRecorded: Uint8Array;
  #leftOut = 0;

  /** @param records undefined where none is recorded and all are inferred */
  constructor(
    records: readonly TraceRecord[] | undefined,
    recorded: RecordedSessions | undefined,
    inferred: Sessions | undefined,
    minConfidence: number,
  ) {
    const count = (records ?? (inferred as Sessions).parent).length;
    this.#records = records;
    this.#recorded = recorded;
    this.#inferred = inferred;
    this.#minConfidence = minConfidence;
    this.#parent = new Int32Array(count).fill(-1);
    this.#link = new Uint8Array(count);
    this.#isRecorded = new Uint8Array(count);
    for (let i = 0; i < count; i++) this.#choose(i);
  }

  sessions(): ChosenSessions {
    const { turn, session, agentDepth, sessionCount } = this.#labels();
    const { checked, differences, first } = this.#differences();
    return {
      parent: this.#parent,
      turn,
      session,
      ...(this.#link.some((how) => how > 0) && { link: this.#link }),
      ...(this.#waits.size > 0 && { waits: this.#waits }),
      ...(agentDepth.some((depth) => depth > 0) && { agentDepth }),
      sessionCount,
      isRecorded: this.#isRecorded,
      ...(this.#inferred && { inferred: this.#inferred }),
      leftOut: this.#leftOut,
      minConfidence: this.#minConfidence,
      checked,
      differences,
      ...(first >= 0 && { firstDifference: first }),
      warnings: [...this.#warnings(checked, differences)],
    };
  }

  #choose(i: number): void {
    const recorded = this.#recorded;
    const inferred = this.#inferred;
    const { session, agent } = (recorded && this.#records?.[i]) ?? unnamed;
    if (recorded?.isTold[i] === 1) {
      this.#isRecorded[i] = 1;
      this.#take(i, recorded);
      // An agent's first turn is told, but not who started it.
      if (recorded.parent[i] < 0 && agent !== undefined && this.#isSpawn(i)) this.#takeInferred(i, session);
      return;
    }
    if (recorded && session !== undefined) {
      // The session is told, the turn is not: hashes say which of its requests this one follows, or else time does.
      this.#isRecorded[i] = 1;
      if (!inferred || !this.#takeInferred(i, session)) this.#take(i, recorded);
      return;
    }
    if (inferred) this.#takeInferred(i, undefined);
  }

  #isSpawn(i: number): boolean {
    const kind = this.#inferred?.link?.[i];
    return kind !== undefined && PARENT_KINDS[kind] === "spawn";
  }

  #take(i: number, { parent, link, waits }: SessionLabels): void {
    this.#parent[i] = parent[i];
    this.#link[i] = link?.[i] ?? 0;
    const told = waits?.get(i);
    if (told) this.#waits.set(i, told);
  }

  /** True where the inferred parent was taken: sure enough, and of the session that is told, where one is. */
  #takeInferred(i: number, session: string | undefined): boolean {
    const inferred = this.#inferred as Sessions;
    const parent = inferred.parent[i];
    if (parent < 0) return false;
    if (session !== undefined && this.#records?.[parent].session !== session) return false;
    if (inferred.evidence.confidence[i] < this.#minConfidence) {
      this.#leftOut++;
      return false;
    }
    this.#parent[i] = parent;
    this.#link[i] = inferred.link?.[i] ?? 0;
    const waits = inferred.waits?.get(i)?.filter((wait) => wait.kind !== "join" || this.#isUsed(wait.parent));
    if (waits && waits.length > 1) this.#waits.set(i, waits);
    return true;
  }

  /** Whether the sub-agent that a request is of is one for sure enough. */
  #isUsed(request: number): boolean {
    const { parent, evidence } = this.#inferred as Sessions;
    const spawn = EDGE_KINDS.indexOf("spawn");
    let at = request;
    while (at >= 0 && evidence.kind[at] !== spawn) at = parent[at];
    return at >= 0 && evidence.confidence[at] >= this.#minConfidence;
  }

  #labels() {
    const count = this.#parent.length;
    const turn = new Int32Array(count);
    const session = new Int32Array(count).fill(-1);
    const agentDepth = new Uint8Array(count);
    const told = new Map<number, number>();
    const [, spawn, , retry] = PARENT_KINDS.keys();
    let sessions = 0;
    const path: number[] = [];
    for (let start = 0; start < count; start++) {
      for (let r = start; r >= 0 && session[r] < 0; r = this.#parent[r]) {
        session[r] = 0;
        path.push(r);
      }
      while (path.length > 0) {
        const i = path.pop() as number;
        const p = this.#parent[i];
        const how = this.#link[i];
        const recorded = this.#isRecorded[i] === 1 ? this.#recorded : undefined;
        turn[i] =
          recorded?.isTold[i] === 1
            ? recorded.turn[i]
            : p < 0 || how === spawn
              ? 1
              : how === retry
                ? turn[p]
                : turn[p] + 1;
        if (p >= 0) agentDepth[i] = Math.min(255, agentDepth[p] + (how === spawn ? 1 : 0));
        else if (recorded?.agentDepth) agentDepth[i] = recorded.agentDepth[i];
        if (recorded) {
          const name = recorded.session[i];
          if (!told.has(name)) told.set(name, sessions++);
          session[i] = told.get(name) as number;
        } else session[i] = p < 0 ? sessions++ : session[p];
      }
    }
    return { turn, session: inOrderOfFirst(session, sessions), agentDepth, sessionCount: sessions };
  }

  #differences(): { checked: number; differences: number; first: number } {
    let checked = 0;
    let differences = 0;
    let first = -1;
    const inferred = this.#inferred;
    if (!inferred || !this.#recorded) return { checked, differences, first };
    this.#records?.forEach(({ blockIds }, i) => {
      if (this.#isRecorded[i] === 0 || !blockIds || blockIds.length === 0) return;
      checked++;
      const edge = inferred.evidence.confidence[i] < this.#minConfidence ? -1 : inferred.parent[i];
      if (edge === this.#parent[i] || waitsOf(this.#asLabels(), i).some(({ parent }) => parent === edge))
        return;
      differences++;
      if (first < 0) first = i;
    });
    return { checked, differences, first };
  }

  #asLabels(): SessionLabels {
    return {
      parent: this.#parent,
      turn: this.#parent,
      session: this.#parent,
      link: this.#link,
      waits: this.#waits,
    };
  }

  *#warnings(checked: number, differences: number): Generator<string> {
    if (this.#recorded) yield* mendedWarnings(this.#recorded.mended);
    if (differences > 0)
      yield `on ${differences} of ${checked} requests with recorded sessions the hashes tell another parent, or none: the recorded one is used`;
    if (this.#leftOut > 0)
      yield `${this.#leftOut} inferred turns are less sure than ${this.#minConfidence} and are not used: such a request starts a session`;
    if (this.#inferred && this.#isRecorded.includes(0)) yield* this.#inferred.warnings;
  }
}

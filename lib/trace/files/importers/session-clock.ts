import type { Ms } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { ParentEdge } from "../../trace.js";
import type { TraceBuilder } from "./trace-builder.js";

/** Where a row stands in its session, and when it arrives. */
export interface SessionPlace {
  readonly arrivalMs: Ms | undefined;
  readonly requestId?: string;
  readonly session?: string;
  readonly turn?: number;
  readonly parents?: readonly ParentEdge[];
}

/**
 * Numbers the turns of sessions whose rows come in order, each with a time stamp of its own or a delay after the answer before.
 *
 * When a delayed turn arrives depends on how long answers take, which such a source does not know: `arrivalMs` is then the
 * earliest it can be, as if answers took no time, and the delay is the gap to its parent.
 */
export class SessionClock {
  readonly #last = new Map<string, { turn: number; arrivalMs: Ms | undefined }>();
  #delayed = 0;

  /**
   * The place of the session's next row. A row without a session stands alone.
   * @throws RowError when neither a time stamp nor a turn before says when it arrives
   */
  next(session: string | undefined, timestampMs: Ms | undefined, delayMs: Ms | undefined): SessionPlace {
    const before = session === undefined ? undefined : this.#last.get(session);
    if (session === undefined) {
      if (timestampMs === undefined) throw new RowError("timestamp is missing");
      return { arrivalMs: timestampMs };
    }
    const isDelayed = timestampMs === undefined && before !== undefined;
    if (isDelayed) this.#delayed++;
    const arrivalMs =
      timestampMs ?? (before?.arrivalMs === undefined ? undefined : before.arrivalMs + (delayMs ?? 0));
    const turn = (before?.turn ?? 0) + 1;
    this.#last.set(session, { turn, arrivalMs });
    return {
      arrivalMs,
      requestId: `${session}/${turn}`,
      session,
      turn,
      parents: before
        ? [
            {
              requestId: `${session}/${before.turn}`,
              kind: "turn",
              ...(delayMs !== undefined && { gapMs: delayMs }),
            },
          ]
        : [],
    };
  }

  /** Says what the arrivals of later turns are, if there are any without a time stamp. */
  warn(builder: TraceBuilder): void {
    if (this.#delayed > 0)
      builder.assume(
        `${this.#delayed} later turns have a delay instead of an arrival: theirs is the earliest possible, as if answers took no time`,
      );
  }
}

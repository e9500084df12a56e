import type { JsonObject, Tokens } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { checkLength } from "./block-ids.js";
import { ChainTable } from "./chain-table.js";
import { ContextChain } from "./context-chain.js";
import type { IdList } from "./json-rows.js";
import { mooncakeTimes } from "./mooncake.js";
import { count, fieldOf, optionalText } from "./row-fields.js";
import { SessionClock } from "./session-clock.js";
import type { TraceBuilder } from "./trace-builder.js";

/** A session's context, and whether a turn of it is missing. */
interface Session {
  readonly context: ContextChain;
  turns: number;
  isBroken: boolean;
}

/**
 * Rows of a session trace as AIPerf and Dynamo (`mooncake-delta`) have them: each holds what a turn ADDS to its session's
 * context.
 *
 * - `session_id`; `input_length`: new tokens of the turn (the first turn's: all of them); `output_length`; `hash_ids`:
 *   one id a block of 512 new tokens, the last one partial
 * - `timestamp` (ms) of a first turn, `delay` (ms) of the later ones, after the answer before: see `session-clock.ts`
 *
 * Records hold whole prompts: what the session's earlier turns and answers left, then the new tokens. Blocks are cut
 * anew over that context, and are the same where they hold the same pieces after the same blocks: first turns share as
 * far as their ids agree, later ones with their own session. Answers are counted as `output_length` tokens that occur
 * nowhere else.
 */
export class AiperfSessions {
  readonly #builder: TraceBuilder;
  readonly #blockSize: Tokens;
  readonly #chains: ChainTable;
  readonly #sessions = new Map<string, Session>();
  readonly #clock = new SessionClock();

  constructor(builder: TraceBuilder, blockSize: Tokens) {
    this.#builder = builder;
    this.#blockSize = blockSize;
    this.#chains = new ChainTable(builder.blocks);
  }

  /** Takes one row. */
  add(row: JsonObject, line: number, ids: IdList | undefined): void {
    const name = typeof row.session_id === "string" ? row.session_id : `line ${line}`;
    let session = this.#sessions.get(name);
    if (!session) {
      session = { context: new ContextChain(this.#chains, this.#blockSize), turns: 0, isBroken: false };
      this.#sessions.set(name, session);
    }
    const taken = session;
    const before = this.#builder.length;
    this.#builder.startStream();
    this.#builder.row(line, () => this.#record(row, ids, name, taken));
    if (this.#builder.length === before) session.isBroken = true;
  }

  /** Says what the arrivals of later turns are, if there are any. */
  warn(): void {
    this.#clock.warn(this.#builder);
  }

  #record(row: JsonObject, ids: IdList | undefined, name: string, session: Session) {
    if (session.isBroken) throw new RowError(`an earlier turn of session "${name}" was left out`);
    const added = count(row, fieldOf(row, ["input_length", "input_tokens"]));
    const outputTokens = count(row, fieldOf(row, ["output_length", "output_tokens"]));
    if (ids) checkLength("hash_ids", ids.length, added, this.#blockSize);
    const [timestampMs, delayMs] = mooncakeTimes(row);
    const { context } = session;
    session.turns++;
    const place = `${name}/${session.turns}`;
    const before = context.tokens;
    if (ids)
      for (let i = 0; i < ids.length; i++) {
        const length = Math.min(this.#blockSize, added - i * this.#blockSize);
        context.append(`${ids.highs[i]}/${ids.lows[i]}`, length);
      }
    context.append(`input ${place}`, added - (context.tokens - before));
    const promptTokens = context.tokens;
    const blockIds = context.blockIds();
    context.append(`output ${place}`, outputTokens);
    const group = row.group_id;
    const isNamed = optionalText(row, "session_id") !== undefined;
    const extra = {
      ...(delayMs !== undefined && { delay_ms: delayMs }),
      ...(typeof group === "number" && { group_id: group }),
    };
    return {
      promptTokens,
      outputTokens,
      blockIds,
      outputBlockIds: context.blockIds().slice(blockIds.length),
      ...this.#clock.next(name, timestampMs, delayMs),
      ...(!isNamed && { session: undefined, turn: undefined, requestId: undefined, parents: undefined }),
      extra,
    };
  }
}

import type { Tokens } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import { ChainTable } from "./chain-table.js";
import type { IdList, JsonObject } from "./json-rows.js";
import { count, optionalText, optionalTime } from "./row-fields.js";
import type { TraceBuilder } from "./trace-builder.js";

/** What a session's context holds so far. */
interface Context {
  turn: number;
  tokens: Tokens;
  arrivalMs: number | undefined;
  /** Ids of the full blocks. */
  readonly chain: number[];
  /** What the unfinished last block holds. */
  open: string;
  openTokens: Tokens;
  broken: boolean;
}

/**
 * Rows of an AIPerf session trace: each holds what a turn ADDS to its session's context.
 *
 * - `session_id`; `input_length`: new tokens of the turn (the first turn's: all of them); `output_length`; `hash_ids`:
 *   one id a block of 512 new tokens, the last one partial
 * - `timestamp` (ms) of a first turn, `delay` (ms) of the later ones, after the answer before
 *
 * Records hold whole prompts: what the session's earlier turns and answers left, then the new tokens. Blocks are cut
 * anew over that context, and are the same where they hold the same pieces after the same blocks: first turns share as
 * far as their ids agree, later ones with their own session. Answers are counted as `output_length` tokens that occur
 * nowhere else.
 *
 * When a later turn arrives depends on how long answers take, which such a trace does not know. `arrivalMs` is the
 * earliest it can be, as if answers took no time; the gap itself is kept as `delay_ms`.
 */
export class AiperfSessions {
  readonly #builder: TraceBuilder;
  readonly #blockSize: Tokens;
  readonly #chains: ChainTable;
  readonly #contexts = new Map<string, Context>();
  #delayed = 0;

  constructor(builder: TraceBuilder, blockSize: Tokens) {
    this.#builder = builder;
    this.#blockSize = blockSize;
    this.#chains = new ChainTable(builder.blocks);
  }

  /** Takes one row. */
  add(row: JsonObject, line: number, ids: IdList | undefined): void {
    const session = typeof row.session_id === "string" ? row.session_id : `line ${line}`;
    const context = this.#contexts.get(session) ?? {
      turn: 0,
      tokens: 0,
      arrivalMs: undefined,
      chain: [],
      open: "",
      openTokens: 0,
      broken: false,
    };
    this.#contexts.set(session, context);
    const before = this.#builder.length;
    this.#builder.startStream();
    this.#builder.row(line, () => this.#record(row, ids, session, context));
    if (this.#builder.length === before) context.broken = true;
  }

  /** Says what the arrivals of later turns are, if there are any. */
  warn(): void {
    if (this.#delayed > 0)
      this.#builder.warn(
        `${this.#delayed} later turns have a delay instead of an arrival: theirs is the earliest possible, as if answers took no time`,
      );
  }

  #record(row: JsonObject, ids: IdList | undefined, session: string, context: Context) {
    if (context.broken) throw new RowError(`an earlier turn of session "${session}" was left out`);
    const added = count(row, "input_length");
    const outputTokens = count(row, "output_length");
    if (ids && ids.length !== Math.ceil(added / this.#blockSize))
      throw new RowError(
        `hash_ids has ${ids.length} entries, but ${added} tokens are ` +
          `${Math.ceil(added / this.#blockSize)} blocks of ${this.#blockSize}`,
      );
    const timestampMs = optionalTime(row, "timestamp");
    const delayMs = optionalTime(row, "delay");
    if (timestampMs === undefined && context.arrivalMs !== undefined) this.#delayed++;
    context.turn++;
    context.arrivalMs =
      timestampMs ?? (context.arrivalMs === undefined ? undefined : context.arrivalMs + (delayMs ?? 0));
    const place = `${session}/${context.turn}`;
    if (ids)
      for (let i = 0; i < ids.length; i++) {
        const length = Math.min(this.#blockSize, added - i * this.#blockSize);
        this.#append(context, `${ids.highs[i]}/${ids.lows[i]}`, length);
      }
    else this.#append(context, `input ${place}`, added);
    const promptTokens = context.tokens;
    const blockIds = Int32Array.from(context.chain);
    this.#append(context, `output ${place}`, outputTokens);
    const group = row.group_id;
    return {
      promptTokens,
      outputTokens,
      arrivalMs: context.arrivalMs,
      blockIds,
      outputBlockIds: Int32Array.from(context.chain.slice(blockIds.length)),
      session: optionalText(row, "session_id"),
      turn: context.turn,
      extra: {
        ...(delayMs !== undefined && { delay_ms: delayMs }),
        ...(typeof group === "number" && { group_id: group }),
      },
    };
  }

  /** Adds a piece of content to the context, closing every block that it fills. */
  #append(context: Context, content: string, tokens: Tokens): void {
    context.tokens += tokens;
    let from = 0;
    while (from < tokens) {
      const taken = Math.min(tokens - from, this.#blockSize - context.openTokens);
      context.open += `${content} from ${from} for ${taken};`;
      context.openTokens += taken;
      from += taken;
      if (context.openTokens < this.#blockSize) return;
      context.chain.push(this.#chains.child(context.chain.at(-1), context.open));
      context.open = "";
      context.openTokens = 0;
    }
  }
}

import { InputError, isJsonObject, type JsonObject, type Ms, requireFinite } from "../../../base/index.js";
import { RowError } from "../../row-error.js";
import type { ParentEdge, ParentKind } from "../../trace.js";
import { promptBlocks } from "./block-ids.js";
import { ChainTable } from "./chain-table.js";
import type { Importer } from "./importer.js";
import { readJsonRows } from "./json-rows.js";
import { count, fieldOf, optionalList, optionalText, optionalTime } from "./row-fields.js";
import { TraceBuilder } from "./trace-builder.js";

/**
 * agentic_mooncake files of Dynamo (ai-dynamo/dynamo, DynoSim Runs): JSON lines.
 *
 * - Version 2 begins with a header (`schema` dynamo.agentic_mooncake, `version` 2, `block_size`, `hash_id_scope`). Rows:
 *   `request_id`, `play_id` (one run of an agent and its sub-agents: the scope of the ids), `session_id` (a conversation in it),
 *   `input_length`, `output_length`, `hash_ids` (one a block, the partial one included), `not_before_ms` (from the play's
 *   start), `recorded_api_time_ms`, `dependencies`: `{request_id, relation, trigger, delay_ms}`.
 * - The older form has no header: `timestamp` (ms) of roots, or `wait_for` (request ids) with `delay` and `tool_wait_ms` after
 *   their ends; blocks of 512 tokens.
 *
 * Dependencies become `parents`: `sequence` a turn, `spawn`, `join`, and `replay_barrier` a join; a trigger of `dispatch` counts
 * from the start. Sessions that begin with a spawn have an `agent`. Arrivals are the earliest possible: as
 * far as a dependency's duration is not recorded, as if its answer took no time. Plays start `startGapMs` apart.
 */
export const agenticMooncake: Importer = {
  format: "agentic-mooncake",
  description:
    "Dynamo's agentic_mooncake (v1, v2): requests of agents with dependencies, lengths, block hashes",
  async read(path, options) {
    const startGapMs = requireFinite("agentic-mooncake", "startGapMs", options.startGapMs ?? 60_000, 0);
    const builder = new TraceBuilder(path, options, options.blockSize ?? 512);
    const chains = new ChainTable(builder.blocks);
    let header: JsonObject = {};
    const rows: Row[] = [];
    await readJsonRows(
      path,
      builder,
      options,
      (row, line, ids) => {
        if (row.schema !== undefined) {
          if (row.schema !== "dynamo.agentic_mooncake" || row.version !== 2)
            throw new InputError(
              `${path}: must be dynamo.agentic_mooncake version 2, got ${String(row.schema)} ${String(row.version)}`,
            );
          header = row;
          return;
        }
        const scope = header.hash_id_scope === "global" ? "" : (optionalText(row, "play_id") ?? "");
        let at: number | undefined;
        const dense =
          ids &&
          Int32Array.from({ length: ids.length }, (_, i) => {
            at = chains.child(at, `${scope} ${ids.highs[i]}/${ids.lows[i]}`);
            return at;
          });
        rows.push({ row, line, ids: dense });
      },
      "hash_ids",
    );
    const told = header.block_size;
    const blockSize = options.blockSize ?? (typeof told === "number" && told > 0 ? told : 512);
    builder.useBlockSize(blockSize);
    const plays = new PlayTimes(rows, startGapMs);
    if (plays.count > 1)
      builder.assume(`${plays.count} plays are interleaved: one starts every ${startGapMs} ms`);
    for (const { row, line, ids } of rows) {
      builder.startStream();
      builder.row(line, () => {
        const promptTokens = count(row, fieldOf(row, ["input_length", "input_tokens"]));
        return {
          promptTokens,
          outputTokens: count(row, fieldOf(row, ["output_length", "output_tokens"])),
          ...(ids && promptBlocks("hash_ids", ids, promptTokens, blockSize)),
          ...plays.place(row),
          elapsedMs: optionalTime(row, "recorded_api_time_ms") || undefined,
          ...(typeof row.model === "string" && { extra: { model: row.model } }),
        };
      });
    }
    if (plays.withoutDuration > 0)
      builder.assume(
        `${plays.withoutDuration} requests wait for others whose duration is not recorded: their arrival is the earliest possible`,
      );
    return builder.finish({ source: "agentic-mooncake", blockSize, extra: {} });
  },
};

interface Row {
  readonly row: JsonObject;
  readonly line: number;
  readonly ids: Int32Array | undefined;
}

interface Wait {
  readonly edge: ParentEdge;
  readonly row: JsonObject | undefined;
}

const kinds: Readonly<Record<string, ParentKind>> = {
  sequence: "turn",
  spawn: "spawn",
  join: "join",
  replay_barrier: "join",
};

/** When requests can start at the earliest, and how they are called in the whole file. */
class PlayTimes {
  withoutDuration = 0;
  readonly #rows = new Map<string, JsonObject>();
  readonly #plays = new Map<string, number>();
  /** Sessions by play, and whether their first row is spawned by another. */
  readonly #isAgent = new Map<string, boolean>();
  readonly #arrivals = new Map<JsonObject, Ms | undefined>();
  readonly #turns = new Map<string, number>();
  readonly #open = new Set<JsonObject>();
  readonly #startGapMs: Ms;

  constructor(rows: readonly Row[], startGapMs: Ms) {
    this.#startGapMs = startGapMs;
    for (const { row } of rows) {
      const play = playOf(row);
      if (!this.#plays.has(play)) this.#plays.set(play, this.#plays.size);
      this.#rows.set(keyOf(play, row.request_id), row);
    }
  }

  get count(): number {
    return this.#plays.size;
  }

  place(row: JsonObject) {
    const play = playOf(row);
    const id = optionalText(row, "request_id");
    if (id === undefined) throw new RowError("request_id is missing");
    const session = optionalText(row, "session_id");
    const name = session === undefined ? undefined : this.#named(play, session);
    const turn = name === undefined ? undefined : (this.#turns.get(name) ?? 0) + 1;
    if (name !== undefined && turn !== undefined) this.#turns.set(name, turn);
    const waits = this.#waits(row);
    const line = `${play}/${session}`;
    if (!this.#isAgent.has(line))
      this.#isAgent.set(
        line,
        waits.some(({ edge }) => edge.kind === "spawn"),
      );
    const isAgent = session !== undefined && this.#isAgent.get(line) === true;
    return {
      arrivalMs: this.#arrivalMs(row),
      requestId: this.#named(play, id),
      session: name,
      turn,
      agent: isAgent ? session : undefined,
      parents: waits.map(({ edge }) => edge),
    };
  }

  /** Ids are told apart by their play, where there are several. */
  #named(play: string, id: string): string {
    return this.#plays.size > 1 ? `${play}/${id}` : id;
  }

  #waits(row: JsonObject): Wait[] {
    const play = playOf(row);
    const given = optionalList(row, "dependencies");
    if (given)
      return given.map((one): Wait => {
        const dependency = isJsonObject(one) ? one : {};
        const { request_id: id, relation, trigger } = dependency;
        const kind = kinds[String(relation)];
        if (kind === undefined || typeof id !== "string")
          throw new RowError(
            "a dependency must have a request_id and a relation (sequence, spawn, join, replay_barrier)",
          );
        const gapMs = optionalTime(dependency, "delay_ms") ?? 0;
        const edge = { requestId: this.#named(play, id), kind, gapMs };
        return {
          edge: trigger === "dispatch" ? { ...edge, from: "start" } : edge,
          row: this.#rows.get(keyOf(play, id)),
        };
      });
    const waits = optionalList(row, "wait_for") ?? [];
    const delay = row.delay;
    if (typeof delay === "number" && delay < 0)
      throw new RowError(`delay must not be negative, got ${delay}`);
    const gapMs = (optionalTime(row, "delay") ?? 0) + (optionalTime(row, "tool_wait_ms") ?? 0);
    return waits.map((id): Wait => {
      const parent = this.#rows.get(keyOf(play, id));
      const isOwn = textOf(parent?.session_id) === textOf(row.session_id);
      const kind: ParentKind = isOwn ? "turn" : waits.length > 1 ? "join" : "spawn";
      return { edge: { requestId: this.#named(play, String(id)), kind, gapMs }, row: parent };
    });
  }

  #arrivalMs(row: JsonObject): Ms | undefined {
    if (this.#arrivals.has(row)) return this.#arrivals.get(row);
    if (this.#open.has(row)) throw new RowError("requests wait for each other in a circle");
    this.#open.add(row);
    try {
      return this.#earliestMs(row);
    } finally {
      this.#open.delete(row);
    }
  }

  #earliestMs(row: JsonObject): Ms | undefined {
    const startMs = (this.#plays.get(playOf(row)) ?? 0) * this.#startGapMs;
    const waits = this.#waits(row);
    const given = optionalTime(row, fieldOf(row, ["not_before_ms", "timestamp"]));
    const times: Ms[] = given === undefined ? [] : [startMs + given];
    let isOpen = false;
    for (const { edge, row: parent } of waits) {
      if (!parent) continue;
      const parentMs = this.#arrivalMs(parent);
      if (parentMs === undefined) continue;
      const lastsMs = edge.from === "start" ? 0 : optionalTime(parent, "recorded_api_time_ms");
      if (lastsMs === undefined) isOpen = true;
      times.push(parentMs + (lastsMs ?? 0) + (edge.gapMs ?? 0));
    }
    if (isOpen) this.withoutDuration++;
    const arrivalMs = times.length === 0 ? (waits.length === 0 ? startMs : undefined) : Math.max(...times);
    this.#arrivals.set(row, arrivalMs);
    return arrivalMs;
  }
}

function playOf(row: JsonObject): string {
  return textOf(row.play_id) ?? "";
}

function keyOf(play: string, id: unknown): string {
  return `${play}/${String(id)}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

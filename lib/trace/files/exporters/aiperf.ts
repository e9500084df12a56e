import { InputError, type Ms } from "../../../base/index.js";
import type { Trace, TraceRecord } from "../../trace.js";
import { BlockNumbers } from "./block-numbers.js";
import type { Exporter } from "./exporter.js";
import { blocksOf512 } from "./mooncake.js";
import { type Wait, waitsOf } from "./waits.js";
import { writeLines } from "./write-lines.js";

const blockTokens = 512;

/**
 * Session traces as AIPerf reads them (ai-dynamo/aiperf, custom dataset type mooncake_trace): a row a turn with `session_id`,
 * `input_length` (of a first turn the whole prompt, of later ones what they add), `output_length`, `hash_ids` of 512-token blocks;
 * `timestamp` (ms) of a first turn, `delay` (ms) of later ones.
 *
 * AIPerf puts each turn behind the session's prompts and answers so far. A request is a later turn here where it waits for one
 * other whose prompt, with its answer, it begins with by length and hashes, and which no other request continues; what a turn
 * adds is taken to be new. All others are sessions of their own, at their arrival: spawned and joined ones, edited histories,
 * second follow-ups.
 */
export const aiperf: Exporter = {
  format: "aiperf",
  description: "Session traces for AIPerf (mooncake_trace): turns with what they add, delays, block hashes",
  async write(trace, path) {
    const without = trace.records.findIndex((record) => record.arrivalMs === undefined);
    if (without >= 0)
      throw new InputError(`aiperf: every request needs an arrival, request ${without} has none`);
    await writeLines(path, lines(trace, blocksOf512("aiperf", trace)));
  },
};

function* lines(trace: Trace, blocksPerBlock: number): Generator<string> {
  const { records } = trace;
  const numbers = new BlockNumbers(trace, blockTokens, blocksPerBlock);
  const before = turnsBefore(trace);
  const sessions: string[] = [];
  for (const [at, record] of records.entries()) {
    const turn = before[at];
    const parent = turn === undefined ? undefined : (records[turn.parent] as TraceRecord);
    sessions[at] = turn === undefined ? `session-${at}` : (sessions[turn.parent] as string);
    const added =
      parent === undefined
        ? record.promptTokens
        : record.promptTokens - parent.promptTokens - parent.outputTokens;
    const ids = parent ? numbers.fresh(Math.ceil(added / blockTokens)) : numbers.of(record);
    const times =
      turn === undefined ? { timestamp: round(record.arrivalMs as Ms) } : { delay: round(turn.delayMs) };
    yield JSON.stringify({
      session_id: sessions[at],
      input_length: added,
      output_length: record.outputTokens,
      ...(record.blockIds && { hash_ids: ids }),
      ...times,
    });
  }
}

/** The turn before of each request that is a later turn, see {@link aiperf}. */
function turnsBefore(trace: Trace): (Wait | undefined)[] {
  const { records } = trace;
  const continued = new Set<number>();
  return waitsOf(trace).map((waits, at) => {
    const [wait] = waits;
    if (waits.length !== 1 || !wait || wait.kind !== "turn" || wait.from === "start" || wait.parent >= at)
      return undefined;
    if (
      continued.has(wait.parent) ||
      !continues(records[at] as TraceRecord, records[wait.parent] as TraceRecord)
    )
      return undefined;
    continued.add(wait.parent);
    return wait;
  });
}

function continues(record: TraceRecord, parent: TraceRecord): boolean {
  if (record.promptTokens <= parent.promptTokens + parent.outputTokens) return false;
  if (!record.blockIds || !parent.blockIds) return true;
  const own = record.blockIds;
  return [...parent.blockIds, ...(parent.outputBlockIds ?? [])].every((id, at) => own[at] === id);
}

/** To a microsecond: the reader schedules by milliseconds. */
function round(ms: Ms): Ms {
  return Math.round(ms * 1e3) / 1e3;
}

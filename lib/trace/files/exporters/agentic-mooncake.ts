import { createHash } from "node:crypto";
import { defaultBlockSize } from "../../meta-line.js";
import type { ParentKind, Trace, TraceRecord } from "../../trace.js";
import { BlockNumbers } from "./block-numbers.js";
import type { Exporter } from "./exporter.js";
import { conversationOf, lastedMs, type Wait, waitsOf } from "./waits.js";
import { writeLines } from "./write-lines.js";

/** The one play that a trace is. */
const play = "trace";

/**
 * agentic_mooncake version 2, as Dynamo and AISimulate read it (ai-dynamo, replay loadgen's row types): a header, then a row a
 * request with what it depends on: a turn is a `sequence`, a retry too, spawns and joins are themselves; a gap that counts from the
 * parent's start is a `dispatch`.
 *
 * Ids are local to a play in this format: the whole trace is one play, so that what its sessions share stays shared.
 * `not_before_ms` is the arrival of a request that waits for none, and 0 for others: they come when what they wait for is done.
 * Where a trace tells of no one that it waits for, a request is sent at its arrival. `recorded_api_time_ms` is how long it took.
 */
export const agenticMooncake: Exporter = {
  format: "agentic-mooncake",
  description: "agentic_mooncake version 2, for Dynamo and AISimulate: dependencies, lengths, block hashes",
  write: (trace, path) => writeLines(path, lines(trace)),
};

const relations: Readonly<Record<ParentKind, string>> = {
  turn: "sequence",
  retry: "sequence",
  spawn: "spawn",
  join: "join",
};

function* lines(trace: Trace): Generator<string> {
  const blockSize = trace.meta.blockSize ?? defaultBlockSize;
  const rows = [...rowsOf(trace, blockSize)];
  const digest = createHash("sha256");
  for (const row of rows) digest.update(row);
  yield JSON.stringify({
    schema: "dynamo.agentic_mooncake",
    version: 2,
    block_size: blockSize,
    hash_id_scope: "local",
    source: {
      format: `prefixlab ${trace.meta.source ?? "trace"}`,
      digest: digest.digest("hex").slice(0, 16),
    },
  });
  yield* rows;
}

function* rowsOf(trace: Trace, blockSize: number): Generator<string> {
  const { records, meta } = trace;
  const numbers = new BlockNumbers(trace, blockSize, 1);
  const names = namesOf(records);
  const waits = waitsOf(trace);
  for (const [at, record] of records.entries()) {
    const own = waits[at] as Wait[];
    const lasted = lastedMs(record);
    yield JSON.stringify({
      request_id: names[at],
      play_id: play,
      session_id: conversationOf(record) ?? names[at],
      model: record.extra?.model ?? meta.model ?? "model",
      input_length: record.promptTokens,
      output_length: record.outputTokens,
      hash_ids: numbers.of(record),
      not_before_ms: own.length > 0 ? 0 : (record.arrivalMs ?? 0),
      ...(lasted !== undefined && { recorded_api_time_ms: lasted }),
      ...(own.length > 0 && {
        dependencies: own.map(({ parent, kind, delayMs, from }) => ({
          request_id: names[parent],
          trigger: from === "start" ? "dispatch" : "completion",
          delay_ms: delayMs,
          relation: relations[kind],
        })),
      }),
    });
  }
}

/** A name for each request that no other has: its own, or else its place. */
function namesOf(records: readonly TraceRecord[]): string[] {
  const taken = new Set<string>();
  return records.map(({ requestId }, at) => {
    let name = requestId ?? `request-${at}`;
    while (taken.has(name)) name += `#${at}`;
    taken.add(name);
    return name;
  });
}

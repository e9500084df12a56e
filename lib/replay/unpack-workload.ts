import { PARENT_KINDS, type SessionLabels, type WaitedFor, type Workload } from "../sessions/index.js";
import { settingsFromWire } from "../settings/index.js";
import { BlockTable, type TraceRecord } from "../trace/index.js";
import { chainsOfRuns } from "./id-runs.js";
import { ends, notTold, type WorkloadHead } from "./pack-workload.js";
import { type Column, type PackedColumns, unpackColumns } from "./packed-columns.js";

/**
 * The workload that `packWorkload` packed. Replays of it come out as of the one that was packed; of a captured answer it
 * knows the first and the last token.
 * @throws InputError when the bytes are cut short
 * @example
 * ```ts
 * import { latencyProfile, readCapture, replay, summarizeCohorts, workloadOf } from "prefixlab";
 * import { packWorkload, unpackWorkload } from "prefixlab/replay";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * const model = latencyProfile("h200-qwen3-8b");
 * const [one, other] = [workload, unpackWorkload(packWorkload(workload))].map((given) => replay(given, { model }));
 * summarizeCohorts(one).all.ttftMs.p50 === summarizeCohorts(other).all.ttftMs.p50; // → true
 * ```
 */
export function unpackWorkload(bytes: Uint8Array): Workload {
  const packed = unpackColumns(bytes);
  const { meta, blocks: blockCount } = packed.head as WorkloadHead;
  const blocks = new BlockTable();
  for (let id = 0; id < blockCount; id++) blocks.intern(0, id);
  return {
    trace: {
      meta: {
        extra: meta.extra,
        ...(meta.blockSize !== undefined && { blockSize: meta.blockSize }),
        ...(meta.engine && { engine: settingsFromWire(meta.engine) }),
      },
      records: recordsOf(packed),
      blocks,
      rejected: [],
      warnings: [],
    },
    sessions: sessionsOf(packed),
  };
}

function recordsOf({ columns }: PackedColumns): TraceRecord[] {
  const chains = (name: string) =>
    chainsOfRuns({
      counts: columns[`${name}Runs`] as Int32Array,
      steps: columns[`${name}Steps`] as Int32Array,
      lengths: columns[`${name}Lengths`] as Int32Array,
    });
  const prompts = chains("prompt");
  const answers = chains("answer");
  return Array.from(columns.promptTokens, (promptTokens, i): TraceRecord => {
    const count = (name: string) => toldCount(columns[name], i);
    const time = (name: string) => toldTime(columns[name], i);
    const decodeMs = time("decodeMs");
    const finishReason = reasons[columns.end[i]];
    const [priority, benchmark] = [time("priority"), time("benchmark")];
    const fields: Record<string, unknown> = {
      promptTokens,
      outputTokens: columns.outputTokens[i],
      cachedTokens: count("cachedTokens"),
      concurrency: count("concurrency"),
      arrivalMs: time("arrivalMs"),
      ttftMs: time("ttftMs"),
      // One gap as long as all of them: the time between first and last token is all that is kept.
      itlSummary: decodeMs === undefined ? undefined : { meanMs: decodeMs, count: 1 },
      elapsedMs: time("elapsedMs"),
      finishReason,
      blockIds: prompts[i],
      outputBlockIds: answers[i],
      extra:
        priority === undefined && benchmark === undefined
          ? undefined
          : {
              ...(priority !== undefined && { priority }),
              ...(benchmark !== undefined && { benchmark }),
            },
    };
    for (const name of Object.keys(fields)) if (fields[name] === undefined) delete fields[name];
    return fields as unknown as TraceRecord;
  });
}

/** A reason that stands for each of {@link ends}. */
const reasons: readonly (string | undefined)[] = ends.map((end) =>
  end === "not told" ? undefined : end === "answered" ? "stop" : end === "timeout" ? "timeout" : "error",
);

function sessionsOf({ columns }: PackedColumns): SessionLabels {
  const { parent, turn, session, link, agentDepth, waitRecord } = columns;
  return {
    parent: parent as Int32Array,
    turn: turn as Int32Array,
    session: session as Int32Array,
    ...(link && { link: link as Uint8Array }),
    ...(agentDepth && { agentDepth: agentDepth as Uint8Array }),
    ...(waitRecord && { waits: waitsOf(columns) }),
  };
}

function waitsOf(columns: PackedColumns["columns"]): Map<number, WaitedFor[]> {
  const { waitRecord, waitParent, waitKind, waitFromStart, waitGapMs } = columns;
  const waits = new Map<number, WaitedFor[]>();
  waitRecord.forEach((record, k) => {
    const gapMs = toldTime(waitGapMs, k);
    const wait: WaitedFor = {
      parent: waitParent[k],
      kind: PARENT_KINDS[waitKind[k]],
      ...(gapMs !== undefined && { gapMs }),
      ...(waitFromStart[k] === 1 && { from: "start" as const }),
    };
    const before = waits.get(record);
    if (before) before.push(wait);
    else waits.set(record, [wait]);
  });
  return waits;
}

function toldCount(column: Column, i: number): number | undefined {
  return column[i] === notTold ? undefined : column[i];
}

function toldTime(column: Column, i: number): number | undefined {
  return Number.isNaN(column[i]) ? undefined : column[i];
}

import type { Trace, TraceRecord } from "../trace/index.js";
import { isAnswered, totalMs } from "../trace/index.js";

/** The parts of a trace that inference reads, one entry a record, in columns. */
export interface RequestColumns {
  readonly count: number;
  /** Records by arrival. */
  readonly order: Int32Array;
  /** Arrival; the record's index where the trace has no arrivals. */
  readonly arrivalMs: Float64Array;
  /** Completion; the arrival where the trace does not say. */
  readonly endMs: Float64Array;
  readonly promptTokens: Float64Array;
  readonly outputTokens: Float64Array;
  /** 1 where the request failed, or was given up or cut off, before all of its answer. */
  readonly failed: Uint8Array;
  /** The prompt's last, partial block, -1 where unknown; undefined where no record knows it. */
  readonly tailIds: Int32Array | undefined;
  /** The first block of each prompt, which tells its agent by tools and system prompt; -1 without a full block. */
  readonly agents: Int32Array;
  /** The prompt's full blocks. */
  readonly chains: readonly Int32Array[];
  /** The blocks that the recorded answer adds. */
  readonly answers: readonly Int32Array[];
  /** More than the largest block id. */
  readonly idLimit: number;
  readonly hasArrivals: boolean;
  /** Whether any record tells when it was over. */
  readonly hasDurations: boolean;
}

export const NO_BLOCKS: Int32Array = new Int32Array(0);

/**
 * When a request was over, ms since the start of the capture: its last token, else the last thing known of it.
 * @example
 * ```ts
 * import { readCapture } from "prefixlab";
 * import { completionMs } from "prefixlab/sessions";
 * const { records } = await readCapture({ role: "judge", scenario: "warm", seed: 1 });
 * completionMs(records[1]); // → 558.4
 * ```
 */
export function completionMs(record: TraceRecord): number | undefined {
  if (record.arrivalMs === undefined) return undefined;
  const total = totalMs(record) ?? record.elapsedMs ?? record.ttftMs;
  return total === undefined ? undefined : record.arrivalMs + total;
}

/** True when a record says that it did not get its whole answer; a trace that tells nothing of ends says nothing. */
function hasFailed(record: TraceRecord): boolean {
  return record.finishReason !== undefined && !isAnswered(record);
}

/** What columns are made from: of each record, missing times being NaN. */
export type KnownColumns = Pick<
  RequestColumns,
  "arrivalMs" | "endMs" | "promptTokens" | "outputTokens" | "failed" | "tailIds" | "chains" | "answers"
>;

/**
 * What a record adds to {@link KnownColumns} beside its lengths and blocks: arrival and completion (the arrival, where nothing tells
 * it; NaN without either), ms, and whether it says that it did not get its whole answer.
 * @example
 * ```ts
 * import { timesOf } from "prefixlab/sessions";
 * timesOf({ promptTokens: 100, outputTokens: 1, arrivalMs: 500, ttftMs: 36, finishReason: "stop" });
 * // → { arrivalMs: 500, endMs: 536, failed: false }
 * ```
 */
export function timesOf(record: TraceRecord): {
  readonly arrivalMs: number;
  readonly endMs: number;
  readonly failed: boolean;
} {
  const { arrivalMs = Number.NaN } = record;
  return { arrivalMs, endMs: completionMs(record) ?? arrivalMs, failed: hasFailed(record) };
}

/** The columns of a trace, as {@link columnsFrom} orders them. */
export function requestColumns({ records }: Trace): RequestColumns {
  const count = records.length;
  const hasTails = records.some((record) => record.tailBlockId !== undefined);
  const known = {
    arrivalMs: new Float64Array(count),
    endMs: new Float64Array(count),
    promptTokens: new Float64Array(count),
    outputTokens: new Float64Array(count),
    failed: new Uint8Array(count),
    tailIds: hasTails ? Int32Array.from(records, ({ tailBlockId }) => tailBlockId ?? -1) : undefined,
    chains: new Array<Int32Array>(count),
    answers: new Array<Int32Array>(count),
  };
  let idLimit = 0;
  for (let i = 0; i < count; i++) {
    const record = records[i];
    const { arrivalMs, endMs, failed } = timesOf(record);
    known.arrivalMs[i] = arrivalMs;
    known.endMs[i] = endMs;
    known.promptTokens[i] = record.promptTokens;
    known.outputTokens[i] = record.outputTokens;
    known.failed[i] = failed ? 1 : 0;
    const chain = record.blockIds ?? NO_BLOCKS;
    const answer = record.blockIds ? (record.outputBlockIds ?? NO_BLOCKS) : NO_BLOCKS;
    for (let d = 0; d < chain.length; d++) if (chain[d] >= idLimit) idLimit = chain[d] + 1;
    for (let d = 0; d < answer.length; d++) if (answer[d] >= idLimit) idLimit = answer[d] + 1;
    known.chains[i] = chain;
    known.answers[i] = answer;
  }
  return columnsFrom(known, idLimit);
}

/**
 * The columns of records of which this is known. Records that arrive together are ordered by prompt, output, completion and block
 * count, so that the order of the rows in a file decides only between requests that are alike in all of them.
 * @param idLimit more than the largest block id
 */
export function columnsFrom(known: KnownColumns, idLimit: number): RequestColumns {
  const { promptTokens, outputTokens, chains } = known;
  const count = promptTokens.length;
  const hasArrivals = count > 0 && !known.arrivalMs.some(Number.isNaN);
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  const arrivalMs = hasArrivals ? known.arrivalMs : Float64Array.from(order);
  const endMs = hasArrivals ? known.endMs : arrivalMs;
  const agents = new Int32Array(count);
  let sorted = true;
  let hasDurations = false;
  for (let i = 0; i < count; i++) {
    agents[i] = chains[i].length > 0 ? chains[i][0] : -1;
    if (endMs[i] > arrivalMs[i]) hasDurations = true;
    if (i > 0 && arrivalMs[i] <= arrivalMs[i - 1]) sorted = false;
  }
  if (!sorted)
    order.sort(
      (a, b) =>
        arrivalMs[a] - arrivalMs[b] ||
        promptTokens[a] - promptTokens[b] ||
        outputTokens[a] - outputTokens[b] ||
        endMs[a] - endMs[b] ||
        chains[a].length - chains[b].length ||
        a - b,
    );
  return { ...known, count, order, arrivalMs, endMs, agents, idLimit, hasArrivals, hasDurations };
}

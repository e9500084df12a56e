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
  /** One more than the largest block id. */
  readonly idLimit: number;
  readonly hasArrivals: boolean;
  /** Whether any record tells when it was over. */
  readonly hasDurations: boolean;
}

const NO_BLOCKS = new Int32Array(0);

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

/**
 * The columns of a trace. Records that arrive together are ordered by prompt, output, completion and block count,
 * so that the order of the rows in a file decides only between requests that are alike in all of them.
 */
export function requestColumns(trace: Trace): RequestColumns {
  const { records } = trace;
  const count = records.length;
  const hasArrivals = count > 0 && records.every((record) => record.arrivalMs !== undefined);
  const arrivalMs = new Float64Array(count);
  const endMs = new Float64Array(count);
  const promptTokens = new Float64Array(count);
  const outputTokens = new Float64Array(count);
  const failed = new Uint8Array(count);
  const hasTails = records.some((record) => record.tailBlockId !== undefined);
  const tailIds = hasTails ? Int32Array.from(records, ({ tailBlockId }) => tailBlockId ?? -1) : undefined;
  const agents = new Int32Array(count);
  const chains: Int32Array[] = new Array(count);
  const answers: Int32Array[] = new Array(count);
  let idLimit = 0;
  let sorted = true;
  let hasDurations = false;
  for (let i = 0; i < count; i++) {
    const record = records[i];
    arrivalMs[i] = hasArrivals ? (record.arrivalMs as number) : i;
    endMs[i] = hasArrivals ? (completionMs(record) ?? (record.arrivalMs as number)) : i;
    if (endMs[i] > arrivalMs[i]) hasDurations = true;
    promptTokens[i] = record.promptTokens;
    outputTokens[i] = record.outputTokens;
    if (hasFailed(record)) failed[i] = 1;
    const chain = record.blockIds ?? NO_BLOCKS;
    const answer = record.blockIds ? (record.outputBlockIds ?? NO_BLOCKS) : NO_BLOCKS;
    for (let d = 0; d < chain.length; d++) if (chain[d] >= idLimit) idLimit = chain[d] + 1;
    for (let d = 0; d < answer.length; d++) if (answer[d] >= idLimit) idLimit = answer[d] + 1;
    agents[i] = chain.length > 0 ? chain[0] : -1;
    chains[i] = chain;
    answers[i] = answer;
    if (i > 0 && arrivalMs[i] <= arrivalMs[i - 1]) sorted = false;
  }
  const order = Int32Array.from(records.keys());
  if (!sorted) {
    order.sort(
      (a, b) =>
        arrivalMs[a] - arrivalMs[b] ||
        promptTokens[a] - promptTokens[b] ||
        outputTokens[a] - outputTokens[b] ||
        endMs[a] - endMs[b] ||
        chains[a].length - chains[b].length ||
        a - b,
    );
  }
  return {
    count,
    order,
    arrivalMs,
    endMs,
    promptTokens,
    outputTokens,
    failed,
    tailIds,
    agents,
    chains,
    answers,
    idLimit,
    hasArrivals,
    hasDurations,
  };
}

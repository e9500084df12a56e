import { InputError, type Ms, requireInteger, type Tokens } from "../base/index.js";
import { type AccessRuns, accessRuns, type BlockAccess } from "../cache/index.js";
import { poolChains, sequenceBlocks } from "../replay/index.js";
import { completionMs, type Workload } from "../sessions/index.js";

/** A workload as a cache sees it that serves one request after another: no scheduler, no step times. */
export interface ServedInTurn {
  readonly blockSize: Tokens;
  /** Prompt tokens of all requests: what shares are shares of. */
  readonly promptTokens: Tokens;
  /** In order of arrival; a request's lookups stop before its last token, which is computed in any case. */
  readonly accesses: readonly BlockAccess[];
  readonly runs: AccessRuns;
  /** Content ids run from 0 to contentCount - 1. */
  readonly contentCount: number;
  /** When each of them came, and when its answer was whole; undefined where the trace has no arrivals. */
  readonly arrivalMs?: Float64Array;
  readonly endMs?: Float64Array;
  /** Tokens that the longest request fills, prompt and answer, in whole blocks: no smaller pool serves all. */
  readonly longestTokens: Tokens;
  /** What was assumed where the trace is silent, in words for the user. */
  readonly assumptions: readonly string[];
}

/** How {@link servedInTurn} reads a workload. */
export interface ServedInTurnOptions {
  /** Tokens a block of the pool. Default: the trace's. */
  readonly blockSize?: Tokens;
}

/**
 * A workload's requests in order of arrival, as chains of blocks that a cache looks up and stores.
 * @throws InputError when no request has block hashes, for which every prompt would be new
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { servedInTurn } from "prefixlab/size";
 * const served = servedInTurn(workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 })));
 * [served.runs.count, served.promptTokens, served.longestTokens]; // → [320, 522240, 1968]
 * ```
 */
export function servedInTurn({ trace, sessions }: Workload, options: ServedInTurnOptions = {}): ServedInTurn {
  const { records, meta } = trace;
  if (records.every(({ blockIds }) => blockIds === undefined))
    throw new InputError(
      "servedInTurn: the trace has no block hashes, and without them no prompt is known to share anything: capture it with the tap or the load generator, or import a format that has hashes",
    );
  const traceBlockSize = meta.blockSize ?? 16;
  const blockSize = requireInteger("servedInTurn", "blockSize", options.blockSize ?? traceBlockSize, 1);
  const chains = poolChains(
    trace,
    sequenceBlocks(trace, sessions.parent, traceBlockSize),
    traceBlockSize,
    blockSize,
  );

  const hasArrivals = records.every(({ arrivalMs }) => arrivalMs !== undefined);
  const order = records.map((_, index) => index);
  if (hasArrivals) order.sort((a, b) => (records[a].arrivalMs as Ms) - (records[b].arrivalMs as Ms) || a - b);
  const accesses = order.map((index) => ({
    contentIds: chains.contentIds[index],
    promptBlocks: Math.max(0, Math.floor((records[index].promptTokens - 1) / blockSize)),
  }));
  const untimed = records.filter((record) => completionMs(record) === undefined).length;
  return {
    blockSize,
    promptTokens: records.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
    accesses,
    runs: accessRuns(accesses, chains.contentCount),
    contentCount: chains.contentCount,
    ...(hasArrivals && {
      arrivalMs: Float64Array.from(order, (index) => records[index].arrivalMs as Ms),
      endMs: Float64Array.from(
        order,
        (index) => completionMs(records[index]) ?? (records[index].arrivalMs as Ms),
      ),
    }),
    longestTokens: records.reduce(
      (most, { promptTokens, outputTokens }) =>
        Math.max(most, Math.ceil((promptTokens + Math.max(1, outputTokens)) / blockSize) * blockSize),
      0,
    ),
    assumptions: [
      ...(hasArrivals ? [] : ["the trace has no arrivals: requests are served in the order of its rows"]),
      ...(hasArrivals && untimed > 0
        ? [`${untimed} requests have no latencies: what they leave is idle from their arrival on`]
        : []),
      ...(chains.unhashedPromptBlocks > 0
        ? [`${chains.unhashedPromptBlocks} full prompt blocks have no hash and are shared with nothing`]
        : []),
    ],
  };
}

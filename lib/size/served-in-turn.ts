import { InputError, type Ms, requireInteger, type Tokens } from "../base/index.js";
import { type AccessRuns, accessRuns } from "../cache/index.js";
import { answerReuseWords, type BlockAccesses, blockAccesses } from "../replay/index.js";
import { completionMs, type Workload } from "../sessions/index.js";
import { defaultBlockSize, importAssumptions } from "../trace/index.js";

/** A workload as a cache sees it that serves one request after another: no scheduler, no step times. */
export interface ServedInTurn
  extends Pick<BlockAccesses, "blockSize" | "promptTokens" | "accesses" | "contentCount"> {
  readonly runs: AccessRuns;
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
  /** Whether the next turn repeats an answer of which no hashes are told, see `workloadChains`. Default true. */
  readonly answerReuse?: boolean;
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
export function servedInTurn(workload: Workload, options: ServedInTurnOptions = {}): ServedInTurn {
  const { records, meta } = workload.trace;
  if (records.every(({ blockIds }) => blockIds === undefined))
    throw new InputError(
      "servedInTurn: the trace has no block hashes, and without them no prompt is known to share anything: capture it with the tap or the load generator, or import a format that has hashes",
    );
  const blockSize = requireInteger(
    "servedInTurn",
    "blockSize",
    options.blockSize ?? meta.blockSize ?? defaultBlockSize,
    1,
  );
  const { promptTokens, accesses, order, hasArrivals, contentCount, reuse, unhashedPromptBlocks } =
    blockAccesses(workload, { ...options, blockSize });
  const untimed = records.filter((record) => completionMs(record) === undefined).length;
  return {
    blockSize,
    promptTokens,
    accesses,
    runs: accessRuns(accesses, contentCount),
    contentCount,
    ...(hasArrivals && {
      arrivalMs: Float64Array.from(order, (index) => records[index].arrivalMs as Ms),
      endMs: Float64Array.from(
        order,
        (index) => completionMs(records[index]) ?? (records[index].arrivalMs as Ms),
      ),
    }),
    longestTokens: records.reduce(
      (most, record) =>
        Math.max(
          most,
          Math.ceil((record.promptTokens + Math.max(1, record.outputTokens)) / blockSize) * blockSize,
        ),
      0,
    ),
    assumptions: [
      ...(hasArrivals ? [] : ["the trace has no arrivals: requests are served in the order of its rows"]),
      ...(hasArrivals && untimed > 0
        ? [`${untimed} requests have no latencies: what they leave is idle from their arrival on`]
        : []),
      ...importAssumptions(meta),
      ...(reuse ? [answerReuseWords(reuse)] : []),
      ...(unhashedPromptBlocks > 0
        ? [`${unhashedPromptBlocks} full prompt blocks have no hash and are shared with nothing`]
        : []),
    ],
  };
}

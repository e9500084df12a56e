import { InputError } from "../base/index.js";
import type { TraceMeta } from "./trace.js";

/** The data-parallel ranks of a captured engine. */
export interface DataParallel {
  /** 1 where the trace tells none. */
  readonly ranks: number;
  /**
   * Whether the ranks make their steps together: with expert parallelism every layer of a mixture of experts waits for all of
   * them (vLLM, "Data Parallel Deployment": ranks run dummy batches to stay in step). Without it each is an engine of its own.
   */
  readonly isLockstep: boolean;
}

/** Above what is deployed (hundreds): each is an engine of its own to simulate. */
const mostRanks = 4096;

/**
 * How many data-parallel ranks served a trace, and whether they are engines of their own.
 * @throws InputError for more than are believed
 * @example
 * ```ts
 * import { dataParallel } from "prefixlab/trace";
 * dataParallel({ extra: { data_parallel_size: 2, expert_parallel: true } }); // → { ranks: 2, isLockstep: true }
 * ```
 */
export function dataParallel({ extra }: Pick<TraceMeta, "extra">): DataParallel {
  const { data_parallel_size: size, expert_parallel: isExpertParallel } = extra;
  const ranks = typeof size === "number" && Number.isInteger(size) && size > 1 ? size : 1;
  if (ranks > mostRanks)
    throw new InputError(`meta.data_parallel_size must be at most ${mostRanks}, got ${ranks}`);
  return { ranks, isLockstep: ranks > 1 && isExpertParallel === true };
}

/** How many engines of their own served a trace: its data-parallel ranks, unless they make their steps together. */
export function engineCount(meta: Pick<TraceMeta, "extra">): number {
  const { ranks, isLockstep } = dataParallel(meta);
  return isLockstep ? 1 : ranks;
}

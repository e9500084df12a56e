import type { BlockTable } from "./block-table.js";
import type { TraceRecord } from "./trace.js";

/**
 * A record's block ids as those of another table, which takes in what it lacks.
 * @example
 * ```ts
 * import { BlockTable, movedBlocks } from "prefixlab/trace";
 * const [from, to] = [new BlockTable(), new BlockTable()];
 * const blockIds = Int32Array.of(from.intern(1, 1), from.intern(2, 2));
 * movedBlocks({ blockIds: blockIds.subarray(1) }, from, to).blockIds?.[0]; // → 0
 * ```
 */
export function movedBlocks(
  { blockIds, outputBlockIds }: Pick<TraceRecord, "blockIds" | "outputBlockIds">,
  from: BlockTable,
  to: BlockTable,
): Pick<TraceRecord, "blockIds" | "outputBlockIds"> {
  return {
    ...(blockIds && { blockIds: to.internFrom(from, blockIds) }),
    ...(outputBlockIds && { outputBlockIds: to.internFrom(from, outputBlockIds) }),
  };
}

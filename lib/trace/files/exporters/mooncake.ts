import { InputError } from "../../../base/index.js";
import { defaultBlockSize } from "../../meta-line.js";
import type { Trace } from "../../trace.js";
import type { Exporter } from "./exporter.js";
import { writeLines } from "./write-lines.js";

const mooncakeBlockSize = 512;

/**
 * Mooncake JSON lines: `timestamp` (ms, rounded), `input_length`, `output_length`, `hash_ids` of 512-token blocks,
 * renumbered by first appearance.
 *
 * Since hashes are chained, a block of 512 tokens is known by the last of the small blocks in it: 32 blocks of 16
 * become one. The last, partial block has an id in this format: the trace's own where it has one (`tailBlockId`, at 512
 * tokens a block), else one that is shared with nothing. Latencies and sessions are lost.
 */
export const mooncake: Exporter = {
  format: "mooncake",
  description: "Mooncake JSON lines: arrivals, lengths and hashes of 512-token blocks; no latencies",
  async write(trace, path) {
    const blockSize = trace.meta.blockSize ?? defaultBlockSize;
    if (mooncakeBlockSize % blockSize !== 0)
      throw new InputError(`mooncake: blocks of 512 tokens cannot be made of blocks of ${blockSize}`);
    const without = trace.records.findIndex((record) => record.arrivalMs === undefined);
    if (without >= 0)
      throw new InputError(`mooncake: every request needs an arrival, request ${without} has none`);
    await writeLines(path, lines(trace, mooncakeBlockSize / blockSize));
  },
};

function* lines(trace: Trace, blocksPerBlock: number): Generator<string> {
  const numbers = new Int32Array(trace.blocks.size).fill(-1);
  let next = 0;
  const numberOf = (id: number): number => {
    if (numbers[id] === -1) numbers[id] = next++;
    return numbers[id];
  };
  for (const { promptTokens, outputTokens, arrivalMs, blockIds, tailBlockId } of trace.records) {
    let hashes = "";
    if (blockIds) {
      const ids: number[] = [];
      for (let i = blocksPerBlock - 1; i < blockIds.length; i += blocksPerBlock)
        ids.push(numberOf(blockIds[i]));
      const tail = blocksPerBlock === 1 ? tailBlockId : undefined;
      while (ids.length < Math.ceil(promptTokens / mooncakeBlockSize))
        ids.push(tail === undefined ? next++ : numberOf(tail));
      hashes = `, "hash_ids": [${ids.join(", ")}]`;
    }
    yield `{"timestamp": ${Math.round(arrivalMs as number)}, "input_length": ${promptTokens}, ` +
      `"output_length": ${outputTokens}${hashes}}`;
  }
}

import { InputError } from "../../../base/index.js";
import { defaultBlockSize } from "../../meta-line.js";
import type { Trace } from "../../trace.js";
import { BlockNumbers } from "./block-numbers.js";
import type { Exporter } from "./exporter.js";
import { writeLines } from "./write-lines.js";

const mooncakeBlockSize = 512;

/**
 * Mooncake JSON lines: `timestamp` (ms, rounded), `input_length`, `output_length`, `hash_ids` of 512-token blocks,
 * renumbered by first appearance: 32 blocks of 16 become one. The last, partial block has an id in this format, see
 * `block-numbers.ts`. Latencies and sessions are lost.
 */
export const mooncake: Exporter = {
  format: "mooncake",
  description: "Mooncake JSON lines: arrivals, lengths and hashes of 512-token blocks; no latencies",
  async write(trace, path) {
    const blocksPerBlock = blocksOf512("mooncake", trace);
    const without = trace.records.findIndex((record) => record.arrivalMs === undefined);
    if (without >= 0)
      throw new InputError(`mooncake: every request needs an arrival, request ${without} has none`);
    await writeLines(path, lines(trace, blocksPerBlock));
  },
};

/** How many of the trace's blocks make one of 512 tokens. @throws InputError when they do not */
export function blocksOf512(format: string, { meta }: Trace): number {
  const blockSize = meta.blockSize ?? defaultBlockSize;
  if (mooncakeBlockSize % blockSize === 0) return mooncakeBlockSize / blockSize;
  throw new InputError(`${format}: blocks of 512 tokens cannot be made of blocks of ${blockSize}`);
}

function* lines(trace: Trace, blocksPerBlock: number): Generator<string> {
  const numbers = new BlockNumbers(trace, mooncakeBlockSize, blocksPerBlock);
  for (const record of trace.records) {
    const hashes = record.blockIds ? `, "hash_ids": [${numbers.of(record).join(", ")}]` : "";
    yield `{"timestamp": ${Math.round(record.arrivalMs as number)}, "input_length": ${record.promptTokens}, ` +
      `"output_length": ${record.outputTokens}${hashes}}`;
  }
}

import { type Command, InvalidArgumentError, Option } from "commander";
import { type EngineOptions, type PrefixReuse, prefixReuses } from "../engine/index.js";

/** The engine flags as commander hands them over. */
export interface EngineFlags {
  readonly kvCacheSize?: number;
  readonly blockSize?: number;
  readonly maxNumSeqs?: number;
  readonly maxNumBatchedTokens?: number;
  readonly longPrefillTokenThreshold?: number;
  readonly enablePrefixCaching?: boolean;
  readonly prefixReuse?: PrefixReuse;
}

/** Adds the engine's flags to a command, by vLLM's names. */
export function addEngineFlags(command: Command): Command {
  return command
    .option(
      "--kv-cache-size <blocks>",
      "blocks in the KV pool (default: the capture's, else 65536)",
      parseCount,
    )
    .option("--block-size <tokens>", "tokens a block (default: the capture's, else 16)", parseCount)
    .option("--max-num-seqs <n>", "running requests at most (default: the capture's, else 256)", parseCount)
    .option(
      "--max-num-batched-tokens <n>",
      "token budget of a step (default: the capture's, else 2048)",
      parseCount,
    )
    .option("--long-prefill-token-threshold <n>", "longest chunk of one prefill in a step", parseCount)
    .option("--enable-prefix-caching", "find prefixes in the cache (default: as the capture, else on)")
    .option("--no-enable-prefix-caching", "find nothing in the cache")
    .addOption(
      new Option(
        "--prefix-reuse <policy>",
        "find prefixes in vLLM's blocks or in llama.cpp's slots (default: the capture's, else blocks)",
      ).choices(prefixReuses),
    );
}

/** The engine settings that the flags set; what they leave out is not in the result. */
export function engineFromFlags(flags: EngineFlags): Partial<EngineOptions> {
  return {
    ...(flags.kvCacheSize !== undefined && { kvCacheBlocks: flags.kvCacheSize }),
    ...(flags.blockSize !== undefined && { blockSize: flags.blockSize }),
    ...(flags.maxNumSeqs !== undefined && { maxNumSeqs: flags.maxNumSeqs }),
    ...(flags.maxNumBatchedTokens !== undefined && { maxNumBatchedTokens: flags.maxNumBatchedTokens }),
    ...(flags.longPrefillTokenThreshold !== undefined && {
      longPrefillTokenThreshold: flags.longPrefillTokenThreshold,
    }),
    ...(flags.prefixReuse !== undefined && { prefixReuse: flags.prefixReuse }),
    ...(flags.enablePrefixCaching !== undefined && { enablePrefixCaching: flags.enablePrefixCaching }),
  };
}

/** A whole number >= 1 from the command line. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("expected a whole number >= 1");
  return value;
}

/** A number > 0 from the command line. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("expected a number > 0");
  return value;
}

/** A pair of whole numbers, `low:high`. */
export function parseRange(text: string): [number, number] {
  const [low, high, ...more] = text
    .split(":")
    .map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || more.length > 0)
    throw new InvalidArgumentError("expected low:high, two whole numbers");
  return [low, high];
}

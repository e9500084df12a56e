import type { RouterPolicy } from "../router.js";
import { chooseOptions, nameWithOptions, type OptionValues } from "../router-options.js";
import { SentPrefixes } from "../sent-prefixes.js";
import { promptBlocksOf, scoreOptions, WeightedScores } from "../weighted-scores.js";

/** The options of {@link weighted}. */
export const weightedOptions = {
  ...scoreOptions,
  rememberedBlocks: {
    word: "remembered-blocks",
    says: "blocks that are remembered of each replica",
    usual: 31_250,
    min: 1,
    isWhole: true,
  },
} as const;

/** More than what is to be remembered may be kept: forgetting goes through all of it. */
const slack = 1.25;

/**
 * Weighted scores of prefix, queue and use of the KV pool, as llm-d's and the Gateway API Inference Extension's endpoint picker has
 * them by default, and BLIS's `weighted` (`sim/routing_scorers.go` in inference-sim): the prefix score is the share of the
 * prompt's blocks that was sent to the replica before, as far as is remembered (`prefix-cache-scorer`,
 * `pkg/epp/scheduling/framework/plugins/multi/prefix/plugin.go`).
 *
 * Different there: blocks are of 64 characters, at most 256 of a prompt; each is forgotten by itself, the least recently sent
 * first, here those of the prompts that were sent longest ago, a fifth of all at a time.
 */
export function weighted(given: Partial<OptionValues<typeof weightedOptions>> = {}): RouterPolicy {
  const options = chooseOptions("weighted", weightedOptions, given);
  return {
    name: nameWithOptions("weighted", weightedOptions, options),
    sees: "engine-load",
    start: ({ replicas: { length: count }, blockSizeTokens, random }) => {
      const sent = new SentPrefixes(count);
      const scores = new WeightedScores(count, options, random);
      return {
        route: (request, replicas, nowMs) => {
          const { contentIds } = request;
          const blocks = promptBlocksOf(request, blockSizeTokens);
          const replica = scores.pick(
            replicas,
            nowMs,
            (into) => sent.depths(contentIds, blocks, into),
            (depths, i) => (blocks === 0 ? 0 : depths[i] / blocks),
          );
          if (replica < 0) return replica;
          sent.insert(contentIds, blocks, replica);
          if (sent.sizeBlocks[replica] > slack * options.rememberedBlocks)
            sent.shrink(replica, options.rememberedBlocks);
          return replica;
        },
        onReplica: (replica) => sent.forget(replica),
      };
    },
  };
}

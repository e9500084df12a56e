import type { RandomStream, Tokens } from "../../base/index.js";
import type { EngineRequest } from "../../engine/index.js";
import { ActiveBlocks } from "../active-blocks.js";
import { CacheIndex } from "../cache-index.js";
import { leastOfAny } from "../open-replicas.js";
import type { ReplicaView, RouterPolicy } from "../router.js";
import { chooseOptions, nameWithOptions, type OptionValues } from "../router-options.js";
import { promptBlocksOf } from "../weighted-scores.js";

/** The options of {@link kvCost}, with Dynamo's defaults. */
export const kvCostOptions = {
  prefillWeight: {
    word: "overlap-score-weight",
    says: "weight of the blocks to be computed; by now Dynamo's router-prefill-load-scale",
    usual: 1,
    min: 0,
  },
  overlapCredit: {
    word: "overlap-score-credit",
    says: "share of the found blocks that is taken off those to be computed",
    usual: 1,
    min: 0,
    max: 1,
  },
  temperature: { says: "of the softmax that draws a replica; 0: the cheapest one", usual: 0, min: 0 },
  delayMs: { word: "delay", says: "ms until a cache event is known", usual: 0, min: 0 },
  loss: { says: "share of cache events that never come", usual: 0, min: 0, max: 1 },
} as const;

/**
 * Dynamo's KV router: the cost of a replica is weight x blocks to be computed + active blocks, both as they would be with the
 * request there. To be computed: prompts whose first token has not come, less what was found of each, the request's own among
 * them. Active: different blocks of the prompts in flight, counted by the router itself. What is found is told by cache events.
 * The least cost is taken, of equals any; with a temperature, a softmax over costs scaled to their range is drawn from
 * (`worker_logit`, `select_worker` and `softmax_sample` in `lib/kv-router/src/scheduling/selector.rs`, `ActiveSequences` in
 * `lib/kv-router/src/sequences/single.rs` of ai-dynamo/dynamo).
 */
export function kvCost(given: Partial<OptionValues<typeof kvCostOptions>> = {}): RouterPolicy {
  const options = chooseOptions("kv-cost", kvCostOptions, given);
  const { prefillWeight, overlapCredit, temperature } = options;
  return {
    name: nameWithOptions("kv-cost", kvCostOptions, options),
    sees: "cache",
    start: ({ replicas: { length: count }, blockSizeTokens, random, listenToCaches }) => {
      const index = new CacheIndex(count, { ...options, random });
      listenToCaches(index);
      const active = new ActiveBlocks(count);
      /** What is to be computed: at each replica, and of each request. */
      const prefillTokens = new Float64Array(count);
      const prefillOf = new Map<EngineRequest, Tokens>();
      const found = new Int32Array(count);
      const there = new Int32Array(count);
      const costs = new Float64Array(count);
      const endPrefill = (request: EngineRequest, replica: number) => {
        prefillTokens[replica] -= prefillOf.get(request) ?? 0;
        prefillOf.delete(request);
      };
      return {
        route: (request, replicas, nowMs) => {
          const { contentIds, promptTokens } = request;
          const blocks = promptBlocksOf(request, blockSizeTokens);
          index.depths(contentIds, blocks, nowMs, found);
          active.depths(contentIds, blocks, there);
          for (let i = 0; i < count; i++) {
            const toCompute = (prefillTokens[i] + promptTokens) / blockSizeTokens - overlapCredit * found[i];
            costs[i] = prefillWeight * Math.max(0, toCompute) + active.sizeBlocks[i] + blocks - there[i];
          }
          const replica =
            temperature === 0
              ? leastOfAny(replicas, costs, random)
              : softmaxOf(replicas, costs, temperature, random);
          if (replica < 0) return replica;
          const own = Math.max(0, promptTokens - found[replica] * blockSizeTokens);
          prefillTokens[replica] += own;
          prefillOf.set(request, own);
          active.add(contentIds, blocks, replica);
          return replica;
        },
        onFirstToken: endPrefill,
        onEnd: (request, replica) => {
          endPrefill(request, replica);
          active.remove(request.contentIds, promptBlocksOf(request, blockSizeTokens), replica);
        },
        onReplica: (replica) => index.forget(replica),
      };
    },
  };
}

/** Draws an open replica: the cheaper the likelier. */
function softmaxOf(
  replicas: readonly ReplicaView[],
  costs: Float64Array,
  temperature: number,
  random: RandomStream,
): number {
  const open = replicas.flatMap(({ isOpen }, i) => (isOpen ? [i] : []));
  const least = Math.min(...open.map((i) => costs[i]));
  const range = Math.max(...open.map((i) => costs[i])) - least || 1;
  const chances = open.map((i) => Math.exp((least - costs[i]) / (range * temperature)));
  let left = random.uniform() * chances.reduce((sum, chance) => sum + chance, 0);
  for (let k = 0; k < open.length - 1; k++) {
    left -= chances[k];
    if (left <= 0) return open[k];
  }
  return open.at(-1) ?? -1;
}

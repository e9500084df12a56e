import type { Blocks, Ms, RandomStream } from "../base/index.js";
import type { EngineRequest } from "../engine/index.js";
import { EngineLoads } from "./engine-loads.js";
import { leastOfAny } from "./open-replicas.js";
import type { ReplicaView } from "./router.js";

/** What each score counts for, and how old the engines' load may be. */
export interface ScoreWeights {
  readonly prefix: number;
  readonly queue: number;
  readonly kvUse: number;
  readonly refreshMs: Ms;
}

/** The options of routers that add scores, with the weights of llm-d's profiles and its picker's polling. */
export const scoreOptions = {
  prefix: { says: "weight of what is found of the prompt", usual: 3, min: 0 },
  queue: { says: "weight of a short queue", usual: 2, min: 0 },
  kvUse: { word: "kv-use", says: "weight of a pool that is little used", usual: 2, min: 0 },
  refreshMs: { word: "refresh", says: "ms between two looks at the engines' load", usual: 50, min: 0 },
} as const;

/**
 * Adds scores from 0 to 1 and picks the highest sum, of equals any: the endpoint picker of the Gateway API Inference Extension and
 * llm-d (`pkg/epp/scheduling/framework/plugins/scorer/queue.go`, `kvcache_utilization.go`, `picker/max_score_picker.go` in
 * kubernetes-sigs/gateway-api-inference-extension). A queue scores by its place between the shortest and the longest, a pool by
 * its unused share.
 */
export class WeightedScores {
  /** Costs are negative scores: the least is picked. */
  readonly #costs: Float64Array;
  readonly #loads: EngineLoads;
  readonly #depths: Int32Array;

  constructor(
    replicas: number,
    readonly weights: ScoreWeights,
    readonly random: RandomStream,
  ) {
    this.#costs = new Float64Array(replicas);
    this.#loads = new EngineLoads(replicas, weights.refreshMs);
    this.#depths = new Int32Array(replicas);
  }

  /**
   * @param find writes how many leading blocks of the prompt are known of each replica
   * @param scorePrefix turns these into scores
   */
  pick(
    replicas: readonly ReplicaView[],
    nowMs: Ms,
    find: (into: Int32Array) => void,
    scorePrefix: (depths: Int32Array, replica: number) => number,
  ): number {
    const { prefix, queue, kvUse } = this.weights;
    const loads = this.#loads;
    const costs = this.#costs;
    loads.refresh(replicas, nowMs);
    find(this.#depths);
    let [shortest, longest] = [Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < replicas.length; i++) {
      if (!replicas[i].isOpen) continue;
      shortest = Math.min(shortest, loads.waiting[i]);
      longest = Math.max(longest, loads.waiting[i]);
    }
    for (let i = 0; i < replicas.length; i++) {
      const queueScore = longest === shortest ? 1 : (longest - loads.waiting[i]) / (longest - shortest);
      costs[i] = -(prefix * scorePrefix(this.#depths, i) + queue * queueScore + kvUse * (1 - loads.kvUse[i]));
    }
    return leastOfAny(replicas, costs, this.random);
  }
}

/** Full blocks of a request's prompt. */
export function promptBlocksOf({ promptTokens }: EngineRequest, blockSizeTokens: number): Blocks {
  return Math.floor(promptTokens / blockSizeTokens);
}

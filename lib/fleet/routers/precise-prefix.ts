import type { Blocks, Ms } from "../../base/index.js";
import { ActiveBlocks } from "../active-blocks.js";
import { CacheIndex } from "../cache-index.js";
import type { RouterPolicy } from "../router.js";
import { chooseOptions, nameWithOptions, type OptionValues } from "../router-options.js";
import { promptBlocksOf, scoreOptions, WeightedScores } from "../weighted-scores.js";

/** The options of {@link precisePrefix}. */
export const precisePrefixOptions = {
  ...scoreOptions,
  delayMs: { word: "delay", says: "ms until a cache event is known", usual: 0, min: 0 },
  loss: { says: "share of cache events that never come", usual: 0, min: 0, max: 1 },
  speculativeS: {
    word: "speculative",
    says: "s for which a prompt counts as held where it was sent, before events tell; 0: not at all",
    usual: 0,
    min: 0,
  },
} as const;

/**
 * Precise prefix: weighted scores as {@link weighted}'s, with the prefix found in an index that is fed by the engines' cache events,
 * which come late and may be lost. Its score is a replica's place between the least and the most that is found on those that have
 * anything; nothing where it has nothing, and 1 where all have the same. llm-d's `precise-prefix-cache-scorer`
 * (`indexedScoresToNormalizedScoredPods` in llm-d-inference-scheduler, `LongestPrefixScorer` in llm-d-kv-cache), with its
 * speculative entries.
 */
export function precisePrefix(given: Partial<OptionValues<typeof precisePrefixOptions>> = {}): RouterPolicy {
  const options = chooseOptions("precise-prefix", precisePrefixOptions, given);
  return {
    name: nameWithOptions("precise-prefix", precisePrefixOptions, options),
    sees: "cache",
    start: ({ replicas: { length: count }, blockSizeTokens, random, listenToCaches }) => {
      const index = new CacheIndex(count, { ...options, random });
      listenToCaches(index);
      const supposed =
        options.speculativeS > 0 ? new SupposedPrefixes(count, options.speculativeS) : undefined;
      const scores = new WeightedScores(count, options, random);
      let [least, most] = [0, 0];
      return {
        route: (request, replicas, nowMs) => {
          const { contentIds } = request;
          const blocks = promptBlocksOf(request, blockSizeTokens);
          const replica = scores.pick(
            replicas,
            nowMs,
            (into) => {
              index.depths(contentIds, blocks, nowMs, into);
              supposed?.deepen(contentIds, blocks, nowMs, into);
              [least, most] = [Number.POSITIVE_INFINITY, 0];
              for (let i = 0; i < count; i++) {
                if (into[i] === 0 || !replicas[i].isOpen) continue;
                least = Math.min(least, into[i]);
                most = Math.max(most, into[i]);
              }
            },
            (depths, i) => (depths[i] === 0 ? 0 : most === least ? 1 : (depths[i] - least) / (most - least)),
          );
          if (replica >= 0) supposed?.add(contentIds, blocks, replica, nowMs);
          return replica;
        },
        onReplica: (replica) => index.forget(replica),
      };
    },
  };
}

/** Prompts that count as held where they were sent, for a while. */
class SupposedPrefixes {
  readonly #prefixes: ActiveBlocks;
  readonly #depths: Int32Array;
  readonly #ttlMs: Ms;
  readonly #sent: { chain: Int32Array; length: Blocks; replica: number; untilMs: Ms }[] = [];
  #first = 0;

  constructor(replicas: number, ttlS: number) {
    this.#prefixes = new ActiveBlocks(replicas);
    this.#depths = new Int32Array(replicas);
    this.#ttlMs = 1000 * ttlS;
  }

  add(chain: Int32Array, length: Blocks, replica: number, nowMs: Ms): void {
    this.#prefixes.add(chain, length, replica);
    this.#sent.push({ chain, length, replica, untilMs: nowMs + this.#ttlMs });
  }

  /** Raises depths to what is supposed. */
  deepen(chain: Int32Array, length: Blocks, nowMs: Ms, depths: Int32Array): void {
    const sent = this.#sent;
    for (; this.#first < sent.length && sent[this.#first].untilMs <= nowMs; this.#first++) {
      const gone = sent[this.#first];
      this.#prefixes.remove(gone.chain, gone.length, gone.replica);
    }
    if (2 * this.#first > sent.length) {
      sent.splice(0, this.#first);
      this.#first = 0;
    }
    this.#prefixes.depths(chain, length, this.#depths);
    for (let i = 0; i < depths.length; i++) depths[i] = Math.max(depths[i], this.#depths[i]);
  }
}

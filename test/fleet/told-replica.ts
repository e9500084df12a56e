import { stream } from "../../lib/base/index.js";
import type { EngineRequest } from "../../lib/engine/index.js";
import {
  type CacheListener,
  ClientCounts,
  type ReplicaView,
  type RouterPolicy,
  Routing,
} from "../../lib/fleet/index.js";

/** A replica that is what a test says of it. */
export class ToldReplica extends ClientCounts implements ReplicaView {
  waiting = 0;
  running = 0;
  freeBlocks = 100;
  capacityBlocks = 100;

  cachedTokens(): number {
    return 0;
  }
}

/** A request of whole blocks of 16 tokens, and a few tokens more. */
export function promptOf(contentIds: readonly number[], more: { session?: number; tokens?: number } = {}) {
  const { session, tokens = 5 } = more;
  return {
    promptTokens: 16 * contentIds.length + tokens,
    outputTokens: 1,
    contentIds: Int32Array.from(contentIds),
    ...(session !== undefined && { session }),
  } satisfies EngineRequest;
}

/** A router at work over such replicas; cache events come when the test tells them. */
export function routerOver(policy: RouterPolicy, count: number, seed = 1) {
  const replicas = Array.from({ length: count }, (_, index) => new ToldReplica(index));
  const listeners: CacheListener[] = [];
  const routing = new Routing(policy, {
    replicas,
    blockSizeTokens: 16,
    random: stream(seed, "router"),
    listenToCaches: (listener) => listeners.push(listener),
  });
  return { replicas, routing, cache: () => listeners[0] as CacheListener };
}

import { openCount, openReplica } from "../open-replicas.js";
import type { ClientRouterPolicy } from "../router.js";

/** Random: each request to any replica, all equally likely. Envoy's `RANDOM`, SGLang's router's `random`. */
export function randomReplica(): ClientRouterPolicy {
  return {
    name: "random",
    sees: "own-counts",
    isBlind: true,
    start: ({ random }) => ({
      route: (_, replicas) => openReplica(replicas, random.integer(openCount(replicas))),
    }),
  };
}

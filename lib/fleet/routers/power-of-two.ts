import { openCount, openReplica } from "../open-replicas.js";
import type { ClientRouterPolicy } from "../router.js";

/**
 * Power of two choices: of two replicas drawn at random, the one with fewer requests in flight; of equals, the first drawn. Nginx's
 * `random two least_conn`; `power_of_two` of SGLang's router (`sgl-model-gateway/src/policies/power_of_two.rs`) where it has
 * no loads of its workers.
 */
export function powerOfTwo(): ClientRouterPolicy {
  return {
    name: "power-of-two",
    sees: "own-counts",
    start: ({ random }) => ({
      route: (_, replicas) => {
        const count = openCount(replicas);
        const first = random.integer(count);
        if (count < 2) return openReplica(replicas, first);
        const second = (first + 1 + random.integer(count - 1)) % count;
        const [a, b] = [openReplica(replicas, first), openReplica(replicas, second)];
        return replicas[a].inFlight <= replicas[b].inFlight ? a : b;
      },
    }),
  };
}

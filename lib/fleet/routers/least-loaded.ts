import type { RouterPolicy } from "../router.js";

/**
 * Least loaded: to the replica with the fewest requests, waiting and running; of equals, the first. nginx's `least_conn`,
 * with the engine's own counts.
 */
export function leastLoaded(): RouterPolicy {
  return {
    name: "least-loaded",
    start: () => ({
      route: (_, replicas) => {
        const loads = replicas.map(({ waiting, running }) => waiting + running);
        return loads.indexOf(Math.min(...loads));
      },
    }),
  };
}

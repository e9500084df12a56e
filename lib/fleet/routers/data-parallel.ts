import { leastOf } from "../open-replicas.js";
import type { RouterPolicy } from "../router.js";

/** What one waiting request counts for beside one that runs. */
const waitingWeight = 4;

/**
 * Data parallel: vLLM's own balancing over the ranks of one server, to the rank with the least of 4 x waiting + running; of
 * equals, the first (`DPLBAsyncMPClient.get_core_engine_for_request` in `vllm/v1/engine/core_client.py`). There the counts are
 * up to 100 ms old; here they are current.
 */
export function dataParallelBalancing(): RouterPolicy {
  return {
    name: "data-parallel",
    sees: "engine-load",
    start: () => ({
      route: (_, replicas) => leastOf(replicas, ({ waiting, running }) => waitingWeight * waiting + running),
    }),
  };
}

import { type EngineRequest, simulate } from "../../lib/engine/index.js";
import type { LatencyModel } from "../../lib/latency/index.js";

/**
 * A fleet by the obvious way, for routers that look at nothing: each replica's requests are known beforehand, and those
 * that follow a request of another replica get the time at which it really ended, round after round until nothing moves.
 * @returns when each request was sent and had its last token
 */
export function naiveFleet(
  requests: readonly EngineRequest[],
  replicaOf: readonly number[],
  model: LatencyModel,
  engine: object,
): { fireMs: number[]; lastMs: number[] } {
  const replicas = Math.max(...replicaOf) + 1;
  let fireMs = requests.map(({ fireAtMs }) => fireAtMs ?? Number.NaN);
  let lastMs = requests.map(() => Number.NaN);
  for (let round = 0; round <= requests.length; round++) {
    const known = requests.map((_, i) => i).filter((i) => !Number.isNaN(fireMs[i]));
    const ends = requests.map(() => Number.NaN);
    for (let replica = 0; replica < replicas; replica++) {
      const mine = known.filter((i) => replicaOf[i] === replica);
      const run = simulate({
        requests: mine.map((i) => {
          const { after: _, ...shape } = requests[i];
          return { ...shape, fireAtMs: fireMs[i] };
        }),
        model,
        engine,
      });
      mine.forEach((i, k) => {
        ends[i] = run.lastTokenMs(k) as number;
      });
    }
    const next = requests.map(({ fireAtMs, after }) => fireAtMs ?? ends[after!.parent] + after!.gapMs);
    const isSettled = next.every((ms, i) => Object.is(ms, fireMs[i]));
    fireMs = next;
    lastMs = ends;
    if (isSettled) break;
  }
  return { fireMs, lastMs };
}

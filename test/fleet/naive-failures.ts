import { type EngineRequest, type ReplicaEvent, simulate } from "../../lib/engine/index.js";
import type { LatencyModel } from "../../lib/latency/index.js";

/** A request on its way: the replica that it was sent to, and when. */
interface Attempt {
  readonly replica: number;
  readonly sentMs: number;
}

/** Whether a replica takes requests, once all of an instant's events have happened. */
export function isOpenAt(events: readonly ReplicaEvent[], initial: number, replica: number, ms: number) {
  const last = events.findLast((event) => event.replica === replica && event.atMs <= ms);
  return last ? last.does === "add" || last.does === "restart" : replica < initial;
}

/**
 * A fleet whose replicas come and go, by the obvious way: each engine, from one start of a replica to its end, runs alone with what
 * was sent to it then; what it had not done by its end is sent again at that time. Round after round until nothing moves.
 * @param events in order of time; one replica must always be open
 * @param choose the replica for a request's first, second, ... sending
 */
export function naiveFailures(
  requests: readonly EngineRequest[],
  events: readonly ReplicaEvent[],
  choose: (index: number, attempt: number, ms: number) => number,
  replicas: number,
  model: LatencyModel,
  engine: object,
) {
  let firstMs = requests.map(() => Number.NaN);
  let lastMs = requests.map(() => Number.NaN);
  let attempts: Attempt[][] = requests.map(() => []);
  for (let round = 0; round < 200; round++) {
    const before = JSON.stringify([attempts, lastMs]);
    attempts = requests.map(({ fireAtMs, after }, i) => {
      const sentMs = fireAtMs ?? lastMs[after!.parent]! + after!.gapMs;
      if (Number.isNaN(sentMs)) return [];
      const first = { replica: choose(i, 0, sentMs), sentMs };
      const [was, ...more] = attempts[i]!;
      return was?.replica === first.replica && was.sentMs === first.sentMs ? [first, ...more] : [first];
    });
    firstMs = requests.map(() => Number.NaN);
    lastMs = requests.map(() => Number.NaN);
    for (let replica = 0; replica < replicas; replica++) {
      const ends = events
        .filter(({ replica: of, does }) => of === replica && (does === "stop" || does === "restart"))
        .map(({ atMs }) => atMs);
      const spans = [0, ...ends].map((fromMs, k) => [fromMs, ends[k] ?? Number.POSITIVE_INFINITY] as const);
      for (const [fromMs, toMs] of spans) {
        const mine = attempts.flatMap((of, i) =>
          of.flatMap((one, attempt) =>
            one.replica === replica && one.sentMs >= fromMs && one.sentMs < toMs
              ? [{ i, attempt, ...one }]
              : [],
          ),
        );
        const run = simulate({
          requests: mine.map(({ i, sentMs }) => {
            const { after: _, ...shape } = requests[i]!;
            return { ...shape, fireAtMs: sentMs };
          }),
          model,
          engine,
        });
        mine.forEach(({ i, attempt }, k) => {
          if ((run.leftMs(k) as number) <= toMs) {
            firstMs[i] = run.firstTokenMs(k) as number;
            lastMs[i] = run.lastTokenMs(k) as number;
            attempts[i] = attempts[i]!.slice(0, attempt + 1);
          } else if (attempts[i]![attempt + 1]?.sentMs !== toMs)
            attempts[i] = [
              ...attempts[i]!.slice(0, attempt + 1),
              { replica: choose(i, attempt + 1, toMs), sentMs: toMs },
            ];
        });
      }
    }
    if (JSON.stringify([attempts, lastMs]) === before) break;
  }
  return { attempts, firstMs, lastMs };
}

import { describeValue, InputError, type Ms, requireFinite, requireInteger } from "../base/index.js";

/**
 * What can happen to a replica. Stop: it is gone, with what it held and what was in flight there. Restart: it takes requests again,
 * its cache empty; what was in flight there is gone. Drain: it takes no more requests, and goes on with those that it has. Add:
 * one more, which takes requests from then on.
 */
export const replicaChanges = ["stop", "restart", "drain", "add"] as const;
export type ReplicaChange = (typeof replicaChanges)[number];

/** Something that happens to a replica. */
export interface ReplicaEvent {
  readonly atMs: Ms;
  readonly does: ReplicaChange;
  /** Its index; one that is added has the next after those that there are. */
  readonly replica: number;
}

/** What clients do when a replica takes their requests with it: send them again at once, or take them for lost. */
export const onLosses = ["resend", "lose"] as const;
export type OnLoss = (typeof onLosses)[number];

/** What an event did. */
export interface ReplicaEventOutcome extends ReplicaEvent {
  /** Requests that were in flight there and are gone: they were sent again, or lost. */
  readonly requests: readonly number[];
}

/** How many replicas there are, those among them that are added. */
export function replicaCount(replicas: number, events: readonly ReplicaEvent[] = []): number {
  return replicas + events.filter(({ does }) => does === "add").length;
}

/**
 * Events in order of time.
 * @throws InputError when one is none of these, is of a replica that there is not then, or adds another than the next
 */
export function orderedEvents(replicas: number, events: readonly ReplicaEvent[]): ReplicaEvent[] {
  const where = "replica event";
  for (const { atMs, does, replica } of events) {
    requireFinite(where, "atMs", atMs, 0);
    requireInteger(where, "replica", replica);
    if (!replicaChanges.includes(does))
      throw new InputError(
        `${where}: does must be one of ${replicaChanges.join(", ")}, got ${describeValue(does)}`,
      );
  }
  const ordered = [...events].sort((a, b) => a.atMs - b.atMs);
  let count = replicas;
  const stopped = new Set<number>();
  for (const { atMs, does, replica } of ordered) {
    const what = `${where}: ${does} of replica ${replica} at ${atMs} ms`;
    if (does === "add") {
      if (replica !== count) throw new InputError(`${what}: the next one to be added is ${count}`);
      count++;
      continue;
    }
    if (replica >= count) throw new InputError(`${what}: there are replicas 0 to ${count - 1} then`);
    if (does !== "restart" && stopped.has(replica))
      throw new InputError(`${what}: it has been stopped; restart it first`);
    if (does === "stop") stopped.add(replica);
    else stopped.delete(replica);
  }
  return ordered;
}

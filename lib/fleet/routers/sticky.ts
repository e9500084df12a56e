import type { Ms } from "../../base/index.js";
import { leastOf, openCount, openReplica } from "../open-replicas.js";
import type { ClientRouterPolicy, ClientView } from "../router.js";
import { chooseOptions, nameWithOptions, type OptionValues } from "../router-options.js";

/** The options of {@link sticky}. */
export const stickyOptions = {
  ttlS: {
    word: "ttl",
    says: "s without a request after which a session is forgotten",
    usual: 4 * 3600,
    min: 0,
  },
  assign: {
    says: "where a new session goes: the fewest requests in flight (min-load), or any (random)",
    usual: "min-load",
    words: ["min-load", "random"],
  },
} as const;

/** Where a session is, and when its last request came. */
interface Place {
  replica: number;
  lastMs: Ms;
}

/**
 * Sticky: a session stays on the replica that its first request went to, until no request of it has come for a while, or its
 * replica is closed. A request without a session is one of its own. The `manual` policy of SGLang's router
 * (`sgl-model-gateway/src/policies/manual.rs`, there random unless told); nginx's `sticky cookie`.
 */
export function sticky(given: Partial<OptionValues<typeof stickyOptions>> = {}): ClientRouterPolicy {
  const options = chooseOptions("sticky", stickyOptions, given);
  const ttlMs = 1000 * options.ttlS;
  return {
    name: nameWithOptions("sticky", stickyOptions, options),
    sees: "own-counts",
    start: ({ random }) => {
      const places = new Map<number, Place>();
      const assign = (replicas: readonly ClientView[]) =>
        options.assign === "random"
          ? openReplica(replicas, random.integer(openCount(replicas)))
          : leastOf(replicas, ({ inFlight }) => inFlight);
      return {
        route: ({ session }, replicas, nowMs) => {
          if (session === undefined) return assign(replicas);
          const place = places.get(session);
          if (place && nowMs - place.lastMs <= ttlMs && replicas[place.replica].isOpen) {
            place.lastMs = nowMs;
            return place.replica;
          }
          const replica = assign(replicas);
          places.set(session, { replica, lastMs: nowMs });
          return replica;
        },
      };
    },
  };
}

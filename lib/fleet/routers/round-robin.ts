import type { ClientRouterPolicy } from "../router.js";

/** Round robin: each request to the next replica, whatever is there. nginx's default. */
export function roundRobin(): ClientRouterPolicy {
  return {
    name: "round-robin",
    sees: "own-counts",
    isBlind: true,
    start: () => {
      let next = 0;
      return {
        route: (_, replicas) => {
          for (let i = 0; i < replicas.length; i++) {
            const replica = next;
            next = (next + 1) % replicas.length;
            if (replicas[replica].isOpen) return replica;
          }
          return -1;
        },
      };
    },
  };
}

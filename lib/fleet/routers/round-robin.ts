import type { RouterPolicy } from "../router.js";

/** Round robin: each request to the next replica, whatever is there. nginx's default. */
export function roundRobin(): RouterPolicy {
  return {
    name: "round-robin",
    start: ({ replicas }) => {
      let next = 0;
      return { route: () => next++ % replicas.length };
    },
  };
}

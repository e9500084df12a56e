import { describeValue, InputError } from "../../base/index.js";
import type { RouterPolicy } from "../router.js";
import { dataParallelBalancing } from "./data-parallel.js";
import { leastLoaded } from "./least-loaded.js";
import { roundRobin } from "./round-robin.js";

/** The shipped routers, by the word that names each: one row a router. */
export const routers: Readonly<Record<string, () => RouterPolicy>> = {
  "round-robin": roundRobin,
  "least-loaded": leastLoaded,
  "data-parallel": dataParallelBalancing,
};

/**
 * The router that a word names, or the one given.
 * @throws InputError when there is none of that name, or the value is no router
 */
export function routerPolicy(given: string | { readonly name: string }): RouterPolicy {
  if (typeof given === "string" && Object.hasOwn(routers, given)) return routers[given]();
  if (typeof given === "object" && given !== null && "start" in given && typeof given.start === "function")
    return given as RouterPolicy;
  throw new InputError(
    `routerPolicy: no router ${describeValue(given)}, expected one of ${Object.keys(routers).join(", ")}, or an object with a name and start()`,
  );
}

import { describeValue, InputError } from "../../base/index.js";
import type { Route, RouterPolicy } from "../router.js";
import { parseOptions, type RouterOptionTable } from "../router-options.js";
import { dataParallelBalancing } from "./data-parallel.js";
import { kvCost, kvCostOptions } from "./kv-cost.js";
import { leastLoaded, leastLoadedOptions } from "./least-loaded.js";
import { powerOfTwo } from "./power-of-two.js";
import { precisePrefix, precisePrefixOptions } from "./precise-prefix.js";
import { prefixAffinity, prefixAffinityOptions } from "./prefix-affinity.js";
import { prefixHash, prefixHashOptions } from "./prefix-hash.js";
import { randomReplica } from "./random.js";
import { roundRobin } from "./round-robin.js";
import { sticky, stickyOptions } from "./sticky.js";
import { weighted, weightedOptions } from "./weighted.js";

/** A shipped router. */
export interface ShippedRouter {
  readonly says: string;
  readonly options?: RouterOptionTable;
  /** @throws InputError for options that do not fit */
  readonly make: (options?: Record<string, never>) => RouterPolicy;
}

/** The shipped routers, by the word that names each: one row a router. */
export const routers: Readonly<Record<string, ShippedRouter>> = {
  "round-robin": { says: "the next one, whatever is there", make: roundRobin },
  random: { says: "any", make: randomReplica },
  "least-loaded": {
    says: "the fewest requests in flight",
    options: leastLoadedOptions,
    make: leastLoaded,
  },
  "power-of-two": { says: "of two drawn at random, the one with fewer requests in flight", make: powerOfTwo },
  sticky: { says: "where the session's first request went", options: stickyOptions, make: sticky },
  "prefix-hash": {
    says: "by a hash of the prompt's first blocks",
    options: prefixHashOptions,
    make: prefixHash,
  },
  "prefix-affinity": {
    says: "where the most of the prompt was sent, while the load is balanced",
    options: prefixAffinityOptions,
    make: prefixAffinity,
  },
  "kv-cost": {
    says: "the least to compute and to hold, by Dynamo's formula",
    options: kvCostOptions,
    make: kvCost,
  },
  "precise-prefix": {
    says: "scores as llm-d's, its prefix index fed by cache events",
    options: precisePrefixOptions,
    make: precisePrefix,
  },
  weighted: {
    says: "scores of prefix, queue and KV use, as llm-d's and BLIS's",
    options: weightedOptions,
    make: weighted,
  },
  "data-parallel": {
    says: "vLLM's balancing over the ranks of one server",
    make: dataParallelBalancing,
  },
};

/**
 * The router that a word names, perhaps with options behind it as in `sticky:ttl=300`; or the one given, which may be a
 * function that chooses.
 * @throws InputError when there is none of that name, an option does not fit, or the value is no router
 */
export function routerPolicy(given: string | RouterPolicy | Route | { readonly name: string }): RouterPolicy {
  if (typeof given === "function") {
    const route = given as Route;
    return { name: route.name || "own", start: () => ({ route }) };
  }
  if (typeof given === "string") {
    const [name, ...texts] = given.split(":");
    if (Object.hasOwn(routers, name)) {
      const { options = {}, make } = routers[name];
      return make(parseOptions(name, options, texts) as Record<string, never>);
    }
  }
  if (typeof given === "object" && given !== null && "start" in given && typeof given.start === "function")
    return given as RouterPolicy;
  throw new InputError(
    `routerPolicy: no router ${describeValue(given)}, expected one of ${Object.keys(routers).join(", ")}, or a function, or an object with a name and start()`,
  );
}

import { describeValue, InputError } from "../../base/index.js";
import { fcfs } from "./fcfs.js";
import type { OrderingPolicy } from "./ordering.js";
import { priority } from "./priority.js";

/** The shipped orderings, by the word that names each: one row an ordering. */
export const orderings: Readonly<Record<string, () => OrderingPolicy>> = { fcfs, priority };

/**
 * The ordering that a word names, or the one given.
 * @throws InputError when there is none of that name, or the value is no ordering
 */
export function orderingPolicy(given: string | { readonly name: string }): OrderingPolicy {
  if (typeof given === "string" && Object.hasOwn(orderings, given)) return orderings[given]();
  if (typeof given === "object" && given !== null && "start" in given && typeof given.start === "function")
    return given as OrderingPolicy;
  throw new InputError(
    `orderingPolicy: no scheduling policy ${describeValue(given)}, expected one of ${Object.keys(orderings).join(", ")}, or an object with a name and start()`,
  );
}

import { describeValue, InputError } from "../../base/index.js";
import type { EvictionPolicy } from "./eviction.js";
import { fifo } from "./fifo.js";
import { lfu } from "./lfu.js";
import { lru } from "./lru.js";
import { mru } from "./mru.js";
import { random } from "./random.js";
import { slru } from "./slru.js";

/** The shipped eviction policies, by the word that names each: one row a policy. */
export const evictions: Readonly<Record<string, () => EvictionPolicy>> = {
  lru,
  mru,
  fifo,
  lfu,
  random,
  slru,
};

/**
 * The eviction policy that a word names, or the one given.
 * @throws InputError when there is none of that name, or the value is no policy
 */
export function evictionPolicy(given: string | { readonly name: string }): EvictionPolicy {
  if (typeof given === "string" && Object.hasOwn(evictions, given)) return evictions[given]();
  if (typeof given === "object" && given !== null && "start" in given && typeof given.start === "function")
    return given as EvictionPolicy;
  throw new InputError(
    `evictionPolicy: no eviction policy ${describeValue(given)}, expected one of ${Object.keys(evictions).join(", ")}, or an object with a name and start()`,
  );
}

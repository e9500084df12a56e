import { InputError } from "../../base/index.js";
import { type ClientRouterPolicy, routerPolicy, routers } from "../../fleet/index.js";

/**
 * The router that a word names, or the one given, for a client of real servers.
 * @throws InputError when there is none of that name, or it looks at what only an engine can tell
 */
export function liveRouter(given: string | ClientRouterPolicy): ClientRouterPolicy {
  const policy = routerPolicy(given);
  if (policy.sees === "own-counts") return policy as ClientRouterPolicy;
  const what = policy.sees === "engine-load" ? "the engines' own load" : "what the engines' caches hold";
  throw new InputError(
    `replayLive: router "${policy.name}" looks at ${what}, which a client of real servers does not see: take one of ${clientRouters().join(", ")}, or replay without url`,
  );
}

/** Words for the shipped routers that a client can run. */
function clientRouters(): string[] {
  return Object.keys(routers).filter((name) => routerPolicy(name).sees === "own-counts");
}

import { describeValue, InputError } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import type { ApiClientOptions } from "../loadgen/api-client.js";
import { basePath } from "../loadgen/endpoint.js";
import type { RequestWriter } from "../loadgen/request-writer.js";
import { learnServer, type ServerFacts } from "../loadgen/server-facts.js";

/** What servers that share a load offer, all of them. */
export interface ServersFacts extends ServerFacts {
  /** In what they differ, in words for the user. */
  readonly notes: readonly string[];
}

/**
 * The addresses of the servers, of which no two are one.
 * @throws InputError when there is none, or one is given twice
 */
export function serverUrls(given: string | readonly string[]): readonly string[] {
  const urls = typeof given === "string" ? [given] : given;
  if (urls.length === 0) throw new InputError("replayLive: url must be an address, or several, got none");
  const seen = new Set<string>();
  for (const url of urls) {
    const server = URL.canParse(url) ? new URL(url).origin + basePath(new URL(url).pathname) : url;
    if (seen.has(server))
      throw new InputError(
        `replayLive: url ${describeValue(url)} is given twice: each must be a server with a cache of its own`,
      );
    seen.add(server);
  }
  return urls;
}

/**
 * Asks each server what it offers, one after the other: what one of them refuses or lacks goes with no request to any, and the
 * settings told are those on which all agree.
 * @throws InputError when one does not answer at all, or refuses the model
 */
export async function learnServers(
  options: Omit<ApiClientOptions, "url"> & {
    readonly urls: readonly string[];
    readonly writer: RequestWriter;
  },
): Promise<ServersFacts> {
  const { urls, ...rest } = options;
  const all: ServerFacts[] = [];
  for (const url of urls) all.push(await learnServer({ ...rest, url }));
  const [first, ...others] = all;
  const { tokenPool, ...told } = first;
  const names = [...new Set(all.flatMap(({ engine }) => Object.keys(engine)))];
  const differing = names.filter((name) =>
    others.some(({ engine }) => JSON.stringify(engine[name]) !== JSON.stringify(first.engine[name])),
  );
  const engine = Object.fromEntries(
    Object.entries(first.engine).filter(([name]) => !differing.includes(name)),
  );
  return {
    ...told,
    ...(tokenPool && { tokenPool }),
    engine,
    returnsTokenIds: all.every(({ returnsTokenIds }) => returnsTokenIds),
    tellsUsage: all.every(({ tellsUsage }) => tellsUsage),
    notes: differing.map(
      (name) =>
        `the servers are not equal: ${name} is ${all.map(({ engine }) => show(engine[name])).join(", ")}`,
    ),
  };
}

function show(value: JsonValue | undefined): string {
  return value === undefined ? "not told" : JSON.stringify(value);
}

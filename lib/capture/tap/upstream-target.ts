import http from "node:http";
import https from "node:https";
import { InputError, type Ms } from "../../base/index.js";
import { completionEndpoint } from "../wire/index.js";

/** Idle connections close after this: sooner than common servers close theirs, so that no request meets a closed one. */
const IDLE_CONNECTION_MS: Ms = 3_000;

/** Where requests are passed on to, and the connections there: as many as requests are in flight, kept alive. */
export interface UpstreamTarget {
  /** Base URL without a slash at its end. */
  readonly url: string;
  /** The same without a version at its end (`/v1`): where servers tell of themselves and tokenize. */
  readonly rootUrl: string;
  /** Host and port as the `Host` header has them. */
  readonly host: string;
  /** Opens a request; the caller pipes the body in. */
  request(options: {
    readonly method: string;
    readonly path: string;
    /** Names and values in turn. */
    readonly headers: readonly string[];
    /** On a connection of its own, not on one that is kept alive. Default false. */
    readonly isFresh?: boolean;
  }): http.ClientRequest;
  close(): void;
}

/**
 * The upstream behind a URL; a path in it is put before the paths of requests. What a request's path repeats of it is
 * put there once: clients send `/v1/chat/completions` or `/chat/completions` to an upstream that ends in `/v1`.
 * @throws InputError when it is no http or https URL
 */
export function upstreamTarget(upstream: string): UpstreamTarget {
  const url = URL.canParse(upstream) ? new URL(upstream) : undefined;
  if (!url || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new InputError(`tap: upstream must be an http or https URL, got ${JSON.stringify(upstream)}`);
  const client = url.protocol === "https:" ? https : http;
  const agent = new client.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS, noDelay: true });
  const basePath = withoutEndpoint(url.pathname.replace(/\/+$/, ""));
  return {
    url: `${url.origin}${basePath}`,
    rootUrl: `${url.origin}${basePath.replace(/\/v\d+\w*$/, "")}`,
    host: url.host,
    request: ({ method, path, headers, isFresh = false }) =>
      client.request({
        agent: isFresh ? false : agent,
        // An IPv6 literal is in brackets in a URL, and without on a socket.
        hostname: url.hostname.replace(/^\[|\]$/g, ""),
        port: url.port === "" ? undefined : url.port,
        method,
        path: joinedPath(basePath, path),
        headers,
      }),
    close: () => agent.destroy(),
  };
}

/**
 * A request's path behind a base path. The request may begin with the whole base, or with its end from a version on.
 * @example
 * ```ts
 * joinedPath("/api/v1", "/v1/models?limit=3"); // → "/api/v1/models?limit=3"
 * ```
 */
export function joinedPath(basePath: string, path: string): string {
  const end = basePath.search(/\/v\d+\w*$/);
  const repeated = [basePath, end < 0 ? "" : basePath.slice(end)].find(
    (start) => start !== "" && path.startsWith(start) && /^([/?#]|$)/.test(path.slice(start.length)),
  );
  return basePath + path.slice(repeated?.length ?? 0);
}

/** A base address that was copied with the endpoint behind it. */
function withoutEndpoint(path: string): string {
  return completionEndpoint(path) === undefined
    ? path
    : path.replace(/\/(chat\/completions|completions|responses|messages|api\/chat|api\/generate)$/, "");
}

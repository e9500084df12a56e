import type { IncomingHttpHeaders } from "node:http";
import type { Headers } from "../wire/index.js";

/** Headers by which servers let a client in. */
const CREDENTIALS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/** Headers that may say whose request it is. */
const NAMING = /session|conversation|thread|chat|agent[-_]id|correlation|trace|retry-count/;
const NOT_NAMING = /^(user-agent|cookie|set-cookie|authorization)$/;

/** The headers that let a question beside the traffic in, as they let the request in. */
export function credentialHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of CREDENTIALS) {
    const value = headers[name];
    if (typeof value === "string") found[name] = value;
  }
  return found;
}

/** The headers that may name a session, an agent or a trace. */
export function namingHeaders(headers: IncomingHttpHeaders): Headers {
  const entries = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && NAMING.test(name) && !NOT_NAMING.test(name),
  );
  return Object.fromEntries(entries);
}

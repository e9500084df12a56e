/** Headers that belong to one connection and are not passed on (RFC 9110, section 7.6.1). */
const CONNECTION_HEADERS = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "upgrade",
  // This side has answered it already, by taking the body.
  "expect",
]);

/**
 * The headers to pass on: all in their order and spelling, but for those of the connection itself.
 * @param rawHeaders names and values in turn, as `http.IncomingMessage` has them
 * @param host replaces the value of `Host`, on the way to the upstream
 */
export function forwardHeaders(rawHeaders: readonly string[], host?: string): string[] {
  const dropped = new Set(CONNECTION_HEADERS);
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() !== "connection") continue;
    for (const name of rawHeaders[i + 1].split(",")) dropped.add(name.trim().toLowerCase());
  }
  // What frames the body is never the connection's, whatever a client lists.
  dropped.delete("content-length");
  dropped.delete("transfer-encoding");
  const passed: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    const lower = name.toLowerCase();
    if (lower === "host" && host !== undefined) passed.push(name, host);
    else if (!dropped.has(lower)) passed.push(name, rawHeaders[i + 1]);
  }
  return passed;
}

import { request } from "node:http";
import { APIS, identity } from "./apis.mjs";
import { authorization } from "./server-list.mjs";

/**
 * One turn over plain HTTP, timed by this client's own clock: from the request handed whole to the socket to the read
 * that brought the first token.
 * @param {{base: string, server: object, apiName: string, conversation: object, stream: false | true | "usage", isIdentified: boolean}} options
 */
export function rawTurn(options) {
  const { base, server, apiName, conversation, stream, isIdentified } = options;
  const api = APIS[apiName];
  const { headers, fields } = isIdentified ? identity(apiName, conversation) : { headers: {}, fields: {} };
  const body = JSON.stringify({ ...api.body(server.model, conversation, stream), ...fields });
  return post(
    `${base}${api.path}`,
    body,
    { ...authorization(server), ...headers, "anthropic-version": "2023-06-01" },
    api.read,
  );
}

/** Posts a body and reads its answer with `read`; `seen.status` says how it went, `seen.error` what did not. */
export function post(url, body, headers, read, onFirstRead) {
  return new Promise((resolve, reject) => {
    const seen = { text: "" };
    let sentAtMs = 0;
    const sent = request(
      url,
      {
        method: "POST",
        // A connection of its own: a server may end an idle one at the moment at which it is used again.
        agent: false,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          ...headers,
        },
      },
      (response) => {
        seen.status = response.statusCode;
        const isStream = /event-stream/.test(response.headers["content-type"] ?? "");
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece) => {
          const atMs = performance.now();
          text += piece;
          if (isStream) text = takeEvents(text, (object) => note(object, atMs));
          if (onFirstRead) {
            onFirstRead(sent);
            onFirstRead = undefined;
          }
        });
        response.on("error", () => resolve(seen));
        response.on("end", () => {
          if (!isStream) {
            try {
              note(JSON.parse(text), undefined);
            } catch {
              seen.error = text.slice(0, 200);
            }
          }
          resolve(seen);
        });
      },
    );
    function note(object, atMs) {
      if (object.error || seen.status >= 400)
        seen.error = JSON.stringify(object.error ?? object).slice(0, 200);
      if (read(object, seen) && atMs !== undefined) seen.ttftMs ??= atMs - sentAtMs;
    }
    sent.on("error", (error) => (seen.status ? resolve(seen) : reject(error)));
    sent.end(body, () => {
      sentAtMs = performance.now();
    });
  });
}

/** Hands on the whole events of a stream, and returns the rest. */
function takeEvents(text, take) {
  const events = text.split(/\r?\n\r?\n/);
  const rest = events.pop();
  for (const event of events) {
    const data = event
      .split(/\r?\n/)
      .filter((line) => line.startsWith("data:"))
      .map((line) => line.slice(5).trimStart())
      .join("\n");
    if (data && data !== "[DONE]") take(JSON.parse(data));
  }
  return rest;
}

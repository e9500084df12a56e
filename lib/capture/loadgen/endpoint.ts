/** The APIs that a load can be sent through: OpenAI's completions, chats and responses, Anthropic's messages. */
export const endpoints = ["completions", "chat", "responses", "messages"] as const;
export type Endpoint = (typeof endpoints)[number];

/** Where each takes requests, below the base address. */
export const endpointPaths: Readonly<Record<Endpoint, string>> = {
  completions: "/v1/completions",
  chat: "/v1/chat/completions",
  responses: "/v1/responses",
  messages: "/v1/messages",
};

/**
 * The headers by which a client of this API says who it is: a bearer token, and Anthropic's own two, of which the version
 * is asked for also where no key is.
 */
export function endpointHeaders(endpoint: Endpoint, apiKey: string | undefined): Record<string, string> {
  return {
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    ...(endpoint === "messages" && {
      "anthropic-version": "2023-06-01",
      ...(apiKey !== undefined && { "x-api-key": apiKey }),
    }),
  };
}

/**
 * The base address of a server, of whatever form it was given in: with or without `/v1`, or with an endpoint's whole path.
 * @returns the path before `/v1`, without a slash at its end
 */
export function basePath(pathname: string): string {
  return pathname
    .replace(/\/+$/, "")
    .replace(/\/(chat\/completions|completions|responses|messages)$/, "")
    .replace(/\/v1$/, "");
}

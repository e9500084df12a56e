/** An API in which a client asks for a completion, by the shape of its bodies. */
export type CompletionApi =
  /** OpenAI's `/v1/completions`. */
  | "completions"
  /** OpenAI's `/v1/chat/completions`; also `/invocations`, which takes either of the two bodies. */
  | "chat"
  /** OpenAI's `/v1/responses`. */
  | "responses"
  /** Anthropic's `/v1/messages`. */
  | "messages"
  /** Google's `models/M:generateContent` and `:streamGenerateContent`. */
  | "gemini"
  /** Ollama's `/api/chat`. */
  | "ollama-chat"
  /** Ollama's `/api/generate`. */
  | "ollama-generate";

/** What the path of a request says about it. */
export interface CompletionEndpoint {
  readonly api: CompletionApi;
  /** The model, where the path names it (Google, Azure's deployments). */
  readonly model?: string;
  /** Whether the answer is streamed, where the path says it (Google); else the body does. */
  readonly isStreamed?: boolean;
}

/** Things that have messages or answers and are no model: OpenAI's threads and conversations hold what was said. */
const HOLDER_OF_MESSAGES = /\/(threads|conversations|chats|channels|batches)\//;

/**
 * The API that a request speaks, from its path alone: with and without `/v1`, behind any prefix (a gateway's, Azure's
 * `/openai/deployments/D`), with any query. What counts tokens, cancels, retrieves, embeds or makes batches is none.
 * @param target path and query as in the request line
 * @example
 * ```ts
 * completionEndpoint("/openai/deployments/d/chat/completions?api-version=2024-10-21"); // → { api: "chat", model: "d" }
 * ```
 */
export function completionEndpoint(target: string): CompletionEndpoint | undefined {
  const path = cleanPath(target);
  const google = /\/models\/([^/:]+):(\w+)$/.exec(path);
  if (google) return googleEndpoint(path, google[1], google[2]);
  if (/\/api\/chat$/.test(path)) return { api: "ollama-chat" };
  if (/\/api\/generate$/.test(path)) return { api: "ollama-generate" };
  const model = /\/deployments\/([^/]+)\//.exec(path)?.[1];
  const named = model === undefined ? {} : { model };
  if (/\/(chat\/completions|invocations)$/.test(path)) return { api: "chat", ...named };
  if (/\/completions$/.test(path)) return { api: "completions", ...named };
  if (/\/responses$/.test(path) && !HOLDER_OF_MESSAGES.test(path)) return { api: "responses", ...named };
  if (/\/messages$/.test(path) && !HOLDER_OF_MESSAGES.test(path)) return { api: "messages", ...named };
  return undefined;
}

/** A request target's path, without scheme and host (as sent to a proxy), query, doubled slashes and a slash at its end. */
export function cleanPath(target: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return path.replace(/\/{2,}/g, "/").replace(/\/$/, "");
}

/** Vertex AI serves Anthropic's models by the same kind of path, with Anthropic's bodies. */
function googleEndpoint(path: string, model: string, method: string): CompletionEndpoint | undefined {
  if (method === "generateContent" || method === "streamGenerateContent")
    return { api: "gemini", model, isStreamed: method === "streamGenerateContent" };
  if ((method === "rawPredict" || method === "streamRawPredict") && path.includes("/publishers/anthropic/"))
    return { api: "messages", model };
  return undefined;
}

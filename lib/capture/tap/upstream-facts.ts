import type { Ms } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import { engineFacts, fieldOf, isTokenId } from "../openai/index.js";

/** Longest wait for an answer that is not part of the recorded traffic. */
const SIDE_QUESTION_TIMEOUT_MS: Ms = 5_000;

/** What an upstream server turned out to be. */
export interface UpstreamFacts {
  /** Name, version and settings of the engine as far as it tells them, by the names that a trace's meta line has. */
  readonly engine: Readonly<Record<string, JsonValue>>;
  /** It answers `POST /tokenize`. */
  readonly hasTokenizer: boolean;
}

/**
 * Asks the upstream what it is and whether it has a tokenizer to ask.
 * @param upstream base URL
 * @param headers the authorization of a recorded request, where the server wants one
 */
export async function upstreamFacts(
  upstream: string,
  headers: Readonly<Record<string, string>>,
): Promise<UpstreamFacts> {
  const [version, props, tokens] = await Promise.all([
    askJson(`${upstream}/version`, undefined, headers),
    askJson(`${upstream}/props`, undefined, headers),
    tokenizeUpstream(upstream, { prompt: "a", content: "a" }, headers),
  ]);
  return { hasTokenizer: tokens !== undefined, engine: engineFacts(version, props) };
}

/**
 * Token ids of a prompt by the upstream's own `/tokenize` (vLLM, SGLang, llama.cpp).
 * @param body `{prompt}` or `{messages}`, and the fields that decide how they are tokenized
 * @returns undefined when it has none, or does not answer in time
 */
export async function tokenizeUpstream(
  upstream: string,
  body: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
): Promise<Uint32Array | undefined> {
  const tokens = fieldOf(await askJson(`${upstream}/tokenize`, body, headers), "tokens");
  if (!Array.isArray(tokens) || !tokens.every(isTokenId)) return undefined;
  return Uint32Array.from(tokens);
}

async function askJson(
  url: string,
  body: Readonly<Record<string, unknown>> | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  try {
    const answer = await fetch(url, {
      method: body ? "POST" : "GET",
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(SIDE_QUESTION_TIMEOUT_MS),
    });
    if (answer.status === 200) return await answer.json();
    await answer.body?.cancel();
  } catch {
    // No answer is an answer: the upstream does not offer it.
  }
  return undefined;
}

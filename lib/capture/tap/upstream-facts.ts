import type { Ms } from "../../base/index.js";
import type { JsonValue } from "../../trace/index.js";
import { askEngine, engineFacts, fieldOf, isTokenId } from "../wire/index.js";

/** Longest wait for an answer that is not part of the recorded traffic. */
const SIDE_QUESTION_TIMEOUT_MS: Ms = 5_000;

/** What an upstream server turned out to be. */
export interface UpstreamFacts {
  /** Name, version and settings of the engine as far as it tells them, by the names that a trace's meta line has. */
  readonly engine: Readonly<Record<string, JsonValue>>;
  /** It answers `POST /tokenize`. */
  readonly hasTokenizer: boolean;
  /** It said so itself: it was there, and did not refuse the question for want of an authorization. */
  readonly isCertain: boolean;
}

/** An answer to a side question; no status when there was none. */
interface SideAnswer {
  readonly status?: number;
  readonly json?: unknown;
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
  const [pages, tokenized] = await Promise.all([
    askEngine((path) => page(`${upstream}${path}`, headers)),
    ask(`${upstream}/tokenize`, { prompt: "a", content: "a" }, headers),
  ]);
  return {
    hasTokenizer: tokensOf(tokenized) !== undefined,
    isCertain: isClear(tokenized.status),
    engine: engineFacts(pages),
  };
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
  return tokensOf(await ask(`${upstream}/tokenize`, body, headers));
}

function tokensOf({ json }: SideAnswer): Uint32Array | undefined {
  const tokens = fieldOf(json, "tokens");
  if (!Array.isArray(tokens) || !tokens.every(isTokenId)) return undefined;
  return Uint32Array.from(tokens);
}

/** Neither refused, nor put off, nor failed. */
function isClear(status: number | undefined): boolean {
  if (status === undefined) return false;
  return (status < 500 && ![401, 403, 407, 408, 429].includes(status)) || status === 501;
}

async function ask(
  url: string,
  body: Readonly<Record<string, unknown>> | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<SideAnswer> {
  try {
    const answer = await fetch(url, {
      method: body ? "POST" : "GET",
      headers: { ...headers, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(SIDE_QUESTION_TIMEOUT_MS),
    });
    const { status } = answer;
    if (status !== 200) {
      await answer.body?.cancel();
      return { status };
    }
    return { status, json: await answer.json().catch(() => undefined) };
  } catch {
    // No answer is an answer: the upstream does not offer it, or is not there.
    return {};
  }
}

/** A page of the upstream; undefined when it has none. */
async function page(url: string, headers: Readonly<Record<string, string>>): Promise<string | undefined> {
  try {
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(SIDE_QUESTION_TIMEOUT_MS) });
    if (answer.status === 200) return await answer.text();
    await answer.body?.cancel();
  } catch {
    // Not there: it does not offer it.
  }
  return undefined;
}

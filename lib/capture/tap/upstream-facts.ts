import type { JsonValue } from "../../trace/index.js";
import { askEngine, engineFacts } from "../wire/index.js";
import { pageBeside } from "./side-question.js";
import { type UpstreamTokenizer, upstreamTokenizer } from "./upstream-tokenizer.js";

/** What an upstream server turned out to be. */
export interface UpstreamFacts {
  /** Name, version and settings of the engine as far as it tells them, by the names that a trace's meta line has. */
  readonly engine: Readonly<Record<string, JsonValue>>;
  readonly tokenizer: UpstreamTokenizer;
  /** It said so itself: it was there, and did not refuse the question for want of an authorization. */
  readonly isCertain: boolean;
}

/**
 * Asks the upstream what it is and what its tokenizer can be asked.
 * @param upstream base URL
 * @param model the model that a recorded request names
 * @param headers the authorization of a recorded request, where the server wants one
 */
export async function upstreamFacts(
  upstream: string,
  model: string | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<UpstreamFacts> {
  const [pages, tokenizer] = await Promise.all([
    askEngine((path) => pageBeside(`${upstream}${path}`, headers)),
    upstreamTokenizer(upstream, model, headers),
  ]);
  return { tokenizer, isCertain: tokenizer.isCertain, engine: engineFacts(pages) };
}

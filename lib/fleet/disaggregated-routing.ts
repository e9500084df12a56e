import type { Ms, Tokens } from "../base/index.js";
import type { EngineRequest, EngineView, RequestRouting } from "../engine/index.js";
import type { Routing } from "./routing.js";

/**
 * Routing over a fleet and the prefill engines in front of it, as llm-d's `disagg-profile-handler` does it: the decode engine is
 * chosen first, then whether a prefill engine computes the prompt, by what the decode engine's cache lacks, then which. Where no
 * prefill engine takes requests, the decode engine computes the prompt itself.
 *
 * llm-d's decider (`pkg/epp/framework/plugins/scheduling/profilehandler/disagg/prefix_based_pd_decider.go`) takes what the cache holds
 * from its index and estimates a prompt's tokens from its characters; here both are exact. Its `nonCachedTokens` of 0, the default
 * there, never uses a prefill engine, whatever its documentation says; here 0 is refused.
 */
export class DisaggregatedRouting implements RequestRouting {
  readonly #decode: Routing;
  readonly #prefill: Routing;
  readonly #decoders: readonly EngineView[];
  readonly #prefills: readonly EngineView[];
  readonly #nonCachedTokens: Tokens | undefined;

  constructor(
    decode: { readonly routing: Routing; readonly engines: readonly EngineView[] },
    prefill: { readonly routing: Routing; readonly engines: readonly EngineView[] },
    nonCachedTokens: Tokens | undefined,
  ) {
    this.#decode = decode.routing;
    this.#decoders = decode.engines;
    this.#prefill = prefill.routing;
    this.#prefills = prefill.engines;
    this.#nonCachedTokens = nonCachedTokens;
  }

  route(request: EngineRequest, nowMs: Ms): number {
    return this.#decode.route(request, nowMs);
  }

  prefill(request: EngineRequest, replica: number, nowMs: Ms): number | undefined {
    if (this.#nonCachedTokens !== undefined) {
      const lacking = request.promptTokens - this.#decoders[replica].cachedTokens(request);
      if (lacking < this.#nonCachedTokens) return undefined;
    }
    if (!this.#prefills.some(({ isOpen }) => isOpen)) return undefined;
    return this.#prefill.route(request, nowMs);
  }

  prefillEnded(request: EngineRequest, prefill: number, atMs: Ms): void {
    this.#prefill.firstToken(request, prefill, atMs);
    this.#prefill.ended(request, prefill, atMs);
  }

  firstToken(request: EngineRequest, replica: number, atMs: Ms): void {
    this.#decode.firstToken(request, replica, atMs);
  }

  ended(request: EngineRequest, replica: number, atMs: Ms): void {
    this.#decode.ended(request, replica, atMs);
  }

  setOpen(replica: number, isOpen: boolean, atMs: Ms): void {
    this.#decode.setOpen(replica, isOpen, atMs);
  }

  setPrefillOpen(prefill: number, isOpen: boolean, atMs: Ms): void {
    this.#prefill.setOpen(prefill, isOpen, atMs);
  }
}

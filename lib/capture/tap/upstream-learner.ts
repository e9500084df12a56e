import { type UpstreamFacts, upstreamFacts } from "./upstream-facts.js";

/** What was known of the upstream when a request's prompts were read. */
export interface Learned {
  readonly facts: UpstreamFacts;
  /** The upstream was asked with this request's own authorization. */
  readonly isOwn: boolean;
}

/** While the upstream gives no clear answer, each of so many requests asks it again; later ones ever more rarely. */
const EAGER_ASKS = 8;

/**
 * Learns what the upstream is, beside the traffic. Its word stands once it has said clearly whether it has a tokenizer,
 * or has served a request with whose authorization it was asked in vain. Until then, as after a wrong key or before the
 * server is up, it is asked again: by the first eight requests, then by as many more as their number doubles.
 */
export class UpstreamLearner {
  /** What a trace's first line can say: resolves when the word stands, or is no longer to be waited for. */
  readonly known: Promise<UpstreamFacts>;
  #tell: (facts: UpstreamFacts) => void = () => {};
  readonly #upstream: string;
  #requests = 0;
  #asks = 0;
  #isDue = true;
  #asking: { readonly credentials: string; readonly facts: Promise<UpstreamFacts> } | undefined;
  #latest: Promise<UpstreamFacts> | undefined;
  #settled: UpstreamFacts | undefined;

  /** @param upstream base URL */
  constructor(upstream: string) {
    this.#upstream = upstream;
    this.known = new Promise((resolve) => {
      this.#tell = resolve;
    });
  }

  /** What it is, once its word stands: that of a clear answer, or of the server's having served who asked in vain. */
  get settled(): UpstreamFacts | undefined {
    return this.#settled;
  }

  /** What is known for a request with these headers, of this model; asks where that is due. */
  async learn(headers: Readonly<Record<string, string>>, model?: string): Promise<Learned> {
    if (this.#settled) return { facts: this.#settled, isOwn: true };
    const credentials = JSON.stringify(headers);
    const under = this.#asking;
    if (under && under.credentials === credentials) return { facts: await under.facts, isOwn: true };
    const count = ++this.#requests;
    const isPowerOfTwo = Number.isInteger(Math.log2(count));
    if (this.#latest && !this.#isDue && count > EAGER_ASKS && !isPowerOfTwo)
      return { facts: await this.#latest, isOwn: false };
    return { facts: await this.#ask(headers, model), isOwn: true };
  }

  /** The upstream has served the request for which this was learned: what it did not tell that one, it does not offer. */
  served({ facts, isOwn }: Learned): void {
    if (this.#settled) return;
    if (isOwn) this.#settle(facts);
    else this.#isDue = true;
  }

  /** Nothing more will be learned: what is known now is all there is. */
  async end(): Promise<void> {
    this.#tell(await (this.#latest ?? this.#ask({})));
  }

  #ask(headers: Readonly<Record<string, string>>, model?: string): Promise<UpstreamFacts> {
    this.#isDue = false;
    const asks = ++this.#asks;
    const facts = upstreamFacts(this.#upstream, model, headers).then((told) => {
      if (this.#asking === asking) this.#asking = undefined;
      if (this.#settled) return this.#settled;
      if (told.isCertain) this.#settle(told);
      // A capture that waits for ever would be lost with a killed tap.
      else if (asks >= EAGER_ASKS) this.#tell(told);
      return told;
    });
    const asking = { credentials: JSON.stringify(headers), facts };
    this.#asking = asking;
    this.#latest = facts;
    return facts;
  }

  #settle(facts: UpstreamFacts): void {
    this.#settled = facts;
    this.#tell(facts);
  }
}

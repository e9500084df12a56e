import type { Ms, Tokens } from "../../base/index.js";
import type { OverheadCoefficients, StepCoefficients } from "../step-coefficients.js";

/** What is known of requests that have an engine to themselves. */
export interface IsolatedRequests {
  /** Shortest TTFT with the prefix cached, and the uncached and cached tokens behind it. */
  readonly warmTtftMs: Ms;
  readonly warmUncachedTokens: Tokens;
  readonly warmCachedTokens: Tokens;
  /** TTFT of the same with nothing cached, its prompt, and the steps that it took. */
  readonly coldTtftMs: Ms;
  readonly coldPromptTokens: Tokens;
  readonly coldSteps: number;
  /** Shortest gap between tokens, with the warm prompt as its context. */
  readonly gapMs: Ms;
  /** Attention of a decode to one token of its context. */
  readonly decodeContextTokenMs: number;
  /** Attention of a prompt token to one token before it, as a fraction of the token's other work. */
  readonly depthFraction: number;
}

/**
 * Prices of a step from a warm TTFT, a cold TTFT and a gap. A step is the gap without the attention of its decode; a prompt
 * token is what cold and warm differ by, once further steps are paid, over the work between them; what then is left of the
 * warm TTFT lies outside the steps.
 */
export function isolatedRequestPrices(known: IsolatedRequests): {
  readonly step: StepCoefficients;
  readonly overhead: OverheadCoefficients;
} {
  const { warmTtftMs, coldTtftMs, depthFraction, decodeContextTokenMs } = known;
  /** Work of prefilling `tokens` at `depth`, in tokens at depth 0. */
  const work = (tokens: Tokens, depth: Tokens) =>
    tokens + depthFraction * (tokens * depth + (tokens * tokens) / 2);
  const stepMs = known.gapMs - decodeContextTokenMs * known.warmCachedTokens;
  const warmWork = work(known.warmUncachedTokens, known.warmCachedTokens);
  const prefillTokenMs =
    (coldTtftMs - warmTtftMs - (known.coldSteps - 1) * stepMs) / (work(known.coldPromptTokens, 0) - warmWork);
  return {
    step: {
      stepMs,
      prefillTokenMs,
      prefillTokenDepthMs: prefillTokenMs * depthFraction,
      // Not told apart from the step itself by isolated requests.
      prefillSeqMs: 0,
      decodeSeqMs: 0,
      decodeContextTokenMs,
    },
    overhead: { requestMs: warmTtftMs - stepMs - prefillTokenMs * warmWork, promptTokenMs: 0 },
  };
}

import { type Ms, quantile, type Tokens } from "../../../base/index.js";

/** What a request's chunks say about its first one. */
export interface ChunkTimes {
  readonly outputTokens: Tokens;
  readonly ttftMs: Ms | undefined;
  readonly gapsMs: ArrayLike<Ms>;
}

/**
 * True where most requests with as many gaps as output tokens begin with a gap that no engine makes: next to nothing, where
 * a chat's role came as a chunk of its own with the first token, or a prefill's, several times the TTFT and the other gaps,
 * where it came at once. TTFT then is the role's, and counts to the first token only with that gap.
 */
export function firstChunkIsRole(requests: readonly ChunkTimes[]): boolean {
  let rows = 0;
  let begun = 0;
  for (const { outputTokens, ttftMs, gapsMs } of requests) {
    if (gapsMs.length < 3 || gapsMs.length !== outputTokens) continue;
    const [first, ...others] = Array.from(gapsMs);
    const usual = quantile(others.filter(Number.isFinite), 0.5) ?? 0;
    rows++;
    if (first < usual / 3 || (first > 3 * usual && first > 3 * (ttftMs ?? Number.NaN))) begun++;
  }
  return begun > rows / 2;
}

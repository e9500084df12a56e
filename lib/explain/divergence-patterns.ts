import type { Tokens } from "../base/index.js";
import type { DivergenceKind } from "./divergence.js";
import type { MissExplanation } from "./explain-misses.js";

/** Prompts that diverge in the same way. */
export interface DivergencePattern {
  readonly kind: DivergenceKind;
  /** The role of the message in which they do, where the capture kept it. */
  readonly role?: string;
  readonly requests: number;
  /** Computed for it. */
  readonly tokens: Tokens;
  /** The block's first token in which nearly all of them (at least four in five) do, where there is one. */
  readonly fromToken?: Tokens;
}

/**
 * The ways in which a trace's prompts diverge, the costliest first.
 * @example
 * ```ts
 * import { readCapture, workloadOf } from "prefixlab";
 * import { divergencePatterns, explainMisses } from "prefixlab/explain";
 * const workload = workloadOf(await readCapture({ role: "judge", scenario: "warm", seed: 1 }));
 * divergencePatterns(explainMisses(workload)); // → []
 * ```
 */
export function divergencePatterns({ requests }: MissExplanation): DivergencePattern[] {
  const groups = new Map<string, { pattern: DivergencePattern; places: Map<Tokens, number> }>();
  for (const { parts } of requests)
    for (const { divergence, tokens, fromToken } of parts) {
      if (!divergence) continue;
      const { kind, message } = divergence;
      const key = `${kind}/${message?.role}`;
      const group = groups.get(key) ?? {
        pattern: { kind, ...(message && { role: message.role }), requests: 0, tokens: 0 },
        places: new Map(),
      };
      const { pattern, places } = group;
      places.set(fromToken, (places.get(fromToken) ?? 0) + 1);
      groups.set(key, {
        pattern: { ...pattern, requests: pattern.requests + 1, tokens: pattern.tokens + tokens },
        places,
      });
    }
  return [...groups.values()]
    .map(({ pattern, places }) => {
      const [place] = [...places].sort((a, b) => b[1] - a[1]);
      const isOnePlace = pattern.requests > 2 && place[1] >= 0.8 * pattern.requests;
      return { ...pattern, ...(isOnePlace && { fromToken: place[0] }) };
    })
    .sort((a, b) => b.tokens - a.tokens);
}

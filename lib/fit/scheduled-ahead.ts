import type { Observation } from "./observation.js";

/** The same observation of an engine that finishes a step of decodes before the scheduled one begins. */
export function scheduledAhead(o: Observation): Observation {
  if (o.kind !== "service" || o.load.decodeSeqs === 0) return o;
  const { decodeSeqs, decodeContextTokens } = o.load;
  return {
    ...o,
    steps: o.steps + 1,
    load: { ...o.load, decodeSeqs: 2 * decodeSeqs, decodeContextTokens: 2 * decodeContextTokens },
  };
}

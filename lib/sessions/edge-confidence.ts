import { confidenceWeights } from "./confidence-weights.js";

/**
 * The probability that an edge, or a root, is right: the logistic function of the weighted sum of its features. The weights were fitted on half of the
 * labelled data; on the other half, of what is said to be sure to 0.9, about 90 % are right (`data/sessions/`).
 */
export function edgeConfidence(features: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < features.length; i++) sum += features[i] * confidenceWeights[i];
  return 1 / (1 + Math.exp(-sum));
}

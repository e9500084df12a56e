/**
 * Weights of the features of an edge, in the order of `featureNames`. Fitted, not written by hand: see
 * `data/sessions/README.md`.
 */
export const confidenceWeights: readonly number[] = [
  5.519, 0.8987, 1.2353, -1.4713, -3.3226, 1.6712, -2.6127, 2.1654, 2.09, 2.9175, 1.7299, 3.8108, -1.0698,
  -1.1048, 1.9825, -1.0726, -3.2493, 0.5142, -1.1625, -0.7826, -3.0673, 1.7633, 5.4439, -2.57, 4.3692,
];

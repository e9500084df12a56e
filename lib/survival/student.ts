import { betaShare } from "./incomplete-beta.js";
import { findRoot } from "./numeric.js";

/** P(|T| > t) for Student's variable with any positive degrees of freedom: 1 for t = 0. */
export function studentTails(t: number, degreesOfFreedom: number): number {
  const share = degreesOfFreedom / (degreesOfFreedom + t * t);
  return betaShare(share, degreesOfFreedom / 2, 0.5);
}

/** The t that Student's variable exceeds with the given probability, below 1/2. R: `qt(tail, df, lower.tail = FALSE)`. */
export function studentQuantile(tail: number, degreesOfFreedom: number): number {
  const share = findRoot(0, 1, (x) => betaShare(x, degreesOfFreedom / 2, 0.5) - 2 * tail);
  return Math.sqrt(degreesOfFreedom * (1 / share - 1));
}

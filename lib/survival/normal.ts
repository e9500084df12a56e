import { upperGammaShare } from "./incomplete-gamma.js";

/** The standard normal distribution function, P(Z <= x), accurate in relative terms in both tails. */
export function normalCdf(x: number): number {
  const tail = upperGammaShare(0.5, (x * x) / 2) / 2;
  return x < 0 ? tail : 1 - tail;
}

/** The standard normal density. */
export function normalDensity(x: number): number {
  return Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * The standard normal quantile: the x with P(Z <= x) = p, by Newton's method on the logarithm of the tail, which is
 * concave and close to a parabola, so that every step stays on the right side.
 * @returns -Infinity at 0 and Infinity at 1
 */
export function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p <= 0) return Number.NEGATIVE_INFINITY;
  if (p === 0.5) return 0;
  const goal = Math.log(p);
  let x = -Math.sqrt(Math.max(0, -2 * Math.log(2 * p)));
  for (let i = 0; i < 50; i++) {
    const tail = normalCdf(x);
    const step = ((Math.log(tail) - goal) * tail) / normalDensity(x);
    x -= step;
    if (Math.abs(step) <= 4e-16 * Math.max(1, Math.abs(x))) break;
  }
  return x;
}

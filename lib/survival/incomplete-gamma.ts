/**
 * The logarithm of the gamma function, for x > 0: Stirling's series beyond 10, reached by the recurrence
 * (Abramowitz and Stegun 6.1.15, 6.1.40). About 1e-15.
 */
export function logGamma(x: number): number {
  let product = 1;
  let z = x;
  while (z < 10) product *= z++;
  const w = 1 / (z * z);
  const series =
    (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188 - (w * 691) / 360360))))) / z;
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - Math.log(product);
}

/**
 * The regularised upper incomplete gamma function Q(a, x) = Gamma(a, x) / Gamma(a), for a > 0, x >= 0: the power series
 * of its complement below a + 1, Lentz's continued fraction above, which keeps the relative accuracy of small tails
 * (Press et al., Numerical Recipes, section 6.2).
 */
export function upperGammaShare(a: number, x: number): number {
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let k = 1; term > sum * 1e-17; k++) {
      term *= x / (a + k);
      sum += term;
    }
    return 1 - front * sum;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let fraction = d;
  for (let k = 1; k < 10_000; k++) {
    const numerator = -k * (k - a);
    b += 2;
    d = 1 / (numerator * d + b);
    c = b + numerator / c;
    const factor = c * d;
    fraction *= factor;
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return front * fraction;
}

/** P(X > x) for a chi-square variable: the p-value of a test with that many degrees of freedom. */
export function chiSquareTail(x: number, degreesOfFreedom: number): number {
  return upperGammaShare(degreesOfFreedom / 2, x / 2);
}

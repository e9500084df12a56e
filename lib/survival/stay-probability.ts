import { normalDensity } from "./normal.js";
import { gaussLegendre } from "./numeric.js";

/**
 * P(|B(u)| <= c for all u in [from, to]) for a Brownian bridge B on [0, 1].
 *
 * The bridge is Brownian motion from 0 to 0; its density inside two walls is the image sum, here as its sine series
 * (Karatzas and Shreve 1991, problem 2.8.10), integrated against the normal densities of the two ends. The interval
 * [0, 1] gives Kolmogorov's distribution.
 */
export function bridgeStays(c: number, from: number, to: number): number {
  // A span below this is widened: the band becomes a hair wider, and the series stays short.
  const span = Math.max(to - from, 1e-3);
  const rate = (Math.PI * Math.PI * span) / (8 * c * c);
  let sum = 0;
  for (let m = 1; ; m += 2) {
    const decay = Math.exp(-m * m * rate);
    if (decay < 1e-16) break;
    const frequency = (m * Math.PI) / (2 * c);
    sum += decay * cosineMoment(frequency, from, c) * cosineMoment(frequency, 1 - to, c);
  }
  return (Math.sqrt(2 * Math.PI) / c) * sum;
}

/** The integral over [-c, c] of cos(frequency x) times the normal density of the given variance. */
function cosineMoment(frequency: number, variance: number, c: number): number {
  if (variance <= 0) return 1;
  const sd = Math.sqrt(variance);
  const reach = Math.min(c / sd, 9);
  const half = gaussLegendre(0, reach, 160, (z) => normalDensity(z) * Math.cos(frequency * sd * z));
  return 2 * half;
}

/**
 * P(|X(s)| <= c for all s in [0, length]) for the stationary Ornstein-Uhlenbeck process with covariance e^-|s - t|,
 * which is a Brownian bridge divided by its standard deviation on the clock s = log(u / (1 - u)) / 2.
 *
 * The sum over even eigenfunctions f of f'' - x f' = -lambda f with f(c) = 0 of
 * 2 phi(c) |f'(c)| / (lambda^2 |df(c)/dlambda|) e^(-lambda length): the spectral form of the exit time (Darling and
 * Siegert 1953). The eigenfunctions are integrated by Taylor steps, so nothing is tabulated.
 */
export function ornsteinUhlenbeckStays(c: number, length: number): number {
  // As above: a shorter stretch counts as this one.
  const stretch = Math.max(length, 1e-3);
  let sum = 0;
  for (let j = 0; ; j++) {
    const wave = ((j + 0.5) * Math.PI) / c;
    const low = Math.max(0, wave * wave - 0.5);
    if (low * stretch > 37) return sum;
    const { lambda, slope, sensitivity } = eigenvalue(c, j, low, low + 0.5 + (c * c) / 4 + 1e-9);
    const share = (2 * normalDensity(c) * Math.abs(slope)) / (lambda * lambda * Math.abs(sensitivity));
    sum += share * Math.exp(-lambda * stretch);
  }
}

/** The j-th lambda, between two bounds, by Newton's method; counting zeros keeps it from another eigenvalue. */
function eigenvalue(c: number, j: number, low: number, high: number): Shot & { lambda: number } {
  let [a, b] = [low, high];
  let lambda = a + (b - a) / 3;
  for (let i = 0; ; i++) {
    const shot = shoot(c, lambda);
    if (shot.zeros > j) b = lambda;
    else a = lambda;
    const next = lambda - shot.end / shot.sensitivity;
    if (i === 100 || Math.abs(next - lambda) < 1e-15 * (1 + lambda) || b - a < 1e-15 * b)
      return { ...shot, lambda };
    lambda = next > a && next < b ? next : (a + b) / 2;
  }
}

interface Shot {
  readonly zeros: number;
  readonly end: number;
  readonly slope: number;
  readonly sensitivity: number;
}

/** Integrates the even solution f, f(0) = 1, and its derivative in lambda from 0 to c; counts zeros on (0, c]. */
function shoot(c: number, lambda: number): Shot {
  const steps = Math.ceil(c * Math.max(3, Math.sqrt(lambda + 1)));
  const h = c / steps;
  let [f, fSlope, g, gSlope] = [1, 0, 0, 0];
  let zeros = 0;
  for (let step = 0; step < steps; step++) {
    const x = step * h;
    const before = f;
    let [a0, a1, b0, b1] = [f, fSlope, g, gSlope];
    let power = 1;
    [f, fSlope, g, gSlope] = [a0, 0, b0, 0];
    for (let k = 0; k < 24; k++) {
      // a_k, a_(k+1) -> a_(k+2) of f'' = x f' - lambda f; the same with source -f for g = df/dlambda.
      const scale = 1 / ((k + 1) * (k + 2));
      const a2 = (x * (k + 1) * a1 + (k - lambda) * a0) * scale;
      const b2 = (x * (k + 1) * b1 + (k - lambda) * b0 - a0) * scale;
      fSlope += (k + 1) * a1 * power;
      gSlope += (k + 1) * b1 * power;
      power *= h;
      f += a1 * power;
      g += b1 * power;
      a0 = a1;
      a1 = a2;
      b0 = b1;
      b1 = b2;
    }
    if (before > 0 !== f > 0) zeros++;
  }
  return { zeros, end: f, slope: fSlope, sensitivity: g };
}

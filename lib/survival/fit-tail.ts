import { InputError } from "../base/index.js";
import { type LogLocationScale, maximiseLikelihood } from "./log-location-scale.js";
import { normalCdf, normalDensity, normalQuantile } from "./normal.js";
import { type Observations, requireObservations } from "./observations.js";

/** A fitted distribution of times: log T = mu + sigma x error. */
export interface TailFit {
  readonly family: "lognormal" | "weibull";
  /** Location and scale of log time. Weibull: scale e^mu, shape 1 / sigma. */
  readonly mu: number;
  readonly sigma: number;
  /** Standard errors from the observed information. */
  readonly muError: number;
  readonly sigmaError: number;
  readonly logLikelihood: number;
  /** Akaike's criterion, 4 - 2 logLikelihood: the smaller fits better. */
  readonly aic: number;
  /** P(T > t). */
  survivalAt(t: number): number;
  /** The time by which a share p has had its event. */
  quantileOf(p: number): number;
}

/**
 * Fits a lognormal distribution to censored times by maximum likelihood. R: `survreg(dist = "lognormal")`; lifelines:
 * `LogNormalFitter`.
 * @returns undefined when the data do not bound the fit: no two distinct event times
 * @throws InputError for an event at time 0, left truncation, or naming the index of a bad observation
 * @example
 * ```ts
 * import { fitLognormal } from "prefixlab/survival";
 * const fit = fitLognormal({ times: [30, 36, 48, 87, 120], observed: [true, true, true, true, false] });
 * fit?.quantileOf(0.5); // → 59.53
 * fit?.survivalAt(500); // → 0.0004299
 * ```
 */
export function fitLognormal(observations: Observations): TailFit | undefined {
  return fitTail("fitLognormal", "lognormal", observations);
}

/**
 * Fits a Weibull distribution, S(t) = exp(-(t / e^mu)^(1 / sigma)), to censored times by maximum likelihood. R:
 * `survreg(dist = "weibull")`; lifelines: `WeibullFitter` with lambda = e^mu, rho = 1 / sigma.
 * @returns undefined when the data do not bound the fit: no two distinct event times
 * @throws InputError for an event at time 0, left truncation, or naming the index of a bad observation
 * @example
 * ```ts
 * import { fitWeibull } from "prefixlab/survival";
 * const fit = fitWeibull({ times: [30, 36, 48, 87, 120], observed: [true, true, true, true, false] });
 * fit?.quantileOf(0.99); // → 203.8
 * ```
 */
export function fitWeibull(observations: Observations): TailFit | undefined {
  return fitTail("fitWeibull", "weibull", observations);
}

/** {@link fitLognormal} or {@link fitWeibull}, by the name of the family. */
export function fitTail(
  where: string,
  family: TailFit["family"],
  observations: Observations,
): TailFit | undefined {
  requireObservations(where, observations);
  const { times, observed, weights, entry } = observations;
  if (entry !== undefined) throw new InputError(`${where}: left truncation (entry) is not supported`);
  const logTimes: number[] = [];
  const seen: boolean[] = [];
  const counts: number[] = [];
  for (let i = 0; i < times.length; i++) {
    const isSeen = observed === undefined || Boolean(observed[i]);
    const weight = weights === undefined ? 1 : weights[i];
    if (weight === 0 || (times[i] === 0 && !isSeen)) continue;
    if (times[i] === 0)
      throw new InputError(`${where}: times[${i}] is an event at 0, which has no logarithm`);
    logTimes.push(Math.log(times[i]));
    seen.push(isSeen);
    counts.push(weight);
  }
  const shape = shapes[family];
  const maximum = maximiseLikelihood({ logTimes, seen, counts }, shape);
  if (maximum === undefined) return undefined;
  const { mu, sigma } = maximum;
  return {
    family,
    ...maximum,
    aic: 4 - 2 * maximum.logLikelihood,
    survivalAt: (t) => (t <= 0 ? 1 : Math.exp(shape.censored((Math.log(t) - mu) / sigma).value)),
    quantileOf: (p) => Math.exp(mu + sigma * shape.quantile(p)),
  };
}

const shapes: Record<TailFit["family"], LogLocationScale & { quantile(p: number): number }> = {
  lognormal: {
    event: (z) => ({ value: -0.5 * z * z - 0.5 * Math.log(2 * Math.PI), slope: -z, bend: -1 }),
    censored: (z) => {
      const ratio = inverseMills(z);
      const value =
        z > 30 ? Math.log(normalDensity(0)) - 0.5 * z * z - Math.log(ratio) : Math.log(normalCdf(-z));
      return { value, slope: -ratio, bend: -ratio * (ratio - z) };
    },
    quantile: normalQuantile,
  },
  weibull: {
    event: (z) => ({ value: z - Math.exp(z), slope: 1 - Math.exp(z), bend: -Math.exp(z) }),
    censored: (z) => ({ value: -Math.exp(z), slope: -Math.exp(z), bend: -Math.exp(z) }),
    quantile: (p) => Math.log(-Math.log1p(-p)),
  },
};

/** The normal density over its upper tail; its asymptotic series where both underflow. */
function inverseMills(z: number): number {
  if (z > 30) return z / (1 - 1 / (z * z) + 3 / z ** 4 - 15 / z ** 6);
  return normalDensity(z) / normalCdf(-z);
}

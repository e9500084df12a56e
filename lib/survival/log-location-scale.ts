/** A log-likelihood term at a standardised log time z, with its first and second derivatives in z. */
export interface Term {
  readonly value: number;
  readonly slope: number;
  readonly bend: number;
}

/** A distribution of log time up to location and scale; both terms must be concave in z. */
export interface LogLocationScale {
  /** Log density. */
  event(z: number): Term;
  /** Log of the upper tail. */
  censored(z: number): Term;
}

/** Log times with what was seen of them, and how often each row counts. */
export interface LogTimes {
  readonly logTimes: readonly number[];
  readonly seen: readonly boolean[];
  readonly counts: readonly number[];
}

/** Where the likelihood is largest. */
export interface LikelihoodMaximum {
  readonly mu: number;
  readonly sigma: number;
  readonly muError: number;
  readonly sigmaError: number;
  /** Of the times themselves, not of their logarithms. */
  readonly logLikelihood: number;
}

/**
 * Maximises the censored likelihood of log T = mu + sigma x error.
 *
 * In alpha = mu / sigma and beta = 1 / sigma the log-likelihood is concave when the error's density is log-concave
 * (Burridge 1981), so Newton's method with exact second derivatives and step halving reaches the one maximum from
 * anywhere, to machine precision, in about ten rounds. A general optimiser would need more code to call than this, and
 * would stop at a tolerance.
 * @returns undefined when the maximum is not attained: no two distinct event times
 */
export function maximiseLikelihood(data: LogTimes, shape: LogLocationScale): LikelihoodMaximum | undefined {
  const events = data.logTimes.filter((_, i) => data.seen[i]);
  const first = events[0];
  if (first === undefined || events.every((y) => y === first)) return undefined;
  const centre = events.reduce((sum, y) => sum + y, 0) / events.length;
  const spread = Math.sqrt(events.reduce((sum, y) => sum + (y - centre) ** 2, 0) / events.length);
  const scaled = { ...data, logTimes: data.logTimes.map((y) => (y - centre) / spread) };
  let state = evaluate(scaled, shape, 0, 1);
  for (let round = 0; round < 200; round++) {
    const { slopes, bends } = state;
    const determinant = bends[0] * bends[2] - bends[1] * bends[1];
    const stepA = -(bends[2] * slopes[0] - bends[1] * slopes[1]) / determinant;
    const stepB = -(bends[0] * slopes[1] - bends[1] * slopes[0]) / determinant;
    const gain = slopes[0] * stepA + slopes[1] * stepB;
    let size = 1;
    let next = state;
    for (let halving = 0; halving < 60; halving++, size /= 2) {
      const beta = state.beta + size * stepB;
      if (beta <= 0) continue;
      next = evaluate(scaled, shape, state.alpha + size * stepA, beta);
      if (next.value >= state.value - 1e-13 * Math.abs(state.value)) break;
    }
    state = next;
    if (!(gain > 1e-26 * (1 + Math.abs(state.value)))) break;
  }
  const { alpha, beta, bends, value } = state;
  const determinant = bends[0] * bends[2] - bends[1] * bends[1];
  const [varA, varB, covAB] = [-bends[2] / determinant, -bends[0] / determinant, bends[1] / determinant];
  const jacobian = data.logTimes.reduce(
    (sum, y, i) => sum + (data.seen[i] ? data.counts[i] * (y + Math.log(spread)) : 0),
    0,
  );
  const m = alpha / beta;
  return {
    mu: centre + spread * m,
    sigma: spread / beta,
    muError: (spread / beta) * Math.sqrt(varA - 2 * m * covAB + m * m * varB),
    sigmaError: (spread / (beta * beta)) * Math.sqrt(varB),
    logLikelihood: value - jacobian,
  };
}

interface State {
  readonly alpha: number;
  readonly beta: number;
  readonly value: number;
  readonly slopes: readonly [number, number];
  /** Second derivatives: alpha alpha, alpha beta, beta beta. */
  readonly bends: readonly [number, number, number];
}

function evaluate(data: LogTimes, shape: LogLocationScale, alpha: number, beta: number): State {
  let [value, slopeA, slopeB, bendAA, bendAB, bendBB] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i < data.logTimes.length; i++) {
    const y = data.logTimes[i];
    const count = data.counts[i];
    const seen = data.seen[i];
    const z = beta * y - alpha;
    const term = seen ? shape.event(z) : shape.censored(z);
    value += count * (term.value + (seen ? Math.log(beta) : 0));
    slopeA -= count * term.slope;
    slopeB += count * (term.slope * y + (seen ? 1 / beta : 0));
    bendAA += count * term.bend;
    bendAB -= count * term.bend * y;
    bendBB += count * (term.bend * y * y - (seen ? 1 / (beta * beta) : 0));
  }
  return { alpha, beta, value, slopes: [slopeA, slopeB], bends: [bendAA, bendAB, bendBB] };
}

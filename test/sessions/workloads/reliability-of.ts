const BINS = 10;

/** Edges that are about as sure. */
export interface Bin {
  readonly said: number;
  readonly right: number;
  readonly n: number;
}

/** How well confidences hold. */
export interface Reliability {
  readonly n: number;
  readonly expected_calibration_error: number;
  readonly bins: readonly Bin[];
}

/** Expected calibration error (Naeini et al. 2015) over ten bins of equal width: means of what is said and what is right. */
export function reliabilityOf(
  sure: readonly (readonly [confidence: number, isRight: boolean])[],
): Reliability {
  const sums = Array.from({ length: BINS }, () => ({ n: 0, said: 0, right: 0 }));
  for (const [confidence, isRight] of sure) {
    const bin = sums[Math.min(BINS - 1, Math.floor(confidence * BINS))]!;
    bin.n++;
    bin.said += confidence;
    if (isRight) bin.right++;
  }
  const error = sums.reduce((sum, { said, right }) => sum + Math.abs(said - right), 0) / sure.length;
  return {
    n: sure.length,
    expected_calibration_error: rounded(error),
    bins: sums
      .filter(({ n }) => n > 0)
      .map(({ n, said, right }) => ({ said: rounded(said / n), right: rounded(right / n), n })),
  };
}

/** To four digits. */
export function rounded(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}

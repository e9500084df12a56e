/** How often the 95 % intervals of errors hold the truth, by simulation. */
export interface IntervalCoverage {
  /** Sessions of the sample, four turns each. */
  readonly sessions: number;
  /** Share of captured turns whose end was not seen. */
  readonly censored: number;
  readonly quantile: number;
  /** Share of the samples in which there was an interval. */
  readonly given: number;
  /** Share of these in which it held the truth; undefined where there was none. */
  readonly held?: number;
}

/** Written by test/reference/survival/quantile-coverage.ts: run that instead of editing this. */
export const intervalCoverage: readonly IntervalCoverage[] = [
  { sessions: 20, censored: 0, quantile: 0.5, given: 1.0, held: 0.9535 },
  { sessions: 20, censored: 0, quantile: 0.9, given: 0.9673, held: 0.9637 },
  { sessions: 20, censored: 0, quantile: 0.99, given: 0.0 },
  { sessions: 20, censored: 0.1, quantile: 0.5, given: 1.0, held: 0.9563 },
  { sessions: 20, censored: 0.1, quantile: 0.9, given: 0.9599, held: 0.9692 },
  { sessions: 20, censored: 0.1, quantile: 0.99, given: 0.0 },
  { sessions: 64, censored: 0, quantile: 0.5, given: 1.0, held: 0.9548 },
  { sessions: 64, censored: 0, quantile: 0.9, given: 1.0, held: 0.9598 },
  { sessions: 64, censored: 0, quantile: 0.99, given: 0.1582, held: 0.9785 },
  { sessions: 64, censored: 0.1, quantile: 0.5, given: 1.0, held: 0.9564 },
  { sessions: 64, censored: 0.1, quantile: 0.9, given: 1.0, held: 0.9588 },
  { sessions: 64, censored: 0.1, quantile: 0.99, given: 0.0 },
  { sessions: 256, censored: 0, quantile: 0.5, given: 1.0, held: 0.95 },
  { sessions: 256, censored: 0, quantile: 0.9, given: 1.0, held: 0.9545 },
  { sessions: 256, censored: 0, quantile: 0.99, given: 1.0, held: 0.965 },
  { sessions: 256, censored: 0.1, quantile: 0.5, given: 1.0, held: 0.958 },
  { sessions: 256, censored: 0.1, quantile: 0.9, given: 1.0, held: 0.962 },
  { sessions: 256, censored: 0.1, quantile: 0.99, given: 1.0, held: 0.9765 },
];

import type { PriceFactors } from "../latency/index.js";

/**
 * The factors with the least error, found by searching one after the other on ever finer grids, from 1/8 to 8 times.
 * @param errorOf error with these factors; undefined where there is none
 */
export function searchFactors(
  errorOf: (factors: PriceFactors) => number | undefined,
): { readonly factors: PriceFactors; readonly error: number } | undefined {
  let factors: PriceFactors = { prefill: 1, decode: 1 };
  const atStart = errorOf(factors);
  if (atStart === undefined) return undefined;
  let error = atStart;
  for (const ratio of [2, Math.SQRT2, 1.15, 1.05, 1.02])
    for (const name of ["prefill", "decode", "prefill"] as const)
      for (const direction of [ratio, 1 / ratio])
        for (let step = 0; step < 3; step++) {
          const next = { ...factors, [name]: factors[name] * direction };
          const nextError = errorOf(next);
          if (nextError === undefined || nextError >= error) break;
          factors = next;
          error = nextError;
        }
  return { factors, error };
}

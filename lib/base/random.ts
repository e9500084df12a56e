import alea from "seedrandom/lib/alea.js";

/** A named stream of random draws. Draws from one stream never move another. */
export interface RandomStream {
  /** Uniform on [0, 1), with 53 random bits. */
  uniform(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** Exponential with the given mean, by inversion. */
  exponential(mean: number): number;
  /** Standard normal, by the polar method (Marsaglia and Bray 1964). */
  normal(): number;
}

/**
 * The stream of draws that a seed and a name stand for: the same pair gives the same draws on every platform,
 * and a draw added to one name moves no other name's draws. Built on the Alea generator of `seedrandom`.
 * @example
 * ```ts
 * import { stream } from "prefixlab";
 * const draws = stream(7, "arrivals");
 * [draws.integer(100), draws.integer(100)]; // → [95, 32]
 * stream(7, "arrivals").integer(100); // → 95
 * ```
 */
export function stream(seed: number | string, name: string): RandomStream {
  const draw = alea(`${seed}/${name}`);
  let spare: number | undefined;
  return {
    uniform: () => draw.double(),
    integer: (bound) => Math.floor(draw.double() * bound),
    exponential: (mean) => -mean * Math.log1p(-draw.double()),
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      for (;;) {
        const u = 2 * draw.double() - 1;
        const v = 2 * draw.double() - 1;
        const s = u * u + v * v;
        if (s > 0 && s < 1) {
          const scale = Math.sqrt((-2 * Math.log(s)) / s);
          spare = v * scale;
          return u * scale;
        }
      }
    },
  };
}

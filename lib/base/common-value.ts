/**
 * The value that all of these are; undefined where they differ, or there is none.
 * @example
 * ```ts
 * import { commonValue } from "prefixlab/base";
 * [commonValue([512, 512]), commonValue([512, 2048])]; // → [512, undefined]
 * ```
 */
export function commonValue<T>(values: readonly T[]): T | undefined {
  const [first, ...others] = values;
  return others.every((other) => other === first) ? first : undefined;
}

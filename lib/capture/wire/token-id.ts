/** True for a token id as the wire may hold it: a whole number from 0 to 2^31 - 1. */
export function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0x7fffffff;
}

import { InvalidArgumentError } from "commander";

/** Shard i of n, counted from 0, from `i/n`. */
export function parseShard(text: string): { index: number; count: number } {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || count < 1 || index >= count)
    throw new InvalidArgumentError("expected i/n with 0 <= i < n, such as 0/4");
  return { index, count };
}

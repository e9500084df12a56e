import { type Bytes, InputError } from "../base/index.js";

/** An accelerator, by its data sheet. */
export interface Card {
  readonly name: string;
  /** Memory of one card. */
  readonly memoryBytes: Bytes;
  readonly memoryBytesPerSecond: number;
  /** Where the numbers are from. */
  readonly source: string;
}

/** The cards that a built-in latency profile stands for. */
export const cards = {
  h200: {
    name: "NVIDIA H200 SXM",
    memoryBytes: 141e9,
    memoryBytesPerSecond: 4.8e12,
    source: "NVIDIA H200 Tensor Core GPU data sheet: 141 GB HBM3e, 4.8 TB/s",
  },
} as const satisfies Readonly<Record<string, Card>>;

/**
 * A card by its short name.
 * @throws InputError naming the cards there are, when `name` is none of them
 */
export function cardOf(name: string): Card {
  if (Object.hasOwn(cards, name)) return cards[name as keyof typeof cards];
  throw new InputError(
    `cardOf: no card ${JSON.stringify(name)}, expected one of ${Object.keys(cards).join(", ")}`,
  );
}

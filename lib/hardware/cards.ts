import { type Bytes, bytesPerGib, InputError, type PerSecond } from "../base/index.js";

/** An accelerator, by its data sheet. */
export interface Card {
  readonly name: string;
  /** Memory of one card. The sheets' GB of it are 2^30 bytes. */
  readonly memoryBytes: Bytes;
  /** What CUDA gives of it, by published logs of vLLM. Undefined where none is known. */
  readonly visibleBytes?: Bytes;
  readonly memoryBytesPerSecond: number;
  /** Dense matrix products (no structured sparsity), accumulated in 32 bits: FLOP/s by the format of the numbers. */
  readonly peakFlops: {
    readonly bf16: PerSecond;
    /** Undefined: the card's tensor cores have no such format. */
    readonly fp8?: PerSecond;
  };
  /** To the other cards of a host, one way. Sheets give both ways together: half of that. */
  readonly linkBytesPerSecond: number;
  /** Where the numbers are from. */
  readonly source: string;
}

/** Cards, by the name that `--gpu` takes. */
export const cards = {
  h100: {
    name: "NVIDIA H100 SXM",
    memoryBytes: 80 * bytesPerGib,
    visibleBytes: 79.19 * bytesPerGib,
    memoryBytesPerSecond: 3.35e12,
    peakFlops: { bf16: 989.5e12, fp8: 1979e12 },
    linkBytesPerSecond: 450e9,
    source:
      "NVIDIA H100 Tensor Core GPU data sheet: 80 GB, 3.35 TB/s, BFLOAT16 1,979 and FP8 3,958 TFLOPS with sparsity (dense: half), NVLink 900 GB/s",
  },
  h200: {
    name: "NVIDIA H200 SXM",
    memoryBytes: 141 * bytesPerGib,
    visibleBytes: 139.81 * bytesPerGib,
    memoryBytesPerSecond: 4.8e12,
    peakFlops: { bf16: 989.5e12, fp8: 1979e12 },
    linkBytesPerSecond: 450e9,
    source:
      "NVIDIA H200 Tensor Core GPU data sheet: 141 GB HBM3e, 4.8 TB/s, BFLOAT16 1,979 and FP8 3,958 TFLOPS with sparsity (dense: half), NVLink 900 GB/s",
  },
  b200: {
    name: "NVIDIA B200",
    memoryBytes: 180 * bytesPerGib,
    memoryBytesPerSecond: 8e12,
    peakFlops: { bf16: 2250e12, fp8: 4500e12 },
    linkBytesPerSecond: 900e9,
    source:
      "NVIDIA DGX B200 data sheet, an eighth of it: 1,440 GB, 64 TB/s, FP8 72 PFLOPS with sparsity (dense: half; BFLOAT16: half of FP8), NVLink 14.4 TB/s",
  },
  a100: {
    name: "NVIDIA A100 SXM 80 GB",
    memoryBytes: 80 * bytesPerGib,
    visibleBytes: 79.25 * bytesPerGib,
    memoryBytesPerSecond: 2.039e12,
    peakFlops: { bf16: 312e12 },
    linkBytesPerSecond: 300e9,
    source:
      "NVIDIA A100 Tensor Core GPU data sheet: 80 GB HBM2e, 2,039 GB/s, BFLOAT16 312 TFLOPS, NVLink 600 GB/s",
  },
  l40s: {
    name: "NVIDIA L40S",
    memoryBytes: 45 * bytesPerGib,
    memoryBytesPerSecond: 864e9,
    peakFlops: { bf16: 362.05e12, fp8: 733e12 },
    linkBytesPerSecond: 32e9,
    source:
      "NVIDIA L40S data sheet: 48 GB GDDR6 of which ECC takes a sixteenth, 864 GB/s, BFLOAT16 362.05 and FP8 733 TFLOPS dense, PCIe Gen4 x16 64 GB/s",
  },
  "rtx-pro-6000": {
    name: "NVIDIA RTX PRO 6000 Blackwell",
    memoryBytes: 96 * bytesPerGib,
    memoryBytesPerSecond: 1.792e12,
    peakFlops: { bf16: 503.8e12, fp8: 1007.6e12 },
    linkBytesPerSecond: 64e9,
    source:
      "NVIDIA RTX PRO 6000 Blackwell Workstation Edition data sheet: 96 GB GDDR7, 1,792 GB/s, PCIe Gen5 x16; RTX Blackwell PRO architecture paper: BFLOAT16 503.8 and FP8 1,007.6 TFLOPS dense",
  },
  "rtx-4090": {
    name: "NVIDIA GeForce RTX 4090",
    memoryBytes: 24 * bytesPerGib,
    visibleBytes: 23.53 * bytesPerGib,
    memoryBytesPerSecond: 1.008e12,
    peakFlops: { bf16: 165.2e12, fp8: 330.3e12 },
    linkBytesPerSecond: 32e9,
    source:
      "NVIDIA Ada GPU architecture paper, RTX 4090: 24 GB GDDR6X, 1,008 GB/s, BFLOAT16 165.2 and FP8 330.3 TFLOPS dense with 32-bit accumulation, PCIe Gen4 x16",
  },
} as const satisfies Readonly<Record<string, Card>>;

/** The short name of a card in the table. */
export type CardName = keyof typeof cards;

/** Names that {@link cardOf} knows, in the order of the table. */
export const cardNames = Object.keys(cards) as readonly CardName[];

/**
 * A card by its short name, or by that of its data sheet; capitals, spaces and dashes do not matter.
 * @throws InputError naming the cards there are, when `name` is none of them
 * @example
 * ```ts
 * import { cardOf } from "prefixlab/hardware";
 * cardOf("RTX 4090").memoryBytesPerSecond; // → 1008000000000
 * ```
 */
export function cardOf(name: string): Card {
  return cards[cardNameOf(name)];
}

/**
 * The short name of a card.
 * @throws InputError as {@link cardOf}
 */
export function cardNameOf(name: string): CardName {
  const wanted = plain(name);
  const found = cardNames.find((short) => plain(short) === wanted || plain(cards[short].name) === wanted);
  if (found) return found;
  throw new InputError(`cardOf: no card ${JSON.stringify(name)}, expected one of ${cardNames.join(", ")}`);
}

function plain(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]/g, "")
    .replace(/^nvidia/, "")
    .replace(/^geforce/, "");
}

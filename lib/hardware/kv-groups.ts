import { type Blocks, type Bytes, InputError, type Tokens } from "../base/index.js";
import { type KvFormat, kvVectorBytes } from "./kv-format.js";
import type { KvLayer } from "./kv-layers.js";

/** Layers that share one table of blocks: one block of the pool holds `blockTokens` tokens of all of them. */
export interface KvGroup {
  readonly kind: KvLayer["kind"];
  readonly layers: number;
  readonly blockTokens: Tokens;
  /** Of one block, on one card. It takes as much as the widest group's all the same. */
  readonly bytes: Bytes;
  /** Tokens behind which it keeps nothing; undefined where it keeps all, and for a state. */
  readonly windowTokens?: Tokens;
  /** States that a running sequence may hold. */
  readonly statesPerSequence?: number;
}

/** What one layer keeps on one card. */
export interface KvPage {
  readonly layer: KvLayer;
  /** Of a token; 0 for a state. */
  readonly tokenBytes: Bytes;
  /** Of a state; 0 for attention. */
  readonly stateBytes: Bytes;
}

/** The smallest block of FlashAttention, FlashInfer and Triton; others are multiples of it. */
export const kernelTokens: Tokens = 16;

/** Between states, latent attention is in blocks of a multiple of this: its kernels read so many tokens at once. */
const latentTokensBetweenStates: Tokens = 128;

/**
 * @param recurrentBytes of a number of a recurrent state, where it is not the model's own
 * @throws InputError when so many cards can share neither heads nor states, or the format is none for the layer
 */
export function kvPageOf(
  layer: KvLayer,
  cards: number,
  format: KvFormat,
  recurrentBytes: Bytes | undefined,
): KvPage {
  if (layer.kind === "state") {
    const bytes = layer.arrays.map(
      ({ numbers, bytesPerNumber = 2, isRecurrent }) =>
        numbers(cards) * ((isRecurrent && recurrentBytes) || bytesPerNumber),
    );
    return { layer, tokenBytes: 0, stateBytes: bytes.reduce((a, b) => a + b, 0) };
  }
  if (layer.kind === "latent") {
    if (format === "nvfp4")
      throw new InputError("kvLayoutFromConfig: vLLM has no latent attention in nvfp4, give another kvDtype");
    // A value of no numbers has a scale too.
    const tokenBytes = kvVectorBytes(format, layer.numbers) + kvVectorBytes(format, 0);
    return { layer, tokenBytes, stateBytes: 0 };
  }
  const { heads, headDim } = layer;
  if (heads % cards !== 0 && cards % heads !== 0)
    throw new InputError(
      `kvLayoutFromConfig: ${heads} heads of keys and values can be neither split over ${cards} cards nor repeated`,
    );
  const tokenBytes = Math.max(1, heads / cards) * 2 * kvVectorBytes(format, headDim);
  return { layer, tokenBytes, stateBytes: 0 };
}

/** A layer's share of one block. */
interface SizedPage {
  readonly layer: KvLayer;
  readonly blockTokens: Tokens;
  readonly bytes: Bytes;
}

/**
 * The groups that vLLM puts layers into: those that keep the same for the same tokens into one. Layers of several kinds
 * get pages of one size, by larger blocks or by padding, and groups of about as many layers each, so that a block of the
 * pool serves any of them.
 */
export function kvGroupsOf(pages: readonly KvPage[], blockSize: Tokens): readonly KvGroup[] {
  const sized = sizedPages(pages, blockSize);
  const buckets = new Map<string, SizedPage[]>();
  for (const page of sized) {
    const alike = keyOf(page);
    const bucket = buckets.get(alike);
    if (bucket) bucket.push(page);
    else buckets.set(alike, [page]);
  }
  if (buckets.size === 1 || isOneTable(sized)) return [groupOf(sized)];
  const evened = [...buckets.values()].map((bucket) => evenedPages(bucket, sized));
  const fewest = Math.min(...evened.map((bucket) => bucket.length));
  const most = Math.max(...evened.map((bucket) => bucket.length));
  // Some layers of padding are taken rather than twice as many groups.
  const size = most < 1.5 * fewest ? most : fewest;
  return evened.flatMap((bucket) => {
    const groups = Math.ceil(bucket.length / size);
    return Array.from({ length: groups }, (_, group) =>
      groupOf(bucket.filter((_page, index) => index % groups === group)),
    );
  });
}

/** Whether a group keeps all tokens, and so grows with the sequence. */
export function keepsAll(kind: KvLayer["kind"]): boolean {
  return kind === "full" || kind === "latent";
}

/** Blocks that a running sequence holds in one group. */
export function blocksOf(group: KvGroup, tokens: Tokens, inFlightTokens: Tokens): Blocks {
  const { kind, blockTokens, windowTokens = 0, statesPerSequence = 0 } = group;
  const blocks = (kept: Tokens) => Math.ceil(Math.min(kept, tokens) / blockTokens);
  if (kind === "state") return statesPerSequence;
  if (keepsAll(kind)) return blocks(tokens);
  if (kind === "chunked") return blocks(windowTokens + inFlightTokens);
  // A window may begin within a block.
  return blocks(windowTokens - 1 + inFlightTokens) + 1;
}

/** Hits are multiples of every group's block; where states are the larger blocks, of the smallest. */
export function hitTokensOf(groups: readonly KvGroup[]): Tokens {
  const sizes = groups.map(({ blockTokens }) => blockTokens);
  const smallest = sizes.reduce(greatestCommonDivisor);
  const isWithinStates =
    groups.some(({ kind, blockTokens }) => kind === "state" && blockTokens > smallest) &&
    groups.every(({ kind, blockTokens }) => kind === "state" || keepsAll(kind) || blockTokens === smallest);
  return isWithinStates ? smallest : sizes.reduce((a, b) => (a / greatestCommonDivisor(a, b)) * b);
}

/** Beside states, attention's blocks grow until a block holds a state, and states are padded to it. */
function sizedPages(pages: readonly KvPage[], blockSize: Tokens): readonly SizedPage[] {
  const stateBytes = Math.max(...pages.map((page) => page.stateBytes));
  const attention = pages.find(({ layer }) => layer.kind !== "state");
  if (stateBytes === 0 || !attention)
    return pages.map(({ layer, tokenBytes }) => ({
      layer,
      blockTokens: blockSize,
      bytes: tokenBytes * blockSize,
    }));
  const unit = attention.layer.kind === "latent" ? Math.max(blockSize, latentTokensBetweenStates) : blockSize;
  const blockTokens = unit * Math.ceil(stateBytes / (unit * attention.tokenBytes));
  return pages.map(({ layer, tokenBytes }) => ({
    layer,
    blockTokens,
    bytes: blockTokens * (layer.kind === "state" ? attention.tokenBytes : tokenBytes),
  }));
}

/** Layers of one kind whose pages are of several sizes share a table all the same, if they keep the same tokens. */
function isOneTable(pages: readonly SizedPage[]): boolean {
  const [{ layer: first }] = pages;
  if (first.kind === "state") return false;
  return pages.every(({ layer }) =>
    keepsAll(first.kind)
      ? keepsAll(layer.kind)
      : layer.kind === first.kind &&
        "windowTokens" in layer &&
        "windowTokens" in first &&
        layer.windowTokens === first.windowTokens,
  );
}

/** A smaller page gets as many more tokens as fill the largest one, or is padded. */
function evenedPages(bucket: readonly SizedPage[], all: readonly SizedPage[]): readonly SizedPage[] {
  const largest = Math.max(...all.map(({ bytes }) => bytes));
  return bucket.map((page) => {
    if (page.bytes === largest || page.layer.kind === "state") return { ...page, bytes: largest };
    if (largest % page.bytes === 0)
      return { ...page, blockTokens: (page.blockTokens * largest) / page.bytes, bytes: largest };
    if (page.layer.kind === "latent")
      throw new InputError(
        `kvLayoutFromConfig: a block of latent attention, ${page.bytes} bytes, does not fill one of ${largest} bytes evenly, which vLLM cannot hold`,
      );
    return { ...page, bytes: largest };
  });
}

function groupOf(pages: readonly SizedPage[]): KvGroup {
  const [{ layer, blockTokens }] = pages;
  return {
    kind: layer.kind,
    layers: pages.length,
    blockTokens,
    bytes: pages.reduce((sum, { bytes }) => sum + bytes, 0),
    ...("windowTokens" in layer && { windowTokens: layer.windowTokens }),
    ...(layer.kind === "state" && { statesPerSequence: layer.statesPerSequence }),
  };
}

function keyOf({ layer, blockTokens, bytes }: SizedPage): string {
  return [
    layer.kind,
    "windowTokens" in layer ? layer.windowTokens : "",
    "heads" in layer ? `${layer.heads} ${layer.headDim}` : "",
    blockTokens,
    bytes,
  ].join(" ");
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

import { decodeMsgpack } from "./msgpack.js";

/** A block of an engine's own, by its hash in the engine and the pool that it is in. */
export type EngineBlockName = string;

/** One event of an engine's prefix cache as it came, with the tokens that it speaks of. */
export type EngineCacheEvent =
  | {
      readonly kind: "stored";
      readonly blocks: readonly EngineBlockName[];
      readonly parent: EngineBlockName | undefined;
      /** Undefined where they are no plain token ids. */
      readonly tokenIds: readonly number[] | undefined;
      readonly blockSize: number;
      /** Name of the adapter, which is the model's in the request. */
      readonly lora: string | undefined;
      /** There is an adapter of which only the engine's own number is told. */
      readonly isAdapterUnnamed: boolean;
      /** What else than tokens is in each block's hash: a salt, images. */
      readonly extraKeys: readonly unknown[] | undefined;
      readonly medium: string | undefined;
      readonly group: number;
    }
  | {
      readonly kind: "removed";
      readonly blocks: readonly EngineBlockName[];
      readonly medium: string | undefined;
      readonly group: number;
    }
  | { readonly kind: "cleared" };

/** What an engine said at the end of one of its steps. */
export interface EngineEventBatch {
  readonly sequence: number;
  /** Unix time in ms, by the engine's clock. */
  readonly sentUnixMs: number | undefined;
  readonly rank: number | undefined;
  readonly events: readonly EngineCacheEvent[];
}

/** Fields of an event that is an array, by place; the tag is before them (vLLM before 0.12, SGLang). */
const storedFields = [
  "block_hashes",
  "parent_block_hash",
  "token_ids",
  "block_size",
  "lora_id",
  "medium",
  "lora_name",
  "extra_keys",
  "group_idx",
];
const removedFields = ["block_hashes", "medium", "group_idx"];

/**
 * Reads one message of an engine's KV events: topic, sequence number (8 bytes, big-endian), msgpack `[time, events, rank]`.
 * An event is a map with its name under `type` (vLLM 0.32, `vllm/distributed/kv_events.py`) or an array that begins with
 * it; kinds that are not known are passed over.
 * @throws RangeError when it is none
 */
export function readEventBatch(frames: readonly Uint8Array[]): EngineEventBatch {
  const [, number, payload] = frames;
  if (frames.length !== 3 || number.length !== 8)
    throw new RangeError("not topic, sequence number and batch");
  const sequence = Number(new DataView(number.buffer, number.byteOffset, 8).getBigUint64(0));
  const batch = decodeMsgpack(payload);
  if (!Array.isArray(batch) || !Array.isArray(batch[1])) throw new RangeError("not [time, events]");
  const [seconds, events, rank] = batch as [unknown, unknown[], unknown];
  return {
    sequence,
    sentUnixMs: typeof seconds === "number" ? seconds * 1000 : undefined,
    rank: typeof rank === "number" ? rank : undefined,
    events: events.flatMap((event) => readEvent(event) ?? []),
  };
}

function readEvent(event: unknown): EngineCacheEvent | undefined {
  const tag = Array.isArray(event) ? event[0] : (event as { type?: unknown } | null)?.type;
  if (tag === "AllBlocksCleared") return { kind: "cleared" };
  if (tag !== "BlockStored" && tag !== "BlockRemoved") return undefined;
  const fields = fieldsOf(event, tag === "BlockStored" ? storedFields : removedFields);
  const group = typeof fields.group_idx === "number" ? fields.group_idx : 0;
  const medium = typeof fields.medium === "string" ? fields.medium : undefined;
  const hashes = Array.isArray(fields.block_hashes) ? (fields.block_hashes as unknown[]) : [];
  const blocks = hashes.map((hash) => blockName(hash, group, medium));
  if (tag === "BlockRemoved") return { kind: "removed", blocks, medium, group };
  const { parent_block_hash: parent, token_ids: ids, block_size: size, lora_name, lora_id } = fields;
  const blockSize = typeof size === "number" && Number.isSafeInteger(size) && size > 0 ? size : 1;
  const isWhole =
    Array.isArray(ids) && ids.length === blockSize * blocks.length && (ids as unknown[]).every(isTokenId);
  const isNamed = typeof lora_name === "string";
  return {
    kind: "stored",
    blocks,
    parent: parent === null || parent === undefined ? undefined : blockName(parent, group, medium),
    tokenIds: isWhole ? (ids as number[]) : undefined,
    blockSize,
    lora: isNamed ? lora_name : undefined,
    isAdapterUnnamed: !isNamed && lora_id !== null && lora_id !== undefined,
    extraKeys: Array.isArray(fields.extra_keys) ? fields.extra_keys : undefined,
    medium,
    group,
  };
}

function fieldsOf(event: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (!Array.isArray(event)) return event as Record<string, unknown>;
  return Object.fromEntries(names.map((name, place) => [name, (event as unknown[])[place + 1]]));
}

function isTokenId(id: unknown): boolean {
  return typeof id === "number" && id >>> 0 === id;
}

/** Hashes are 64-bit integers or bytes, as the engine is configured; one memory's blocks are not another's. */
function blockName(hash: unknown, group: number, medium: string | undefined): EngineBlockName {
  const text = hash instanceof Uint8Array ? Buffer.from(hash).toString("hex") : String(hash);
  return medium === undefined || medium === "GPU" ? `${group}:${text}` : `${group}:${medium}:${text}`;
}

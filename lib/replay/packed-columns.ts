import { type Bytes, InputError } from "../base/index.js";

/** A column of numbers. */
export type Column = Int32Array | Float64Array | Uint8Array;

/** Named columns, and what is said beside them in JSON. */
export interface PackedColumns {
  readonly head: unknown;
  readonly columns: Readonly<Record<string, Column>>;
}

const kinds = { i4: Int32Array, f8: Float64Array, u1: Uint8Array } as const;
type Kind = keyof typeof kinds;

/** Columns start at whole multiples of this, so that they are read in place. */
const alignment = 8;

/**
 * Columns as one piece of bytes: the length of a JSON text, the text, and the columns behind it, each at a multiple of eight
 * bytes, in the machine's byte order (little-endian wherever browsers run).
 * @param allocate memory of so many bytes; default: an ArrayBuffer
 */
export function packColumns(
  { head, columns }: PackedColumns,
  allocate: (bytes: Bytes) => ArrayBuffer | SharedArrayBuffer = (size) => new ArrayBuffer(size),
): Uint8Array {
  const entries = Object.entries(columns);
  const index = entries.map(([name, column]) => [name, kindOf(column), column.length] as const);
  const text = new TextEncoder().encode(JSON.stringify({ head, index }));
  let size = aligned(4 + text.length);
  for (const [, column] of entries) size += aligned(column.byteLength);
  const bytes = new Uint8Array(allocate(size));
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  let at = aligned(4 + text.length);
  for (const [, column] of entries) {
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at);
    at += aligned(column.byteLength);
  }
  return bytes;
}

/**
 * What {@link packColumns} packed; the columns are views of the bytes.
 * @throws InputError when the bytes are cut short
 */
export function unpackColumns(bytes: Uint8Array): PackedColumns {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(0, true);
  // A copy: a decoder takes no shared memory.
  const text = new TextDecoder().decode(bytes.slice(4, 4 + length));
  const { head, index } = JSON.parse(text) as {
    head: unknown;
    index: readonly (readonly [string, Kind, number])[];
  };
  let at = aligned(4 + length);
  const columns = index.map(([name, kind, count]) => {
    const size = count * kinds[kind].BYTES_PER_ELEMENT;
    if (at + size > bytes.byteLength)
      throw new InputError(`unpackColumns: column "${name}" is cut short: the bytes are not whole`);
    const column = new kinds[kind](bytes.buffer as ArrayBuffer, bytes.byteOffset + at, count);
    at += aligned(size);
    return [name, column] as const;
  });
  return { head, columns: Object.fromEntries(columns) };
}

function kindOf(column: Column): Kind {
  return column instanceof Int32Array ? "i4" : column instanceof Float64Array ? "f8" : "u1";
}

function aligned(size: number): number {
  return Math.ceil(size / alignment) * alignment;
}

/** Nothing that an engine sends nests deeper. */
const DEEPEST = 32;

const utf8 = new TextDecoder();

/**
 * Reads one msgpack value (the format's specification, github.com/msgpack/msgpack). Integers beyond 2^53 become bigints,
 * so that 64-bit hashes stay exact; binary data become bytes, maps objects, extensions undefined.
 * @throws RangeError when it is cut off, nested too deep, or no msgpack
 */
export function decodeMsgpack(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  const take = (length: number): number => {
    const from = at;
    at += length;
    if (at > bytes.length) throw new RangeError("msgpack: cut off");
    return from;
  };
  const uint8 = () => view.getUint8(take(1));
  const uint16 = () => view.getUint16(take(2));
  const uint32 = () => view.getUint32(take(4));
  const exact = (value: bigint) =>
    value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : value;
  const text = (length: number) => {
    const from = take(length);
    return utf8.decode(bytes.subarray(from, at));
  };
  const binary = (length: number) => {
    const from = take(length);
    return bytes.slice(from, at);
  };
  const extension = (length: number) => {
    take(length + 1);
    return undefined;
  };
  const array = (length: number, depth: number) => {
    // Every element is a byte at least: a length that lies costs no memory.
    if (length > bytes.length - at) throw new RangeError("msgpack: cut off");
    const values = new Array<unknown>(length);
    for (let i = 0; i < length; i++) values[i] = value(depth + 1);
    return values;
  };
  const map = (length: number, depth: number) => {
    if (2 * length > bytes.length - at) throw new RangeError("msgpack: cut off");
    const fields: [string, unknown][] = [];
    for (let i = 0; i < length; i++) {
      const key = String(value(depth + 1));
      fields.push([key, value(depth + 1)]);
    }
    return Object.fromEntries(fields);
  };

  function value(depth: number): unknown {
    if (depth > DEEPEST) throw new RangeError("msgpack: nested too deep");
    const tag = uint8();
    if (tag < 0x80) return tag;
    if (tag < 0x90) return map(tag & 0x0f, depth);
    if (tag < 0xa0) return array(tag & 0x0f, depth);
    if (tag < 0xc0) return text(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    return tagged(tag, depth);
  }

  function tagged(tag: number, depth: number): unknown {
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return binary(uint8());
      case 0xc5:
        return binary(uint16());
      case 0xc6:
        return binary(uint32());
      case 0xc7:
        return extension(uint8());
      case 0xc8:
        return extension(uint16());
      case 0xc9:
        return extension(uint32());
      case 0xca:
        return view.getFloat32(take(4));
      case 0xcb:
        return view.getFloat64(take(8));
      case 0xcc:
        return uint8();
      case 0xcd:
        return uint16();
      case 0xce:
        return uint32();
      case 0xcf:
        return exact(view.getBigUint64(take(8)));
      case 0xd0:
        return view.getInt8(take(1));
      case 0xd1:
        return view.getInt16(take(2));
      case 0xd2:
        return view.getInt32(take(4));
      case 0xd3:
        return exact(view.getBigInt64(take(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return extension(1 << (tag - 0xd4));
      case 0xd9:
        return text(uint8());
      case 0xda:
        return text(uint16());
      case 0xdb:
        return text(uint32());
      case 0xdc:
        return array(uint16(), depth);
      case 0xdd:
        return array(uint32(), depth);
      case 0xde:
        return map(uint16(), depth);
      case 0xdf:
        return map(uint32(), depth);
      default:
        throw new RangeError(`msgpack: no value begins with 0x${tag.toString(16)}`);
    }
  }

  return value(0);
}

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/**
 * Messages of a real vLLM 0.32.0 (CPU) with 260 blocks of 32, as a subscriber got them: a
 * line is seconds since the start, then the message's frames in hexadecimal.
 */
export function recordedFrames(): Uint8Array[][] {
  const path = fileURLToPath(new URL("fixtures/vllm-0.32-kv-events.hex.gz", import.meta.url));
  return gunzipSync(readFileSync(path))
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) =>
      line
        .split(" ")
        .slice(1)
        .map((frame) => new Uint8Array(Buffer.from(frame, "hex"))),
    );
}

/** A message as an engine sends it, with its batch in msgpack already. */
export function message(sequence: number, payload: Uint8Array, topic = "kv"): Uint8Array[] {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(sequence));
  return [new TextEncoder().encode(topic), number, payload];
}

/** Enough of msgpack's writing for events: what {@link decodeMsgpack} reads back. */
export function encodeMsgpack(value: unknown): Uint8Array {
  const parts: number[] = [];
  const number = (tag: number, bytes: number, write: (view: DataView) => void) => {
    const view = new DataView(new ArrayBuffer(bytes));
    write(view);
    parts.push(tag, ...new Uint8Array(view.buffer));
  };
  const write = (each: unknown): void => {
    if (each === null || each === undefined) parts.push(0xc0);
    else if (typeof each === "boolean") parts.push(each ? 0xc3 : 0xc2);
    else if (typeof each === "bigint") number(0xcf, 8, (view) => view.setBigUint64(0, each));
    else if (
      typeof each === "number" &&
      Number.isInteger(each) &&
      each >= 0 &&
      each < 2 ** 32 &&
      !Object.is(each, -0)
    )
      number(0xce, 4, (view) => view.setUint32(0, each));
    else if (typeof each === "number") number(0xcb, 8, (view) => view.setFloat64(0, each));
    else if (typeof each === "string") {
      const bytes = new TextEncoder().encode(each);
      number(0xda, 2, (view) => view.setUint16(0, bytes.length));
      parts.push(...bytes);
    } else if (each instanceof Uint8Array) {
      number(0xc5, 2, (view) => view.setUint16(0, each.length));
      parts.push(...each);
    } else if (Array.isArray(each)) {
      number(0xdc, 2, (view) => view.setUint16(0, each.length));
      for (const item of each) write(item);
    } else {
      const fields = Object.entries(each as object);
      number(0xde, 2, (view) => view.setUint16(0, fields.length));
      for (const [key, item] of fields) {
        write(key);
        write(item);
      }
    }
  };
  write(value);
  return Uint8Array.from(parts);
}

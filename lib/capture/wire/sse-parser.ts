import { StringDecoder } from "node:string_decoder";

/**
 * Splits a byte stream of server-sent events into the data of each event, as the WHATWG HTML standard (section
 * "Server-sent events") defines them: one leading byte order mark is no part of it; lines end in CR LF, LF or CR; `data:`
 * lines of one event are joined by a line feed; a blank line ends the event; comments and other fields are skipped. Bytes
 * may be cut anywhere, also inside a character.
 */
export class SseParser {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #data: string | undefined;
  #name = "";
  #isBegun = false;

  /** Takes the next bytes and hands every event they complete to `onData`, with its `event:` name, "" without one. */
  push(bytes: Buffer, onData: (data: string, name: string) => void): void {
    let text = this.#rest + this.#decoder.write(bytes);
    if (!this.#isBegun && text !== "") {
      this.#isBegun = true;
      if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
    }
    let start = 0;
    for (;;) {
      const end = lineEnd(text, start);
      // A CR at the very end may be half of a CR LF: wait for the next bytes.
      if (end < 0 || (text.charCodeAt(end) === 13 && end === text.length - 1)) break;
      this.#line(text.slice(start, end), onData);
      start = end + (text.charCodeAt(end) === 13 && text.charCodeAt(end + 1) === 10 ? 2 : 1);
    }
    this.#rest = text.slice(start);
  }

  /**
   * Hands over an event whose blank line never came, once the stream has ended in good order: servers leave it out after
   * their last event, and what it says is known all the same.
   */
  end(onData: (data: string, name: string) => void): void {
    const last = this.#rest.replace(/\r$/, "");
    this.#rest = "";
    if (last !== "") this.#line(last, onData);
    this.#line("", onData);
  }

  #line(line: string, onData: (data: string, name: string) => void): void {
    if (line === "") {
      const data = this.#data;
      const name = this.#name;
      this.#data = undefined;
      this.#name = "";
      if (data !== undefined) onData(data, name);
      return;
    }
    const value = fieldValue(line, "data");
    if (value !== undefined) this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
    else this.#name = fieldValue(line, "event") ?? this.#name;
  }
}

/** The value of a line with this field name, without the one space that may stand before it. */
function fieldValue(line: string, field: string): string | undefined {
  if (!line.startsWith(field)) return undefined;
  if (line.length === field.length) return "";
  if (line[field.length] !== ":") return undefined;
  return line.slice(field.length + (line[field.length + 1] === " " ? 2 : 1));
}

function lineEnd(text: string, from: number): number {
  const lf = text.indexOf("\n", from);
  const cr = text.indexOf("\r", from);
  if (cr < 0) return lf;
  return lf < 0 ? cr : Math.min(lf, cr);
}

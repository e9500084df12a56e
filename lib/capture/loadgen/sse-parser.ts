import { StringDecoder } from "node:string_decoder";

/**
 * Splits a byte stream of server-sent events into the data of each event, as the WHATWG HTML standard (section
 * "Server-sent events") defines them: lines end in CR LF, LF or CR; `data:` lines of one event are joined by a line
 * feed; a blank line ends the event; comments and other fields are skipped. Bytes may be cut anywhere, also inside
 * a character.
 */
export class SseParser {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #data: string | undefined;

  /** Takes the next bytes and hands every event they complete to `onData`. */
  push(bytes: Buffer, onData: (data: string) => void): void {
    const text = this.#rest + this.#decoder.write(bytes);
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

  #line(line: string, onData: (data: string) => void): void {
    if (line === "") {
      const data = this.#data;
      this.#data = undefined;
      if (data !== undefined) onData(data);
      return;
    }
    if (!line.startsWith("data")) return;
    if (line.length > 4 && line[4] !== ":") return;
    const value = line.slice(line[5] === " " ? 6 : 5);
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
  }
}

function lineEnd(text: string, from: number): number {
  const lf = text.indexOf("\n", from);
  const cr = text.indexOf("\r", from);
  if (cr < 0) return lf;
  return lf < 0 ? cr : Math.min(lf, cr);
}

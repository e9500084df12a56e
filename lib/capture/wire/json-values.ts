import { StringDecoder } from "node:string_decoder";

/** Characters of one value beyond which it is no longer kept. */
const LONGEST_VALUE = 64 * 1024 * 1024;

/**
 * Splits a byte stream of JSON values that follow each other into their texts: one document, one a line (NDJSON, as
 * Ollama streams), or the members of one array that is sent bit by bit (as Gemini streams without SSE). A value is handed
 * over with its last byte. Text between values is skipped; so is a value longer than 64 Mi characters.
 */
export class JsonValues {
  readonly #decoder = new StringDecoder("utf8");
  #value = "";
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isArrayOpen = false;
  #isTooLong = false;

  /** Takes the next bytes and hands over every object or array that they complete. */
  push(bytes: Buffer, onValue: (text: string) => void): void {
    const text = this.#decoder.write(bytes);
    let start = this.#depth > 0 ? 0 : -1;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (code === 0x5c) this.#isEscaped = true;
        else if (code === 0x22) this.#isInString = false;
        continue;
      }
      if (code === 0x22 && this.#depth > 0) this.#isInString = true;
      else if (code === 0x5b && this.#depth === 0 && !this.#isArrayOpen) this.#isArrayOpen = true;
      else if (code === 0x7b || (code === 0x5b && this.#depth > 0)) {
        if (this.#depth++ === 0) start = i;
      } else if ((code === 0x7d || code === 0x5d) && this.#depth > 0 && --this.#depth === 0) {
        this.#add(text.slice(start, i + 1));
        if (!this.#isTooLong) onValue(this.#value);
        this.#value = "";
        this.#isTooLong = false;
        start = -1;
      }
    }
    if (start >= 0) this.#add(text.slice(start));
  }

  #add(text: string): void {
    if (this.#value.length + text.length > LONGEST_VALUE) {
      this.#isTooLong = true;
      this.#value = "";
    }
    if (!this.#isTooLong) this.#value += text;
  }
}

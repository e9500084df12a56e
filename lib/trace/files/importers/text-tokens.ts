import type { Tokens } from "../../../base/index.js";
import type { BlockTable } from "../../block-table.js";
import type { PromptMessage, TraceRecord } from "../../trace.js";
import { Fingerprinter, internHashes } from "../fingerprint.js";
import type { ImportOptions } from "./importer.js";
import type { PromptPart } from "./text-prompt.js";
import type { TraceBuilder } from "./trace-builder.js";

/** A prompt as tokens, and the answer behind it. */
export type TokenizedText = Pick<
  TraceRecord,
  "promptTokens" | "blockIds" | "outputBlockIds" | "messages" | "messagesBy"
> & {
  /** Tokens of the answer's text, where there is one. */
  readonly answerTokens: Tokens | undefined;
};

/** What the server counted, where it told. */
export interface CountedTokens {
  readonly promptTokens: Tokens | undefined;
  readonly outputTokens: Tokens | undefined;
}

const encoder = new TextEncoder();

/**
 * Turns texts into tokens and chained hashes; no text is kept. Messages are laid out one after another, each behind its role,
 * and the answer's role last: a prompt that repeats the answer continues its blocks. Chat templates of real models differ in
 * the details.
 *
 * Without a tokenizer, a token is a piece of text of `bytesPerToken` bytes of UTF-8, cut at the same places in every prompt:
 * sharing is right to the piece. One byte a token where nothing tells more; where servers counted prompts, the mean of the
 * file, and the prompt's length is the server's count.
 */
export class TextTokens {
  readonly #blocks: BlockTable;
  readonly #options: ImportOptions;
  readonly #blockSize: Tokens;
  readonly #bytesPerToken: number;

  constructor(builder: TraceBuilder, options: ImportOptions, blockSize: Tokens, bytesPerToken = 1) {
    this.#blocks = builder.blocks;
    this.#options = options;
    this.#blockSize = blockSize;
    this.#bytesPerToken = options.tokenize ? 1 : Math.max(1, bytesPerToken);
  }

  /** How texts are counted, for the meta line. */
  get tokenizer(): string {
    if (this.#options.tokenize) return "given";
    return this.#bytesPerToken === 1 ? "bytes" : `pieces of ${this.#bytesPerToken.toPrecision(3)} bytes`;
  }

  /** What a user should know of lengths and hashes. */
  get said(): string | undefined {
    if (this.#options.tokenize) return undefined;
    return this.#bytesPerToken === 1
      ? "text is counted in bytes of UTF-8, about four to a token: lengths, memory and times are those of so many tokens; --tokenizer gives real ones"
      : `lengths are the servers' counts; text is hashed in pieces of ${this.#bytesPerToken.toPrecision(3)} bytes, the mean of a token here`;
  }

  /**
   * @param prompt parts of text, or token ids
   * @param answer what was answered, as a later prompt repeats it
   * @param counted the server's counts: they stand for the lengths, unless a tokenizer was given
   */
  of(
    prompt: readonly PromptPart[] | ArrayLike<number>,
    answer?: string,
    counted?: CountedTokens,
  ): TokenizedText {
    const parts = isParts(prompt) ? laidOut(prompt) : undefined;
    const texts = parts?.flatMap(({ texts }) => texts) ?? [];
    const said = answer === undefined || answer === "" ? [] : [answer];
    const ids = parts
      ? this.#tokens(texts, said)
      : { prompt: prompt as ArrayLike<number>, answer: this.#tokens(said, []).prompt };
    const isCounted = counted?.promptTokens !== undefined && !this.#options.tokenize;
    const promptTokens = isCounted ? (counted.promptTokens as Tokens) : ids.prompt.length;
    const outputTokens = (isCounted ? counted.outputTokens : undefined) ?? ids.answer.length;
    const key = this.#options.fingerprintKey;
    const fingerprinter = new Fingerprinter({ blockSize: this.#blockSize, ...(key && { key }) });
    const own = internHashes(fingerprinter.append(ids.prompt), this.#blocks);
    const behind = internHashes(fingerprinter.append(ids.answer), this.#blocks);
    const full = Math.floor(promptTokens / this.#blockSize);
    const withAnswer = Math.floor((promptTokens + outputTokens) / this.#blockSize);
    const all = Int32Array.from([...own, ...behind]);
    const isWhole = full <= own.length;
    return {
      promptTokens,
      blockIds: own.slice(0, full),
      ...(said.length > 0 && isWhole && { outputBlockIds: all.slice(full, withAnswer) }),
      ...(parts && this.#messages(parts, promptTokens, isCounted)),
      answerTokens: said.length > 0 ? ids.answer.length : undefined,
    };
  }

  #messages(parts: readonly LaidOut[], promptTokens: Tokens, isCounted: boolean) {
    const [only] = parts;
    if (parts.length === 0 || (parts.length === 1 && only?.role === "prompt")) return {};
    if (!isCounted && this.#bytesPerToken === 1) {
      const messages = parts.map(({ role, texts }) => ({
        role,
        tokens: texts.reduce((sum, text) => sum + this.#encode(text).length, 0),
      }));
      return { messages, messagesBy: "tokens" as const };
    }
    const bytes = parts.map(({ texts }) => texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0));
    const total = bytes.reduce((sum, length) => sum + length, 0);
    let [before, seen] = [0, 0];
    const messages = parts.map(({ role }, at): PromptMessage => {
      seen += bytes[at] as number;
      const upTo = Math.round((promptTokens * seen) / total);
      const tokens = upTo - before;
      before = upTo;
      return { role, tokens };
    });
    return { messages, messagesBy: "characters" as const };
  }

  #tokens(
    prompt: readonly string[],
    answer: readonly string[],
  ): { prompt: Uint32Array; answer: Uint32Array } {
    if (this.#options.tokenize || this.#bytesPerToken === 1)
      return { prompt: this.#encodeAll(prompt), answer: this.#encodeAll(answer) };
    const head = encoder.encode(prompt.join(""));
    const bytes = Buffer.concat([head, encoder.encode(answer.join(""))]);
    const count = Math.floor(bytes.length / this.#bytesPerToken);
    const ids = Uint32Array.from({ length: count }, (_, i) =>
      piece(bytes, Math.floor(i * this.#bytesPerToken), Math.floor((i + 1) * this.#bytesPerToken)),
    );
    const own = Math.min(count, Math.floor(head.length / this.#bytesPerToken));
    return { prompt: ids.slice(0, own), answer: ids.slice(own) };
  }

  #encodeAll(texts: readonly string[]): Uint32Array {
    const lists = texts.map((text) => this.#encode(text));
    const ids = new Uint32Array(lists.reduce((sum, list) => sum + list.length, 0));
    let at = 0;
    for (const list of lists) {
      ids.set(list, at);
      at += list.length;
    }
    return ids;
  }

  #encode(text: string): ArrayLike<number> {
    return this.#options.tokenize ? this.#options.tokenize(text) : encoder.encode(text);
  }
}

/** Bytes of a prompt as it is laid out: what `bytesPerToken` is the quotient of. */
export function promptBytes(prompt: readonly PromptPart[] | ArrayLike<number>): number | undefined {
  if (!isParts(prompt)) return undefined;
  return laidOut(prompt).reduce(
    (sum, { texts }) => sum + texts.reduce((own, text) => own + Buffer.byteLength(text), 0),
    0,
  );
}

/** The mean of bytes a token over prompts that were counted; 1 where there are none. */
export class BytesPerToken {
  #bytes = 0;
  #tokens: Tokens = 0;

  /** Takes note of a prompt and of what the server counted in it. */
  add(bytes: number | undefined, tokens: Tokens | undefined): void {
    if (bytes === undefined || tokens === undefined || tokens === 0) return;
    this.#bytes += bytes;
    this.#tokens += tokens;
  }

  /** The mean so far. */
  value(): number {
    return this.#tokens === 0 ? 1 : Math.max(1, this.#bytes / this.#tokens);
  }
}

interface LaidOut {
  readonly role: string;
  /** Texts that are tokenized each on its own, so that a prompt that goes on keeps the tokens of the one before. */
  readonly texts: readonly string[];
}

function laidOut(parts: readonly PromptPart[]): LaidOut[] {
  return parts.map(({ role, text }, at) => {
    if (role === "prompt" && parts.length === 1) return { role, texts: [text] };
    const isLast = at === parts.length - 1;
    return { role, texts: [`<|${role}|>\n`, text, "\n", ...(isLast ? ["<|assistant|>\n"] : [])] };
  });
}

function isParts(prompt: readonly PromptPart[] | ArrayLike<number>): prompt is readonly PromptPart[] {
  return prompt.length > 0 && typeof prompt[0] === "object";
}

/** 32-bit FNV-1a of some bytes. */
function piece(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
  return hash >>> 0;
}

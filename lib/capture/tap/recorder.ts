import { open } from "node:fs/promises";
import { type Tokens, WorkError } from "../../base/index.js";
import { BlockTable, type JsonValue, TraceWriter } from "../../trace/index.js";
import { type EndedExchange, exchangeRecords, type RecordStyle } from "./exchange-records.js";
import type { UpstreamFacts } from "./upstream-facts.js";

/** What a recorder needs to know. */
export interface RecorderOptions {
  readonly traceOut: string;
  readonly blockSize: Tokens;
  readonly recordTokens: boolean;
  /** Key of the fingerprints; undefined: plain FNV-1a. */
  readonly fingerprintKey?: Uint8Array;
  /** Asked once, when the first record is written: the upstream may start after the tap. */
  readonly facts: () => Promise<UpstreamFacts>;
}

/** Writes the records of ended exchanges, each as soon as it is known. */
export class Recorder {
  /** Records written. */
  recordCount = 0;
  readonly #options: RecorderOptions;
  readonly #blocks = new BlockTable();
  readonly #style: RecordStyle;
  #writer: Promise<TraceWriter> | undefined;
  #model: string | undefined;

  private constructor(options: RecorderOptions) {
    this.#options = options;
    const { blockSize, recordTokens, fingerprintKey } = options;
    this.#style = {
      fingerprint: { blockSize, ...(fingerprintKey && { key: fingerprintKey }) },
      blocks: this.#blocks,
      recordTokens,
    };
  }

  /**
   * A recorder for a file that can be written.
   * @throws WorkError when it cannot
   */
  static async open(options: RecorderOptions): Promise<Recorder> {
    const file = await open(options.traceOut, "a").catch((error: NodeJS.ErrnoException) => {
      throw new WorkError(`${options.traceOut}: cannot be written (${error.code ?? error.message})`);
    });
    await file.close();
    return new Recorder(options);
  }

  /**
   * Writes the records of one exchange; resolves when they are with the operating system.
   * @throws WorkError when the disk refuses them
   */
  async write(exchange: EndedExchange): Promise<void> {
    this.#model ??= exchange.request.model;
    const writer = await this.#open();
    for (const record of exchangeRecords(exchange, this.#style)) {
      await writer.append(record);
      this.recordCount++;
    }
  }

  /** Ends the file; one without requests holds its meta line. */
  async close(): Promise<void> {
    await (await this.#open()).close();
  }

  #open(): Promise<TraceWriter> {
    this.#writer ??= this.#options.facts().then((facts) =>
      TraceWriter.open(this.#options.traceOut, {
        blocks: this.#blocks,
        meta: {
          ...(this.#model !== undefined && { model: this.#model }),
          source: "tap",
          blockSize: this.#options.blockSize,
          extra: this.#metaExtra(facts),
        },
      }),
    );
    return this.#writer;
  }

  #metaExtra(facts: UpstreamFacts): Record<string, JsonValue> {
    return {
      ...(facts.version !== undefined && { engine_version: facts.version }),
      fingerprint: this.#options.fingerprintKey ? "hmac-sha256" : "fnv1a64",
      text_tokens: facts.hasTokenizer ? "tokenize" : "bytes",
      started_at: new Date().toISOString(),
    };
  }
}

import { setMaxListeners } from "node:events";
import type { Ms, Tokens } from "../../base/index.js";
import type { BlockTable, TraceRecord } from "../../trace/index.js";
import type { ApiClient } from "./api-client.js";
import type { PromptSource } from "./conversation.js";
import type { Exchange } from "./exchange.js";
import type { Prompt } from "./prompt.js";
import { PromptLengths } from "./prompt-lengths.js";
import { type RequestLabels, recordExchange } from "./record-exchange.js";
import type { RequestWriter } from "./request-writer.js";
import { sendRequest } from "./send-request.js";

/** Counts while a run is under way. */
export interface LoadProgress {
  readonly sent: number;
  readonly completed: number;
  readonly failed: number;
  readonly inFlight: number;
  /** Requests the run will send, where the pattern fixes it. */
  readonly planned?: number;
  readonly elapsedMs: Ms;
}

/** A request whose body is written: sending it costs no more work. */
export interface ReadyRequest {
  readonly context: PromptSource;
  readonly prompt: Prompt;
  readonly labels: RequestLabels;
  readonly body: string;
  /** Of the writer, when it wrote the body. */
  readonly revision: number;
}

/** One send of a ready request. */
export interface SendOptions {
  /** Which of the run's servers it goes to. Default: the first. */
  readonly server?: number;
  readonly onFirstToken?: () => void;
}

/** What a run needs from outside. */
export interface LoadRunOptions {
  /** One a server. */
  readonly clients: readonly ApiClient[];
  readonly writer: RequestWriter;
  readonly blockSize: Tokens;
  /** Takes up the block hashes of the records. */
  readonly blocks: BlockTable;
  readonly signal: AbortSignal;
  readonly planned?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly onRecord?: (record: TraceRecord, request: ReadyRequest, exchange: Exchange) => void;
}

/** One run under way: drivers decide when to fire; the run fires, measures and records. */
export class LoadRun {
  readonly startedAtMs: Ms = performance.now();
  readonly records: TraceRecord[] = [];
  readonly #options: LoadRunOptions;
  readonly #stop = new AbortController();
  #sent = 0;
  #failed = 0;
  #inFlight = 0;
  #sentAgain = 0;
  #shorter = 0;
  readonly #ended: (() => void)[] = [];
  readonly #lengths = new PromptLengths();

  constructor(options: LoadRunOptions) {
    this.#options = options;
    // Every request that waits for its time listens.
    setMaxListeners(0, this.#stop.signal);
    const stop = () => {
      this.#stop.abort();
      for (const client of options.clients) client.abortAll("the run was stopped");
    };
    if (options.signal.aborted) stop();
    else options.signal.addEventListener("abort", stop, { once: true });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Requests that the server refused for a field that it can do without, and that were sent again without. */
  get sentAgain(): number {
    return this.#sentAgain;
  }

  /** Whole answers of fewer tokens than were asked for. */
  get shorter(): number {
    return this.#shorter;
  }

  /** Writes the request that sends a context as it stands. */
  prepare(context: PromptSource, labels: RequestLabels): ReadyRequest {
    const prompt = context.prompt();
    return {
      context,
      prompt,
      labels,
      body: this.#options.writer.write(prompt, labels.outputTokens),
      revision: this.#options.writer.revision,
    };
  }

  /**
   * Sends a request that was due at `dueAtMs` on the monotonic clock. It is recorded a turn of the event loop after its
   * end, so that the session's next request goes out first. Where there are several servers, the record names this one.
   */
  async fire(request: ReadyRequest, dueAtMs: Ms, options: SendOptions = {}): Promise<Exchange> {
    const { server = 0, onFirstToken } = options;
    const { clients } = this.#options;
    this.#sent++;
    const concurrency = ++this.#inFlight;
    const expectedPromptTokens = request.context.tokens();
    const exchange = await sendRequest(
      clients[server],
      this.#options.writer,
      { ...request, outputTokens: request.labels.outputTokens },
      { onFirstToken, onRefused: () => this.#sentAgain++ },
    );
    this.#inFlight--;
    if (exchange.failure) this.#failed++;
    const circumstances = {
      labels: request.labels,
      ...(clients.length > 1 && { replica: String(server) }),
      startedAtMs: this.startedAtMs,
      dueAtMs,
      concurrency,
      promptTokenIds: exchange.promptTokenIds ?? request.context.tokenIds(),
      expectedPromptTokens,
      blockSize: this.#options.blockSize,
      blocks: this.#options.blocks,
    };
    this.#ended.push(() => {
      const { session } = request.labels;
      const likeTokens = request.context.isSynthesized ? expectedPromptTokens : undefined;
      const atLeastPromptTokens = this.#lengths.atLeast(session, likeTokens);
      const record = recordExchange(exchange, {
        ...circumstances,
        ...(atLeastPromptTokens !== undefined && { atLeastPromptTokens }),
      });
      this.#lengths.told(session, likeTokens, record);
      this.#record(record, request, exchange);
    });
    setImmediate(() => this.flush());
    return exchange;
  }

  /** Records every exchange that has ended. */
  flush(): void {
    for (const record of this.#ended.splice(0)) record();
  }

  #record(record: TraceRecord, request: ReadyRequest, exchange: Exchange): void {
    this.records.push(record);
    if (!exchange.failure && record.outputTokens < request.labels.outputTokens) this.#shorter++;
    this.#options.onRecord?.(record, request, exchange);
    this.#options.onProgress?.(this.progress());
  }

  progress(): LoadProgress {
    return {
      sent: this.#sent,
      completed: this.#sent - this.#inFlight - this.#failed,
      failed: this.#failed,
      inFlight: this.#inFlight,
      ...(this.#options.planned !== undefined && { planned: this.#options.planned }),
      elapsedMs: performance.now() - this.startedAtMs,
    };
  }
}

import { TraceWriter } from "../../trace/files/index.js";
import { BlockTable, metaFromJson, type TraceMeta } from "../../trace/index.js";
import { assumedSettings } from "../wire/index.js";
import { decodeBody } from "./body-decoder.js";
import { exchangeRecords, type RecordStyle } from "./exchange-records.js";
import type { ExchangeSink, SeenAnswer, SeenRequest, SinkOptions } from "./exchange-sink.js";
import { type CompletionRequest, completionRequest } from "./prompt-source.js";
import { type PromptTokens, promptTokens } from "./prompt-tokens.js";
import { ResponseLog } from "./response-log.js";
import type { UpstreamFacts } from "./upstream-facts.js";
import { type Learned, UpstreamLearner } from "./upstream-learner.js";

interface PreparedRequest {
  readonly request: CompletionRequest;
  readonly tokens: readonly PromptTokens[];
  readonly learned: Learned;
}

/** Reads what the tap saw and writes the records, each as soon as it is known. */
export class Recorder implements ExchangeSink {
  recordCount = 0;
  readonly #options: SinkOptions;
  readonly #onProblem: (message: string) => void;
  readonly #style: RecordStyle;
  readonly #requests = new Map<number, Promise<PreparedRequest | undefined>>();
  readonly #writing = new Set<Promise<void>>();
  readonly #upstream: UpstreamLearner;
  #writer: Promise<TraceWriter> | undefined;

  constructor(options: SinkOptions, onProblem: (message: string) => void) {
    this.#options = options;
    this.#upstream = new UpstreamLearner(options.upstream);
    this.#onProblem = onProblem;
    const { blockSize, fingerprintKey, recordTokens } = options;
    const fingerprint = { blockSize, ...(fingerprintKey && { key: fingerprintKey }) };
    this.#style = { fingerprint, blocks: new BlockTable(), recordTokens };
  }

  request(id: number, seen: SeenRequest): void {
    const prepared = this.#prepare(seen);
    // Its failure is reported where the answer waits for it.
    prepared.catch(() => {});
    this.#requests.set(id, prepared);
  }

  answer(id: number, seen: SeenAnswer): void {
    const written = this.#record(id, seen)
      .catch((error: Error) => this.#onProblem(`tap: a request was not recorded: ${error.message}`))
      .finally(() => this.#writing.delete(written));
    this.#writing.add(written);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#requests.values());
    await this.#upstream.end();
    await Promise.all(this.#writing);
    // A capture without requests is a file with its meta line.
    await (await this.#open(undefined)).close();
  }

  async #prepare(seen: SeenRequest): Promise<PreparedRequest | undefined> {
    const text = await decodeBody(seen.body, seen.contentEncoding);
    const request = completionRequest(parsed(text));
    if (!request) return undefined;
    const headers: Record<string, string> =
      seen.authorization === undefined ? {} : { authorization: seen.authorization };
    const { upstream } = this.#options;
    const learned = await this.#upstream.learn(headers);
    const tokens: PromptTokens[] = [];
    for (const prompt of request.prompts)
      tokens.push(await promptTokens({ prompt, upstream, facts: learned.facts, headers }));
    return { request, tokens, learned };
  }

  async #record(id: number, seen: SeenAnswer): Promise<void> {
    const prepared = await this.#requests.get(id)?.finally(() => this.#requests.delete(id));
    // Without a prompt that can be read there is nothing to replay.
    if (!prepared) return;
    const response = seen.head && (await readAnswer(new ResponseLog(seen.head), seen));
    if (response && response.head.status < 400) this.#upstream.served(prepared.learned);
    const writer = await this.#open(prepared.request.model);
    const exchange = { ...seen, request: prepared.request, promptTokens: prepared.tokens, response };
    for (const record of exchangeRecords(exchange, this.#style)) {
      await writer.append(record);
      this.recordCount++;
    }
  }

  /** The file is begun with the first record, once it is known what serves which model; refused requests can wait. */
  #open(model: string | undefined): Promise<TraceWriter> {
    this.#writer ??= this.#upstream.known.then((facts) => {
      const meta = this.#meta(facts, model);
      const unsaid = assumedSettings(meta);
      if (unsaid !== undefined) this.#onProblem(`tap: ${unsaid}`);
      return TraceWriter.open(this.#options.traceOut, { blocks: this.#style.blocks, meta });
    });
    return this.#writer;
  }

  #meta(facts: UpstreamFacts, model: string | undefined): TraceMeta {
    return metaFromJson({
      ...(model !== undefined && { model }),
      source: "tap",
      block_size: this.#options.blockSize,
      ...facts.engine,
      ...this.#options.meta,
      fingerprint: this.#options.fingerprintKey ? "hmac-sha256" : "fnv1a64",
      text_tokens: facts.hasTokenizer ? "tokenize" : "bytes",
      written_at: new Date().toISOString(),
    });
  }
}

async function readAnswer(log: ResponseLog, seen: SeenAnswer): Promise<ResponseLog> {
  let from = 0;
  for (let i = 0; i < seen.readEnds.length; i++) {
    const to = seen.readEnds[i];
    await log.push(Buffer.from(seen.body.buffer, seen.body.byteOffset + from, to - from), seen.readAtMs[i]);
    from = to;
  }
  await log.end();
  return log;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

import { randomBytes } from "node:crypto";
import { TraceWriter } from "../../trace/files/index.js";
import { BlockTable, metaFromJson, type ParentEdge, type TraceMeta } from "../../trace/index.js";
import {
  asObject,
  assumedSettings,
  type ChatMessage,
  type CompletionRequest,
  chainApart,
  completionEndpoint,
  completionRequest,
  historyId,
} from "../wire/index.js";
import { decodeBody } from "./body-decoder.js";
import { answeredResponse, Conversations } from "./conversations.js";
import { exchangeRecords, type RecordStyle } from "./exchange-records.js";
import type { ExchangeSink, RecordNotes, SeenAnswer, SeenRequest, SinkOptions } from "./exchange-sink.js";
import { type FileTokenizer, openFileTokenizer } from "./file-tokenizer.js";
import { keyedHash } from "./keyed-hash.js";
import { MessageLengths } from "./message-lengths.js";
import { ThingSizes } from "./place-things.js";
import { type PromptTokens, promptTokens, type TokenSource, tokenSource } from "./prompt-tokens.js";
import { ReasonCounts } from "./reason-counts.js";
import type { RecordOrigin } from "./record-origin.js";
import { type RequestFacts, requestFacts } from "./request-facts.js";
import { ResponseLog } from "./response-log.js";
import { ThingPositions } from "./thing-positions.js";
import { ToolDialect } from "./tool-dialect.js";
import type { UpstreamFacts } from "./upstream-facts.js";
import { type Learned, UpstreamLearner } from "./upstream-learner.js";

interface PreparedRequest {
  readonly request: CompletionRequest;
  readonly tokens: readonly PromptTokens[];
  readonly learned: Learned;
  readonly facts: RequestFacts;
  readonly credentials: Readonly<Record<string, string>>;
  /** The id of the response that it goes on from. */
  readonly follows: string | undefined;
  readonly bodyBytes: number;
}

/** Reads what the tap saw and writes the records, each as soon as it is known. */
export class Recorder implements ExchangeSink {
  recordCount = 0;
  readonly #options: SinkOptions;
  readonly #onProblem: (message: string) => void;
  readonly #style: RecordStyle;
  readonly #requests = new Map<number, Promise<PreparedRequest | undefined>>();
  readonly #writing = new Set<Promise<void>>();
  readonly #reading = new Set<Promise<unknown>>();
  readonly #upstream: UpstreamLearner;
  readonly #file: Promise<FileTokenizer | undefined>;
  readonly #positions = new ThingPositions();
  readonly #lengths = new MessageLengths();
  readonly #conversations = new Conversations();
  readonly #tools = new ToolDialect();
  readonly #unrecorded = new ReasonCounts();
  readonly #withoutHashes = new ReasonCounts();
  /** Tells the requests of this capture from those of others. */
  readonly #captureId = randomBytes(3).toString("hex");
  #writer: Promise<TraceWriter> | undefined;
  #model: string | undefined;
  /** Without a tokenizer to ask, the first answer had token ids: they are the capture's. */
  #takesReturned: boolean | undefined;

  constructor(options: SinkOptions, onProblem: (message: string) => void) {
    this.#options = options;
    this.#upstream = new UpstreamLearner(options.upstream);
    this.#onProblem = onProblem;
    const { blockSize, fingerprintKey, recordTokens, tokenizerFile } = options;
    const fingerprint = { blockSize, ...(fingerprintKey && { key: fingerprintKey }) };
    this.#style = { fingerprint, blocks: new BlockTable(), recordTokens, thingSizes: new ThingSizes() };
    this.#file = tokenizerFile === undefined ? Promise.resolve(undefined) : openFileTokenizer(tokenizerFile);
    this.#file.catch((error: Error) => onProblem(error.message));
  }

  get notes(): RecordNotes {
    return { unrecorded: this.#unrecorded.counts, withoutHashes: this.#withoutHashes.counts };
  }

  get unrecordedCount(): number {
    return this.#unrecorded.total;
  }

  request(id: number, seen: SeenRequest): void {
    const prepared = this.#prepare(seen, [...this.#reading]);
    // Its failure is reported where the answer waits for it.
    prepared.catch(() => {});
    this.#requests.set(id, prepared);
  }

  answer(id: number, seen: SeenAnswer): void {
    const written = this.#record(id, seen)
      .catch((error: Error) => {
        this.#unrecorded.add("an error while it was read");
        this.#onProblem(`tap: a request was not recorded: ${error.message}`);
      })
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

  /** @param underWay answers seen before it that are still being read */
  async #prepare(
    seen: SeenRequest,
    underWay: readonly Promise<unknown>[],
  ): Promise<PreparedRequest | undefined> {
    const endpoint = completionEndpoint(seen.target);
    if (!endpoint) return undefined;
    const text = await decodeBody(seen.body, seen.contentEncoding);
    const body = parsed(text);
    const follows = endpoint.api === "responses" ? historyId(asObject(body) ?? {}) : undefined;
    // The answer that it goes on from may be among them.
    if (follows !== undefined) await Promise.allSettled(underWay);
    const request =
      text === "" && seen.contentEncoding !== undefined
        ? "a body in an encoding that cannot be read"
        : completionRequest(endpoint, body, (id) => this.#conversations.get(id)?.messages);
    if (typeof request === "string") {
      this.#unrecorded.add(request);
      return undefined;
    }
    const { credentials } = seen;
    const facts = requestFacts(seen.named, body, this.#options.fingerprintKey);
    const learned = await this.#upstream.learn(credentials, request.model);
    const tokens = await this.#tokens(this.#tools.applied(request), learned.facts, credentials);
    return { request, tokens, learned, facts, credentials, follows, bodyBytes: seen.body.length };
  }

  async #tokens(
    { prompts, model }: CompletionRequest,
    { tokenizer }: UpstreamFacts,
    headers: Readonly<Record<string, string>>,
  ): Promise<PromptTokens[]> {
    const { upstream, fingerprintKey } = this.#options;
    const file = await this.#file.catch(() => undefined);
    const tools = {
      upstream,
      tokenizer,
      file,
      positions: this.#positions,
      lengths: this.#lengths,
      fingerprintKey,
    };
    const tokens: PromptTokens[] = [];
    for (const prompt of prompts) tokens.push(await promptTokens(prompt, tools, { model, headers }));
    return tokens;
  }

  async #record(id: number, seen: SeenAnswer): Promise<void> {
    const reading = this.#read(id, seen);
    this.#reading.add(reading);
    const read = await reading.finally(() => this.#reading.delete(reading));
    if (!read) return;
    const { prepared, response, origin } = read;
    const writer = await this.#open(prepared.request.model);
    const { model } = prepared.request;
    const apart = chainApart(model === this.#model ? undefined : model, prepared.facts.apart);
    const exchange = {
      ...seen,
      request: prepared.request,
      promptTokens: await this.#settledTokens(prepared, response),
      response,
      origin: { ...origin, ...(apart !== undefined && { apart }) },
    };
    for (const record of exchangeRecords(exchange, this.#style)) {
      const reason = record.extra?.no_hashes;
      if (typeof reason === "string") this.#withoutHashes.add(reason);
      await writer.append(record);
      this.recordCount++;
    }
  }

  /** What the exchange was, once its answer is read. */
  async #read(id: number, seen: SeenAnswer) {
    const prepared = await this.#requests.get(id)?.finally(() => this.#requests.delete(id));
    // Without a prompt that can be read there is nothing to replay.
    if (!prepared) return undefined;
    const response = seen.head && (await readAnswer(new ResponseLog(seen.head), seen));
    if (response && response.head.status < 400) {
      this.#upstream.served(prepared.learned);
      const sources = Object.values(
        sourcesOf(prepared.learned.facts, await this.#file.catch(() => undefined)),
      );
      this.#takesReturned ??=
        response.answer.promptTokenIds !== undefined && sources.every((s) => s === "bytes");
    }
    return { prepared, response, origin: await this.#origin(id, prepared, seen) };
  }

  async #origin(id: number, prepared: PreparedRequest, seen: SeenAnswer): Promise<RecordOrigin> {
    const { facts, follows, request } = prepared;
    const requestId = `${this.#captureId}-${id}`;
    const before = follows === undefined ? undefined : this.#conversations.get(follows);
    const parents: ParentEdge[] | undefined = before && [{ requestId: before.requestId, kind: "turn" }];
    const isFirst =
      follows !== undefined && before !== undefined && this.#conversations.follow(follows) === 0;
    let session = facts.session ?? before?.session;
    let sessionSource = facts.session === undefined && before ? "previous_response_id" : facts.sessionSource;
    let turn = isFirst && before.turn !== undefined ? before.turn + 1 : undefined;
    const isAnswered = seen.outcome === "complete" && (seen.head?.status ?? 500) < 300;
    if (request.api === "responses" && isAnswered) {
      const answered = answeredResponse(await decodeBody(seen.body, seen.head?.contentEncoding));
      if (answered) {
        if (session === undefined && follows === undefined) {
          // Whoever goes on from this response belongs to it.
          session = keyedHash(this.#options.fingerprintKey, "session", answered.id);
          sessionSource = "response_id";
          turn = 1;
        } else if (follows === undefined) turn = undefined;
        const known = { requestId, session, turn };
        this.#remember(answered, known, prepared, seen.body.length);
      }
    }
    return {
      requestId,
      ...(session !== undefined && { session }),
      ...(sessionSource !== undefined && { sessionSource }),
      ...(turn !== undefined && { turn }),
      ...(facts.agent !== undefined && { agent: facts.agent }),
      ...(parents && { parents }),
      extra: { api: request.api, ...facts.extra },
    };
  }

  #remember(
    answered: {
      readonly id: string;
      readonly conversation: string | undefined;
      readonly messages: readonly ChatMessage[];
    },
    known: {
      readonly requestId: string;
      readonly session: string | undefined;
      readonly turn: number | undefined;
    },
    { request, bodyBytes }: PreparedRequest,
    answerBytes: number,
  ): void {
    const [prompt] = request.prompts;
    // An answer to a prompt that is not known leaves the conversation unknown.
    if (prompt.kind !== "chat") return;
    const messages = [...prompt.chat.messages, ...answered.messages];
    for (const id of [answered.id, answered.conversation])
      if (id !== undefined) this.#conversations.remember(id, { messages, ...known }, bodyBytes + answerBytes);
  }

  /**
   * The tokens of its prompts from the one source that the capture has for their kind. What was read before that was
   * known is read again, if it was served; else it has no ids.
   */
  async #settledTokens(
    { request, tokens, credentials, learned }: PreparedRequest,
    response: ResponseLog | undefined,
  ): Promise<readonly PromptTokens[]> {
    const facts = this.#upstream.settled;
    const isServed = response !== undefined && response.head.status < 400;
    const tokensOf = (asked: CompletionRequest) => (facts ? this.#tokens(asked, facts, credentials) : tokens);
    const fresh = isServed && learned.facts !== facts ? await tokensOf(this.#tools.applied(request)) : tokens;
    const claimed = isServed ? response?.answer.usage?.promptTokens : undefined;
    const read = await this.#tools.settled(request, fresh, claimed, async (asked) => tokensOf(asked));
    const sources = facts && sourcesOf(facts, await this.#file.catch(() => undefined));
    return read.map((sent, i) => {
      const { kind } = request.prompts[i];
      if (kind === "ids") return sent;
      if (this.#takesReturned)
        return {
          ...withoutIds(sent),
          source: "response",
          reason: sent.reason ?? "the answer had no token ids",
        };
      const source = sources?.[kind === "text" ? "text" : "chat"];
      const isOfCapture = sent.source === source || (source === "bytes" && sent.source === "bytes/4");
      return isOfCapture ? sent : { ...withoutIds(sent), reason: "it came before the tokenizer was known" };
    });
  }

  /** The file is begun with the first record, once it is known what serves which model; refused requests can wait. */
  #open(model: string | undefined): Promise<TraceWriter> {
    this.#writer ??= this.#upstream.known.then(async (facts) => {
      this.#model = model;
      this.#takesReturned ??= false;
      const meta = this.#meta(facts, model, await this.#file.catch(() => undefined));
      const unsaid = assumedSettings(meta);
      if (unsaid !== undefined) this.#onProblem(`tap: ${unsaid}`);
      return TraceWriter.open(this.#options.traceOut, { blocks: this.#style.blocks, meta });
    });
    return this.#writer;
  }

  #meta(facts: UpstreamFacts, model: string | undefined, file: FileTokenizer | undefined): TraceMeta {
    const sources = sourcesOf(facts, file);
    const returned = this.#takesReturned ? "response" : undefined;
    return metaFromJson({
      ...(model !== undefined && { model }),
      source: "tap",
      block_size: this.#options.blockSize,
      ...facts.engine,
      ...this.#options.meta,
      fingerprint: this.#options.fingerprintKey ? "hmac-sha256" : "fnv1a64",
      // A server that has not told yet may still have a tokenizer: then the records say it.
      ...(this.#upstream.settled && {
        text_tokens: returned ?? sources.text,
        chat_tokens: returned ?? sources.chat,
      }),
      written_at: new Date().toISOString(),
    });
  }
}

function sourcesOf(
  { tokenizer }: UpstreamFacts,
  file: FileTokenizer | undefined,
): Record<"text" | "chat", TokenSource> {
  return { text: tokenSource("text", tokenizer, file), chat: tokenSource("chat", tokenizer, file) };
}

function withoutIds({ ids: _ids, ...rest }: PromptTokens): PromptTokens {
  return rest;
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
    // A byte order mark is no part of JSON, and some clients send one.
    return JSON.parse(text.replace(/^\uFEFF/, "")) as unknown;
  } catch {
    return undefined;
  }
}

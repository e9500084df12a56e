import { randomBytes } from "node:crypto";
import { asObject, type Ms } from "../../base/index.js";
import { BlockTable, metaFromJson, type ParentEdge, type TraceMeta } from "../../trace/index.js";
import {
  assumedSettings,
  type ChatMessage,
  type CompletionEndpoint,
  type CompletionRequest,
  chainApart,
  completionEndpoint,
  completionRequest,
  historyId,
} from "../wire/index.js";
import { decodeBody } from "./body-decoder.js";
import { BoundedReader } from "./bounded-reader.js";
import { recordingMeta } from "./continuable-trace.js";
import { answeredResponse, Conversations } from "./conversations.js";
import { exchangeRecords, type RecordStyle } from "./exchange-records.js";
import type {
  ExchangeSink,
  OpenedFile,
  RecordNotes,
  SeenAnswer,
  SeenRequest,
  SinkListener,
  SinkOptions,
} from "./exchange-sink.js";
import { type FileTokenizer, openFileTokenizer } from "./file-tokenizer.js";
import { keyedHash } from "./keyed-hash.js";
import { LossTeller } from "./loss-teller.js";
import { MessageLengths } from "./message-lengths.js";
import { ThingSizes } from "./place-things.js";
import { LARGEST_PROMPT, promptSize } from "./prompt-size.js";
import { type PromptTokens, promptTokens, type TokenSource, tokenSource } from "./prompt-tokens.js";
import { ReasonCounts } from "./reason-counts.js";
import type { RecordOrigin } from "./record-origin.js";
import { RecordingFile } from "./recording-file.js";
import { type RequestFacts, requestFacts } from "./request-facts.js";
import { ResponseLog } from "./response-log.js";
import { ThingPositions } from "./thing-positions.js";
import { ToolDialect } from "./tool-dialect.js";
import type { UpstreamFacts } from "./upstream-facts.js";
import { type Learned, UpstreamLearner } from "./upstream-learner.js";

/** How long the records of what has passed are waited for when the tap is closed: a tokenizer may not answer. */
const CLOSING_MS: Ms = 10_000;

/** How long the answer that a request goes on from is waited for. */
const FOLLOWED_MS: Ms = 5_000;

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
  readonly opened: Promise<OpenedFile>;
  readonly #options: SinkOptions;
  readonly #listener: SinkListener;
  readonly #recording: Promise<RecordingFile>;
  readonly #reader = new BoundedReader();
  readonly #style: Omit<RecordStyle, "blocks">;
  readonly #requests = new Map<number, Promise<PreparedRequest | undefined>>();
  readonly #writing = new Set<Promise<void>>();
  readonly #reading = new Set<Promise<unknown>>();
  readonly #upstream: UpstreamLearner;
  readonly #file: Promise<FileTokenizer | undefined>;
  readonly #positions = new ThingPositions();
  readonly #lengths = new MessageLengths();
  readonly #conversations = new Conversations();
  readonly #tools = new ToolDialect();
  readonly #unrecorded: ReasonCounts;
  readonly #withoutHashes: ReasonCounts;
  /** Tells the requests of this capture from those of others. */
  readonly #captureId = randomBytes(3).toString("hex");
  /** The file, once its first line is written. */
  #begun: Promise<RecordingFile> | undefined;
  #opened: RecordingFile | undefined;
  /** With the first line, where losses are told. */
  #losses: LossTeller | undefined;
  #isClosed = false;
  #model: string | undefined;
  /** Without a tokenizer to ask, the first answer had token ids: they are the capture's. */
  #takesReturned: boolean | undefined;

  constructor(options: SinkOptions, listener: SinkListener) {
    this.#options = options;
    this.#upstream = new UpstreamLearner(options.upstream);
    this.#listener = listener;
    const { onProblem } = listener;
    this.#unrecorded = new ReasonCounts((reason) =>
      onProblem(`tap: a request passed unrecorded: ${reason}; more of its kind are counted`),
    );
    this.#withoutHashes = new ReasonCounts((reason) =>
      onProblem(`tap: a record has no block hashes: ${reason}; more of its kind are counted`),
    );
    const { blockSize, fingerprintKey, recordTokens, tokenizerFile } = options;
    this.#recording = RecordingFile.open(
      {
        traceOut: options.traceOut,
        kind: { blockSize, fingerprintKey },
        isForced: options.isForced ?? false,
        startedAtMs: options.startedAtMs,
        offsetMs: options.offsetMs,
      },
      onProblem,
    );
    this.opened = this.#recording.then((file) => {
      this.#opened = file;
      return {
        recordsBefore: file.inFile,
        offsetMs: file.offsetMs,
        isContinued: file.continuedMeta !== undefined,
      };
    });
    this.opened.catch(() => {});
    const fingerprint = { blockSize, ...(fingerprintKey && { key: fingerprintKey }) };
    this.#style = { fingerprint, recordTokens, thingSizes: new ThingSizes() };
    this.#file = tokenizerFile === undefined ? Promise.resolve(undefined) : openFileTokenizer(tokenizerFile);
    this.#file.catch((error: Error) => onProblem(error.message));
  }

  get recordCount(): number {
    return this.#opened?.written ?? 0;
  }

  get lostCount(): number {
    return this.#opened?.lost ?? 0;
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
    this.#follow(
      id,
      this.#record(id, seen).catch((error: Error) => {
        this.#unrecorded.add("an error while it was read");
        this.#listener.onProblem(`tap: a request was not recorded: ${error.message}`);
      }),
    );
  }

  pass(id: number, reason: string): void {
    this.#unrecorded.add(reason);
    const prepared = this.#requests.get(id);
    this.#requests.delete(id);
    this.#follow(
      id,
      (prepared ?? Promise.resolve()).then(
        () => {},
        () => {},
      ),
    );
  }

  async close(passed: Readonly<Record<string, number>>): Promise<void> {
    const file = await this.#recording;
    const late = new Promise<"late">((resolve) => setTimeout(resolve, CLOSING_MS, "late").unref());
    const end = await Promise.race([this.#finish(), late]);
    this.#isClosed = true;
    if (end === "late" && this.#writing.size > 0)
      this.#unrecorded.add(`not read within ${CLOSING_MS / 1000} s of the end`, this.#writing.size);
    // A capture without requests is a file with its meta line.
    if (end === "late") await this.#begin(file, NOTHING_TOLD, undefined);
    this.#losses?.close();
    await file.close({ ...this.#unrecorded.counts, ...passed });
  }

  async #finish(): Promise<void> {
    await Promise.allSettled(this.#requests.values());
    await this.#upstream.end();
    await Promise.all(this.#writing);
    await this.#open(undefined);
  }

  /** Sees the end of an exchange through to its record, or to its having none. */
  #follow(id: number, work: Promise<void>): void {
    const written = work.finally(() => {
      this.#writing.delete(written);
      this.#listener.onSettled([id]);
    });
    this.#writing.add(written);
  }

  /** @param underWay answers seen before it that are still being read */
  async #prepare(
    seen: SeenRequest,
    underWay: readonly Promise<unknown>[],
  ): Promise<PreparedRequest | undefined> {
    const endpoint = completionEndpoint(seen.target);
    if (!endpoint) return undefined;
    return this.#reader.read(seen.body, seen.contentEncoding, async (body) => {
      if (typeof body === "string") {
        this.#unrecorded.add(body);
        return undefined;
      }
      return this.#understood(seen, endpoint, body.json, underWay);
    });
  }

  async #understood(
    seen: SeenRequest,
    endpoint: CompletionEndpoint,
    body: unknown,
    underWay: readonly Promise<unknown>[],
  ): Promise<PreparedRequest | undefined> {
    const follows = endpoint.api === "responses" ? historyId(asObject(body) ?? {}) : undefined;
    // The answer that it goes on from may be among them.
    if (follows !== undefined) await settledSoon(underWay);
    const request = completionRequest(endpoint, body, (id) => this.#conversations.get(id)?.messages);
    if (typeof request === "string") {
      this.#unrecorded.add(request);
      return undefined;
    }
    if (promptSize(request.prompts) > LARGEST_PROMPT) {
      this.#unrecorded.add(`a prompt of more than ${LARGEST_PROMPT / 2 ** 20} Mi characters or token ids`);
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
    if (!this.#requests.has(id)) {
      this.#unrecorded.add("its first half was lost with the recording thread");
      return;
    }
    const reading = this.#read(id, seen);
    this.#reading.add(reading);
    const read = await reading.finally(() => this.#reading.delete(reading));
    if (!read) return;
    const { prepared, response, origin } = read;
    const file = await this.#open(prepared.request.model);
    const { model } = prepared.request;
    const apart = chainApart(model === this.#model ? undefined : model, prepared.facts.apart);
    const exchange = {
      ...seen,
      request: prepared.request,
      promptTokens: await this.#settledTokens(prepared, response),
      response,
      origin: { ...origin, ...(apart !== undefined && { apart }) },
    };
    // What comes too late for the closing line is counted there, and not written behind it.
    if (this.#isClosed) return;
    // A table of its own: one for all would grow as long as the capture lasts.
    const style = { ...this.#style, blocks: new BlockTable() };
    for (const record of exchangeRecords(exchange, style)) {
      const reason = record.extra?.no_hashes;
      if (typeof reason === "string") this.#withoutHashes.add(reason);
      await file.append(record, style.blocks);
      this.#losses?.add(record, style.blocks);
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
    const told = this.#opened?.continuedMeta?.extra;
    return read.map((sent, i) => {
      const { kind } = request.prompts[i];
      if (kind === "ids") return sent;
      const before = told?.[kind === "text" ? "text_tokens" : "chat_tokens"];
      const now = sources?.[kind === "text" ? "text" : "chat"];
      if (before !== undefined && now !== undefined && before !== now && !this.#takesReturned)
        return {
          ...withoutIds(sent),
          reason: `the trace that is continued has hashes of other tokens (${String(before)}, now ${now})`,
        };
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
  #open(model: string | undefined): Promise<RecordingFile> {
    this.#begun ??= this.#upstream.known.then(async (facts) =>
      this.#begin(await this.#recording, facts, model),
    );
    return this.#begun;
  }

  async #begin(file: RecordingFile, facts: UpstreamFacts, model: string | undefined): Promise<RecordingFile> {
    const { continuedMeta } = file;
    this.#model = continuedMeta ? continuedMeta.model : model;
    if (continuedMeta) this.#takesReturned = continuedMeta.extra.text_tokens === "response";
    this.#takesReturned ??= false;
    const meta = this.#meta(facts, model, await this.#file.catch(() => undefined));
    const unsaid = assumedSettings(continuedMeta ?? meta);
    if (unsaid !== undefined) this.#listener.onProblem(`tap: ${unsaid}`);
    await file.begin(meta);
    const { onLoss, onProblem } = this.#listener;
    if (this.#options.explains && onLoss)
      this.#losses = new LossTeller(continuedMeta ?? meta, this.#options.startedAtMs, onLoss, onProblem);
    return file;
  }

  #meta(facts: UpstreamFacts, model: string | undefined, file: FileTokenizer | undefined): TraceMeta {
    const sources = sourcesOf(facts, file);
    const returned = this.#takesReturned ? "response" : undefined;
    return metaFromJson({
      ...(model !== undefined && { model }),
      ...facts.engine,
      ...this.#options.meta,
      ...recordingMeta(this.#options),
      // A server that has not told yet may still have a tokenizer: then the records say it.
      ...(this.#upstream.settled && {
        text_tokens: returned ?? sources.text,
        chat_tokens: returned ?? sources.chat,
      }),
      started_at: Math.round(this.#options.startedAtMs),
      written_at: new Date().toISOString(),
    });
  }
}

/** Waits for others' work, which may itself wait for memory that the waiting holds: not for ever. */
async function settledSoon(work: readonly Promise<unknown>[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, FOLLOWED_MS);
  });
  await Promise.race([Promise.allSettled(work), late]);
  clearTimeout(timer);
}

/** For a capture that ends before its upstream has said anything. */
const NOTHING_TOLD: UpstreamFacts = {
  engine: {},
  tokenizer: { hasText: false, chat: undefined, isCertain: false },
  isCertain: false,
};

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

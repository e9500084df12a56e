import { WorkError } from "../../base/index.js";
import { BlockTable, deriveStepContext, type Trace, type TraceRecord } from "../../trace/index.js";
import { type EngineWatch, type OpenWatch, threadWatch } from "../engine-view/index.js";
import { assumedSettings } from "../wire/index.js";
import { ApiClient } from "./api-client.js";
import { Conversations } from "./conversation.js";
import { fingerprintLater } from "./fingerprint-later.js";
import { type LoadProgress, LoadRun } from "./load-run.js";
import { finishedMeta, type LoopKind, loadgenMeta } from "./loadgen-meta.js";
import type { LoadgenOptions } from "./loadgen-options.js";
import { loadgenWarnings } from "./loadgen-warnings.js";
import { type Journal, openJournal, requireFree } from "./open-journal.js";
import { planLoad } from "./plan-load.js";
import type { Prompt } from "./prompt.js";
import { charactersPerToken, choosePromptStyle, requireContextFits } from "./prompt-style.js";
import { fileTokenizer, serverTokenizer } from "./prompt-tokenizer.js";
import { recordedConversations } from "./recorded-conversations.js";
import { refusedNotes } from "./refused-notes.js";
import { RequestWriter } from "./request-writer.js";
import { SEND_LAG_LIMIT_MS, type SendLag, summariseSendLag } from "./send-lag.js";
import { sendRequest } from "./send-request.js";
import { learnServer, type ServerFacts } from "./server-facts.js";

/** What a caller may watch, and where the trace goes. */
export interface LoadgenHooks {
  /** Stops the run: nothing more is sent, what is in flight is given up and recorded as "abort". */
  readonly signal?: AbortSignal;
  /** Called when a request has ended. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /**
   * Where the trace is written. While the run goes on, each request is appended to `FILE.partial` as it ends, so that
   * a killed run loses only what was in flight; at the end the file itself is written, in order of arrival.
   */
  readonly traceOut?: string;
  /** Replaces a trace that is there, and what a killed run has left. Default false: both are refused. */
  readonly force?: boolean;
  /**
   * What of the engine is watched and written beside the trace: its metrics page, and where it publishes its KV events.
   * Default: nothing.
   */
  readonly engineView?: { readonly metrics?: string | false; readonly kvEvents?: string };
  /** What watches it; by default a thread of its own. */
  readonly openWatch?: OpenWatch;
}

/** What a run did. */
export interface LoadgenResult {
  readonly trace: Trace;
  readonly server: ServerFacts;
  readonly sendLag: SendLag | undefined;
  /** "lagged": meant to be open loop, but at p99 requests went out later than {@link SEND_LAG_LIMIT_MS}. */
  readonly loop: LoopKind;
  /** Planned requests that were never sent. */
  readonly notSent: number;
  readonly stopped: boolean;
  /** Start of the first to end of the last request. */
  readonly durationMs: number;
  readonly warnings: readonly string[];
}

/**
 * Drives a server and measures every request. Prints nothing.
 * @throws InputError when the server does not answer or cannot do what the options ask, or the trace would replace one
 * @throws WorkError when a context does not fit the model, or the trace cannot be written
 */
export async function runLoadgen(options: LoadgenOptions, hooks: LoadgenHooks = {}): Promise<LoadgenResult> {
  const { traceOut, force } = hooks;
  if (traceOut !== undefined) await requireFree({ traceOut, force });
  const { endpoint, model, temperature, ignoreEos } = options;
  const writer = new RequestWriter({
    endpoint,
    model,
    sampling: { temperature, ignoreEos, returnTokenIds: true },
  });
  const file = options.tokenizerFile === undefined ? undefined : await fileTokenizer(options.tokenizerFile);
  const server = await learnServer({ ...options, writer, tokenizer: file });
  const style = choosePromptStyle(options, server);
  requireContextFits(options, server);
  const client = new ApiClient(options);
  const tokenizer = server.returnsTokenIds
    ? undefined
    : (file ?? (server.tokenizes ? serverTokenizer(client, options.model) : undefined));
  const recorded = await recordedConversations(options);
  const load = planLoad(options, { ...recorded, charactersPerToken: charactersPerToken(server) });
  const meta = loadgenMeta(options, server, style, tokenizer, new Date());
  const blocks = new BlockTable();
  const said = new Map<TraceRecord, { readonly prompt: Prompt; readonly answer: string }>();
  let journal: Journal | undefined;
  let watch: EngineWatch | undefined;
  const watchProblems: string[] = [];
  try {
    if (traceOut !== undefined) journal = await openJournal(traceOut, { meta, blocks });
    watch = await openEngineWatch(options, hooks, (problem) => watchProblems.push(problem));
    const conversations = new Conversations(style, options.seed);
    await warmUp(client, writer, conversations, options);
    const signal = hooks.signal ?? new AbortController().signal;
    const run = new LoadRun({
      clients: [client],
      writer,
      blockSize: options.blockSize,
      blocks,
      signal,
      ...(load.planned !== undefined && { planned: load.planned }),
      ...(hooks.onProgress && { onProgress: hooks.onProgress }),
      onRecord: (record, { prompt }, { text }) => {
        journal?.append(record);
        if (tokenizer) said.set(record, { prompt, answer: text });
      },
    });
    watch?.begin({ unixMs: performance.timeOrigin + run.startedAtMs, isContinued: false });
    const { notSent, pauses } = await load.drive(run, conversations).finally(() => run.flush());
    const durationMs = run.progress().elapsedMs;
    const measured = [...run.records].sort((a, b) => (a.arrivalMs as number) - (b.arrivalMs as number));
    const hashed: TraceRecord[] = [];
    for (const record of measured) {
      const words = said.get(record);
      hashed.push(
        tokenizer && words
          ? await fingerprintLater({ record, ...words }, tokenizer, { blockSize: options.blockSize, blocks })
          : record,
      );
    }
    const records = options.soleClient ? deriveStepContext(hashed) : hashed;
    const sendLag = summariseSendLag(records);
    const loop = !load.open ? "closed" : sendLag && sendLag.p99Ms > SEND_LAG_LIMIT_MS ? "lagged" : "open";
    const end = { loop, sendLag, notSent, stopped: signal.aborted, ...(pauses && { pauses }) } as const;
    const refusedFields = [...writer.refused.keys()];
    const trace = {
      meta: finishedMeta(meta, { ...end, refusedFields }),
      records,
      blocks,
      rejected: [],
      warnings: [],
    };
    await watch?.close();
    watch = undefined;
    // What a replay will assume concerns those who keep the trace.
    const unsaid = traceOut === undefined ? undefined : assumedSettings(meta);
    await journal?.finish(trace);
    const refused = refusedNotes(writer, {
      usage: server.tellsUsage,
      sentAgain: run.sentAgain,
      shorter: run.shorter,
    });
    const warnings = [
      ...recorded.notes,
      ...refused,
      ...loadgenWarnings(records, end),
      ...(unsaid === undefined ? [] : [unsaid]),
      ...watchProblems,
    ];
    return { trace, server, durationMs, ...end, warnings };
  } finally {
    client.close();
    await watch?.close();
    // After a failure what had ended is in the file; the failure itself is what the caller hears of.
    await journal?.close().catch(() => {});
  }
}

/** Undefined when nothing of the engine is to be watched, or there is no trace to write it beside. */
async function openEngineWatch(
  { blockSize }: LoadgenOptions,
  { traceOut, engineView: { metrics, kvEvents } = {}, openWatch = threadWatch }: LoadgenHooks,
  onProblem: (problem: string) => void,
): Promise<EngineWatch | undefined> {
  const metricsUrl = metrics === false ? undefined : metrics;
  if (traceOut === undefined || (metricsUrl === undefined && kvEvents === undefined)) return undefined;
  return openWatch({ traceOut, blockSize, metricsUrl, needsMetrics: true, kvEvents }, onProblem);
}

/**
 * Sends small requests that are not recorded: the engine's first steps, and the client's, cost more than later ones.
 * @throws WorkError when one fails
 */
async function warmUp(
  client: ApiClient,
  writer: RequestWriter,
  conversations: Conversations,
  options: LoadgenOptions,
): Promise<void> {
  for (let i = 0; i < options.warmup; i++) {
    const conversation = conversations.start();
    conversation.say(`warm-up ${i}`, options.promptTokens);
    const prompt = conversation.prompt();
    const { failure } = await sendRequest(client, writer, {
      prompt,
      outputTokens: Math.min(options.outputTokens, 16),
    });
    if (failure) throw new WorkError(`runLoadgen: a warm-up request failed: ${failure.detail}`);
  }
}

import { rm } from "node:fs/promises";
import { WorkError } from "../../base/index.js";
import {
  BlockTable,
  deriveStepContext,
  type Trace,
  type TraceRecord,
  TraceWriter,
  type TraceWriterOptions,
  writeTrace,
} from "../../trace/index.js";
import { ApiClient } from "./api-client.js";
import { Conversations } from "./conversation.js";
import { type LoadProgress, LoadRun } from "./load-run.js";
import { failuresByReason, finishedMeta, type LoopKind, loadgenMeta } from "./loadgen-meta.js";
import type { LoadgenOptions } from "./loadgen-options.js";
import { planLoad } from "./plan-load.js";
import { choosePromptStyle, requireContextFits } from "./prompt-style.js";
import { SEND_LAG_LIMIT_MS, type SendLag, summariseSendLag } from "./send-lag.js";
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
 * Drives an OpenAI-compatible server and measures every request. Prints nothing.
 * @throws InputError when the server does not answer or cannot do what the options ask
 * @throws WorkError when a context does not fit the model, or the trace cannot be written
 */
export async function runLoadgen(options: LoadgenOptions, hooks: LoadgenHooks = {}): Promise<LoadgenResult> {
  const asked = { temperature: options.temperature, ignoreEos: options.ignoreEos, returnTokenIds: true };
  const server = await learnServer({ ...options, sampling: asked });
  const style = choosePromptStyle(options, server);
  requireContextFits(options, server);
  const sampling = {
    ...asked,
    ignoreEos: options.ignoreEos && !server.strictFields,
    returnTokenIds: server.returnsTokenIds,
  };
  const load = planLoad(options);
  const meta = loadgenMeta(options, server, style, new Date());
  const blocks = new BlockTable();
  const journal =
    hooks.traceOut === undefined ? undefined : await openJournal(hooks.traceOut, { meta, blocks });
  const client = new ApiClient({ ...options, sampling });
  const signal = hooks.signal ?? new AbortController().signal;
  const conversations = new Conversations(style, options.seed);
  await warmUp(client, conversations, options);
  const run = new LoadRun({
    client,
    model: options.model,
    sampling,
    blockSize: options.blockSize,
    blocks,
    signal,
    ...(load.planned !== undefined && { planned: load.planned }),
    ...(hooks.onProgress && { onProgress: hooks.onProgress }),
    ...(journal && { onRecord: journal.append }),
  });
  try {
    const { notSent } = await load.drive(run, conversations);
    run.flush();
    const inOrder = [...run.records].sort((a, b) => (a.arrivalMs as number) - (b.arrivalMs as number));
    const records = options.soleClient ? deriveStepContext(inOrder) : inOrder;
    const sendLag = summariseSendLag(records);
    const loop = !load.open ? "closed" : sendLag && sendLag.p99Ms > SEND_LAG_LIMIT_MS ? "lagged" : "open";
    const trace = {
      meta: finishedMeta(meta, { loop, sendLag, notSent }),
      records,
      blocks,
      rejected: [],
      warnings: [],
    };
    await journal?.close();
    if (hooks.traceOut !== undefined) {
      await writeTrace(hooks.traceOut, trace);
      await rm(partialPath(hooks.traceOut), { force: true });
    }
    const durationMs = run.progress().elapsedMs;
    const end = { sendLag, loop, notSent, stopped: signal.aborted } as const;
    return { trace, server, durationMs, ...end, warnings: warningsOf(trace, server, end) };
  } finally {
    await client.close();
  }
}

/**
 * Sends small requests that are not recorded: the engine's first steps, and the client's, cost more than later ones.
 * @throws WorkError when one fails
 */
async function warmUp(
  client: ApiClient,
  conversations: Conversations,
  options: LoadgenOptions,
): Promise<void> {
  for (let i = 0; i < options.warmup; i++) {
    const conversation = conversations.start();
    conversation.say(`warm-up ${i}`, options.promptTokens);
    const { failure } = await client.send(conversation.prompt(), Math.min(options.outputTokens, 16));
    if (failure) throw new WorkError(`runLoadgen: a warm-up request failed: ${failure.detail}`);
  }
}

/** The file that a run under way appends to. */
function partialPath(traceOut: string): string {
  return `${traceOut.replace(/\.gz$/, "")}.partial`;
}

/** Appends records as they come and reports a failed write when it is closed. */
async function openJournal(
  traceOut: string,
  options: TraceWriterOptions,
): Promise<{ append(record: TraceRecord): void; close(): Promise<void> }> {
  const writer = await TraceWriter.open(partialPath(traceOut), options);
  let failure: unknown;
  return {
    append: (record) => {
      writer.append(record).catch((error: unknown) => {
        failure ??= error;
      });
    },
    close: async () => {
      await writer.close();
      if (failure) throw failure;
    },
  };
}

function warningsOf(
  trace: Trace,
  server: ServerFacts,
  end: Pick<LoadgenResult, "sendLag" | "loop" | "notSent" | "stopped">,
): string[] {
  const warnings: string[] = [];
  if (end.stopped) warnings.push(`stopped: ${end.notSent} planned requests were not sent`);
  else if (end.notSent > 0)
    warnings.push(`${end.notSent} planned requests were not sent: an earlier turn of their session failed`);
  for (const [reason, count] of failuresByReason(trace.records))
    warnings.push(`${count} of ${trace.records.length} requests failed: ${reason}`);
  if (end.loop === "lagged" && end.sendLag)
    warnings.push(
      `not an open-loop run: requests went out late (p99 ${end.sendLag.p99Ms.toFixed(1)} ms, limit ${SEND_LAG_LIMIT_MS} ms)`,
    );
  if (!server.returnsTokenIds)
    warnings.push(
      "the server returns no token ids: prompts have no block hashes, and a replay knows no sharing",
    );
  return warnings;
}

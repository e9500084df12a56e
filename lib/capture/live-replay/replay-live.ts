import { InputError, type Ms } from "../../base/index.js";
import type { ClientRouterPolicy } from "../../fleet/index.js";
import type { Plan } from "../../replay/index.js";
import { BlockTable, metaFromJson, type Trace, type TraceRecord } from "../../trace/index.js";
import { blockExpander, tokenRange } from "../../workload/index.js";
import { ApiClient } from "../loadgen/api-client.js";
import type { PromptSource } from "../loadgen/conversation.js";
import { type LoadProgress, LoadRun, type ReadyRequest } from "../loadgen/load-run.js";
import { type Journal, openJournal, requireFree } from "../loadgen/open-journal.js";
import { refusedNotes } from "../loadgen/refused-notes.js";
import { RequestWriter } from "../loadgen/request-writer.js";
import { SEND_LAG_LIMIT_MS, type SendLag, sendLagJson, summariseSendLag } from "../loadgen/send-lag.js";
import { drivePlan } from "./drive-plan.js";
import { learnServers, type ServersFacts, serverUrls } from "./learn-servers.js";
import { LiveFleet } from "./live-fleet.js";
import { liveRouter } from "./live-router.js";
import { PlanPrompts } from "./plan-prompts.js";
import { type ServerRow, serverRows } from "./server-rows.js";

/** Ground truth to record with a request. */
export interface RecordedLabels {
  readonly session?: string;
  /** From 1. */
  readonly turn?: number;
}

/** How a plan meets a real server. */
export interface LiveReplayOptions {
  readonly plan: Plan;
  /** Base addresses of OpenAI-compatible servers that take prompts as token ids: one, or several behind a router. */
  readonly url: string | readonly string[];
  /**
   * Which of several servers a request goes to: a router that looks at the client's own counts alone, or the word for one.
   * Default "round-robin".
   */
  readonly router?: string | ClientRouterPolicy;
  readonly model: string;
  /** Fixes the tokens behind content ids. A second replay on one engine start needs another seed, or finds the first's blocks. */
  readonly seed: number;
  /** Ids to draw tokens from; default: those of ordinary text, by the server's tokenizer. */
  readonly tokenIdRange?: readonly [number, number];
  /** Time limit of one request. */
  readonly timeoutMs: Ms;
  readonly temperature?: number;
  readonly apiKey?: string;
  /** Session and turn to record with request `index`. */
  readonly labels?: (index: number) => RecordedLabels;
  readonly signal?: AbortSignal;
  /**
   * Where the trace is written. While the replay goes on, each request is appended to `FILE.partial` as it ends, so that a
   * killed one loses only what was in flight; at the end the file itself is written, in the plan's order.
   */
  readonly traceOut?: string;
  /** Replaces a trace that is there, and what a killed replay has left. Default false: both are refused. */
  readonly force?: boolean;
  readonly onProgress?: (progress: LoadProgress) => void;
}

/** What a live replay measured. */
export interface LiveReplay {
  /** Record i is request i of the plan; one that was not sent has finish reason "never sent". */
  readonly trace: Trace;
  readonly notSent: number;
  readonly sendLag: SendLag | undefined;
  /** Several servers: the router's name, and a row each. Undefined with one. */
  readonly fleet?: { readonly router: string; readonly servers: readonly ServerRow[] };
  readonly warnings: readonly string[];
}

/**
 * Runs a plan against a real server, or several behind a router: each content id becomes one block of tokens, and requests fire at
 * their time or a gap after their parent's end. Where a later prompt goes on through an earlier answer, it repeats the answer that
 * the server gave this time. Records of several servers name theirs, by its place among `url`, as `replica`. A server that
 * refuses a connection in mid-run gets no more requests, unless it is the last one left.
 * @throws InputError when a server does not answer, or two are one; when neither servers nor caller say which token ids to use;
 * when there is no such router, or it looks at more than the client's own counts; when the trace would replace one
 * @throws WorkError when the trace cannot be written
 */
export async function replayLive(options: LiveReplayOptions): Promise<LiveReplay> {
  const { plan, traceOut, force } = options;
  const urls = serverUrls(options.url);
  const router = liveRouter(options.router ?? "round-robin");
  if (traceOut !== undefined) await requireFree({ traceOut, force });
  const endpoint = "completions";
  const writer = new RequestWriter({
    endpoint,
    model: options.model,
    sampling: { temperature: options.temperature ?? 0, ignoreEos: true, returnTokenIds: true },
  });
  const server = await learnServers({ ...options, urls, endpoint, writer });
  const pool = options.tokenIdRange ? tokenRange(...options.tokenIdRange) : server.tokenPool;
  if (!pool)
    throw new InputError(
      "replayLive: the server has no /tokenize: give tokenIdRange, the ids of ordinary text tokens",
    );
  const clients = urls.map((url) => new ApiClient({ ...options, url, endpoint }));
  const blocks = new BlockTable();
  const facts = {
    model: options.model,
    source: "live-replay",
    block_size: plan.blockSize,
    seed: options.seed,
    pacing: plan.pacing,
    // The wire's word, of `--cold-prompts`.
    prompts: plan.prompts === "unique" ? "cold" : plan.prompts,
    ...(urls.length > 1 && { replica_count: urls.length, router: router.name }),
    ...server.engine,
  };
  let journal: Journal | undefined;
  const records = new Array<TraceRecord | undefined>(plan.requests.length).fill(undefined);
  const indexOf = new Map<ReadyRequest, number>();
  const run = new LoadRun({
    clients,
    writer,
    blockSize: plan.blockSize,
    blocks,
    signal: options.signal ?? new AbortController().signal,
    planned: plan.requests.length,
    ...(options.onProgress && { onProgress: options.onProgress }),
    onRecord: (record, ready) => {
      records[indexOf.get(ready) as number] = record;
      journal?.append(record);
    },
  });
  if (traceOut !== undefined) journal = await openJournal(traceOut, { meta: metaFromJson(facts), blocks });
  const expand = blockExpander({ blockSize: plan.blockSize, pool, seed: options.seed });
  const fleet = new LiveFleet({ plan, servers: urls.length, router, seed: options.seed });
  try {
    await drivePlan(run, plan, new PlanPrompts(plan, expand), fleet, (index, ids) => {
      const { outputTokens } = plan.requests[index];
      const ready = run.prepare(idsSource(ids), { ...options.labels?.(index), outputTokens });
      indexOf.set(ready, index);
      return ready;
    });
    run.flush();
  } catch (error) {
    await journal?.close().catch(() => {});
    throw error;
  } finally {
    for (const client of clients) client.close();
  }
  const notSent = records.filter((record) => record === undefined).length;
  const sendLag = summariseSendLag(run.records);
  const lagged = sendLag !== undefined && sendLag.p99Ms > SEND_LAG_LIMIT_MS;
  const trace: Trace = {
    meta: metaFromJson({
      ...facts,
      ...(sendLag && { send_lag_ms: sendLagJson(sendLag) }),
      lagged,
      not_sent: notSent,
    }),
    records: records.map((record, index) => record ?? neverSent(plan, index, options.labels?.(index))),
    blocks,
    rejected: [],
    warnings: [],
  };
  await journal?.finish(trace);
  const refused = refusedNotes(writer, {
    usage: server.tellsUsage,
    sentAgain: run.sentAgain,
    shorter: run.shorter,
  });
  return {
    trace,
    notSent,
    sendLag,
    ...(urls.length > 1 && { fleet: { router: router.name, servers: serverRows(urls, trace.records) } }),
    warnings: [
      ...refused,
      ...server.notes,
      ...fleet.closed.map((k) => `${urls[k]} (replica ${k}) refused a connection and got no more requests`),
      ...warningsOf({ notSent, sendLag, lagged, server, plan }),
    ],
  };
}

/** A prompt whose ids are at hand. */
function idsSource(ids: Int32Array): PromptSource {
  return {
    prompt: () => ({ kind: "ids", json: ids.join(",") }),
    tokenIds: () => ids,
    tokens: () => ids.length,
  };
}

function neverSent(plan: Plan, index: number, labels: RecordedLabels | undefined): TraceRecord {
  return {
    promptTokens: plan.requests[index].promptTokens,
    outputTokens: 0,
    finishReason: "never sent",
    ...labels,
  };
}

function warningsOf(end: {
  readonly notSent: number;
  readonly sendLag: SendLag | undefined;
  readonly lagged: boolean;
  readonly server: ServersFacts;
  readonly plan: Plan;
}): string[] {
  const { notSent, sendLag, lagged, server, plan } = end;
  const warnings = [...plan.assumptions];
  if (notSent > 0)
    warnings.push(`${notSent} requests were never sent: the run was stopped, or their parent failed`);
  if (lagged && sendLag)
    warnings.push(
      `requests went out late (p99 ${sendLag.p99Ms.toFixed(1)} ms, limit ${SEND_LAG_LIMIT_MS} ms): arrivals are not the plan's`,
    );
  if (!server.returnsTokenIds)
    warnings.push(
      "the server returns no token ids: later turns repeat expanded blocks, not its answers, and miss those blocks",
    );
  return warnings;
}
